//! Where a dump goes: what each target is, and what waits in the spool folder on the way to it.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::in_text;
use crate::codecs::Compression;
use crate::config::dump_name::DumpName;
use crate::config::job_file::model::TargetFormat;
use crate::retention::Policy;
use crate::store::{StoreOptions, StoreUrl};

/// A place where the dump goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetPlan {
    /// How reports call it: as it was given.
    pub name: String,
    /// What it is and where.
    #[serde(flatten)]
    pub kind: TargetKind,
    /// Compression of members (folder) or of the whole (archive).
    pub compression: Compression,
    /// What is written to the spool folder first.
    pub spool: SpoolPlan,
    /// Memory that the codec may take, in bytes.
    pub codec_memory: u64,
    /// Free bytes on the target's file system, where it has one.
    pub free: Option<u64>,
    /// Whether it is a folder that does not exist yet.
    pub will_be_created: bool,
    /// Whether the run fails with it.
    pub required: bool,
    /// Which dumps stay there after a complete run; `None`: all.
    pub keep: Option<Policy>,
}

/// What a target is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum TargetKind {
    /// A folder of dumps, each a tree.
    Folder {
        /// The folder.
        #[serde(serialize_with = "in_text::path")]
        path: PathBuf,
        /// The names of dumps, as far as they are the same in every run.
        dump_name: DumpName,
    },
    /// A folder of dumps, each an archive.
    Archives {
        /// The folder.
        #[serde(serialize_with = "in_text::path")]
        path: PathBuf,
        /// The names of dumps, as far as they are the same in every run.
        dump_name: DumpName,
    },
    /// Exactly one archive.
    Archive {
        /// The file.
        #[serde(serialize_with = "in_text::path")]
        path: PathBuf,
    },
    /// A prefix in an object store.
    Store {
        /// The prefix.
        #[serde(serialize_with = "in_text::url")]
        url: StoreUrl,
        /// What a dump looks like there.
        format: TargetFormat,
        /// The names of dumps, as far as they are the same in every run.
        dump_name: DumpName,
        /// How the store is reached; nothing of it is shown.
        #[serde(skip)]
        options: Box<StoreOptions>,
    },
    /// Standard output, as an archive.
    Stdout,
}

impl TargetKind {
    /// Whether the dump is one stream: an archive, in which one member comes after the other.
    #[must_use]
    pub const fn is_one_stream(&self) -> bool {
        match self {
            Self::Folder { .. } => false,
            Self::Store { format, .. } => matches!(format, TargetFormat::Archive),
            Self::Archives { .. } | Self::Archive { .. } | Self::Stdout => true,
        }
    }

    /// Whether the dump is one file of ours, which can be written to at any place of it.
    #[must_use]
    pub const fn is_archive_file(&self) -> bool {
        match self {
            Self::Archives { .. } | Self::Archive { .. } => true,
            Self::Folder { .. } | Self::Store { .. } | Self::Stdout => false,
        }
    }

    /// The folder in which dumps appear, where there is one.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder { path, .. } | Self::Archives { path, .. } => Some(path),
            Self::Archive { path } => path.parent(),
            Self::Store { .. } | Self::Stdout => None,
        }
    }
}

/// What a target writes to the spool folder before it goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpoolPlan {
    /// How much.
    pub what: SpoolWhat,
    /// Why.
    pub why: Option<String>,
    /// The folder of temporary files.
    #[serde(serialize_with = "in_text::path")]
    pub dir: PathBuf,
    /// Free bytes there.
    pub free: Option<u64>,
    /// The most bytes that may be spooled.
    pub limit: Option<u64>,
}

/// Which part of a dump is spooled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpoolWhat {
    /// Nothing.
    Nothing,
    /// Members whose size is not known before their first byte.
    UnknownSize,
    /// Volumes that are read beside another one, and members of unknown size.
    Beside,
    /// Everything that is read while services are held.
    WhileHeld,
}
