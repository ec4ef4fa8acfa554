//! A folder that gets new content, and the hidden folder in it in which a restore works.
//!
//! ```text
//! <folder>/.compose-dump-<16 hex>.restore/
//!   new/     the new content until it gets its place
//!   old/     what had to make room for it
//!   was/     an empty folder with the owner, mode, time and attributes that the folder had
//!   moves    what changes places; from when it is there, until it is called `kept`, the old content counts
//! ```

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Dir, Mode, OFlags, fremovexattr, mkdirat, openat};
use rustix::io::Errno;

use super::ContentError;
use super::made::Made;
use crate::files::{Losses, Metadata, check_path, open_new_folder, remove_entry};

const PREFIX: &str = ".compose-dump-";
const SUFFIX: &str = ".restore";
/// Names in the hidden folder.
pub(super) const NEW: &str = "new";
pub(super) const OLD: &str = "old";
const WAS: &str = "was";

const FOLDER: OFlags = OFlags::DIRECTORY
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

    fn unread(&self, errno: Errno) -> ContentError {
        ContentError::Read {
            path: self.path(),
            source: errno.into(),
        }
    }
}

/// Which metadata a folder has when the hidden one in it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    AsItIs,
    AsItWas,
}

/// The hidden folder of one attempt, and the folder that it is in.
#[derive(Debug)]
pub(super) struct Hidden {
    pub(super) folder: OwnedFd,
    pub(super) inside: OwnedFd,
    name: OsString,
    /// Path of the folder, for errors.
    pub(super) path: PathBuf,
}

impl Hidden {
    /// Makes it.
    pub(super) fn make(
        folder: OwnedFd,
        path: PathBuf,
        token: &Token,
    ) -> Result<Self, ContentError> {
        let name = token.hidden_name();
        let was = Metadata::of_folder(folder.as_fd());
        let failed = |errno: Errno| ContentError::write(&path, path.join(&name), errno.into());
        let was = was.map_err(failed)?;
        mkdirat(&folder, &name, Mode::RWXU).map_err(failed)?;
        let made = || -> rustix::io::Result<OwnedFd> {
            let inside = open_new_folder(folder.as_fd(), &name)?;
            // What the folder would hand down to new files is not theirs.
            for acl in ["system.posix_acl_default", "system.posix_acl_access"] {
                let _ = fremovexattr(&inside, acl);
            }
            for name in [NEW, OLD, WAS] {
                mkdirat(&inside, name, Mode::RWXU)?;
                let made = open_new_folder(inside.as_fd(), OsStr::new(name))?;
                if name == WAS {
                    was.set(made.as_fd(), b"", &mut Losses::default());
                }
            }
            Ok(inside)
        };
        let inside = made().map_err(|errno| {
            // What is left of it then is for a later run, which finds it by its name.
            let _ = remove_entry(folder.as_fd(), &name);
            failed(errno)
        })?;
        Ok(Self {
            folder,
            inside,
            name,
            path,
        })
    }

    /// Opens what an earlier attempt has left; `None` if it is not there.
    pub(super) fn open(place: &Place, token: &Token) -> Result<Option<Self>, ContentError> {
        let Some(folder) = place.open()? else {
            return Ok(None);
        };
        let name = token.hidden_name();
        match openat(&folder, &name, FOLDER, Mode::empty()) {
            Ok(inside) => Ok(Some(Self {
                folder,
                inside,
                name,
                path: place.path(),
            })),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(place.unread(errno)),
        }
    }

    /// A folder in it.
    pub(super) fn open_inside(&self, name: &str) -> Result<OwnedFd, ContentError> {
        let opened = openat(&self.inside, name, FOLDER, Mode::empty());
        opened.map_err(|errno| self.failed(name.as_bytes(), errno.into()))
    }

    /// A path from the folder to what is in the hidden one.
    pub(super) fn within(&self, name: &str, path: &[u8]) -> Vec<u8> {
        [self.name.as_bytes(), b"/", name.as_bytes(), b"/", path].concat()
    }

    /// Whether that name in the folder is the hidden folder's.
    pub(super) fn is_own(&self, name: &[u8]) -> bool {
        self.name.as_bytes() == name
    }

    /// Removes it with everything in it. The folder keeps the metadata that it has, or gets back what it
    /// had before the attempt.
    pub(super) fn remove(&self, metadata: After) -> Result<(), ContentError> {
        let from = match metadata {
            After::AsItIs => Ok(None),
            After::AsItWas => match openat(&self.inside, WAS, FOLDER, Mode::empty()) {
                // It was killed before it got so far as to change anything.
                Err(Errno::NOENT) => Ok(None),
                was => was.map(Some),
            },
        };
        let removed = from.and_then(|from| {
            let from = from.as_ref().unwrap_or(&self.folder);
            let metadata = Metadata::of_folder(from.as_fd())?;
            remove_entry(self.folder.as_fd(), &self.name)?;
            // What we may not set we cannot have changed either.
            metadata.replace(self.folder.as_fd(), &mut Losses::default());
            Ok(())
        });
        removed.map_err(|errno| self.failed(b"", errno.into()))
    }

    /// Waits until everything in the file system is on the disk.
    pub(super) fn sync(&self) -> Result<(), ContentError> {
        sync(self.folder.as_fd()).map_err(|source| ContentError::Sync {
            folder: self.path.clone(),
            source,
        })
    }

    /// Something in it could not be written.
    pub(super) fn failed(&self, name: &[u8], source: io::Error) -> ContentError {
        let path = join(&self.path.join(&self.name), name);
        ContentError::write(&self.path, path, source)
    }
}

#[cfg(target_os = "linux")]
fn sync(folder: BorrowedFd<'_>) -> io::Result<()> {
    Ok(rustix::fs::syncfs(folder)?)
}

/// Files are synced one by one as they end; see [`crate::files::Tree::end`].
#[cfg(not(target_os = "linux"))]
fn sync(folder: BorrowedFd<'_>) -> io::Result<()> {
    Ok(rustix::fs::fsync(folder)?)
}

/// Opens a folder beneath another, one component after the other, none of them a link.
pub(super) fn open_beneath(root: BorrowedFd<'_>, path: &[u8]) -> rustix::io::Result<OwnedFd> {
    let mut folder = openat(root, c".", FOLDER, Mode::empty())?;
    let names = path.split(|byte| *byte == b'/');
    for name in names.filter(|name| !name.is_empty()) {
        folder = openat(&folder, name, FOLDER, Mode::empty())?;
    }
    Ok(folder)
}

/// A path below a folder, without a slash behind the folder where it is empty.
pub(super) fn join(folder: &Path, path: &[u8]) -> PathBuf {
    if path.is_empty() {
        folder.to_owned()
    } else {
        folder.join(OsStr::from_bytes(path))
    }
}
