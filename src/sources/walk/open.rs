//! Opening files that were listed a moment ago, and what it means when that fails.

use std::path::PathBuf;

use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use super::trouble::TroubleKind;

/// Opens a regular file to read it. A fifo or a device that has taken its name cannot block this,
/// nor become the controlling terminal. `name` is empty for a root that is a file.
pub(super) fn open_file(
    dir: BorrowedFd<'_>,
    name: &[u8],
    no_follow: OFlags,
) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    if name.is_empty() {
        let path = PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd()));
        return open_quietly(CWD, path.as_os_str().as_encoded_bytes(), flags);
    }
    open_quietly(dir, name, flags | no_follow)
}

/// Opens without touching the access time, where that is allowed: to the owner and to root.
pub(super) fn open_quietly(dir: impl AsFd, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::CLOEXEC;
    match openat(&dir, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => openat(&dir, name, flags, Mode::empty()),
        other => other,
    }
}

/// What an error on a name that was just listed means.
pub(super) fn gone_or_unreadable(errno: Errno) -> TroubleKind {
    match errno {
        Errno::NOENT => TroubleKind::Vanished,
        // `INVAL` is what `readlink` says of what is no link any more.
        Errno::LOOP | Errno::NOTDIR | Errno::INVAL | Errno::STALE => TroubleKind::Replaced,
        errno => TroubleKind::Unreadable {
            os_error: errno.raw_os_error(),
        },
    }
}
