//! What went wrong with single files, as data. How it is told, and which exit code it makes, is
//! decided elsewhere.

use std::fmt;
use std::io;

use crate::archive::escape;

/// Something about one file that the reader of a dump has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The file's path relative to the root; empty for the root.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: TroubleKind,
}

/// What can be wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubleKind {
    /// It could not be looked at or opened. A directory is in the dump without its content, a file is absent.
    Unreadable {
        /// The system's error number.
        os_error: i32,
    },
    /// It could not be read everywhere: zeros are in place of what could not.
    Broken {
        /// The system's error number, of the first read that failed.
        os_error: i32,
        /// Where in the file that was, in bytes.
        at: u64,
        /// Bytes that are zeros for it.
        bytes: u64,
    },
    /// It is gone since its directory was listed: absent from the dump.
    Vanished,
    /// It became shorter since the scan: filled up with zeros.
    Shrunk {
        /// Bytes of content announced by the scan.
        expected: u64,
        /// Bytes that could be read.
        found: u64,
    },
    /// It became longer since the scan: cut at the length it had.
    Grown {
        /// Length at the scan.
        expected: u64,
        /// Length now.
        found: u64,
    },
    /// Its name belongs to another file since the scan: absent from the dump. A file that was deleted
    /// and made anew may have got the old one's number: then it shrank, grew or was modified.
    Replaced,
    /// It was written to since the scan, without a change of its length: old and new may be mixed.
    Modified,
    /// As [`TroubleKind::Modified`], and it had holes: what was written there is not in the dump.
    HolesModified,
    /// Another name of a file that is absent itself; there was no room left in the announced length
    /// to store the content under this name.
    LinkLost,
    /// A socket: nothing to store.
    Socket,
    /// A directory on another file system: in the dump without its content.
    OtherFileSystem,
    /// A symbolic link to a directory that contains it: stored as the link.
    LinkCycle,
    /// A symbolic link that points nowhere: stored as the link, though links are to be followed.
    DanglingLink,
    /// A folder of [`WalkOptions::never`](super::WalkOptions::never): a link to it or into it is stored
    /// as the link, itself it is in the dump without its content.
    PlaceOfDumps,
    /// Its extended attributes could not be read: stored without them.
    XattrsUnreadable {
        /// The system's error number.
        os_error: i32,
    },
    /// Its extended attributes are longer than a dump takes: stored without them.
    XattrsTooLong {
        /// Their length in bytes, names included.
        bytes: u64,
    },
}

impl TroubleKind {
    /// Whether something that was there to be read is missing or wrong in the dump, or may be: a
    /// file that changed while it was read. The others are notes.
    #[must_use]
    pub fn loses_bytes(&self) -> bool {
        match self {
            Self::Unreadable { .. }
            | Self::Broken { .. }
            | Self::Vanished
            | Self::Shrunk { .. }
            | Self::Grown { .. }
            | Self::Replaced
            | Self::Modified
            | Self::HolesModified
            | Self::LinkLost
            | Self::OtherFileSystem
            | Self::XattrsUnreadable { .. }
            | Self::XattrsTooLong { .. } => true,
            Self::Socket | Self::LinkCycle | Self::DanglingLink | Self::PlaceOfDumps => false,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path: &[u8] = if self.path.is_empty() {
            b"."
        } else {
            &self.path
        };
        write!(f, "`{}` {}", escape::display(path), self.kind)
    }
}

impl fmt::Display for TroubleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { os_error } => {
                write!(
                    f,
                    "cannot be read: {}",
                    io::Error::from_raw_os_error(*os_error)
                )
            }
            Self::Broken {
                os_error,
                at,
                bytes,
            } => {
                let error = io::Error::from_raw_os_error(*os_error);
                write!(
                    f,
                    "cannot be read: {error}; {bytes} bytes of it are zeros, the first at byte {at}"
                )
            }
            Self::Vanished => f.write_str("vanished while it was read"),
            Self::Shrunk { expected, found } => {
                write!(
                    f,
                    "shrank from {expected} to {found} bytes while it was read"
                )
            }
            Self::Grown { expected, found } => {
                write!(f, "grew from {expected} to {found} bytes while it was read")
            }
            Self::Replaced => f.write_str("was replaced by another file while it was read"),
            Self::Modified => f.write_str("was written to while it was read"),
            Self::HolesModified => f.write_str("was written to in its holes while it was read"),
            Self::LinkLost => f.write_str("is a name of a file that could not be read"),
            Self::Socket => f.write_str("is a socket"),
            Self::OtherFileSystem => f.write_str("is on another file system"),
            Self::LinkCycle => f.write_str("links to a directory around it"),
            Self::DanglingLink => f.write_str("links to nothing"),
            Self::PlaceOfDumps => f.write_str("leads to where dumps go, which is never read"),
            Self::XattrsUnreadable { os_error } => {
                let error = io::Error::from_raw_os_error(*os_error);
                write!(f, "has extended attributes that cannot be read: {error}")
            }
            Self::XattrsTooLong { bytes } => {
                write!(
                    f,
                    "has {bytes} bytes of extended attributes, too many to store"
                )
            }
        }
    }
}

/// Troubles of one pass: the first ones in full, all of them counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Troubles {
    kept: Vec<Trouble>,
    count: u64,
    losing_count: u64,
}

impl Troubles {
    /// How many are kept in full, so that a broken disk with millions of files needs no memory.
    pub const KEPT: usize = 1000;

    /// The first [`Troubles::KEPT`] of them, in the order they were met.
    #[must_use]
    pub fn kept(&self) -> &[Trouble] {
        &self.kept
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many of them say [`TroubleKind::loses_bytes`].
    #[must_use]
    pub fn losing_count(&self) -> u64 {
        self.losing_count
    }

    pub(super) fn push(&mut self, path: &[u8], kind: TroubleKind) {
        self.add(Trouble {
            path: path.to_vec(),
            kind,
        });
    }

    pub(super) fn add(&mut self, trouble: Trouble) {
        self.count += 1;
        self.losing_count += u64::from(trouble.kind.loses_bytes());
        if self.kept.len() < Self::KEPT {
            self.kept.push(trouble);
        }
    }
}
