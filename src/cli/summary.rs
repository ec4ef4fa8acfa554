//! The last words of a run: what there is now, and what there is not.

use super::args::{LogFormat, Talk};
use super::talk::say;
use crate::executor::RunReport;
use crate::exit::Exit;
use crate::text;

/// Says how a run ended, on standard error.
pub(super) fn tell(report: &RunReport, exit: Exit, talk: &Talk) {
    if talk.log_format == LogFormat::Json {
        if let Ok(line) = serde_json::to_string(
            &serde_json::json!({"event": "end", "exit": exit.code(), "report": report}),
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
    if talk.quiet && exit == Exit::Done {
        return;
    }
    say(&last_line(report, exit));
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
