//! Sets an entry's owner, attributes, mode and time on what was made for it.
//!
//! The order matters: a change of owner clears set-id bits and capabilities, so it comes first; the
//! time comes last. What the file system or the lack of privileges forbids is a [`Loss`], not an error: the index
//! keeps the true values. A disk that fails is an error.

use std::ffi::OsStr;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{
    AtFlags, Gid, Mode, Stat, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags, chmodat, chownat,
    fchmod, fchown, fremovexattr, fsetxattr, fstat, futimens, lsetxattr, utimensat,
};
use rustix::io::{Errno, Result};

use super::losses::{Loss, Losses};
use super::xattrs::{XattrsMissing, read_xattrs};
use crate::archive::entry::{Entry, EntryKind, Mtime, Xattr};

/// Set-user-id and set-group-id: not for a file whose owner is another than it was.
const SET_ID: u32 = 0o6000;

/// What is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Metadata {
    mode: u32,
    uid: u32,
    gid: u32,
    mtime: Mtime,
    xattrs: Vec<Xattr>,
}

impl Metadata {
    pub(crate) fn of(entry: &Entry) -> Self {
        Self {
            mode: entry.mode,
            uid: entry.uid,
            gid: entry.gid,
            mtime: entry.mtime,
            xattrs: entry.xattrs.clone(),
        }
    }

    /// That of an open folder.
    pub(crate) fn of_folder(folder: BorrowedFd<'_>) -> Result<Self> {
        let stat = fstat(folder)?;
        let xattrs = read_xattrs(folder, b"", true).map_err(|missing| match missing {
            XattrsMissing::Unreadable(errno) => errno,
            XattrsMissing::TooLong { .. } => Errno::TOOBIG,
        })?;
        Ok(Self {
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            mtime: mtime_of(&stat),
            xattrs,
        })
    }

    /// Sets it on an open file or folder; `path` is what the losses name.
    ///
    /// # Errors
    /// When the disk fails or a quota is used up.
    pub(crate) fn set(&self, fd: BorrowedFd<'_>, path: &[u8], losses: &mut Losses) -> Result<()> {
        let owned = fchown(
            fd,
            Some(Uid::from_raw(self.uid)),
            Some(Gid::from_raw(self.gid)),
        );
        for xattr in &self.xattrs {
            let set = fsetxattr(fd, &xattr.name[..], &xattr.value, XattrFlags::empty());
            note(set, Loss::Attribute, path, losses)?;
        }
        let mode = self.mode_for(owned);
        note(owned, Loss::Owner, path, losses)?;
        note(fchmod(fd, mode), Loss::Mode, path, losses)?;
        note(futimens(fd, &times(self.mtime)), Loss::Time, path, losses)
    }

    /// Sets it on a folder that was used before: it loses what attributes it has beyond these.
    ///
    /// # Errors
    /// As [`Metadata::set`].
    pub(crate) fn replace(&self, folder: BorrowedFd<'_>, losses: &mut Losses) -> Result<()> {
        for xattr in read_xattrs(folder, b"", true).unwrap_or_default() {
            if self.xattrs.iter().all(|kept| kept.name != xattr.name) {
                // One that the kernel keeps for itself stays.
                let _ = fremovexattr(folder, &xattr.name[..]);
            }
        }
        self.set(folder, b"", losses)
    }

    /// Sets it on a link or special file, which cannot be opened for that.
    ///
    /// # Errors
    /// As [`Metadata::set`].
    pub(crate) fn set_by_name(
        &self,
        (dir, name): (BorrowedFd<'_>, &OsStr),
        kind: &EntryKind,
        path: &[u8],
        losses: &mut Losses,
    ) -> Result<()> {
        let nofollow = AtFlags::SYMLINK_NOFOLLOW;
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        let owned = chownat(dir, name, Some(uid), Some(gid), nofollow);
        for xattr in &self.xattrs {
            // There is no call with a folder and a name.
            let mut at = format!("/proc/self/fd/{}/", dir.as_raw_fd()).into_bytes();
            at.extend_from_slice(name.as_bytes());
            let set = lsetxattr(&at[..], &xattr.name[..], &xattr.value, XattrFlags::empty());
            note(set, Loss::Attribute, path, losses)?;
        }
        let mode = self.mode_for(owned);
        note(owned, Loss::Owner, path, losses)?;
        if !matches!(kind, EntryKind::Symlink { .. }) {
            note(
                chmodat(dir, name, mode, AtFlags::empty()),
                Loss::Mode,
                path,
                losses,
            )?;
        }
        let set = utimensat(dir, name, &times(self.mtime), nofollow);
        note(set, Loss::Time, path, losses)
    }

    fn mode_for(&self, owned: Result<()>) -> Mode {
        let kept = if owned.is_ok() {
            0o7777
        } else {
            0o7777 & !SET_ID
        };
        Mode::from_raw_mode((self.mode & kept) as rustix::fs::RawMode)
    }
}

pub(super) fn note(set: Result<()>, loss: Loss, path: &[u8], losses: &mut Losses) -> Result<()> {
    match set {
        Ok(()) => Ok(()),
        Err(errno @ (Errno::IO | Errno::DQUOT | Errno::STALE | Errno::NOMEM)) => Err(errno),
        // A full disk; an attribute that has no room in its inode or block is told by the same number.
        Err(errno @ Errno::NOSPC) if loss != Loss::Attribute => Err(errno),
        Err(_) => {
            losses.add(loss, path);
            Ok(())
        }
    }
}

/// When a file was changed.
pub(crate) fn mtime_of(stat: &Stat) -> Mtime {
    Mtime {
        secs: stat.st_mtime,
        // Below 1,000,000,000 by definition.
        nanos: stat.st_mtime_nsec.try_into().unwrap_or(0),
    }
}

/// The modification time, and the access time left as it is.
pub(crate) fn times(mtime: Mtime) -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: mtime.secs,
            tv_nsec: mtime.nanos.into(),
        },
    }
}
