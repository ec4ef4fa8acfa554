//! Restores that are under way or were cut off, as files in the folder of state: what each one has begun to
//! change, written down before it does. While such a file is there and its process is not, what it names is
//! not to be relied on.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::content::{ContentError, Place, Settle, Token, settle};
use crate::process::{Life, ProcessId};
use crate::state::{StateError, StateFolder};

/// The folder in the folder of state.
const FOLDER: &str = "restores";

/// The most that is read of such a file.
const LIMIT: u64 = 16 << 20;

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

/// The record of this restore, on the disk.
pub(super) struct Record {
    path: PathBuf,
    said: Unfinished,
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

    /// Whether its process is gone, as far as this machine knows.
    #[must_use]
    fn is_over(&self) -> bool {
        let process = ProcessId::parse(&self.process);
        process.is_none_or(|process| process.life() != Life::Alive)
    }
}

impl Record {
    /// Writes a record down.
    pub(super) fn begin(state: &StateFolder, said: Unfinished) -> Result<Self, UnfinishedError> {
        let path = state.folder(FOLDER)?.join(format!("{}.json", said.token));
        let record = Self { path, said };
        record.write()?;
        Ok(record)
    }

    /// Adds folders in which content will be staged.
    pub(super) fn add_places(&mut self, places: &[Place]) -> Result<(), UnfinishedError> {
        self.said.places.extend(places.iter().map(|place| PlaceRow {
            root: place.root.as_os_str().as_bytes().to_vec(),
            below: place.below.clone(),
        }));
        self.write()
    }

    /// Adds a volume that the engine will write to.
    pub(super) fn add_volume(&mut self, name: &str) -> Result<(), UnfinishedError> {
        self.said.volumes.push(name.to_owned());
        self.write()
    }

    /// Says that all content has changed places.
    pub(super) fn swapped(&mut self) -> Result<(), UnfinishedError> {
        self.said.is_swapped = true;
        self.write()
    }

    /// Removes it: nothing is unfinished any more.
    pub(super) fn end(self) -> Result<(), UnfinishedError> {
        fs::remove_file(&self.path).map_err(|source| UnfinishedError::Io {
            path: self.path,
            source,
        })
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

/// Settles what restores that were cut off have left in folders of this machine, and gives those that are not
/// settled by that: volumes that the engine wrote to are half written still.
///
/// # Errors
/// When the records cannot be read, or something cannot be moved back.
pub fn settle_all(state: &StateFolder) -> Result<Vec<Unfinished>, SettleError> {
    let mut left = Vec::new();
    for (path, said) in cut_off(state)? {
        said.settle_places()?;
        tracing::warn!(
            project = said.project,
            dump = said.dump,
            "a restore was cut off; what it had begun is taken back"
        );
        if said.volumes.is_empty() {
            fs::remove_file(&path).map_err(|source| UnfinishedError::Io { path, source })?;
        } else {
            left.push(said);
        }
    }
    Ok(left)
}

/// Notes that volumes which the engine had half written are whole now.
///
/// # Errors
/// When the records cannot be read or written.
pub(super) fn made_whole(state: &StateFolder, volumes: &[String]) -> Result<(), UnfinishedError> {
    for (path, mut said) in cut_off(state)? {
        said.volumes.retain(|name| !volumes.contains(name));
        let record = Record { path, said };
        if record.said.volumes.is_empty() {
            record.end()?;
        } else {
            record.write()?;
        }
    }
    Ok(())
}

/// Restores that were cut off and have not been settled: what they name is not to be relied on.
///
/// # Errors
/// When the records cannot be read.
pub fn unsettled(state: &StateFolder) -> Result<Vec<Unfinished>, UnfinishedError> {
    let records = cut_off(state)?;
    Ok(records.into_iter().map(|(_, said)| said).collect())
}

/// The records of restores that were cut off, with their files; those under way are not among them.
///
/// # Errors
/// When they cannot be read.
pub(super) fn cut_off(state: &StateFolder) -> Result<Vec<(PathBuf, Unfinished)>, UnfinishedError> {
    let folder = state.path().join(FOLDER);
    let failed = |path: &Path, source| UnfinishedError::Io {
        path: path.to_owned(),
        source,
    };
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| failed(&folder, error))?,
    };
    let mut records = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| failed(&folder, error))?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let read = read(&path).map_err(|error| failed(&path, error))?;
        records.extend(read.filter(Unfinished::is_over).map(|said| (path, said)));
    }
    records.sort_by_key(|(_, said)| said.since);
    Ok(records)
}

/// A record; `None` if it has just gone.
fn read(path: &Path) -> io::Result<Option<Unfinished>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut text = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, LIMIT), &mut text)?;
    Ok(Some(serde_json::from_slice(&text)?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn said(process: &ProcessId) -> Unfinished {
        Unfinished {
            process: process.to_string(),
            ..Unfinished::new(&Token::random(), "E1", "5f0c", "blog")
        }
    }

    #[test]
    fn only_a_restore_whose_process_is_gone_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::at(folder.path().to_owned());
        assert!(
            cut_off(&state).unwrap().is_empty(),
            "there is no folder yet"
        );
        let own = ProcessId::own();
        let under_way = Record::begin(&state, said(&own)).unwrap();
        let _dead = Record::begin(&state, said(&own.ended())).unwrap();
        assert_eq!(cut_off(&state).unwrap().len(), 1);
        under_way.end().unwrap();
        assert_eq!(cut_off(&state).unwrap().len(), 1);
    }

    #[test]
    fn what_was_begun_is_named_until_it_is_whole_again() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::at(folder.path().to_owned());
        let mut record = Record::begin(&state, said(&ProcessId::own().ended())).unwrap();
        record.add_places(&[Place::new("/srv/blog")]).unwrap();
        record.add_volume("blog_db").unwrap();
        record.add_volume("blog_pages").unwrap();
        let left = unsettled(&state).unwrap();
        assert!(left[0].names("blog_db", None));
        assert!(left[0].names("x", Some(Path::new("/srv/blog"))));
        assert!(!left[0].names("x", Some(Path::new("/srv"))));
        made_whole(&state, &["blog_db".to_owned()]).unwrap();
        let left = unsettled(&state).unwrap();
        assert!(!left[0].names("blog_db", None) && left[0].names("blog_pages", None));
        made_whole(&state, &["blog_pages".to_owned()]).unwrap();
        assert!(unsettled(&state).unwrap().is_empty());
    }

    #[test]
    fn what_nobody_can_change_back_is_settled_and_the_rest_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::at(folder.path().to_owned());
        let place = folder.path().join("place");
        fs::create_dir(&place).unwrap();
        let token = Token::random();
        let dead = ProcessId::own().ended().to_string();
        let said = Unfinished {
            process: dead,
            ..Unfinished::new(&token, "E1", "5f0c", "blog")
        };
        let mut record = Record::begin(&state, said).unwrap();
        record.add_places(&[Place::new(&place)]).unwrap();
        fs::create_dir(place.join(token.hidden_name())).unwrap();
        assert!(settle_all(&state).unwrap().is_empty());
        assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
        assert!(unsettled(&state).unwrap().is_empty());
    }
}
