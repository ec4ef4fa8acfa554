//! The last words of a run: what there is now, and what there is not.

use super::args::{LogFormat, Talk};
use super::talk::say;
use crate::executor::RunReport;
use crate::exit::Exit;
use crate::plan::model::Missing;
use crate::text;

/// Says how a run ended, on standard error.
pub(super) fn tell(report: &RunReport, exit: Exit, talk: &Talk) {
    if talk.log_format == LogFormat::Json {
        if let Ok(line) = serde_json::to_string(
            &serde_json::json!({"event": "end", "exit": exit.code(), "report": report.document(exit)}),
        ) {
            say(&line);
        }
        return;
    }
    if let Some(error) = &report.error {
        say(&format!("error: {error}"));
    }
    for target in &report.targets {
        for warning in &target.warnings {
            say(&format!("warning: target `{}`: {warning}", target.target));
        }
    }
    missing(&report.missing, talk);
    if talk.quiet && exit == Exit::Done {
        return;
    }
    say(&last_line(report, exit));
}

/// What the files declare and a dump lacks, because it is not there.
fn missing(missing: &Missing, talk: &Talk) {
    for file in &missing.definitions {
        say(&format!(
            "warning: `{file}` does not exist: what it defines is not known, and not in the dump"
        ));
    }
    let files = &missing.files;
    if !files.is_empty() {
        say(&format!(
            "warning: {} that Compose needs {} not exist: {}",
            text::count(files.len() as u64, "file"),
            if files.len() == 1 { "does" } else { "do" },
            files.join(", ")
        ));
    }
    let volumes = &missing.volumes;
    if !volumes.is_empty() && !talk.quiet {
        say(&format!(
            "note: {} declared and not in the dump, because the engine has no such volume: {}",
            text::count(volumes.len() as u64, "volume"),
            volumes.join(", ")
        ));
    }
}

fn last_line(report: &RunReport, exit: Exit) -> String {
    let dumps = report
        .targets
        .iter()
        .filter(|target| target.dump.is_some())
        .count() as u64;
    let gaps = report
        .members
        .iter()
        .filter(|member| !member.is_whole())
        .count() as u64;
    match exit {
        Exit::Done => format!(
            "done: {} of {}, {}",
            text::count(dumps, "dump"),
            text::count(report.members.len() as u64, "member"),
            held(report)
        ),
        Exit::Partial if gaps == 0 => format!(
            "{} published, and not whole: part of the project is not known; the warnings above name it",
            text::count(dumps, "dump")
        ),
        Exit::Partial => format!(
            "{} published, and not whole: {} with gaps; the warnings above name them",
            text::count(dumps, "dump"),
            text::count(gaps, "member")
        ),
        Exit::NotBrought => "services are still held: use the commands above".to_owned(),
        Exit::Interrupted | Exit::Terminated => {
            let published = match dumps {
                0 => "nothing was published".to_owned(),
                _ => format!("{} published before", text::count(dumps, "dump")),
            };
            format!("interrupted: services are as they were; {published}")
        }
        Exit::Failed | Exit::Rejected | Exit::NotFound | Exit::Damaged => {
            let failed = report.targets.len() as u64 - dumps;
            format!("failed: {} without a dump", text::count(failed, "target"))
        }
    }
}

fn held(report: &RunReport) -> String {
    let longest = report
        .held
        .iter()
        .filter_map(|held| {
            held.until
                .map(|until| until.duration_since(held.from).as_secs_f64())
        })
        .fold(0.0_f64, f64::max);
    if report.held.is_empty() {
        "no service was held".to_owned()
    } else {
        format!(
            "{} held for at most {longest:.2} s",
            text::count(report.held.len() as u64, "container")
        )
    }
}
