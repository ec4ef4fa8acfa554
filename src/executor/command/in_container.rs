//! A command in a service's container, through the engine.
//!
//! No engine has a request that ends such a command. So each gets a mark in its environment, and what
//! has to end is found by it and told so through a second command, by the container's own shell. In a
//! container without a shell, `tr` and `grep` it cannot be told; it loses its input and output.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::CommandError;
use super::tail::Tail;
use crate::engine::{
    Container, ContainerState, Engine, EngineError, ExecInput, ExecOutput, ExecSpec, ExecState,
    ExecStream,
};
use crate::executor::draft::random_id;
use crate::executor::event::chain;
use crate::plan::model::ContainerCommand;

/// The variable that marks a command and what it starts.
const MARK: &str = "COMPOSE_DUMP_COMMAND";

/// Ends the processes that bear the mark `$1` with the signal `$2`.
const END: &str = r#"for file in /proc/[0-9]*/environ; do
    if tr '\0' '\n' 2>/dev/null <"$file" | grep -q -F -x -e "$1"; then
        file=${file#/proc/}; kill -s "$2" "${file%/environ}" 2>/dev/null
    fi
done; true"#;

/// How long a command may take to end after each signal.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// How often it is looked at meanwhile.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// How long a command that has closed its outputs may take to end.
const CLOSED_ENDS_WITHIN: Duration = Duration::from_secs(60);

/// Bytes of standard output that may be what a runtime says of a program that is not there.
const COMPLAINT_BYTES: u64 = 4096;

/// What a command's standard output gives.
pub(in crate::executor) enum Piece {
    /// Content.
    Data(Bytes),
    /// All of it was given: the command has ended, and well.
    End,
}

/// A command that was started.
pub(in crate::executor) struct InContainer {
    watched: Watched,
    output: ExecStream,
    input: Option<ExecInput>,
    ends: Instant,
    after: Duration,
    stderr: Tail,
    stdout: Tail,
    bytes: u64,
    hears_all: bool,
}

/// What it takes to end a command. Cheap to clone.
#[derive(Clone)]
pub(in crate::executor) struct Watched {
    engine: Arc<dyn Engine>,
    exec: String,
    container: String,
    name: String,
    user: Option<String>,
    mark: String,
    ended: Arc<AtomicBool>,
}

/// The container of a service in which its commands run: of those that run, the one with the lowest
/// number.
///
/// # Errors
/// When none runs, or the engine does not answer.
pub(in crate::executor) async fn first_running(
    engine: &dyn Engine,
    project: &str,
    service: &str,
) -> Result<Container, CommandError> {
    let listed = engine.project_containers(project).await;
    let containers = listed.map_err(|source| CommandError::Start {
        container: service.to_owned(),
        source,
    })?;
    let runs = |container: &Container| {
        container.service.as_deref() == Some(service)
            && !container.oneoff
            && container.state == ContainerState::Running
    };
    let running = containers.into_iter().filter(runs);
    running
        .min_by_key(|container| container.number)
        .ok_or_else(|| CommandError::NotRunning {
            service: service.to_owned(),
        })
}

impl InContainer {
    /// Starts a command; with `input` it gets a standard input.
    ///
    /// # Errors
    /// When the engine does not start it.
    pub(in crate::executor) async fn start(
        engine: &Arc<dyn Engine>,
        container: &Container,
        command: &ContainerCommand,
        input: bool,
    ) -> Result<Self, CommandError> {
        let mark = random_id();
        let mut env = command.env.0.clone();
        env.insert(MARK.to_owned(), mark.clone());
        let spec = ExecSpec {
            command: command.words.0.clone(),
            env,
            user: command.user.clone(),
            workdir: command.workdir.clone(),
            input,
        };
        let started = engine.exec(&container.id, &spec).await;
        let exec = started.map_err(|source| CommandError::Start {
            container: container.name.clone(),
            source,
        })?;
        Ok(Self {
            watched: Watched {
                engine: Arc::clone(engine),
                exec: exec.id,
                container: container.id.clone(),
                name: container.name.clone(),
                user: command.user.clone(),
                mark: format!("{MARK}={mark}"),
                ended: Arc::default(),
            },
            output: exec.output,
            input: exec.input,
            ends: Instant::now() + command.timeout,
            after: command.timeout,
            stderr: Tail::default(),
            stdout: Tail::default(),
            bytes: 0,
            hears_all: false,
        })
    }

    /// Takes its standard output for words as well: they go to the log and into errors.
    pub(in crate::executor) fn hearing_all(self) -> Self {
        Self {
            hears_all: true,
            ..self
        }
    }

    /// What ends it, should it have to end.
    pub(in crate::executor) fn watched(&self) -> Watched {
        self.watched.clone()
    }

    /// Its standard input, once.
    pub(in crate::executor) fn take_input(&mut self) -> Option<ExecInput> {
        self.input.take()
    }

    /// Its standard output, which ends with [`Piece::End`] or an error.
    pub(in crate::executor) fn pieces(self) -> BoxStream<'static, Result<Piece, CommandError>> {
        let next = |running: Option<Self>| async move {
            let mut running = running?;
            match running.next().await {
                Ok(Some(data)) => Some((Ok(Piece::Data(data)), Some(running))),
                Ok(None) => Some((Ok(Piece::End), None)),
                Err(error) => Some((Err(error), None)),
            }
        };
        stream::unfold(Some(self), next).boxed()
    }

    /// The next of its standard output; `None` once it has ended well.
    async fn next(&mut self) -> Result<Option<Bytes>, CommandError> {
        loop {
            let said = timeout_at(self.ends, self.output.next()).await;
            match said.map_err(|_| self.timed_out())? {
                Some(Ok(ExecOutput::Stdout(data))) => {
                    self.bytes += data.len() as u64;
                    if self.hears_all {
                        for line in self.stdout.push(&data) {
                            tracing::info!(container = self.watched.name, "{line}");
                        }
                    } else if self.bytes < COMPLAINT_BYTES {
                        self.stdout.push(&data);
                    }
                    return Ok(Some(data));
                }
                Some(Ok(ExecOutput::Stderr(data))) => {
                    for line in self.stderr.push(&data) {
                        tracing::info!(container = self.watched.name, "{line}");
                    }
                }
                Some(Err(source)) => return Err(self.lost(source)),
                None => return self.judged().await.map(|()| None),
            }
        }
    }

    /// How it ended, once it has closed its outputs.
    async fn judged(&mut self) -> Result<(), CommandError> {
        let patience = self.ends.max(Instant::now() + CLOSED_ENDS_WITHIN);
        let ended = timeout_at(patience, self.watched.status()).await;
        let status = ended
            .map_err(|_| self.timed_out())?
            .map_err(|source| self.lost(source))?;
        if status == 0 {
            return Ok(());
        }
        let mut said = self.stderr.text();
        if said.is_empty() && (self.hears_all || matches!(status, 126 | 127)) {
            said = self.stdout.text();
        }
        Err(CommandError::Status {
            place: self.watched.name.clone(),
            status,
            said,
        })
    }

    fn timed_out(&self) -> CommandError {
        CommandError::TimedOut {
            place: self.watched.name.clone(),
            after: self.after,
            said: self.stderr.text(),
        }
    }

    fn lost(&self, source: EngineError) -> CommandError {
        CommandError::Lost {
            container: self.watched.name.clone(),
            said: self.stderr.text(),
            source,
        }
    }
}

