//! Why a restore cannot go on.

use std::path::PathBuf;

use super::loads::LoadsError;
use super::places::SwapError;
use super::stager::StageError;
use super::volumes::VolumeError;
use super::writes::WriteError;
use crate::bridge::WorkLost;
use crate::engine::EngineError;
use crate::restore::running::StopError;
use crate::restore::unfinished::UnfinishedError;

/// A restore cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum RestoreError {
    /// Content cannot be staged.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// Content cannot change places.
    #[error(transparent)]
    Swap(#[from] SwapError),
    /// A volume cannot be made ready.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// A container cannot be stopped.
    #[error(transparent)]
    Stop(#[from] StopError),
    /// A file beside the dump's own cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The record of the restore cannot be kept.
    #[error(transparent)]
    Record(#[from] UnfinishedError),
    /// The engine does not answer as it should.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The project folder cannot be made.
    #[error("cannot make `{}`", crate::text::path(.folder))]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Exports cannot be loaded.
    #[error(transparent)]
    Loads(#[from] LoadsError),
    /// Blocking work ended by a bug.
    #[error(transparent)]
    Lost(#[from] WorkLost),
    /// A signal came.
    #[error("the restore was interrupted")]
    Interrupted,
}

impl RestoreError {
    /// What a user can do about it; `None` where the text and its causes say all.
    pub(super) fn help(&self) -> Option<&'static str> {
        match self {
            Self::Stage(
                StageError::Content { source, .. } | StageError::NotAdmitted { source, .. },
            ) => source.help(),
            Self::Swap(error) => error.content().help(),
            _ => None,
        }
    }
}
