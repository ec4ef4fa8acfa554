//! Commands in the containers of the engine in memory.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use tokio::io::AsyncReadExt;

use super::engine::CHUNK;
use super::script::{FakeCommand, lost, refusal};
use super::{Ending, FakeEngine, State};
use crate::engine::{ContainerState, EngineError, Exec, ExecOutput, ExecSpec, ExecStream};

impl FakeEngine {
    /// Starts what was put in, by the rules of engine 20.10.
    pub(super) fn start(&self, container: &str, spec: &ExecSpec) -> Result<Exec, EngineError> {
        let operation = format!("run a command in container `{container}`");
        let mut state = self.state();
        let found = state.found(container, &operation)?;
        let message = match found.state {
            ContainerState::Running => None,
            ContainerState::Paused => Some(format!(
                "Container {container} is paused, unpause the container before exec"
            )),
            _ => Some(format!("Container {container} is not running")),
        };
        if let Some(message) = message {
            return Err(refusal(&operation, 409, message));
        }
        let program = spec.command.first().cloned().unwrap_or_default();
        let key = (found.id.clone(), program);
        let command = state.commands.get(&key).cloned();
        let command = command.unwrap_or_else(|| FakeCommand {
            stdout: b"OCI runtime exec failed: exec failed: executable file not found in $PATH"
                .to_vec(),
            status: 127,
            ..FakeCommand::default()
        });
        state.started.push(command.status);
        let id = format!("exec-{}", state.started.len() - 1);
        drop(state);
        let (output, input) = if spec.input {
            let (ours, theirs) = tokio::io::duplex(CHUNK);
            let read = tokio::spawn(keep(theirs, Arc::clone(&self.state)));
            let said = stream::once(async move {
                let _ = read.await;
                said(command, operation)
            });
            let input: crate::engine::ExecInput = Box::pin(ours);
            (said.flatten().boxed(), Some(input))
        } else {
            (said(command, operation), None)
        };
        Ok(Exec { id, output, input })
    }
}

/// Reads a standard input to its end and keeps it.
async fn keep(mut input: tokio::io::DuplexStream, state: Arc<Mutex<State>>) {
    let mut bytes = Vec::new();
    let _ = input.read_to_end(&mut bytes).await;
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    state.inputs.push(bytes);
}

/// What a command says, and how its streams end.
fn said(command: FakeCommand, operation: String) -> ExecStream {
    let stderr = (!command.stderr.is_empty()).then(|| ExecOutput::Stderr(command.stderr.into()));
    let stdout = Bytes::from(command.stdout);
    let pieces: Vec<_> = (0..stdout.len())
        .step_by(CHUNK)
        .map(|at| ExecOutput::Stdout(stdout.slice(at..stdout.len().min(at + CHUNK))))
        .collect();
    let said = stream::iter(stderr.into_iter().chain(pieces).map(Ok));
    match command.ending {
        Ending::Clean => said.boxed(),
        Ending::Lost | Ending::Idle => said.chain(stream::iter([Err(lost(operation))])).boxed(),
        Ending::Hang => said.chain(stream::pending()).boxed(),
    }
}
