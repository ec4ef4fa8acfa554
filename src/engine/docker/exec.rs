//! Commands in containers: two requests to start one, of which the second becomes its streams.

use std::time::Duration;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use futures_util::{StreamExt, TryStreamExt, future};

use super::connect::bounded;
use super::fault::failed;
use super::requests::segment;
use crate::engine::{EngineError, Exec, ExecOutput, ExecSpec, ExecState};

/// Length in bytes of the largest piece in which output comes.
const PIECE_BYTES: usize = 256 * 1024;

/// Starts a command. `patience` is for each of the requests, not for what the command does.
pub(super) async fn start(
    client: &Docker,
    container: &str,
    spec: &ExecSpec,
    patience: Duration,
) -> Result<Exec, EngineError> {
    let operation = format!("run a command in container `{container}`");
    let segment = segment(container);
    let created = client.create_exec(&segment, config(spec));
    let id = bounded(&operation, patience, created).await?.id;
    let options = StartExecOptions {
        output_capacity: Some(PIECE_BYTES),
        ..StartExecOptions::default()
    };
    let started = client.start_exec(&id, Some(options));
    match bounded(&operation, patience, started).await? {
        StartExecResults::Attached { output, input } => Ok(Exec {
            id,
            output: output
                .map_err(move |error| failed(&operation, patience, error))
                .try_filter_map(|said| future::ready(Ok(output_of(said))))
                .boxed(),
            input: spec.input.then_some(input),
        }),
        StartExecResults::Detached => Err(EngineError::Garbled { operation }),
    }
}

/// How a command is.
pub(super) async fn state(
    client: &Docker,
    id: &str,
    patience: Duration,
) -> Result<ExecState, EngineError> {
    let operation = "say how a command ended";
    let found = bounded(operation, patience, client.inspect_exec(&segment(id))).await?;
    match (found.running, found.exit_code) {
        (Some(false), Some(status)) => Ok(ExecState::Ended(status)),
        (Some(true), _) | (Some(false), None) => Ok(ExecState::Running),
        (None, _) => Err(EngineError::Garbled {
            operation: operation.to_owned(),
        }),
    }
}

fn config(spec: &ExecSpec) -> ExecConfig {
    let env = spec
        .env
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    ExecConfig {
        attach_stdin: Some(spec.input),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(false),
        cmd: Some(spec.command.clone()),
        env: Some(env.collect()),
        user: spec.user.clone(),
        working_dir: spec.workdir.clone(),
        ..ExecConfig::default()
    }
}

fn output_of(said: LogOutput) -> Option<ExecOutput> {
    match said {
        LogOutput::StdOut { message } => Some(ExecOutput::Stdout(message)),
        LogOutput::StdErr { message } => Some(ExecOutput::Stderr(message)),
        // Without a terminal there is no console, and nothing is said on an input.
        LogOutput::StdIn { .. } | LogOutput::Console { .. } => None,
    }
}
