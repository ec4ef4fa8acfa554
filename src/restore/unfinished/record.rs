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
}

impl Record {
    /// Writes a record down.
    pub(crate) fn begin(state: &StateFolder, said: Unfinished) -> Result<Self, UnfinishedError> {
        let path = state.folder(FOLDER)?.join(format!("{}.json", said.token));
        let record = Self { path, said };
        record.write()?;
        Ok(record)
    }

    /// What a file says.
    pub(crate) const fn of(path: PathBuf, said: Unfinished) -> Self {
        Self { path, said }
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
        match fs::remove_file(&self.path) {
            // Somebody else who puts the same right was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|source| UnfinishedError::Io {
                path: self.path,
                source,
            }),
        }
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

/// Notes that volumes which the engine had half written are whole now.
///
/// # Errors
/// When the records cannot be read or written.
pub(crate) fn made_whole(state: &StateFolder, volumes: &[String]) -> Result<(), UnfinishedError> {
    for (path, mut said) in cut_off(state)? {
        said.volumes.retain(|name| !volumes.contains(name));
        Record { path, said }.keep_or_end()?;
    }
    Ok(())
}
