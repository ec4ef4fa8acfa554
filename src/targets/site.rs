//! Where something happens: which target, which folder. Turns system errors into [`TargetError`]s.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::TargetError;
use super::step::Step;
use crate::files::FileError;

/// A target's name and the folder to which the names in its errors are relative.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) target: String,
    pub(super) folder: PathBuf,
    /// The folder that a user knows, for errors that concern its whole file system.
    pub(super) disk: PathBuf,
}

impl Site {
    pub(super) fn new(target: &str, folder: &Path) -> Self {
        Self {
            target: target.to_owned(),
            folder: folder.to_owned(),
            disk: folder.to_owned(),
        }
    }

    /// The same for names relative to a folder in this one.
    pub(super) fn within(&self, name: &OsStr) -> Self {
        Self {
            folder: self.folder.join(name),
            ..self.clone()
        }
    }

    pub(super) fn path(&self, name: &[u8]) -> PathBuf {
        self.folder.join(OsStr::from_bytes(name))
    }

    /// The folder itself for an empty name, where [`Site::path`] would add a slash.
    pub(super) fn at(&self, name: &[u8]) -> PathBuf {
        if name.is_empty() {
            self.folder.clone()
        } else {
            self.path(name)
        }
    }

    pub(super) fn out_of_order(&self, call: &'static str) -> TargetError {
        TargetError::OutOfOrder {
            target: self.target.clone(),
            call,
        }
    }
}

/// Gives a system's error its place.
pub(super) trait OrFailed<T> {
    /// `name` is relative to the site's folder; empty for the folder itself.
    fn or_failed(self, site: &Site, step: Step, name: &[u8]) -> Result<T, TargetError>;
}

impl<T, E: Into<io::Error>> OrFailed<T> for Result<T, E> {
    fn or_failed(self, site: &Site, step: Step, name: &[u8]) -> Result<T, TargetError> {
        self.map_err(|error| TargetError::io(step, site, site.at(name), error.into()))
    }
}

/// Gives the error of an entry the target and folder in which it was to be made.
pub(super) trait OrFileFailed<T> {
    fn or_file_failed(self, site: &Site) -> Result<T, TargetError>;
}

impl<T> OrFileFailed<T> for Result<T, FileError> {
    fn or_file_failed(self, site: &Site) -> Result<T, TargetError> {
        self.map_err(|error| TargetError::file(site, error))
    }
}
