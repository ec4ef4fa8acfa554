//! Hooks: pairs of commands around a dump. `after` runs if and only if its `before` was started, in
//! reverse order, whatever came in between.

use std::sync::Arc;

use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use super::command::{CommandError, InContainer, OnHost, first_running};
use super::event::{Event, Reporter, chain};
use super::journal::{HookIntent, Journal, JournalError, Record};
use crate::engine::Engine;
use crate::plan::model::{ContainerCommand, HookCommand, HookPlan};

/// A hook did not do what it was to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum HookError {
    /// The command failed.
    #[error("the hook {hook} failed")]
    Failed {
        /// Which one it is.
        hook: String,
        /// Why.
        source: CommandError,
    },
    /// It cannot be written down that its `after` is due.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// There is nowhere to run it.
    #[error("the hook {hook} needs an engine, and none answers")]
    NoEngine {
        /// Which one it is.
        hook: String,
    },
    /// The run was cancelled meanwhile.
    #[error("cancelled while the hook {hook} ran")]
    Cancelled {
        /// Which one it is.
        hook: String,
    },
}

impl HookError {
    /// Whether the engine did not answer, so that nobody knows of the command.
    fn is_out_of_reach(&self) -> bool {
        let Self::Failed { source, .. } = self else {
            return false;
        };
        matches!(source, CommandError::Start { source, .. } if source.is_transient())
    }
}

/// The hooks of a run.
pub(super) struct Hooks<'a> {
    pub(super) hooks: &'a [HookPlan],
    pub(super) project: &'a str,
    pub(super) engine: Option<&'a Arc<dyn Engine>>,
    pub(super) reporter: &'a dyn Reporter,
    /// Where it is written that an `after` is due, before its `before` is started.
    pub(super) journal: Option<Journal>,
}

impl Hooks<'_> {
    /// Runs what comes before, in order. Gives how many pairs were begun, the one that failed included.
    pub(super) async fn before(
        &self,
        cancel: &CancellationToken,
    ) -> (usize, Result<(), HookError>) {
        for (index, hook) in self.hooks.iter().enumerate() {
            if cancel.is_cancelled() {
                let hook = hook.label("before");
                return (index, Err(HookError::Cancelled { hook }));
            }
            if let Err(error) = self.begin(index, hook).await {
                return (index, Err(error));
            }
            let Some(command) = &hook.before else {
                continue;
            };
            if let Err(error) = self.run(hook.label("before"), command, Some(cancel)).await {
                return (index + 1, Err(error));
            }
        }
        (self.hooks.len(), Ok(()))
    }

    /// Runs what comes after the first `begun` pairs, in reverse order, all of them whatever fails. Gives
    /// what failed.
    pub(super) async fn after(&self, begun: usize) -> Vec<String> {
        let mut failed = Vec::new();
        for (index, hook) in self.hooks.iter().enumerate().take(begun).rev() {
            let Some(command) = &hook.after else {
                continue;
            };
            let ran = self.run(hook.label("after"), command, None).await;
            // One that fails is told, and is for a person; only one that nobody could start is still due.
            if !ran.as_ref().is_err_and(HookError::is_out_of_reach) {
                self.done(index).await;
            }
            match ran {
                Ok(()) => {}
                Err(error) => {
                    let error = chain(&error);
                    self.reporter.report(Event::HookFailed {
                        error: error.clone(),
                    });
                    failed.push(error);
                }
            }
        }
        failed
    }

    /// Writes down that an `after` is due from now on.
    async fn begin(&self, index: usize, hook: &HookPlan) -> Result<(), HookError> {
        let (Some(journal), Some(after)) = (&self.journal, &hook.after) else {
            return Ok(());
        };
        let intent = HookIntent::new(index, hook.label("after"), self.project, after);
        Ok(journal.write(Record::Hook { hook: intent }).await?)
    }

    async fn done(&self, index: usize) {
        let Some(journal) = &self.journal else {
            return;
        };
        if let Err(error) = journal.write(Record::HookDone { index }).await {
            tracing::warn!(
                error = chain(&error),
                "the journal does not say that a hook ran"
            );
        }
    }

    /// Runs one command to its end.
    async fn run(
        &self,
        hook: String,
        command: &HookCommand,
        cancel: Option<&CancellationToken>,
    ) -> Result<(), HookError> {
        self.reporter
            .report(Event::HookStarted { hook: hook.clone() });
        run(&hook, command, (self.engine, self.project), cancel).await
    }
}

/// Runs one hook to its end, or until the run is cancelled.
pub(super) async fn run(
    hook: &str,
    command: &HookCommand,
    (engine, project): (Option<&Arc<dyn Engine>>, &str),
    cancel: Option<&CancellationToken>,
) -> Result<(), HookError> {
    let never = CancellationToken::new();
    let cancel = cancel.unwrap_or(&never);
    let ended = match command {
        HookCommand::Service { service, command } => {
            let Some(engine) = engine else {
                return Err(HookError::NoEngine {
                    hook: hook.to_owned(),
                });
            };
            in_service(engine, (project, service), command, cancel).await
        }
        HookCommand::Host(command) => match OnHost::start(command) {
            Ok(mut running) => {
                let ended = cancel.run_until_cancelled(running.ended()).await;
                if ended.is_none() {
                    running.end().await;
                }
                ended
            }
            Err(error) => Some(Err(error)),
        },
    };
    let hook = hook.to_owned();
    match ended {
        Some(Ok(())) => Ok(()),
        Some(Err(source)) => Err(HookError::Failed { hook, source }),
        None => Err(HookError::Cancelled { hook }),
    }
}

async fn in_service(
    engine: &Arc<dyn Engine>,
    (project, service): (&str, &str),
    command: &ContainerCommand,
    cancel: &CancellationToken,
) -> Option<Result<(), CommandError>> {
    let started = async {
        let container = first_running(&**engine, project, service).await?;
        InContainer::start(engine, &container, command, false).await
    };
    let running = match started.await {
        Ok(running) => running.hearing_all(),
        Err(error) => return Some(Err(error)),
    };
    let watched = running.watched();
    let hearing = async {
        let mut pieces = running.pieces();
        while let Some(piece) = pieces.next().await {
            piece?;
        }
        Ok(())
    };
    let ended = cancel.run_until_cancelled(hearing).await;
    watched.end().await;
    ended
}

/// Runs what a run that is over has left due, in reverse order. Gives what failed.
pub(super) async fn run_due(
    engine: &Arc<dyn Engine>,
    reporter: &dyn Reporter,
    due: &[HookIntent],
) -> Vec<String> {
    let mut failed = Vec::new();
    for hook in due.iter().rev() {
        reporter.report(Event::HookStarted {
            hook: hook.label.clone(),
        });
        let place = (Some(engine), &*hook.project);
        if let Err(error) = run(&hook.label, &hook.command(), place, None).await {
            let error = chain(&error);
            reporter.report(Event::HookFailed {
                error: error.clone(),
            });
            failed.push(error);
        }
    }
    failed
}
