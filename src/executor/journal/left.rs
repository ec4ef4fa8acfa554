//! Journals that are there: of runs that live, and of runs that died and left something to undo.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::record::FORMAT;
use super::{ENDING, FOLDER, Head, JournalError, Pending, Record};
use crate::process::{Life, ProcessId};
use crate::state::StateFolder;

/// The most that is read of a journal: thousands of containers.
const LIMIT: u64 = 16 << 20;

/// What a journal turns out to be.
#[derive(Debug)]
pub(crate) enum Found {
    /// Its run is under way.
    Live,
    /// Its run is over, and somebody else is undoing it just now.
    BeingUndone,
    /// Its run is over. We have its lock.
    Left(Box<Left>),
    /// It is gone, or said nothing yet when its run died.
    Nothing,
}

/// The journal of a run that is over. Nobody else has it as long as this is there.
#[derive(Debug)]
pub(crate) struct Left {
    /// Whose it is.
    pub(crate) head: Head,
    /// What it did not undo.
    pub(crate) pending: Pending,
    path: PathBuf,
    _locked: File,
}

impl Left {
    /// Removes it: all is undone.
    pub(crate) fn end(self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "a journal with nothing left to do stays behind");
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// The journals in a folder of state; none if there is no such folder.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn all(state: &StateFolder) -> Result<Vec<PathBuf>, JournalError> {
    let folder = state.path().join(FOLDER);
    let failed = |source| JournalError::Read {
        path: folder.clone(),
        source,
    };
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.to_string_lossy().ends_with(ENDING) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Looks at a journal, and takes it if its run is over.
///
/// # Errors
/// When it cannot be read, or makes no sense: nobody knows then what is to be undone.
pub(crate) fn open(path: &Path) -> Result<Found, JournalError> {
    let failed = |source| JournalError::Read {
        path: path.to_owned(),
        source,
    };
    let file = match OpenOptions::new().read(true).append(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(failed(error)),
    };
    let is_free = match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    };
    let mut text = Vec::new();
    (&file).take(LIMIT).read_to_end(&mut text).map_err(failed)?;
    let read = read(&text).map_err(|line| JournalError::Garbled {
        path: path.to_owned(),
        line,
    })?;
    let Some((head, pending)) = read else {
        return Ok(match is_free && is_there(&file).map_err(failed)? {
            true => nothing_said(path, &text),
            false => Found::Live,
        });
    };
    let process = ProcessId::parse(&head.process);
    let life = process.map_or(Life::Unknown, |process| process.life());
    if !is_free {
        return Ok(match life {
            Life::Ended => Found::BeingUndone,
            Life::Alive | Life::Unknown => Found::Live,
        });
    }
    if life == Life::Alive && head.process != ProcessId::own().to_string() {
        return Ok(Found::Live);
    }
    // Whoever had the lock before has undone and removed it.
    if !is_there(&file).map_err(failed)? {
        return Ok(Found::Nothing);
    }
    Ok(Found::Left(Box::new(Left {
        head,
        pending,
        path: path.to_owned(),
        _locked: file,
    })))
}

/// A run that died before its first line was whole has touched nobody.
fn nothing_said(path: &Path, text: &[u8]) -> Found {
    tracing::info!(
        bytes = text.len(),
        "removing a journal that was never begun"
    );
    let _ = std::fs::remove_file(path);
    Found::Nothing
}

fn is_there(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.nlink() > 0)
}

/// What the lines say; `None` when not even the first one is whole. A last line that is not whole was
/// being written when its run died, before what it says was done.
///
/// # Errors
/// The number of a whole line that makes no sense.
fn read(text: &[u8]) -> Result<Option<(Head, Pending)>, usize> {
    let Some(whole) = text.iter().rposition(|byte| *byte == b'\n') else {
        return Ok(None);
    };
    let lines = text[..whole].split(|byte| *byte == b'\n');
    let mut head = None;
    let mut pending = Pending::default();
    for (number, line) in lines.enumerate() {
        let record: Record = serde_json::from_slice(line).map_err(|_| number + 1)?;
        match (&head, record) {
            (None, Record::Run(first)) if first.format == FORMAT => head = Some(first),
            (None, _) | (Some(_), Record::Run(_)) => return Err(number + 1),
            (Some(_), record) => pending.take(record),
        }
    }
    Ok(head.map(|head| (head, pending)))
}
