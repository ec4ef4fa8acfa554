//! Events as lines on standard error: for people, or one JSON object each.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle as BarStyle};

use super::args::{LogFormat, ProgressStyle, Talk};
use super::talk::say;
use crate::archive::manifest::model::Hold;
use crate::executor::{Event, Reporter};
use crate::text;

/// How often `--progress plain` says something.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// Makes the reporter that the options ask for.
pub(super) fn reporter(talk: &Talk) -> std::sync::Arc<dyn Reporter> {
    match talk.log_format {
        LogFormat::Json => std::sync::Arc::new(JsonLines { quiet: talk.quiet }),
        LogFormat::Text => std::sync::Arc::new(Lines::new(talk)),
    }
}

/// One JSON object per event.
struct JsonLines {
    quiet: bool,
}

impl Reporter for JsonLines {
    fn report(&self, event: Event) {
        let unimportant = matches!(event, Event::Progress { .. }) || self.quiet && !is_bad(&event);
        if unimportant {
            return;
        }
        if let Ok(line) = serde_json::to_string(&event) {
            say(&line);
        }
    }
}

/// Lines for people, with a bar where there is a terminal.
struct Lines {
    quiet: bool,
    verbose: bool,
    plain: bool,
    bar: ProgressBar,
    said: Mutex<Said>,
}

struct Said {
    at: Instant,
    member_began: Instant,
    bytes: u64,
    member: String,
}

