//! What keeps a command from doing what it was asked, whatever layer it comes from.

use std::path::PathBuf;

use crate::cli::lookup::NotInTargets;
use crate::compose::LoadError;
use crate::diagnostic::Finding;
use crate::engine::EngineError;
use crate::engine::endpoint::EndpointError;
use crate::executor::JournalError;
use crate::exit::Exit;
use crate::init::WriteError;
use crate::restore::{DrillError, ExtractionError, LookError, SettleError};
use crate::state::StateError;
use crate::state::lock::LockError;
use crate::stored::{ContentsError, OpenError};

/// A command cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// Options, settings or the project have to be changed first.
    #[error("{}", crate::text::count(.0.len() as u64, "finding"))]
    Findings(Vec<Finding>),
    /// The project cannot be loaded.
    #[error(transparent)]
    Project(#[from] LoadError),
    /// It is not known where the engine is.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The engine does not answer as it should.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The working folder is not known.
    #[error("cannot find the working folder")]
    WorkingFolder(#[source] std::io::Error),
    /// The runtime cannot be started.
    #[error("cannot start")]
    Start(#[source] std::io::Error),
    /// Temporary files cannot be made, which is found before anything is touched.
    #[error("cannot make temporary files in `{}`", crate::text::path(.dir))]
    Spool {
        /// The folder.
        dir: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A first job file cannot be written.
    #[error(transparent)]
    Init(#[from] WriteError),
    /// A dump cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// No target of the file holds the dump.
    #[error(transparent)]
    NotInTargets(NotInTargets),
    /// The entries of a member cannot be listed.
    #[error(transparent)]
    Contents(#[from] ContentsError),
    /// Another run of the project is under way.
    #[error("another run of {project} is under way ({who})")]
    Locked {
        /// The project id.
        project: String,
        /// What the run says of itself.
        who: String,
    },
    /// A signal came before anything was touched.
    #[error("interrupted before anything was touched")]
    Interrupted(Exit),
    /// There is no place for locks and journals.
    #[error(transparent)]
    State(#[from] StateError),
    /// It cannot be said whether another run is under way.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It cannot be seen what a restore would do.
    #[error(transparent)]
    Look(LookError),
    /// A dump is not what was stored, so that what it says is not to be believed.
    #[error("the dump does not hold what was stored: {0}")]
    Damaged(String),
    /// What a restore that was cut off has left cannot be settled.
    #[error(transparent)]
    Settle(#[from] SettleError),
    /// Paths cannot be taken out of a dump.
    #[error(transparent)]
    Extraction(ExtractionError),
    /// A drill cannot go on.
    #[error("the drill did not come to its end")]
    Drill {
        /// Why not.
        #[source]
        error: DrillError,
        /// The exit code for a signal that came.
        signal: Option<Exit>,
    },
    /// The result of a drill cannot be written beside the dump.
    #[error("cannot write `{}`", crate::text::path(.path))]
    Record {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A result cannot be written.
    #[error("cannot write the result to standard output")]
    Print(#[source] std::io::Error),
}

impl From<Vec<Finding>> for CommandError {
    fn from(findings: Vec<Finding>) -> Self {
        Self::Findings(findings)
    }
}

impl From<LookError> for CommandError {
    fn from(error: LookError) -> Self {
        match error {
            LookError::Findings(findings) => Self::Findings(findings),
            other => Self::Look(other),
        }
    }
}

impl From<ExtractionError> for CommandError {
    fn from(error: ExtractionError) -> Self {
        match error {
            ExtractionError::Findings(findings) => Self::Findings(findings),
            other => Self::Extraction(other),
        }
    }
}

impl From<Finding> for CommandError {
    fn from(finding: Finding) -> Self {
        Self::Findings(vec![finding])
    }
}
