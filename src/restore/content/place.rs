//! A folder that gets new content, and what names an attempt to give it some.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Dir, Mode, OFlags, mkdirat, openat};
use rustix::io::Errno;

use super::ContentError;
use super::made::Made;
use crate::files::{check_path, open_beneath};

const PREFIX: &str = ".compose-dump-";
const SUFFIX: &str = ".restore";

/// How folders are opened.
pub(super) const FOLDER: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Names one attempt to restore: its hidden folders everywhere are called by it. To be written down before
/// the first of them is made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(String);

impl Token {
    /// One that nobody has.
    #[must_use]
    pub fn random() -> Self {
        // The standard library's hash keys are random.
        let random = RandomState::new().build_hasher().finish();
        Self(format!("{random:016x}"))
    }

    /// The token with that text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        (text.len() == 16 && is_hex).then(|| Self(text.to_owned()))
    }

    /// The name of its hidden folders.
    #[must_use]
    pub fn hidden_name(&self) -> OsString {
        format!("{PREFIX}{}{SUFFIX}", self.0).into()
    }

    pub(super) fn of_hidden(name: &[u8]) -> Option<Self> {
        let name = std::str::from_utf8(name).ok()?;
        Self::parse(name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A folder on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where to start, absolute. Links on the way there are followed: the project folder, or a volume's
    /// mountpoint.
    pub root: PathBuf,
    /// The way from there, through no link; empty for the root itself.
    pub below: Vec<u8>,
}

/// What a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceState {
    /// Nothing is there.
    Missing,
    /// A folder without anything in it, but for what killed restores left.
    Empty,
    /// A folder with something in it.
    Filled,
    /// Something that is no folder, or behind a link.
    NoFolder,
}

impl Place {
    /// A folder itself.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            below: Vec::new(),
        }
    }

    /// Its path, for the eye.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        join(&self.root, &self.below)
    }

    /// What is there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn look(&self) -> Result<PlaceState, ContentError> {
        let Some(folder) = self.open()? else {
            let at = rustix::fs::stat(&self.root).map(|_| self.path());
            let found = at.and_then(rustix::fs::lstat);
            return match found {
                Err(Errno::NOENT) => Ok(PlaceState::Missing),
                Err(Errno::NOTDIR) | Ok(_) => Ok(PlaceState::NoFolder),
                Err(errno) => Err(self.unread(errno)),
            };
        };
        for entry in Dir::read_from(&folder).map_err(|errno| self.unread(errno))? {
            let entry = entry.map_err(|errno| self.unread(errno))?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." && Token::of_hidden(name).is_none() {
                return Ok(PlaceState::Filled);
            }
        }
        Ok(PlaceState::Empty)
    }

    /// The attempts to restore that have left something in it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn leftovers(&self) -> Result<Vec<Token>, ContentError> {
        let Some(folder) = self.open()? else {
            return Ok(Vec::new());
        };
        let mut tokens = Vec::new();
        for entry in Dir::read_from(&folder).map_err(|errno| self.unread(errno))? {
            let entry = entry.map_err(|errno| self.unread(errno))?;
            tokens.extend(Token::of_hidden(entry.file_name().to_bytes()));
        }
        tokens.sort();
        Ok(tokens)
    }

    /// Opens it; `None` where there is no such folder.
    pub(super) fn open(&self) -> Result<Option<OwnedFd>, ContentError> {
        let follow = FOLDER.difference(OFlags::NOFOLLOW);
        let opened = rustix::fs::open(&self.root, follow, Mode::empty());
        let opened = opened.and_then(|root| open_beneath(root.as_fd(), &self.below));
        match opened {
            Ok(folder) => Ok(Some(folder)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(errno) => Err(self.unread(errno)),
        }
    }

    /// Opens it, and makes what is missing of it and above it. On failure, nothing that was made is left.
    pub(super) fn make(&self) -> Result<(OwnedFd, Made), ContentError> {
        let failed = |errno: Errno| ContentError::write(&self.path(), self.path(), errno.into());
        if !self.below.is_empty() {
            check_path(&self.below).map_err(|error| ContentError::file(&self.root, error))?;
        }
        let mut made = Made::default();
        let is_missing = |folder: &&Path| matches!(rustix::fs::stat(*folder), Err(Errno::NOENT));
        let missing: Vec<&Path> = self.root.ancestors().take_while(is_missing).collect();
        for folder in missing.into_iter().rev() {
            let outcome = rustix::fs::mkdir(folder, Made::MODE);
            let noted = made.note(folder.to_owned(), outcome);
            noted.map_err(|errno| {
                ContentError::write(&self.path(), folder.to_owned(), errno.into())
            })?;
        }
        let follow = FOLDER.difference(OFlags::NOFOLLOW);
        let mut folder = rustix::fs::open(&self.root, follow, Mode::empty()).map_err(failed)?;
        let mut end = 0;
        for name in self.below.split(|byte| *byte == b'/') {
            if name.is_empty() {
                continue;
            }
            end += name.len();
            let outcome = mkdirat(&folder, name, Made::MODE);
            made.note(join(&self.root, &self.below[..end]), outcome)
                .map_err(failed)?;
            folder = openat(&folder, name, FOLDER, Mode::empty()).map_err(failed)?;
            end += 1;
        }
        Ok((folder, made))
    }

    pub(super) fn unread(&self, errno: Errno) -> ContentError {
        ContentError::Read {
            path: self.path(),
            source: errno.into(),
        }
    }
}

/// A path below a folder, without a slash behind the folder where it is empty.
pub(super) fn join(folder: &Path, path: &[u8]) -> PathBuf {
    if path.is_empty() {
        folder.to_owned()
    } else {
        folder.join(OsStr::from_bytes(path))
    }
}
