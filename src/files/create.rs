//! New files and folders that have exactly the mode that they should, under any umask.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, chmodat, fchmod, openat};
use rustix::io::Errno;

/// Makes a new file (0600 under any umask) beneath an open folder.
pub(crate) fn create_file(dir: BorrowedFd<'_>, name: &OsStr) -> io::Result<File> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    let fd = openat(dir, name, flags, mode)?;
    // A umask like 0277 would leave a file that is not 0600. File systems without modes refuse.
    match fchmod(&fd, mode) {
        Err(errno) if errno != Errno::PERM && errno != Errno::OPNOTSUPP => Err(errno.into()),
        _ => Ok(fd.into()),
    }
}

/// Opens a folder just made, whatever the umask made of it, and gives it its mode.
pub(crate) fn open_new_folder(dir: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = match openat(dir, name, flags, Mode::empty()) {
        Err(Errno::ACCESS) => {
            chmodat(dir, name, Mode::RWXU, AtFlags::empty())?;
            openat(dir, name, flags, Mode::empty())?
        }
        other => other?,
    };
    match fchmod(&fd, Mode::RWXU) {
        Err(errno) if errno != Errno::PERM && errno != Errno::OPNOTSUPP => Err(errno),
        _ => Ok(fd),
    }
}
