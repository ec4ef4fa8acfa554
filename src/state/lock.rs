//! One run at a time for a project on an engine: a lock on a file, which the system frees when the
//! process that has it ends, however it ends.
//!
//! The file stays: removing it would let two processes hold a lock of the same name. What it says,
//! who has it and since when, is for messages only.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::{StateError, StateFolder};

/// The most that is read of who has a lock.
const NOTE: u64 = 256;

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct ProjectLock {
    _file: File,
}

/// What came of the try to get a lock.
#[derive(Debug)]
pub enum Attempt {
    /// We have it.
    Got(ProjectLock),
    /// Somebody else has it: what it says of itself, if anything.
    Taken(String),
}

/// The lock cannot be asked for.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// There is no folder for it.
    #[error(transparent)]
    State(#[from] StateError),
    /// The file cannot be opened, or its file system knows no locks.
    #[error("cannot lock `{}`", crate::text::path(.path))]
    Lock {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

impl ProjectLock {
    /// Tries to get the lock of a project, by its id, on an engine, by its id. Does not wait.
    ///
    /// # Errors
    /// When it cannot be said whether somebody has it.
    pub fn attempt(state: &StateFolder, project: &str, engine: &str) -> Result<Attempt, LockError> {
        let path = state.folder("locks")?.join(file_name(project, engine));
        let failed = |source| LockError::Lock {
            path: path.clone(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {
                note(&mut file, project).map_err(failed)?;
                Ok(Attempt::Got(Self { _file: file }))
            }
            Err(TryLockError::WouldBlock) => {
                let mut said = String::new();
                // It may be written just now, or be anything: it is only for a message.
                let _ = file.take(NOTE).read_to_string(&mut said);
                Ok(Attempt::Taken(
                    said.lines().next().unwrap_or_default().to_owned(),
                ))
            }
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

fn note(file: &mut File, project: &str) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    let now = jiff::Timestamp::now().round(jiff::Unit::Second);
    let now = now.unwrap_or_default();
    writeln!(file, "process {}, since {now}", std::process::id())?;
    writeln!(file, "{project}")
}

/// A name for the pair, whatever is in it.
fn file_name(project: &str, engine: &str) -> String {
    let digest = Sha256::digest(format!("{engine}\n{project}"));
    let hex: String = digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{hex}.lock")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn got(state: &StateFolder, project: &str, engine: &str) -> Option<ProjectLock> {
        match ProjectLock::attempt(state, project, engine).unwrap() {
            Attempt::Got(lock) => Some(lock),
            Attempt::Taken(who) => {
                assert!(who.starts_with(&format!("process {}, since 2", std::process::id())));
                None
            }
        }
    }

    #[test]
    fn a_lock_is_of_one_project_on_one_engine_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::at(folder.path().to_owned());
        let first = got(&state, "h/blog/1", "E1");
        assert!(first.is_some());
        assert!(got(&state, "h/blog/1", "E1").is_none());
        assert!(got(&state, "h/blog/2", "E1").is_some());
        assert!(got(&state, "h/blog/1", "E2").is_some());
        drop(first);
        assert!(got(&state, "h/blog/1", "E1").is_some());
    }
}