impl Watched {
    /// Its exit status, as soon as it has one.
    async fn status(&self) -> Result<i64, EngineError> {
        loop {
            if let ExecState::Ended(status) = self.engine.exec_state(&self.exec).await? {
                self.ended.store(true, Ordering::Relaxed);
                return Ok(status);
            }
            sleep(LOOK_AGAIN_AFTER).await;
        }
    }

    /// Has the command end, unless it has ended: it is asked to, and then made to.
    pub(in crate::executor) async fn end(&self) {
        if self.ended.load(Ordering::Relaxed) {
            return;
        }
        for signal in ["TERM", "KILL"] {
            if let Err(error) = timeout(ENDS_WITHIN, self.tell(signal))
                .await
                .unwrap_or(Ok(()))
            {
                tracing::info!(error = chain(&error), "a command cannot be told to end");
            }
            if timeout(ENDS_WITHIN, self.status()).await.is_ok() {
                return;
            }
        }
        tracing::warn!(
            "a command in `{}` may still run: it cannot be told to end",
            self.name
        );
    }

    async fn tell(&self, signal: &str) -> Result<(), EngineError> {
        let words = ["sh", "-c", END, "sh", &self.mark, signal];
        let spec = ExecSpec {
            command: words.map(str::to_owned).to_vec(),
            user: self.user.clone(),
            ..ExecSpec::default()
        };
        let mut told = self.engine.exec(&self.container, &spec).await?;
        while told.output.next().await.is_some() {}
        Ok(())
    }
}
