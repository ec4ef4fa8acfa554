//! The hidden folder in which a restore works, inside of the folder that gets new content.
//!
//! ```text
//! <folder>/.compose-dump-<16 hex>.restore/
//!   new/     the new content until it gets its place
//!   old/     what had to make room for it
//!   was/     an empty folder with the owner, mode, time and attributes that the folder had
//!   whole    is there if everything in the folder changes places
//!   moves    what changes places; from when it is there, until it is called `kept`, the old content counts
//! ```

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::fs::{AtFlags, Mode, mkdirat, openat, statat};
use rustix::io::Errno;

use super::ContentError;
use super::others::find_other;
use super::place::{FOLDER, Place, Token, join};
use crate::files::{
    Losses, Metadata, create_file, drop_inherited_acls, open_new_folder, remove_entry,
};

/// Names in the hidden folder.
pub(super) const NEW: &str = "new";
pub(super) const OLD: &str = "old";
const WAS: &str = "was";
/// Marks an attempt that gives a folder its content as a whole.
const WHOLE: &str = "whole";

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
    pub(super) token: Token,
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
            drop_inherited_acls(inside.as_fd());
            for name in [NEW, OLD, WAS] {
                mkdirat(&inside, name, Mode::RWXU)?;
                let made = open_new_folder(inside.as_fd(), OsStr::new(name))?;
                if name == WAS {
                    was.set(made.as_fd(), b"", &mut Losses::default())?;
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
            token: token.clone(),
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
                token: token.clone(),
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

    /// Whether a path from the folder leads into the hidden one.
    pub(super) fn is_within(&self, path: &[u8]) -> bool {
        let below = path.strip_prefix(self.name.as_bytes());
        below.is_some_and(|below| below.starts_with(b"/"))
    }

    /// Says, before the list of what changes places counts, that everything in the folder does.
    pub(super) fn make_whole(&self) -> Result<(), ContentError> {
        let made = create_file(self.inside.as_fd(), OsStr::new(WHOLE));
        made.map(drop)
            .map_err(|source| self.failed(WHOLE.as_bytes(), source))
    }

    /// Whether that was said.
    pub(super) fn is_whole(&self) -> bool {
        statat(&self.inside, WHOLE, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Makes sure that no old content would be removed.
    ///
    /// # Errors
    /// [`ContentError::Aside`] when there is some.
    pub(super) fn check_nothing_old(&self) -> Result<(), ContentError> {
        let old = self.path.join(&self.name).join(OLD);
        match find_other(&old, &[]) {
            Ok(None) => Ok(()),
            Ok(Some(path)) => Err(ContentError::Aside { path }),
            // It is being removed already.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(ContentError::Read { path: old, source }),
        }
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
            metadata.replace(self.folder.as_fd(), &mut Losses::default())
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