impl Lines {
    fn new(talk: &Talk) -> Self {
        use std::io::IsTerminal;
        let terminal = std::io::stderr().is_terminal();
        let wanted = match talk.progress {
            ProgressStyle::Auto => terminal,
            ProgressStyle::Bar => true,
            ProgressStyle::Plain | ProgressStyle::None => false,
        };
        let target = if wanted && !talk.quiet {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = BarStyle::with_template("{spinner} {msg} {bytes} {bytes_per_sec}") {
            bar.set_style(style);
        }
        Self {
            quiet: talk.quiet,
            verbose: talk.verbose > 0,
            plain: talk.progress == ProgressStyle::Plain,
            bar,
            said: Mutex::new(Said {
                at: Instant::now(),
                member_began: Instant::now(),
                bytes: 0,
                member: String::new(),
            }),
        }
    }

    fn line(&self, line: &str) {
        self.bar.suspend(|| say(line));
    }

    fn progress(&self, bytes: u64) {
        self.bar.inc(bytes);
        let Ok(mut said) = self.said.lock() else {
            return;
        };
        said.bytes += bytes;
        if self.plain && said.at.elapsed() >= PLAIN_EVERY {
            said.at = Instant::now();
            self.line(&format!("... {}: {}", said.member, text::bytes(said.bytes)));
        }
    }

    /// How long the member that began last has been read.
    fn time_of_member(&self) -> String {
        let said = self.said.lock();
        let elapsed = said.map(|said| said.member_began.elapsed().as_secs_f64());
        elapsed
            .map(|seconds| format!(" in {seconds:.2} s"))
            .unwrap_or_default()
    }

    fn member(&self, member: &str) {
        self.bar.set_position(0);
        self.bar.set_message(member.to_owned());
        if let Ok(mut said) = self.said.lock() {
            said.bytes = 0;
            said.member_began = Instant::now();
            member.clone_into(&mut said.member);
        }
    }
}

impl Reporter for Lines {
    fn report(&self, event: Event) {
        match &event {
            Event::Progress { bytes } => return self.progress(*bytes),
            Event::MemberStarted { member } => self.member(member),
            Event::Published { .. } => self.bar.finish_and_clear(),
            _ => {}
        }
        if self.quiet && !is_bad(&event) {
            return;
        }
        if let Some(mut line) = sentence(&event, self.verbose) {
            if self.verbose && matches!(event, Event::MemberDone { .. }) {
                line.push_str(&self.time_of_member());
            }
            self.line(&line);
        }
    }
}

/// Whether `--quiet` lets it through.
fn is_bad(event: &Event) -> bool {
    match event {
        Event::TargetFailed { .. }
        | Event::MemberFailed { .. }
        | Event::HookFailed { .. }
        | Event::NotPruned { .. }
        | Event::NotStill(_)
        | Event::Unwell { .. }
        | Event::LeftBehind { .. }
        | Event::Unanswered { .. }
        | Event::Stuck { .. } => true,
        Event::Trouble { loses_bytes, .. } => *loses_bytes,
        Event::MemberStarted { .. }
        | Event::Progress { .. }
        | Event::MemberDone { .. }
        | Event::HookStarted { .. }
        | Event::Paused { .. }
        | Event::Stopped { .. }
        | Event::NotHeld { .. }
        | Event::Resumed { .. }
        | Event::Published { .. }
        | Event::Removed { .. } => false,
    }
}

/// The event as a line; `None` for what only `-v` shows.
fn sentence(event: &Event, verbose: bool) -> Option<String> {
    Some(match event {
        Event::Progress { .. } => return None,
        Event::MemberStarted { .. } if !verbose => return None,
        Event::MemberStarted { member } => format!("reading {member}"),
        Event::Trouble {
            loses_bytes: false, ..
        } if !verbose => return None,
        // A target's error names its target.
        Event::TargetFailed { error, help, .. } => match help {
            Some(help) => format!("error: {error}\nhelp: {help}"),
            None => format!("error: {error}"),
        },
        Event::NotPruned { error, help, .. } => match help {
            Some(help) => format!("warning: {error}\nhelp: {help}"),
            None => format!("warning: {error}"),
        },
        Event::Removed { target, dump } => format!("removed {dump} from {target}"),
        Event::Trouble {
            member,
            what,
            loses_bytes,
        } => {
            format!(
                "{}: {member}: {what}",
                if *loses_bytes { "warning" } else { "note" }
            )
        }
        Event::MemberDone {
            member,
            entries,
            bytes,
        } => {
            let entries = entries.map(|entries| text::count(entries, "entry") + ", ");
            format!(
                "{member}: {}{}",
                entries.unwrap_or_default(),
                text::bytes(*bytes)
            )
        }
        Event::MemberFailed { member, error } => format!("error: {member}: {error}"),
        Event::HookStarted { hook } => format!("running the hook {hook}"),
        Event::HookFailed { error } => {
            format!(
                "error: {error}\nhelp: what its `before` did is not undone; run its `after` by hand"
            )
        }
        Event::Paused { container } => format!("paused {container}"),
        Event::Stopped { container } => format!("stopped {container}"),
        Event::NotHeld {
            container,
            how,
            why,
        } => format!("not {how}: {container}, {why}"),
        Event::Resumed {
            container,
            how: Hold::Paused,
            seconds,
        } => format!("resumed {container} after {seconds:.2} s"),
        Event::Resumed {
            container,
            how: Hold::Stopped,
            seconds,
        } => format!("started {container} after {seconds:.2} s"),
        Event::NotStill(stirred) => format!(
            "warning: {} did not stay {}: {}; may not be of one moment: {}",
            stirred.container,
            stirred.how,
            stirred.why,
            stirred.members.join(", ")
        ),
        Event::Unwell {
            container,
            what,
            command,
        } => format!(
            "error: {container} was started again, and is not well: {what}\nhelp: see `{command}`"
        ),
        Event::LeftBehind { project, began } => format!(
            "warning: a run of {project}, begun at {began:.0}, ended before all was back; putting right what it left"
        ),
        Event::Unanswered {
            container,
            how,
            error,
            command,
        } => format!(
            "warning: {container} is still {how}, for the engine does not answer: {error}; trying again\nhelp: once it answers, `{command}` does it by hand"
        ),
        Event::Stuck {
            container,
            how,
            error,
            command,
        } => {
            format!(
                "error: {container} is still {how}: {error}\nhelp: bring it back with `{command}`"
            )
        }
        Event::Published {
            place: Some(place),
            bytes,
            ..
        } => {
            format!("dump {place} ({})", text::bytes(*bytes))
        }
        Event::Published {
            place: None, bytes, ..
        } => format!("dump written to standard output ({})", text::bytes(*bytes)),
    })
}
