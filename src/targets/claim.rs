//! How a run that goes on is told from one that was killed: whoever writes under a hidden name holds a
//! lock on it, which the system takes back with the process.

use std::os::fd::BorrowedFd;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// What came of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// Nobody else has it, until every copy of the descriptor is closed.
    Ours,
    /// Somebody else works on it.
    Theirs,
    /// The file system has no locks, so that nobody can tell.
    Unknown,
}

/// Claims an open file or folder, without waiting.
pub(super) fn claim(fd: BorrowedFd<'_>) -> Claim {
    loop {
        match flock(fd, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Claim::Ours,
            Err(Errno::WOULDBLOCK) => return Claim::Theirs,
            Err(Errno::INTR) => {}
            Err(_) => return Claim::Unknown,
        }
    }
}
