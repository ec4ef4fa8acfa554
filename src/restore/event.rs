//! Everything that a restore has to say while it goes on.

use serde::Serialize;

/// Something happened. Matches over events have no `_` arm.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// Every stored byte is being read.
    Verifying,
    /// The dump holds what was stored.
    Verified {
        /// Its members.
        members: usize,
    },
    /// A container was stopped.
    Stopped {
        /// Its name.
        container: String,
    },
    /// A member's content lies ready beside its place.
    Staged {
        /// Its path in the dump.
        member: String,
        /// Its entries.
        entries: u64,
        /// Its bytes.
        bytes: u64,
    },
    /// A member's content is in its place.
    Placed {
        /// Its path in the dump.
        member: String,
        /// Where it is now.
        place: String,
    },
    /// Something could not be kept as the dump has it.
    Trouble {
        /// The member.
        member: String,
        /// What.
        what: String,
    },
    /// Compose is making containers.
    Composing {
        /// The command.
        command: String,
    },
    /// A container was started.
    Started {
        /// Its name.
        container: String,
        /// Whether its health check passed; `None` without one.
        is_healthy: Option<bool>,
    },
    /// A container could not be started.
    NotStarted {
        /// Its name.
        container: String,
        /// Why.
        error: String,
    },
}

/// Hears what happens.
pub trait Reporter: Send + Sync {
    /// Takes an event; must not block for long.
    fn report(&self, event: Event);
}
