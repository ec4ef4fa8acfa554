//! The folder in which dumps appear: which names are free, and whether it is still there.

use std::ffi::OsStr;
use std::fs::DirBuilder;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, fstat, stat, statat};
use rustix::io::Errno;

use super::TargetError;
use super::site::{OrFailed, Site};
use super::step::Step;
use crate::codecs::Codec;

/// What a marker's name has behind the dump's.
pub(crate) const MARKER_EXTENSION: &str = ".manifest.yml";

/// What the name of a drill's result has behind the dump's.
pub(crate) const DRILL_EXTENSION: &str = ".drill.json";

/// An open folder of dumps. Everything in it is reached through its descriptor, so that nothing is
/// written below a mount point when the disk goes away.
#[derive(Debug)]
pub(super) struct DumpsFolder {
    pub(super) site: Site,
    fd: OwnedFd,
}

impl DumpsFolder {
    /// Opens the folder, and makes it (0700) with its parents if it is missing.
    pub(super) fn open(target: &str, path: &Path) -> Result<Self, TargetError> {
        let site = Site::new(target, path);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.or_failed(&site, Step::Create, b"")?;
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd =
            rustix::fs::open(path, flags, Mode::empty()).or_failed(&site, Step::Create, b"")?;
        Ok(Self { site, fd })
    }

    /// Opens the folder if it is there.
    pub(super) fn existing(target: &str, path: &Path) -> Result<Option<Self>, TargetError> {
        let site = Site::new(target, path);
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::open(path, flags, Mode::empty()) {
            Err(Errno::NOENT) => Ok(None),
            opened => {
                let fd = opened.or_failed(&site, Step::Remove, b"")?;
                Ok(Some(Self { site, fd }))
            }
        }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Checks that the path still leads to the open folder.
    pub(super) fn check_there(&self) -> Result<(), TargetError> {
        let open = fstat(&self.fd).or_failed(&self.site, Step::Publish, b"")?;
        match stat(&self.site.folder) {
            Ok(now) if (now.st_dev, now.st_ino) == (open.st_dev, open.st_ino) => Ok(()),
            _ => Err(TargetError::Gone {
                target: self.site.target.clone(),
                path: self.site.folder.clone(),
            }),
        }
    }

    /// Whether a dump of that name, whatever its format, or a marker is there.
    pub(super) fn is_taken(&self, dump: &str) -> Result<bool, TargetError> {
        let others = Codec::tar_extensions().chain([MARKER_EXTENSION]);
        for extension in others.chain([""]) {
            if self.exists(format!("{dump}{extension}").as_bytes())? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether there is anything of that very name, a dangling link included.
    pub(super) fn exists(&self, name: &[u8]) -> Result<bool, TargetError> {
        match statat(&self.fd, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno).or_failed(&self.site, Step::Publish, name),
        }
    }

    /// Waits until the folder's names are on the disk.
    pub(super) fn sync(&self) -> Result<(), TargetError> {
        sync_folder(self.fd()).or_failed(&self.site, Step::Sync, b"")
    }
}

/// Waits until a folder's names are on the disk. File systems without that notion say `EINVAL`.
pub(super) fn sync_folder(fd: BorrowedFd<'_>) -> io::Result<()> {
    match rustix::fs::fsync(fd) {
        Err(Errno::INVAL) => Ok(()),
        other => Ok(other?),
    }
}

/// The name of a dump when the name itself and all lower numbers are taken: `x`, `x_2`, `x_3`.
pub(super) fn numbered(name: &str, number: u32) -> String {
    match number {
        1 => name.to_owned(),
        _ => format!("{name}_{number}"),
    }
}
