//! Everything that an execution has to say while it goes on. Reporters turn it into text or JSON.

use jiff::Timestamp;
use serde::Serialize;

use super::hold::NotStill;
use crate::archive::manifest::model::Hold;

/// Something happened. Matches over events have no `_` arm: a new one makes the compiler list every
/// place that has to know it.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A target cannot be written to; the others go on.
    TargetFailed {
        /// The target, as it was given.
        target: String,
        /// Why.
        error: String,
        /// What to do about it.
        help: Option<&'static str>,
    },
    /// A member is being read.
    MemberStarted {
        /// Its path in the dump.
        member: String,
    },
    /// More of the member that was started last was read.
    Progress {
        /// Bytes since the last event.
        bytes: u64,
    },
    /// A file, folder or other entry could not be stored as it should.
    Trouble {
        /// The member.
        member: String,
        /// The entry's path in it, and what happened.
        what: String,
        /// Whether content is missing for it.
        loses_bytes: bool,
    },
    /// A member was read to its end.
    MemberDone {
        /// Its path in the dump.
        member: String,
        /// Its entries, of what has entries.
        entries: Option<u64>,
        /// Its bytes before compression.
        bytes: u64,
    },
    /// A member could not be read.
    MemberFailed {
        /// Its path in the dump.
        member: String,
        /// Why.
        error: String,
    },
    /// A command around the reading is run.
    HookStarted {
        /// Which one.
        hook: String,
    },
    /// A command that was to run after the reading failed: what its `before` did is not undone.
    HookFailed {
        /// Which one, and why.
        error: String,
    },
    /// A container is paused.
    Paused {
        /// Its name.
        container: String,
    },
    /// A container is stopped.
    Stopped {
        /// Its name.
        container: String,
    },
    /// A container was to be held, and is not.
    NotHeld {
        /// Its name.
        container: String,
        /// How it was to be held.
        how: Hold,
        /// Why it is not.
        why: String,
    },
    /// A container runs again.
    Resumed {
        /// Its name.
        container: String,
        /// How it was held.
        how: Hold,
        /// How long.
        seconds: f64,
    },
    /// A container that was well was started again, and is not.
    Unwell {
        /// Its name.
        container: String,
        /// What is known of it.
        what: String,
        /// What says more.
        command: String,
    },
    /// A run is over that did not bring back what it held.
    LeftBehind {
        /// Its project.
        project: String,
        /// When it began to touch services.
        began: Timestamp,
    },
    /// A container that can write to what was read did not stand still all the time.
    NotStill(NotStill),
    /// The engine does not answer, and a container stays held for as long; it is tried again.
    Unanswered {
        /// Its name.
        container: String,
        /// How it is held.
        how: Hold,
        /// What came in place of an answer.
        error: String,
        /// What brings it back by hand.
        command: String,
    },
    /// A container could not be brought back.
    Stuck {
        /// Its name.
        container: String,
        /// How it is held.
        how: Hold,
        /// Why.
        error: String,
        /// What brings it back by hand.
        command: String,
    },
    /// A dump exists.
    Published {
        /// The target, as it was given.
        target: String,
        /// Where the dump is, a path or a URL; `None` on standard output.
        #[serde(rename = "path")]
        place: Option<String>,
        /// Its size.
        bytes: u64,
    },
    /// A dump that `keep` does not keep is gone.
    Removed {
        /// The target.
        target: String,
        /// The dump's name.
        dump: String,
    },
    /// Old dumps were not removed.
    NotPruned {
        /// The target.
        target: String,
        /// Why.
        error: String,
        /// What to do about it.
        help: Option<&'static str>,
    },
}

/// Hears what happens. Called from several threads.
pub trait Reporter: Send + Sync {
    /// Takes an event; must not block for long.
    fn report(&self, event: Event);
}

/// An error with its causes in one line: `cannot do this: because of that: no space left`.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some libraries repeat their cause in their own message.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
