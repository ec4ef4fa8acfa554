//! Why content cannot be put in its place.

use std::io;
use std::path::{Path, PathBuf};

use crate::archive::escape::display;
use crate::files::FileError;
use crate::text;

/// New content cannot be staged, put in its place or taken back.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// Something cannot be written.
    #[error("cannot write `{}`", text::path(.path))]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Something that is there cannot be read.
    #[error("cannot read `{}`", text::path(.path))]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file system or the quota is full (`ENOSPC`, `EDQUOT`).
    #[error("no space left for the new content of `{}`", text::path(.folder))]
    DiskFull {
        /// The folder that gets the content.
        folder: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The system could not confirm that data is on the disk.
    #[error("the new content of `{}` may not be on the disk", text::path(.folder))]
    Sync {
        /// The folder that gets the content.
        folder: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file system cannot hold an entry.
    #[error("the file system cannot hold `{}` ({what})", text::path(.path))]
    Unsupported {
        /// The entry.
        path: PathBuf,
        /// Its kind: `a symbolic link`.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// A file or folder cannot change its place.
    #[error("cannot move `{}` to `{}`", text::path(.from), text::path(.to))]
    Move {
        /// Where it is.
        from: PathBuf,
        /// Where it should be.
        to: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Somebody has put something there since it was looked at.
    #[error("`{}` is not what it was when the restore was planned", text::path(.path))]
    Changed {
        /// What is there now.
        path: PathBuf,
    },
    /// What the dump has is of another kind than what is there, which is more than may be replaced.
    #[error("`{}` is {there}, and the dump has {comes} in its place", text::path(.path))]
    OtherKind {
        /// The place.
        path: PathBuf,
        /// What is there.
        there: &'static str,
        /// What the dump has.
        comes: &'static str,
    },
    /// Old content that moved aside is still there after everything should have come back.
    #[error("`{}` had to make room for a restore, and its place is not known any more", text::path(.path))]
    Aside {
        /// Where it is now.
        path: PathBuf,
    },
    /// Somebody else has taken back the attempt.
    #[error("the new content of `{}` was taken back by another process", text::path(.folder))]
    TakenBack {
        /// The folder that was to get it.
        folder: PathBuf,
    },
    /// An entry that no dump of ours has: whoever made it wants to write elsewhere, or twice.
    #[error("refused to write `{}`: {why}", display(.entry))]
    Refused {
        /// The entry's path in its member.
        entry: Vec<u8>,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A device, which are not made unless they are asked for.
    #[error("refused to make `{}`: it is a device", display(.entry))]
    Device {
        /// The entry's path in its member.
        entry: Vec<u8>,
    },
    /// A file with more holes than the engine is given, which writes them as zeros.
    #[error("refused to have the engine write `{}`: its holes would fill a disk with zeros", display(.entry))]
    Holes {
        /// The entry's path in its member.
        entry: Vec<u8>,
    },
    /// The calls came in an order that makes no sense: a bug of the caller.
    #[error("content was written out of order")]
    OutOfOrder,
}

impl ContentError {
    /// What a user can do about it; `None` where the text and its causes say all.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::DiskFull { .. } => Some(
                "the old content is kept until the new one is whole: free as much space as the dump has",
            ),
            Self::Refused { .. } => {
                Some("this program makes no such dump: find out who changed it")
            }
            Self::Device { .. } => {
                Some("give `--devices` if the dump is your own and the service needs it")
            }
            Self::Holes { .. } => {
                Some("restore as root on the engine's machine, where holes stay holes")
            }
            Self::Changed { .. } => {
                Some("look at what is there now and restore again; `--replace` takes its place")
            }
            Self::OtherKind { .. } => Some(
                "move away what is there, and restore again: `--replace` takes the place of like alone",
            ),
            Self::Aside { .. } => Some(
                "nothing is removed: move it back to where it belongs, then run `compose-dump recover`",
            ),
            Self::TakenBack { .. } => {
                Some("let one restore at a time use a state folder, and restore again")
            }
            Self::Move { source, .. } => Some(match source.kind() {
                io::ErrorKind::PermissionDenied => {
                    "something there is immutable (`lsattr`, `chattr -i`), or not yours to move"
                }
                _ => "a mount point inside of the folder cannot be moved",
            }),
            Self::Write { .. }
            | Self::Read { .. }
            | Self::Sync { .. }
            | Self::Unsupported { .. }
            | Self::OutOfOrder => None,
        }
    }

    pub(super) fn write(folder: &Path, path: PathBuf, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull {
                folder: folder.to_owned(),
                source,
            },
            _ => Self::Write { path, source },
        }
    }

    /// The error for an entry that was staged for `folder`.
    pub(super) fn file(folder: &Path, error: FileError) -> Self {
        let at = |path: &[u8]| super::place::join(folder, path);
        let refused = |entry, why| Self::Refused { entry, why };
        match error {
            FileError::Write { path, source } => match source.raw_os_error() {
                Some(errno) if errno == rustix::io::Errno::EXIST.raw_os_error() => {
                    refused(path, "it is there twice")
                }
                Some(errno)
                    if errno == rustix::io::Errno::NOTDIR.raw_os_error()
                        || errno == rustix::io::Errno::LOOP.raw_os_error() =>
                {
                    refused(path, "it lies behind something that is no folder")
                }
                _ => Self::write(folder, at(&path), source),
            },
            FileError::Sync { source, .. } => Self::Sync {
                folder: folder.to_owned(),
                source,
            },
            FileError::Unsupported { path, what, source } => Self::Unsupported {
                path: at(&path),
                what,
                source,
            },
            FileError::LinkTarget { path, .. } => refused(path, "it is a further name of a folder"),
            FileError::BadPath { path } => refused(path, "it leads elsewhere"),
            FileError::Length { path, .. } => refused(path, "it has another length than it says"),
            FileError::OutOfOrder { .. } => Self::OutOfOrder,
        }
    }
}
