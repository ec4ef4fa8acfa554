//! What a restore says: a line for each thing that happens, and what it came to.

use super::args::{LogFormat, Talk};
use super::talk::{colored, mark, say};
use crate::exit::Exit;
use crate::restore::{Changed, Event, Reporter, RestoreReport};
use crate::text;

/// Makes the reporter that the options ask for.
pub(super) fn reporter(talk: &Talk) -> std::sync::Arc<dyn Reporter> {
    std::sync::Arc::new(Lines {
        quiet: talk.quiet,
        json: talk.log_format == LogFormat::Json,
    })
}

/// A line on standard error for each event.
struct Lines {
    quiet: bool,
    json: bool,
}

impl Reporter for Lines {
    fn report(&self, event: Event) {
        if self.quiet && !is_bad(&event) {
            return;
        }
        if !self.json {
            return say(&sentence(&event));
        }
        if let Ok(line) = serde_json::to_string(&event) {
            say(&line);
        }
    }
}

/// Whether `--quiet` lets it through.
fn is_bad(event: &Event) -> bool {
    match event {
        Event::NotStarted { .. } | Event::Trouble { .. } => true,
        Event::Verifying
        | Event::Verified { .. }
        | Event::Stopped { .. }
        | Event::Staged { .. }
        | Event::Placed { .. }
        | Event::Composing { .. }
        | Event::Started { .. } => false,
    }
}

fn sentence(event: &Event) -> String {
    match event {
        Event::Verifying => "reading the dump to its last byte".to_owned(),
        Event::Verified { members } => {
            let members = text::count(*members as u64, "member");
            format!("sound: {members}, every byte is what was stored")
        }
        Event::Stopped { container } => format!("stopped {container}"),
        Event::Staged {
            member,
            entries,
            bytes,
        } => {
            let entries = text::count(*entries, "entry");
            format!("{member}: {entries}, {}", text::bytes(*bytes))
        }
        Event::Placed { member, place } => format!("{member} is in its place, {place}"),
        Event::Trouble { member, what } => format!("warning: {member}: {what}"),
        Event::Composing { command } => format!("running `{command}`"),
        Event::Started {
            container,
            is_healthy: Some(true),
        } => format!("started {container}, it is healthy"),
        Event::Started { container, .. } => format!("started {container}"),
        Event::NotStarted { container, error } => format!("error: {container}: {error}"),
    }
}

/// Says how the restore went on standard error.
pub(super) fn tell(report: &RestoreReport, exit: Exit, talk: &Talk) {
    if talk.log_format == LogFormat::Json {
        return;
    }
    if let Some(error) = &report.error {
        say(&format!("{} {error}", mark("error", colored(talk))));
    }
    if let Some(help) = &report.help {
        say(&format!("{} {help}", mark("help", colored(talk))));
    }
    for row in &report.left_out {
        say(&format!("not put back: {}: {}", row.what, row.why));
    }
    for name in &report.not_brought_back {
        say(&format!(
            "{} {name} is still stopped",
            mark("error", colored(talk))
        ));
    }
    for command in &report.commands {
        say(&format!("{} {command}", mark("help", colored(talk))));
    }
    if talk.quiet && exit == Exit::Done {
        return;
    }
    say(&last_line(report, exit));
}

fn last_line(report: &RestoreReport, exit: Exit) -> String {
    let members = text::count(report.members.len() as u64, "member");
    let (project, folder) = (&report.project, &report.folder);
    let up = report.services.iter().filter(|row| row.is_up);
    let services = text::count(up.count() as u64, "service");
    match report.changed {
        Changed::Nothing if !report.not_brought_back.is_empty() => {
            "failed: content is as it was before, and not all services run".to_owned()
        }
        Changed::Nothing => "failed: everything is as it was before".to_owned(),
        Changed::Partly => {
            format!("partly: {members} put back into {folder}; see above for the rest")
        }
        Changed::All if exit != Exit::Done => {
            format!("not all done: {members} put back into {folder}; see above for the rest")
        }
        Changed::All if report.services.is_empty() => {
            format!("done: {members} put back as project {project} in {folder}")
        }
        Changed::All => {
            format!("done: {members} put back as project {project} in {folder}, {services} up")
        }
    }
}
