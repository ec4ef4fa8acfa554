//! What a run is about to do to services, written down before it does it, so that somebody else can
//! undo it when the run dies: its watchdog, the next run, `recover`.
//!
//! A journal is a file of one run, a JSON record per line, each synced before what it says is done.
//! While the run lives it holds a lock on the file; who gets the lock may undo. It knows nothing of
//! how that is done: see [`super::hold`].

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::bridge;
use crate::process::ProcessId;
use crate::state::{StateError, StateFolder};

mod left;
mod record;

pub(crate) use left::{Found, Left, all, open};
pub(crate) use record::{Head, HookIntent, Intent, Pending, Record};

/// The name of the folder of journals in the folder of state.
pub(super) const FOLDER: &str = "journals";

/// The end of a journal's name.
pub(super) const ENDING: &str = ".journal";

/// A journal cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// There is no folder for it.
    #[error(transparent)]
    State(#[from] StateError),
    /// It cannot be written.
    #[error("cannot write the journal `{}`", crate::text::path(.path))]
    Write {
        /// The journal.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It cannot be read.
    #[error("cannot read the journal `{}`", crate::text::path(.path))]
    Read {
        /// The journal or its folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It was not written by this program, or by another version of it, or is damaged.
    #[error("line {line} of the journal `{}` makes no sense", crate::text::path(.path))]
    Garbled {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// Writing ended unexpectedly.
    #[error(transparent)]
    Lost(#[from] bridge::WorkLost),
}

/// The journal of this run. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    file: Arc<Mutex<Kept>>,
    path: Arc<PathBuf>,
}

#[derive(Debug)]
struct Kept {
    file: File,
    pending: Pending,
}

impl Journal {
    /// Begins a journal, locked and on the disk.
    ///
    /// # Errors
    /// When that is not so; nothing may be touched then.
    pub(crate) async fn begin(
        state: &StateFolder,
        run: &str,
        project: &str,
        engine: (&str, String),
    ) -> Result<Self, JournalError> {
        let state = state.clone();
        let head = Head {
            format: record::FORMAT,
            run: run.to_owned(),
            project: project.to_owned(),
            process: ProcessId::own().to_string(),
            engine: engine.0.to_owned(),
            command: engine.1,
            began: Timestamp::now(),
        };
        bridge::blocking("writing the journal", move || Self::create(&state, head)).await?
    }

    fn create(state: &StateFolder, head: Head) -> Result<Self, JournalError> {
        let folder = state.folder(FOLDER)?;
        let path = folder.join(format!("{}{ENDING}", head.run));
        let failed = |source| JournalError::Write {
            path: path.clone(),
            source,
        };
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        file.lock().map_err(failed)?;
        let mut kept = Kept {
            file,
            pending: Pending::default(),
        };
        let begun = kept
            .write(Record::Run(head))
            .and_then(|()| File::open(&folder)?.sync_all());
        if let Err(source) = begun {
            // Nothing was touched, so nobody needs it.
            let _ = std::fs::remove_file(&path);
            return Err(failed(source));
        }
        Ok(Self {
            file: Arc::new(Mutex::new(kept)),
            path: Arc::new(path),
        })
    }

    /// A journal whose lines go to that file, for tests.
    #[cfg(test)]
    pub(crate) fn writing_to(path: &Path) -> io::Result<Self> {
        let kept = Kept {
            file: OpenOptions::new().append(true).open(path)?,
            pending: Pending::default(),
        };
        Ok(Self {
            file: Arc::new(Mutex::new(kept)),
            path: Arc::new(path.to_owned()),
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes down what is about to be done, or is undone, and waits until the disk has it.
    ///
    /// # Errors
    /// When the disk does not; what was to be done must not be then.
    pub(crate) async fn write(&self, record: Record) -> Result<(), JournalError> {
        let this = self.clone();
        bridge::blocking("writing the journal", move || {
            let mut kept = this.file.lock().unwrap_or_else(PoisonError::into_inner);
            kept.write(record).map_err(|source| JournalError::Write {
                path: this.path.to_path_buf(),
                source,
            })
        })
        .await?
    }

    /// Notes that containers, by id, are back, or were not ours to hold. That it cannot be written harms
    /// nobody: whoever reads the journal looks at the containers first.
    pub(crate) async fn released(&self, ids: Vec<String>) {
        if ids.is_empty() {
            return;
        }
        if let Err(error) = self.write(Record::Released { ids }).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "the journal does not say that containers are back");
        }
    }

    /// Removes the journal when everything is undone; else it stays, for `recover`. Says which.
    pub(crate) fn end(&self) -> bool {
        let kept = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let done = kept.pending.is_empty();
        if done && let Err(error) = std::fs::remove_file(&*self.path) {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "a journal with nothing left to do stays behind");
        }
        done
    }
}

impl Kept {
    fn write(&mut self, record: Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(&record)?;
        line.push(b'\n');
        let whole_until = self.file.metadata()?.len();
        if let Err(error) = self.file.write_all(&line) {
            // Half a line in the middle would make the whole journal one that nobody can read.
            let _ = self.file.set_len(whole_until);
            return Err(error);
        }
        self.file.sync_data()?;
        self.pending.take(record);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
