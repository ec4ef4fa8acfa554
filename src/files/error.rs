//! Why an entry cannot be made as a file.

use std::io;

use rustix::io::Errno;

use crate::archive::escape::display;

/// An entry that cannot be made. Paths are relative to the folder in which the tree grows.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The system refuses to make, write or sync it.
    #[error("cannot write `{}`", display(path))]
    Write {
        /// The entry; empty for the folder itself.
        path: Vec<u8>,
        /// The system's reason.
        source: io::Error,
    },
    /// The system could not confirm that it is on the disk.
    #[error("`{}` may not be on the disk", display(path))]
    Sync {
        /// The entry.
        path: Vec<u8>,
        /// The system's reason.
        source: io::Error,
    },
    /// The file system cannot hold such an entry.
    #[error("the file system cannot hold `{}` ({what})", display(path))]
    Unsupported {
        /// The entry.
        path: Vec<u8>,
        /// Its kind: `a symbolic link`.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// A further name of a folder.
    #[error(
        "`{}` is a further name of `{}`, which is a folder",
        display(path),
        display(target)
    )]
    LinkTarget {
        /// The entry.
        path: Vec<u8>,
        /// What it should be a further name of.
        target: Vec<u8>,
    },
    /// A file has another length than was announced.
    #[error("`{}` has {written} bytes, {announced} were announced", display(path))]
    Length {
        /// The file.
        path: Vec<u8>,
        /// Bytes announced.
        announced: u64,
        /// Bytes written, as far as they were counted.
        written: u64,
    },
    /// A path that is none: absolute, empty, or with a component `.` or `..`.
    #[error("`{}` is no path below a folder", display(path))]
    BadPath {
        /// The path.
        path: Vec<u8>,
    },
    /// The calls came in an order that makes no sense: a bug of the caller.
    #[error("{call} was called out of order")]
    OutOfOrder {
        /// The call.
        call: &'static str,
    },
}

/// Gives a system's error its place.
pub(super) trait At<T> {
    /// The entry that could not be written.
    fn writing(self, path: &[u8]) -> Result<T, FileError>;

    /// The entry that may not be on the disk.
    fn syncing(self, path: &[u8]) -> Result<T, FileError>;
}

impl<T, E: Into<io::Error>> At<T> for Result<T, E> {
    fn writing(self, path: &[u8]) -> Result<T, FileError> {
        self.map_err(|error| FileError::Write {
            path: path.to_vec(),
            source: error.into(),
        })
    }

    fn syncing(self, path: &[u8]) -> Result<T, FileError> {
        self.map_err(|error| FileError::Sync {
            path: path.to_vec(),
            source: error.into(),
        })
    }
}

/// Whether an error says that the file system does not know the operation at all.
pub(crate) fn not_supported(errno: Errno) -> bool {
    [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP, Errno::PERM].contains(&errno)
}
