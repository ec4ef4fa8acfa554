//! What a test can ask of the engine in memory, and what it can look at afterwards.

use std::time::Duration;

use crate::engine::{EngineError, HelperMount};

/// A request that changes something or transfers content, as [`FakeEngine::calls`] lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// [`Engine::pause`] of a container's id, whatever came of it.
    Pause(String),
    /// [`Engine::unpause`] of a container's id, whatever came of it.
    Unpause(String),
    /// [`Engine::stop`] of a container's id, whatever came of it.
    Stop(String),
    /// [`Engine::start`] of a container's id, whatever came of it.
    Start(String),
    /// [`Engine::remove_container`] of a container's id.
    RemoveContainer(String),
    /// [`Engine::create_volume`] of that name.
    CreateVolume(String),
    /// [`Engine::remove_volume`] of that name.
    RemoveVolume(String),
    /// [`Engine::write_archive`].
    WriteArchive {
        /// The container's id.
        container: String,
        /// The path in it.
        path: String,
    },
    /// [`Engine::create_helper`].
    CreateHelper(HelperMount),
    /// [`Engine::remove_helper`] of a helper's id.
    RemoveHelper(String),
    /// [`Engine::read_archive`].
    ReadArchive {
        /// The container's id.
        container: String,
        /// The path in it.
        path: String,
    },
    /// [`Engine::exec`].
    Exec {
        /// The container's id.
        container: String,
        /// The program and its arguments.
        command: Vec<String>,
    },
}

/// What a command in a container does, as [`FakeEngine::put_command`] says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FakeCommand {
    /// What it writes to its standard output.
    pub stdout: Vec<u8>,
    /// What it writes to its standard error before that.
    pub stderr: Vec<u8>,
    /// How its streams end.
    pub ending: Ending,
    /// Its exit status.
    pub status: i64,
}

/// The methods that [`FakeEngine::fail`] can let fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is named like its method of `Engine`")]
pub enum Method {
    ProjectContainers,
    ProjectVolumes,
    Volume,
    VolumeUsers,
    Container,
    Image,
    Pause,
    Unpause,
    Stop,
    Start,
    RemoveContainer,
    CreateVolume,
    RemoveVolume,
    WriteArchive,
    Clock,
    StateChanges,
    CreateHelper,
    RemoveHelper,
    Helpers,
    ReadArchive,
    Exec,
    ExecState,
}

/// How a call fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The engine refuses with this status and message.
    Refuse(u16, String),
    /// The freezer fails, as runc says it (500, "unable to freeze").
    Freeze,
    /// No answer in time.
    Timeout,
    /// The connection breaks.
    Lost,
    /// The call never returns; only dropping it ends it.
    Hang,
}

/// How a faked archive ends once its bytes are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ending {
    /// Cleanly. With cut bytes this is what an engine does that could not read a file.
    #[default]
    Clean,
    /// The connection breaks.
    Lost,
    /// The idle time passes.
    Idle,
    /// Nothing comes any more, for ever.
    Hang,
}

impl Fault {
    /// The error that it gives; [`Fault::Hang`], which gives none, counts as a timeout.
    pub(super) fn error(self, operation: String) -> EngineError {
        match self {
            Self::Refuse(status, message) => EngineError::Api {
                operation,
                status,
                message,
            },
            Self::Freeze => {
                let message = "OCI runtime pause failed: unable to freeze".to_owned();
                EngineError::Api {
                    operation,
                    status: 500,
                    message,
                }
            }
            Self::Timeout | Self::Hang => EngineError::Timeout {
                operation,
                after: Duration::from_secs(60),
            },
            Self::Lost => lost(operation),
        }
    }
}

pub(super) fn refusal(operation: &str, status: u16, message: String) -> EngineError {
    EngineError::Api {
        operation: operation.to_owned(),
        status,
        message,
    }
}

pub(super) fn lost(operation: String) -> EngineError {
    let source = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    EngineError::Lost {
        operation,
        source: Box::new(source),
    }
}
