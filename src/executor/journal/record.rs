//! What a journal says, line by line, and what is left to do once it has been read.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::archive::manifest::model::Hold;

/// The version of the format. A journal of another one is left alone.
pub(super) const FORMAT: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub(crate) enum Record {
    /// The first line: whose journal it is.
    Run(Head),
    /// These containers are held next.
    Hold {
        /// Who, in the order in which it is done.
        containers: Vec<Intent>,
    },
    /// These containers are back, or were not ours to hold.
    Released {
        /// Their full ids.
        ids: Vec<String>,
    },
}

/// Whose journal it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// The version of the format.
    pub(crate) format: u32,
    /// The run's id.
    pub(crate) run: String,
    /// The project id.
    pub(crate) project: String,
    /// The run's process, as [`crate::process::ProcessId`] writes it.
    pub(crate) process: String,
    /// The engine's id.
    pub(crate) engine: String,
    /// The beginning of a command line that reaches the engine, for people.
    pub(crate) command: String,
    /// When the run began to touch anything.
    pub(crate) began: Timestamp,
}

/// A container that is about to be held, as it was before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Intent {
    /// Full id.
    pub(crate) id: String,
    /// Name.
    pub(crate) name: String,
    /// Service.
    pub(crate) service: String,
    /// What is done to it.
    pub(crate) how: Hold,
    /// Those of a higher rank depend on it.
    pub(crate) rank: u32,
    /// Its state before: always `running`, for whoever reads the file.
    pub(crate) state: String,
    /// When it had been started, as the engine writes it. Neither pausing nor stopping changes it.
    pub(crate) started_at: Option<String>,
    /// How long it may take to stop.
    pub(crate) grace: Duration,
    /// Whether a health check says when it is back.
    pub(crate) has_health_check: bool,
    /// Whether that said so before.
    pub(crate) was_healthy: bool,
    /// When this was written.
    pub(crate) at: Timestamp,
}

/// What a run that is over has not undone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Pending {
    /// Containers that may still be held, in the order in which that was done.
    pub(crate) containers: Vec<Intent>,
}

impl Pending {
    /// Whether there is nothing to undo.
    pub(crate) fn is_empty(&self) -> bool {
        self.containers.is_empty()
    }

    /// Takes one more line into account.
    pub(super) fn take(&mut self, record: Record) {
        match record {
            Record::Run(_) => {}
            Record::Hold { containers } => self.containers.extend(containers),
            Record::Released { ids } => self.containers.retain(|held| !ids.contains(&held.id)),
        }
    }
}
