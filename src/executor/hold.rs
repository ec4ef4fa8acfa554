//! Holds services still, and brings them back whatever happens.
//!
//! A keeper task of its own pauses the containers and resumes them as soon as it is told to, or as
//! soon as whoever could tell it is gone: an early return, a panic or a dropped future all end in
//! the same place. It is the only code that changes the state of a container, and so the place for a
//! journal of what it is about to do.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::event::{Event, Reporter, chain};
use crate::engine::{ContainerState, Engine, EngineError};
use crate::plan::model::HeldPlan;

/// Waits between tries to freeze a container: an engine that cannot freeze it now often can a moment
/// later (moby#48205).
const PAUSE_AGAIN_AFTER: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];

/// Waits between tries to bring a container back.
const RESUME_AGAIN_AFTER: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// Services cannot be held still, and none of them is.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// A container could not be frozen, three times in a row.
    #[error("cannot pause the container `{container}`")]
    Pause {
        /// Its name.
        container: String,
        /// What the engine says.
        source: EngineError,
    },
    /// The engine did not say what state a container is in.
    #[error("cannot see whether the container `{container}` runs")]
    Look {
        /// Its name.
        container: String,
        /// What the engine says.
        source: EngineError,
    },
    /// The run was cancelled meanwhile.
    #[error("the run was interrupted")]
    Interrupted,
    /// The task that pauses ended early, by a bug.
    #[error("pausing ended unexpectedly")]
    Keeper,
}

/// One container that was held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its name.
    pub container: String,
    /// Its service.
    pub service: String,
    /// When it stood still.
    pub from: Timestamp,
    /// When it ran again; `None` if it could not be brought back.
    pub until: Option<Timestamp>,
}

/// Holds the containers until [`Keeper::release`], or until it is dropped.
#[derive(Debug)]
pub(crate) struct Keeper {
    release: oneshot::Sender<()>,
    task: JoinHandle<Vec<Held>>,
}

impl Keeper {
    /// Pauses `containers`, one after another. Those that do not run (any more) are passed over.
    ///
    /// # Errors
    /// When one of them cannot be paused or the run is cancelled; all are running again then.
    pub(crate) async fn hold(
        engine: Arc<dyn Engine>,
        containers: Vec<HeldPlan>,
        reporter: Arc<dyn Reporter>,
        cancel: CancellationToken,
    ) -> Result<Self, HoldError> {
        let (release, released) = oneshot::channel();
        let (ready, is_ready) = oneshot::channel();
        let hands = Hands { engine, reporter };
        let task = tokio::spawn(async move {
            let mut held = Vec::new();
            let outcome = hands.pause_all(&containers, &cancel, &mut held).await;
            let go_on = outcome.is_ok();
            // Nobody may be waiting any more; then there is nothing to wait for here either.
            if ready.send(outcome).is_ok() && go_on {
                let _ = released.await;
            }
            hands.resume_all(held).await
        });
        match is_ready.await {
            Ok(Ok(())) => Ok(Self { release, task }),
            Ok(Err(error)) => {
                let _ = task.await;
                Err(error)
            }
            Err(_) => Err(HoldError::Keeper),
        }
    }

    /// Brings the services back and says who was held from when to when.
    pub(crate) async fn release(self) -> Vec<Held> {
        let _ = self.release.send(());
        self.task.await.unwrap_or_default()
    }
}

/// What the keeper does its work with.
struct Hands {
    engine: Arc<dyn Engine>,
    reporter: Arc<dyn Reporter>,
}

/// A container that this run has paused.
struct Paused {
    plan: HeldPlan,
    from: Timestamp,
}

impl Hands {
    async fn pause_all(
        &self,
        containers: &[HeldPlan],
        cancel: &CancellationToken,
        held: &mut Vec<Paused>,
    ) -> Result<(), HoldError> {
        for plan in containers {
            if cancel.is_cancelled() {
                return Err(HoldError::Interrupted);
            }
            match self.pause(plan).await? {
                Ok(from) => {
                    held.push(Paused {
                        plan: plan.clone(),
                        from,
                    });
                    self.reporter.report(Event::Paused {
                        container: plan.name.clone(),
                    });
                }
                Err(why) => self.reporter.report(Event::NotPaused {
                    container: plan.name.clone(),
                    why,
                }),
            }
        }
        Ok(())
    }

    /// Pauses one container: since when it stands still, or why it need not be paused.
    async fn pause(&self, plan: &HeldPlan) -> Result<Result<Timestamp, String>, HoldError> {
        let state = self.state(plan).await.map_err(|source| HoldError::Look {
            container: plan.name.clone(),
            source,
        })?;
        match state {
            Some(ContainerState::Running) => {}
            Some(state) => return Ok(Err(format!("it is {state}"))),
            None => return Ok(Err("it does not exist any more".to_owned())),
        }
        let mut waits = PAUSE_AGAIN_AFTER.into_iter();
        loop {
            let from = Timestamp::now();
            let Err(error) = self.engine.pause(&plan.id).await else {
                return Ok(Ok(from));
            };
            if error.is_not_found() || error.is_not_running() {
                return Ok(Err("it has just ended".to_owned()));
            }
            if error.is_already_paused() {
                return Ok(Err("somebody else has just paused it".to_owned()));
            }
            // An answer that did not come says nothing about what was done.
            if matches!(self.state(plan).await, Ok(Some(ContainerState::Paused))) {
                return Ok(Ok(from));
            }
            match waits.next() {
                Some(wait) if !error.is_freezer_missing() => tokio::time::sleep(wait).await,
                _ => {
                    return Err(HoldError::Pause {
                        container: plan.name.clone(),
                        source: error,
                    });
                }
            }
        }
    }

    async fn resume_all(&self, held: Vec<Paused>) -> Vec<Held> {
        let mut report = Vec::new();
        for paused in held.into_iter().rev() {
            let until = self.resume(&paused).await;
            report.push(Held {
                container: paused.plan.name,
                service: paused.plan.service,
                from: paused.from,
                until,
            });
        }
        report.reverse();
        report
    }

    /// Brings one container back: since when it runs, or `None` after the last try.
    async fn resume(&self, paused: &Paused) -> Option<Timestamp> {
        let mut waits = RESUME_AGAIN_AFTER.into_iter();
        let name = &paused.plan.name;
        loop {
            let error = match self.engine.unpause(&paused.plan.id).await {
                Ok(()) => break,
                // Somebody else was faster, or removed it: it is not in the state that we set.
                Err(error) if error.is_not_paused() || error.is_not_found() => break,
                Err(error) => error,
            };
            if let Some(wait) = waits.next() {
                tokio::time::sleep(wait).await;
                continue;
            }
            self.reporter.report(Event::Stuck {
                container: name.clone(),
                error: chain(&error),
                command: format!("docker unpause {name}"),
            });
            return None;
        }
        let until = Timestamp::now();
        let seconds = until.duration_since(paused.from).as_secs_f64();
        self.reporter.report(Event::Resumed {
            container: name.clone(),
            seconds,
        });
        Some(until)
    }

    async fn state(&self, plan: &HeldPlan) -> Result<Option<ContainerState>, EngineError> {
        Ok(self
            .engine
            .container(&plan.id)
            .await?
            .map(|container| container.state))
    }
}
