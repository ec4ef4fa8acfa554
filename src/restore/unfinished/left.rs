//! Records of restores that were cut off.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::record::is_locked;
use super::{FOLDER, Record, SettleError, Unfinished, UnfinishedError};
use crate::state::StateFolder;

/// The most that is read of a record.
const LIMIT: u64 = 16 << 20;

/// Settles what restores that were cut off have left in folders of this machine, and says of each what is left
/// after that: volumes that the engine wrote to are half written still, services are down.
///
/// # Errors
/// When the records cannot be read, or something cannot be moved back.
pub fn settle_all(state: &StateFolder) -> Result<Vec<Unfinished>, SettleError> {
    let _turn = turn(state)?;
    let mut left = Vec::new();
    for (path, said) in cut_off(state)? {
        if said.is_settled() {
            left.push(said);
            continue;
        }
        said.settle_places()?;
        tracing::warn!(
            project = said.project,
            dump = said.dump,
            "a restore was cut off; what it had begun is taken back"
        );
        let said = Unfinished {
            places: Vec::new(),
            ..said
        };
        Record::of(path, said.clone()).keep_or_end()?;
        left.push(said);
    }
    Ok(left)
}

/// Two that settle at the same time take turns: both would move the same folders. The lock ends with the file.
fn turn(state: &StateFolder) -> Result<Option<File>, UnfinishedError> {
    let folder = state.path().join(FOLDER);
    let locked = || -> io::Result<File> {
        let file = File::open(&folder)?;
        file.lock()?;
        Ok(file)
    };
    match locked() {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(UnfinishedError::Io {
            path: folder,
            source,
        }),
    }
}

/// Restores that were cut off: what they name is not to be relied on, and who was stopped for them may be down.
///
/// # Errors
/// When the records cannot be read.
pub fn all_cut_off(state: &StateFolder) -> Result<Vec<Unfinished>, UnfinishedError> {
    let records = cut_off(state)?;
    Ok(records.into_iter().map(|(_, said)| said).collect())
}

/// The records of restores that were cut off, with their files; those under way are not among them.
///
/// # Errors
/// When they cannot be read.
pub(in crate::restore) fn cut_off(
    state: &StateFolder,
) -> Result<Vec<(PathBuf, Unfinished)>, UnfinishedError> {
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
        let is_over = |said: &Unfinished| said.is_over() && !is_locked(&path);
        records.extend(read.filter(is_over).map(|said| (path.clone(), said)));
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
