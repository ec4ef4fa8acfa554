//! What can go wrong with a target, by what can be done about it.

use std::io;
use std::path::PathBuf;

use jiff::SignedDuration;

use crate::archive::manifest::RenderError;
use crate::store::StoreError;

/// A target failed. Each variant names the target as the user knows it (its name in
/// `compose-dump.yml`, or what was given to `-t`) and the path or member concerned.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The folder of dumps, the staging or the spool could not be made.
    #[error("target `{target}`: cannot create `{}`", crate::text::path(path))]
    Create {
        /// The target.
        target: String,
        /// What was to be made.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Something could not be written or read back.
    #[error("target `{target}`: cannot write `{}`", crate::text::path(path))]
    Write {
        /// The target.
        target: String,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The system could not confirm that data is on the disk.
    #[error(
        "target `{target}`: `{}` may not be on the disk",
        crate::text::path(path)
    )]
    Sync {
        /// The target.
        target: String,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The finished dump could not be given its name.
    #[error("target `{target}`: cannot publish `{}`", crate::text::path(path))]
    Publish {
        /// The target.
        target: String,
        /// The name that it was to get.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A dump, or what a killed run has left, cannot be removed.
    #[error("target `{target}`: cannot remove `{}`", crate::text::path(path))]
    Remove {
        /// The target.
        target: String,
        /// What was to go.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// What was removed is still there.
    #[error("target `{target}`: a dump is still there after it was removed")]
    Retained {
        /// The target.
        target: String,
    },
    /// There is something of that very name already. Nothing was changed.
    #[error("target `{target}`: `{}` exists already", crate::text::path(path))]
    Taken {
        /// The target.
        target: String,
        /// The name.
        path: PathBuf,
    },
    /// The folder of dumps is no longer the one that was opened: it was removed, or unmounted.
    #[error(
        "target `{target}`: `{}` was removed or unmounted meanwhile",
        crate::text::path(path)
    )]
    Gone {
        /// The target.
        target: String,
        /// The folder of dumps.
        path: PathBuf,
    },
    /// The file system or the quota is full (`ENOSPC`, `EDQUOT`).
    #[error(
        "target `{target}`: cannot write more to `{}`",
        crate::text::path(folder)
    )]
    DiskFull {
        /// The target.
        target: String,
        /// The folder of dumps.
        folder: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The same where the dump waits before it goes to the target.
    #[error(
        "target `{target}`: no space left to spool in `{}`",
        crate::text::path(folder)
    )]
    SpoolFull {
        /// The target.
        target: String,
        /// The spool folder.
        folder: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Nobody reads what is written to a pipe.
    #[error("target `{target}`: the reading end was closed")]
    BrokenPipe {
        /// The target.
        target: String,
    },
    /// The file system cannot hold such an entry.
    #[error(
        "target `{target}`: the file system cannot hold `{}` ({what})",
        crate::text::path(path)
    )]
    Unsupported {
        /// The target.
        target: String,
        /// The entry.
        path: PathBuf,
        /// Its kind: `a symbolic link`.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// More would have to be spooled than is allowed.
    #[error(
        "target `{target}`: more than {limit} bytes to spool in `{}`",
        crate::text::path(path)
    )]
    SpoolLimit {
        /// The target.
        target: String,
        /// The spool folder.
        path: PathBuf,
        /// What is allowed, in bytes.
        limit: u64,
    },
    /// A member has another length than was announced.
    #[error("target `{target}`: `{member}` has {written} bytes, {announced} were announced")]
    Length {
        /// The target.
        target: String,
        /// Its path in the dump.
        member: String,
        /// Bytes announced.
        announced: u64,
        /// Bytes written, as far as they were counted.
        written: u64,
    },
    /// A path in the dump is not one: absolute, empty, or with a component `.` or `..`.
    #[error("target `{target}`: `{path}` is no path in a dump")]
    BadPath {
        /// The target.
        target: String,
        /// The path.
        path: String,
    },
    /// A dump cannot be called so: empty, hidden, with a slash, or not UTF-8.
    #[error("target `{target}`: `{name}` cannot be the name of a dump")]
    BadName {
        /// The target.
        target: String,
        /// The name.
        name: String,
    },
    /// The calls came in an order that makes no sense: a bug of the caller.
    #[error("target `{target}`: {call} was called out of order")]
    OutOfOrder {
        /// The target.
        target: String,
        /// The call.
        call: &'static str,
    },
    /// The codec cannot be set up.
    #[error("target `{target}`: cannot compress")]
    Codec {
        /// The target.
        target: String,
        /// The codec's reason.
        source: io::Error,
    },
    /// An object store refused something, or was not reached.
    #[error("target `{target}`")]
    Store {
        /// The target.
        target: String,
        /// What the store said.
        source: StoreError,
    },
    /// Whether a store has the manifest that was sent to it cannot be found out.
    #[error("target `{target}`: `{place}` may be there or not")]
    Unclear {
        /// The target.
        target: String,
        /// The manifest's URL.
        place: String,
        /// What the store said last.
        source: StoreError,
    },
    /// The clocks here and at an object store differ.
    #[error("target `{target}`: this machine's clock is {} s {} the store's", ahead.abs().as_secs(), if ahead.is_negative() { "behind" } else { "ahead of" })]
    Clock {
        /// The target.
        target: String,
        /// This machine's time minus the store's.
        ahead: SignedDuration,
    },
    /// The manifest does not fit to what was stored.
    #[error("target `{target}`: cannot make the manifest")]
    Manifest {
        /// The target.
        target: String,
        /// The reason.
        source: RenderError,
    },
}

impl TargetError {
    /// What an object store said.
    pub(super) fn store(target: &str, source: StoreError) -> Self {
        Self::Store {
            target: target.to_owned(),
            source,
        }
    }

    /// Whether the target was only told to stop.
    #[must_use]
    pub const fn is_interruption(&self) -> bool {
        matches!(
            self,
            Self::Store {
                source: StoreError::Interrupted,
                ..
            }
        )
    }

    /// What a user can do about it; `None` where the text and its causes say all.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Create { .. } => {
                Some("check that the folder exists or can be made, and is writable")
            }
            Self::DiskFull { .. } => Some("free space there, or name another folder or a codec"),
            Self::Taken { .. } => Some("an existing dump is never replaced: choose another name"),
            Self::SpoolFull { .. } => Some(
                "let `spool.dir` be on a larger disk, or let services wait: `spool.mode` `never`",
            ),
            Self::SpoolLimit { .. } => {
                Some("raise `spool.limit`, or let `spool.dir` be on a larger disk")
            }
            Self::Unsupported { .. } => {
                Some("an archive (`-x`) holds every kind of file on any file system")
            }
            Self::Gone { .. } => Some("check that the disk is mounted"),
            Self::Store { source, .. } => source.help(),
            Self::Unclear { .. } => Some(
                "look at the target with `compose-dump list`: a dump that is listed there is whole",
            ),
            Self::Clock { .. } => Some("set the clock; dumps are kept and found by their times"),
            Self::Retained { .. } => {
                Some("look for versions or a lock of objects that the bucket keeps")
            }
            Self::Remove { .. } => Some(
                "check that files may be removed there; where nothing may be removed, leave `keep` out",
            ),
            Self::Write { .. }
            | Self::Sync { .. }
            | Self::Publish { .. }
            | Self::BrokenPipe { .. }
            | Self::Length { .. }
            | Self::BadPath { .. }
            | Self::BadName { .. }
            | Self::OutOfOrder { .. }
            | Self::Codec { .. }
            | Self::Manifest { .. } => None,
        }
    }
}
