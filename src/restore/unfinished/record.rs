//! The record of a restore that is under way, on the disk.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::left::cut_off;
use super::{FOLDER, PlaceRow, Unfinished, UnfinishedError};
use crate::restore::content::Place;
use crate::restore::plan::model::StopPlan;
use crate::state::StateFolder;

/// A record and its file.
pub(crate) struct Record {
    path: PathBuf,
    said: Unfinished,
    /// Of the restore itself; a later run that settles it has none.
    _alive: Option<Alive>,
}

/// A file that is locked as long as a restore goes on: a process in another pid namespace, a container with the same
/// folder of state, cannot see ours. It is removed at the end.
struct Alive {
    _locked: File,
    path: PathBuf,
}

impl Alive {
    fn begin(record: &Path) -> io::Result<Self> {
        let path = lock_path(record);
        let file = File::create(&path)?;
        file.try_lock().map_err(io::Error::from)?;
        Ok(Self {
            _locked: file,
            path,
        })
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        // What a killed process leaves is removed with its record.
        let _ = fs::remove_file(&self.path);
    }
}

impl Record {
    /// Writes a record down.
    pub(crate) fn begin(state: &StateFolder, said: Unfinished) -> Result<Self, UnfinishedError> {
        let path = state.folder(FOLDER)?.join(format!("{}.json", said.token));
        let alive = Alive::begin(&path).map_err(|source| UnfinishedError::Io {
            path: path.clone(),
            source,
        })?;
        let record = Self {
            path,
            said,
            _alive: Some(alive),
        };
        record.write()?;
        Ok(record)
    }

    /// The record as a killed process leaves it.
    #[cfg(test)]
    pub(crate) fn killed(self) -> Self {
        Self {
            _alive: None,
            ..self
        }
    }

    /// What a file says.
    pub(crate) const fn of(path: PathBuf, said: Unfinished) -> Self {
        Self {
            path,
            said,
            _alive: None,
        }
    }

    /// Adds containers that will be stopped.
    pub(crate) fn add_stopped(&mut self, rows: &[StopPlan]) -> Result<(), UnfinishedError> {
        self.said.stopped.extend(rows.iter().map(Into::into));
        self.write()
    }

    /// Adds folders in which content will be staged.
    pub(crate) fn add_places(&mut self, places: &[Place]) -> Result<(), UnfinishedError> {
        self.said.places.extend(places.iter().map(|place| PlaceRow {
            root: place.root.as_os_str().as_bytes().to_vec(),
            below: place.below.clone(),
        }));
        self.write()
    }

    /// Adds a volume that the engine will write to.
    pub(crate) fn add_volume(&mut self, name: &str) -> Result<(), UnfinishedError> {
        self.said.volumes.push(name.to_owned());
        self.write()
    }

    /// Says that all content has changed places.
    pub(crate) fn swapped(&mut self) -> Result<(), UnfinishedError> {
        self.said.is_swapped = true;
        self.write()
    }

    /// Says that content is as it was, or as it was to be: only services are left to be started.
    pub(crate) fn settled(&mut self) -> Result<(), UnfinishedError> {
        self.said.places.clear();
        self.said.volumes.clear();
        self.write()
    }

    /// Removes it: nothing is unfinished any more.
    pub(crate) fn end(self) -> Result<(), UnfinishedError> {
        for path in [&self.path, &lock_path(&self.path)] {
            match fs::remove_file(path) {
                // Somebody else who puts the same right was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed.map_err(|source| UnfinishedError::Io {
                    path: path.clone(),
                    source,
                })?,
            }
        }
        Ok(())
    }

    /// Keeps what is still to be done; ends it where that is nothing.
    pub(super) fn keep_or_end(self) -> Result<(), UnfinishedError> {
        if self.said.is_settled() && self.said.stopped.is_empty() {
            return self.end();
        }
        self.write()
    }

    /// Writes it beside itself, syncs it and gives it its name.
    fn write(&self) -> Result<(), UnfinishedError> {
        let partial = self.path.with_extension("partial");
        let write = || -> io::Result<()> {
            let mut file = File::create(&partial)?;
            file.write_all(&serde_json::to_vec(&self.said)?)?;
            file.sync_all()?;
            fs::rename(&partial, &self.path)?;
            let folder = self.path.parent().unwrap_or(Path::new("."));
            File::open(folder)?.sync_all()
        };
        write().map_err(|source| UnfinishedError::Io {
            path: self.path.clone(),
            source,
        })
    }
}

/// The file that says by its lock that a restore goes on.
fn lock_path(record: &Path) -> PathBuf {
    record.with_extension("lock")
}

/// Whether somebody has the lock of a record: then its restore goes on, wherever it runs.
pub(super) fn is_locked(record: &Path) -> bool {
    let file = File::open(lock_path(record));
    // It ends with the file, at once.
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
}

/// Notes that volumes which the engine had half written are whole now.
///
/// # Errors
/// When the records cannot be read or written.
pub(crate) fn made_whole(state: &StateFolder, volumes: &[String]) -> Result<(), UnfinishedError> {
    for (path, mut said) in cut_off(state)? {
        said.volumes.retain(|name| !volumes.contains(name));
        Record::of(path, said).keep_or_end()?;
    }
    Ok(())
}
