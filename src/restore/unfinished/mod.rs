//! Restores that are under way or were cut off, as files in the folder of state: what each one has begun to
//! change, written down before it does. While such a file is there and its process is not, what it names is
//! not to be relied on.

use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::content::{ContentError, Place, Settle, Token, settle};
use crate::process::{Life, ProcessId};
use crate::restore::plan::model::StopPlan;
use crate::state::StateError;

mod left;
mod record;

pub(super) use left::cut_off;
pub use left::{all_cut_off, settle_all};
pub(super) use record::{Record, made_whole};

/// The folder in the folder of state.
const FOLDER: &str = "restores";

/// What a restore has begun.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Unfinished {
    /// Names its hidden folders.
    token: String,
    /// The process that does it.
    process: String,
    /// The engine that it works on, by its id; empty without one.
    pub engine: String,
    /// The dump's id.
    pub dump: String,
    /// The project.
    pub project: String,
    /// When it was begun.
    pub since: Timestamp,
    /// Whether all content has changed places: then the new one counts.
    is_swapped: bool,
    /// Folders in which content is staged, in the order in which it changes places.
    places: Vec<PlaceRow>,
    /// Volumes that the engine writes to, by its names: what it has begun cannot be taken back.
    pub volumes: Vec<String>,
    /// Containers that are stopped for it, in the order in which that is done.
    #[serde(default)]
    pub stopped: Vec<StoppedRow>,
}

/// A container that a restore stops, and starts at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedRow {
    /// Full id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its service.
    pub service: String,
}

impl From<&StopPlan> for StoppedRow {
    fn from(plan: &StopPlan) -> Self {
        Self {
            id: plan.id.clone(),
            name: plan.name.clone(),
            service: plan.service.clone(),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct PlaceRow {
    /// As bytes, for a path may hold any.
    root: Vec<u8>,
    below: Vec<u8>,
}

/// The record of a restore cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum UnfinishedError {
    /// There is no folder for it.
    #[error(transparent)]
    State(#[from] StateError),
    /// It cannot be written or read.
    #[error("cannot keep the record of this restore, `{}`", crate::text::path(.path))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// What a restore that was cut off has left cannot be settled.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The records cannot be read.
    #[error(transparent)]
    Record(#[from] UnfinishedError),
    /// Something cannot be moved back.
    #[error("cannot take back what a restore that was cut off had begun")]
    Content(#[from] ContentError),
}

impl Unfinished {
    /// A restore that begins.
    #[must_use]
    pub fn new(token: &Token, engine: &str, dump: &str, project: &str) -> Self {
        Self {
            token: token.to_string(),
            process: ProcessId::own().to_string(),
            engine: engine.to_owned(),
            dump: dump.to_owned(),
            project: project.to_owned(),
            since: Timestamp::now(),
            is_swapped: false,
            places: Vec::new(),
            volumes: Vec::new(),
            stopped: Vec::new(),
        }
    }

    /// One whose process has ended.
    #[cfg(test)]
    pub(super) fn of_the_dead(token: &Token, engine: &str) -> Self {
        Self {
            process: ProcessId::own().ended().to_string(),
            ..Self::new(token, engine, "5f0c", "blog")
        }
    }

    /// Settles what it has left in folders of this machine: everything as it was, or, where all had changed
    /// places, as it was to be.
    ///
    /// # Errors
    /// When something cannot be moved back; it may be tried again.
    pub fn settle_places(&self) -> Result<(), ContentError> {
        let Some(token) = Token::parse(&self.token) else {
            return Ok(());
        };
        let how = if self.is_swapped {
            Settle::Keep
        } else {
            Settle::Undo
        };
        for row in self.places.iter().rev() {
            let place = Place {
                root: std::ffi::OsString::from_vec(row.root.clone()).into(),
                below: row.below.clone(),
            };
            settle(&place, &token, how)?;
        }
        Ok(())
    }

    /// Whether it was about to change this volume or folder.
    #[must_use]
    pub fn names(&self, volume: &str, folder: Option<&Path>) -> bool {
        let is_it =
            |row: &PlaceRow| folder.is_some_and(|folder| row.root == folder.as_os_str().as_bytes());
        self.volumes.iter().any(|name| name == volume) || self.places.iter().any(is_it)
    }

    /// Whether content is as it was or as it was to be, so that only services are left to be started.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.places.is_empty() && self.volumes.is_empty()
    }

    /// Whether its process is gone, as far as this machine knows.
    #[must_use]
    fn is_over(&self) -> bool {
        let process = ProcessId::parse(&self.process);
        process.is_none_or(|process| process.life() != Life::Alive)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
