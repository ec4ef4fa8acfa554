//! The last words of a run: what there is now, and what there is not.

use super::args::{LogFormat, Talk};
use super::talk::say;
use crate::executor::{HeldReport, RunReport};
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
    for held in &report.held {
        say(&down(held));
    }
    say(&last_line(report, exit));
}

/// Who was down, from when to when, and what for.
fn down(held: &HeldReport) -> String {
    let until = match (held.until, held.seconds()) {
        (Some(until), Some(seconds)) => format!("to {until:.3}, {seconds:.2} s"),
        _ => "and still is".to_owned(),
    };
    format!(
        "{} {} from {:.3} {until}, for {}",
        held.container,
        held.how,
        held.from,
        held.members.join(", ")
    )
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
    let mounts = &missing.mounts;
    if !mounts.is_empty() {
        say(&format!(
            "warning: nothing is there to store of {}: {}; is a disk not mounted?",
            text::count(mounts.len() as u64, "bind mount"),
            mounts.join(", ")
        ));
    }
    for one in &missing.elsewhere {
        say(&format!(
            "warning: `{}` is reached by a link that leads out of the project folder, to `{}`: its content is not in the dump",
            one.path, one.to
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
    let dumps = dumps(report);
    match exit {
        Exit::Done => format!("{}, {}", done(report), held(report)),
        Exit::Partial => partial(report),
        Exit::NotBrought if report.held.iter().all(HeldReport::is_back) => {
            if report.hooks_failed.is_empty() {
                format!(
                    "{}; what an earlier run or restore left is not put right: the errors and warnings above say what",
                    done(report)
                )
            } else {
                "what hooks did is not undone: the errors above say which".to_owned()
            }
        }
        Exit::NotBrought => "services are not as they were: use the commands above".to_owned(),
        Exit::Unpruned => format!(
            "{}, {}; old dumps were not all removed, as the warnings say",
            done(report),
            held(report)
        ),
        Exit::Interrupted | Exit::Terminated => {
            let published = match dumps {
                0 => "nothing was published".to_owned(),
                _ => format!("{} published before", text::count(dumps, "dump")),
            };
            format!("interrupted: services are as they were; {published}")
        }
        Exit::Failed | Exit::Rejected | Exit::NotFound | Exit::Damaged | Exit::Locked => {
            let failed = report.targets.len() as u64 - dumps;
            format!("failed: {} without a dump", text::count(failed, "target"))
        }
    }
}

fn dumps(report: &RunReport) -> u64 {
    let published = report.targets.iter().filter(|target| target.dump.is_some());
    published.count() as u64
}

fn done(report: &RunReport) -> String {
    format!(
        "done: {} of {}",
        text::count(dumps(report), "dump"),
        text::count(report.members.len() as u64, "member")
    )
}

/// What is not whole, and which targets have no dump.
fn partial(report: &RunReport) -> String {
    let not_whole = not_whole(report);
    let mut line = if not_whole.is_empty() {
        done(report)
    } else {
        format!(
            "{} published, and not whole: {}; the warnings name what",
            text::count(dumps(report), "dump"),
            not_whole.join(", ")
        )
    };
    let spared = report.targets.iter().filter(|target| target.dump.is_none());
    for target in spared {
        line.push_str(&format!(
            "; target `{}`, which is not required, has none",
            target.target
        ));
    }
    line
}

fn not_whole(report: &RunReport) -> Vec<String> {
    let not_whole = report.members.iter().filter(|member| !member.is_whole());
    let (failed, stored): (Vec<_>, Vec<_>) = not_whole.partition(|member| member.error.is_some());
    let (torn, gaps): (Vec<_>, Vec<_>) = stored
        .into_iter()
        .partition(|member| member.entries_with_gaps == 0);
    let mut what = Vec::new();
    if !failed.is_empty() {
        let failed = text::count(failed.len() as u64, "member");
        what.push(format!("{failed} that could not be stored"));
    }
    if !gaps.is_empty() {
        what.push(format!(
            "{} with gaps",
            text::count(gaps.len() as u64, "member")
        ));
    }
    if !torn.is_empty() {
        what.push(format!(
            "{} that may be torn",
            text::count(torn.len() as u64, "member")
        ));
    }
    if !report.missing.definitions.is_empty() {
        what.push("part of the project is not known".to_owned());
    }
    if report.missing.elsewhere.iter().any(|one| one.is_ruled) {
        what.push("mounted content is elsewhere".to_owned());
    }
    what
}

fn held(report: &RunReport) -> String {
    let times = report.held.iter().filter_map(HeldReport::seconds);
    let longest = times.fold(0.0_f64, f64::max);
    if report.held.is_empty() {
        "no service was held".to_owned()
    } else {
        format!(
            "{} held for at most {longest:.2} s",
            text::count(report.held.len() as u64, "container")
        )
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::executor::{MemberSummary, TargetReport};

    fn report() -> RunReport {
        let now = Timestamp::UNIX_EPOCH;
        let target = |name: &str, required| TargetReport {
            target: name.into(),
            required,
            dump: required.then(|| "/b/dump".into()),
            bytes: 1,
            warnings: Vec::new(),
            error: None,
            pruned: None,
        };
        let member = MemberSummary {
            member: "config".into(),
            bytes: 1,
            entries: 1,
            seconds: 0.1,
            warnings: Vec::new(),
            entries_with_gaps: 0,
            torn_by: Vec::new(),
            error: None,
        };
        RunReport {
            job: "default".into(),
            project: "h/p/0".into(),
            invoked: now,
            finished: now,
            targets: vec![target("local", true), target("nas", false)],
            members: vec![member.clone(), member],
            held: Vec::new(),
            hooks_failed: Vec::new(),
            error: None,
            interrupted: false,
            missing: Missing::default(),
        }
    }

    #[test]
    fn who_was_down_is_said_with_times_and_reason() {
        let at = |text: &str| text.parse().expect("a time");
        let mut held = HeldReport {
            container: "blog-db-1".into(),
            service: "db".into(),
            how: crate::archive::manifest::model::Hold::Stopped,
            members: vec!["volumes/project/db.tar".into()],
            from: at("2026-11-23T01:42:30.25Z"),
            until: Some(at("2026-11-23T01:42:34.5Z")),
            unwell: None,
        };
        assert_eq!(
            down(&held),
            "blog-db-1 stopped from 2026-11-23T01:42:30.250Z to 2026-11-23T01:42:34.500Z, 4.25 s, \
             for volumes/project/db.tar"
        );
        held.until = None;
        assert!(down(&held).contains("and still is"));
    }

    #[test]
    fn the_last_line_says_why_a_run_is_a_partial_one() {
        let mut report = report();
        assert_eq!(
            last_line(&report, Exit::Partial),
            "done: 1 dump of 2 members; target `nas`, which is not required, has none"
        );
        report.members[0].torn_by.push("web ran".into());
        report.targets.pop();
        assert_eq!(
            last_line(&report, Exit::Partial),
            "1 dump published, and not whole: 1 member that may be torn; the warnings name what"
        );
        report.members[1].error = Some("the stream ended early".into());
        assert_eq!(
            last_line(&report, Exit::Partial),
            "1 dump published, and not whole: 1 member that could not be stored, \
             1 member that may be torn; the warnings name what"
        );
        report.members[1].error = None;
        report.members[1].entries_with_gaps = 2;
        report.missing.definitions.push("inc.yaml".into());
        assert_eq!(
            last_line(&report, Exit::Partial),
            "1 dump published, and not whole: 1 member with gaps, 1 member that may be torn, \
             part of the project is not known; the warnings name what"
        );
    }
}
