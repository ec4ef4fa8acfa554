//! Where members go, and what one pass over a dump makes of them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::restore::content::{StageOptions, StagedFiles, StagedFolder, Token, VolumeUpload};
use crate::restore::event::Reporter;
use crate::restore::report::MemberRow;

/// Where a member goes.
pub(super) enum Goes {
    /// Among the other files of the project folder.
    Among,
    /// To a path in the project folder: a folder that it fills as a whole, or a single file.
    Mounted {
        /// Relative to the project folder.
        path: Vec<u8>,
        /// What in it is not its own, relative to it.
        carried: Vec<Vec<u8>>,
    },
    /// To a volume whose folder this is.
    Folder(PathBuf),
    /// To the volume of that name, through the engine.
    Engine {
        /// The engine's name of it.
        name: String,
        /// What sends its content.
        upload: Box<VolumeUpload>,
    },
}

impl Goes {
    /// Whether it is put into the project folder.
    pub(super) fn is_in_project(&self) -> bool {
        match self {
            Self::Among | Self::Mounted { .. } => true,
            Self::Folder(_) | Self::Engine { .. } => false,
        }
    }
}

/// What a pass works with.
pub(super) struct PassOptions {
    /// The project folder.
    pub(super) folder: PathBuf,
    pub(super) token: Token,
    /// Whether files may take the place of others that differ.
    pub(super) replaces: bool,
    /// The members whose folders have to be empty when their content changes places.
    pub(super) to_empty: BTreeSet<String>,
    pub(super) stage: StageOptions,
    pub(super) cancel: CancellationToken,
    pub(super) reporter: Arc<dyn Reporter>,
}

/// Content of a member that is staged.
pub(super) struct Ready {
    pub(super) member: String,
    pub(super) entries: u64,
    pub(super) bytes: u64,
    /// Where it goes, for the eye.
    pub(super) place: String,
    pub(super) warnings: Vec<String>,
}

impl From<Ready> for MemberRow {
    fn from(ready: Ready) -> Self {
        Self {
            member: ready.member,
            place: ready.place,
            entries: ready.entries,
            bytes: ready.bytes,
            warnings: ready.warnings,
        }
    }
}

/// Everything that one pass has staged. Dropped, it leaves everything as it was.
#[derive(Default)]
pub(super) struct Staged {
    /// Those files that go among others.
    pub(super) files: Option<StagedFiles>,
    /// Folders as a whole, with what in them is not their own; outer ones before those in them.
    pub(super) folders: Vec<(StagedFolder, Vec<Vec<u8>>)>,
    /// One row for each member.
    pub(super) rows: Vec<Ready>,
}
