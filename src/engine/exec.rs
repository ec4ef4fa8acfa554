//! A command in a running container: what to run, the streams of it, and how it ended.
//!
//! The words and the environment may hold passwords: nothing here can be printed.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use tokio::io::AsyncWrite;

use super::EngineError;

/// A command to run in a running container.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ExecSpec {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Variables beside those that the container has.
    pub env: BTreeMap<String, String>,
    /// `user`, `uid`, `user:group`; `None`: the container's.
    pub user: Option<String>,
    /// The working folder; `None`: the container's.
    pub workdir: Option<String>,
    /// Whether it gets a standard input.
    pub input: bool,
}

impl fmt::Debug for ExecSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ExecSpec({} words)", self.command.len())
    }
}

/// What a command says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecOutput {
    /// On its standard output.
    Stdout(Bytes),
    /// On its standard error.
    Stderr(Bytes),
}

/// What a command says, until it has closed both its outputs. The end says nothing of how it ended:
/// see [`Engine::exec_state`](super::Engine::exec_state).
pub type ExecStream = BoxStream<'static, Result<ExecOutput, EngineError>>;

/// A command's standard input. Shutting it down is its end; dropping it may not be.
pub type ExecInput = Pin<Box<dyn AsyncWrite + Send>>;

/// A command that was started. Dropping it closes its standard input and takes nothing more of what it
/// says; it does not end it, because no engine has a request for that.
pub struct Exec {
    /// The engine's id of it.
    pub id: String,
    /// What it says.
    pub output: ExecStream,
    /// Its standard input, if it was to have one.
    pub input: Option<ExecInput>,
}

impl fmt::Debug for Exec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Exec({})", self.id)
    }
}

/// How a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecState {
    /// It runs, or has not begun yet.
    Running,
    /// It has ended with this status: 128 and the number of the signal that ended it; 126 and 127 where
    /// it could not be started.
    Ended(i64),
}
