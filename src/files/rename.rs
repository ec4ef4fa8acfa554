//! Gives a finished file or folder its name without ever replacing anything.

use std::ffi::OsStr;
use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::fs::{linkat, mkdirat, openat, renameat, renameat_with, unlinkat};
use rustix::io::{Errno, Result};

use super::error::not_supported;

/// What gets a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Folder,
    File,
}

/// A name in an open folder.
pub(crate) type Place<'a> = (BorrowedFd<'a>, &'a OsStr);

/// Renames within a file system.
///
/// # Errors
/// `EEXIST` when `to` is taken; nothing was changed then.
pub(crate) fn rename_new(from: Place<'_>, to: Place<'_>, kind: Kind) -> Result<()> {
    match renameat_with(from.0, from.1, to.0, to.1, RenameFlags::NOREPLACE) {
        Err(errno) if not_supported(errno) => rename_without_flag(from, to, kind),
        other => other,
    }
}

/// The same on file systems without `RENAME_NOREPLACE` (NFS, some in user space).
///
/// A folder: an empty one of that name is made, which only one can do, and renamed over; `rename`
/// replaces a folder only while it is empty. A file: a second hard link, which fails for a taken
/// name. Where there are none either, an empty file of that name is made and renamed over. Killed in
/// between, that leaves an empty folder or file, which is no dump.
fn rename_without_flag(from: Place<'_>, to: Place<'_>, kind: Kind) -> Result<()> {
    let ((from_dir, from), (dir, to)) = (from, to);
    let reserved = match kind {
        Kind::Folder => {
            mkdirat(dir, to, Mode::RWXU)?;
            AtFlags::REMOVEDIR
        }
        Kind::File => {
            match linkat(from_dir, from, dir, to, AtFlags::empty()) {
                Ok(()) => return unlinkat(from_dir, from, AtFlags::empty()),
                Err(Errno::EXIST) => return Err(Errno::EXIST),
                Err(_) => {}
            }
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
            openat(dir, to, flags, Mode::RUSR | Mode::WUSR)?;
            AtFlags::empty()
        }
    };
    renameat(from_dir, from, dir, to).inspect_err(|_| {
        if let Err(errno) = unlinkat(dir, to, reserved) {
            tracing::warn!(name = ?to, %errno, "an empty reservation could not be removed");
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs::{self, File};
    use std::os::fd::AsFd;

    use super::*;

    type Rename = fn(Place<'_>, Place<'_>, Kind) -> Result<()>;
    const BOTH: [Rename; 2] = [rename_new, rename_without_flag];

    #[test]
    fn a_free_name_is_taken_and_a_taken_one_left_alone() {
        for rename in BOTH {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            let dir = File::open(folder.path()).unwrap();
            let rename = |from: &str, to: &str, kind| {
                rename(
                    (dir.as_fd(), from.as_ref()),
                    (dir.as_fd(), to.as_ref()),
                    kind,
                )
            };
            fs::write(at("file"), "new").unwrap();
            fs::create_dir(at("folder")).unwrap();
            fs::write(at("folder/inside"), "new").unwrap();
            fs::write(at("old-file"), "old").unwrap();
            fs::create_dir(at("old-folder")).unwrap();

            assert_eq!(rename("file", "old-file", Kind::File), Err(Errno::EXIST));
            assert_eq!(
                rename("folder", "old-folder", Kind::Folder),
                Err(Errno::EXIST)
            );
            assert_eq!(
                rename("folder", "old-file", Kind::Folder),
                Err(Errno::EXIST)
            );
            assert_eq!(fs::read(at("old-file")).unwrap(), b"old");
            assert_eq!(fs::read_dir(at("old-folder")).unwrap().count(), 0);

            rename("file", "new-file", Kind::File).unwrap();
            rename("folder", "new-folder", Kind::Folder).unwrap();
            assert_eq!(fs::read(at("new-file")).unwrap(), b"new");
            assert_eq!(fs::read(at("new-folder/inside")).unwrap(), b"new");
            assert!(!at("file").exists() && !at("folder").exists());
        }
    }
}
