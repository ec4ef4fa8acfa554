//! Holds services still, and brings them back whatever happens.
//!
//! A keeper task of its own pauses the containers and resumes them as soon as it is told to, or as
//! soon as whoever could tell it is gone: an early return, a panic or a dropped future all end in
//! the same place. It is the only code that changes the state of a container, and so the place for a
//! journal of what it is about to do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
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

/// Services cannot be held still.
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
    /// Containers are to be paused, and there is no engine to ask.
    #[error("no engine answers that could pause the containers")]
    NoEngine,
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

/// Services are not held.
#[derive(Debug)]
pub(crate) struct NotHeld {
    /// Why not.
    pub(crate) error: HoldError,
    /// Those that were held by then. They run again, but for those that could not be brought back.
    pub(crate) held: Vec<Held>,
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
    /// When one of them cannot be paused or the run is cancelled; all were brought back then.
    pub(crate) async fn hold(
        engine: Arc<dyn Engine>,
        containers: Vec<HeldPlan>,
        reporter: Arc<dyn Reporter>,
        cancel: CancellationToken,
    ) -> Result<Self, NotHeld> {
        let (release, released) = oneshot::channel();
        let (ready, is_ready) = oneshot::channel();
        let hands = Hands { engine, reporter };
        let task = tokio::spawn(async move {
            let mut held = Vec::new();
            let pausing = hands.pause_all(&containers, &cancel, &mut held);
            let pausing = AssertUnwindSafe(pausing).catch_unwind().await;
            let outcome = pausing.unwrap_or(Err(HoldError::Keeper));
            let go_on = outcome.is_ok();
            // Nobody may be waiting any more; then there is nothing to wait for here either.
            if ready.send(outcome).is_ok() && go_on {
                let _ = released.await;
            }
            hands.resume_all(&held).await
        });
        match is_ready.await.unwrap_or(Err(HoldError::Keeper)) {
            Ok(()) => Ok(Self { release, task }),
            Err(error) => {
                let held = task.await.unwrap_or_default();
                Err(NotHeld { error, held })
            }
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

/// A container that this run has paused, or was about to pause.
struct Paused {
    plan: HeldPlan,
    from: Timestamp,
    /// Whether it is known to stand still.
    known: bool,
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
            let goes_on = match self.why_not(plan).await? {
                Some(why) => Some(why),
                None => {
                    // Noted before it is asked for: an engine that gives no answer may do it late.
                    held.push(Paused {
                        plan: plan.clone(),
                        from: Timestamp::now(),
                        known: false,
                    });
                    self.pause(plan, cancel).await?
                }
            };
            let container = plan.name.clone();
            if let Some(why) = goes_on {
                held.retain(|paused| paused.known);
                self.tell(Event::NotPaused { container, why });
            } else if let Some(paused) = held.last_mut() {
                (paused.known, paused.from) = (true, Timestamp::now());
                self.tell(Event::Paused { container });
            }
        }
        Ok(())
    }

    /// Why a container need not be paused, by its state.
    async fn why_not(&self, plan: &HeldPlan) -> Result<Option<String>, HoldError> {
        let state = self.state(plan).await.map_err(|source| HoldError::Look {
            container: plan.name.clone(),
            source,
        })?;
        Ok(match state {
            Some(ContainerState::Running) => None,
            Some(state) => Some(format!("it is {state}")),
            None => Some("it does not exist any more".to_owned()),
        })
    }

    /// Pauses one container, or says why it need not be paused.
    async fn pause(
        &self,
        plan: &HeldPlan,
        cancel: &CancellationToken,
    ) -> Result<Option<String>, HoldError> {
        let mut waits = PAUSE_AGAIN_AFTER.into_iter();
        // An answer that did not come says nothing about what was done: the pause may be ours.
        let mut unanswered = false;
        loop {
            let Err(error) = self.engine.pause(&plan.id).await else {
                return Ok(None);
            };
            if error.is_not_found() || error.is_not_running() {
                return Ok(Some("it has just ended".to_owned()));
            }
            if error.is_already_paused() {
                let whose = "somebody else has just paused it".to_owned();
                return Ok(Some(whose).filter(|_| !unanswered));
            }
            unanswered |= error.is_transient();
            match self.state(plan).await {
                Ok(Some(ContainerState::Paused)) => return Ok(None),
                // It ends and starts again while we try: it is not running when its turn comes.
                Ok(Some(state)) if state != ContainerState::Running => {
                    return Ok(Some(format!("it is {state}")));
                }
                _ => {}
            }
            let wait = waits.next().filter(|_| !error.is_freezer_missing());
            let Some(wait) = wait else {
                return Err(HoldError::Pause {
                    container: plan.name.clone(),
                    source: error,
                });
            };
            if cancel
                .run_until_cancelled(tokio::time::sleep(wait))
                .await
                .is_none()
            {
                return Err(HoldError::Interrupted);
            }
        }
    }

    /// Brings back whatever was paused, all at the same time: one that does not come back must not
    /// keep the others waiting.
    async fn resume_all(&self, held: &[Paused]) -> Vec<Held> {
        let resumed = join_all(held.iter().rev().map(|paused| self.bring_back(paused))).await;
        resumed.into_iter().rev().flatten().collect()
    }

    /// Brings one container back, and tells. `None` if it turns out never to have stood still.
    async fn bring_back(&self, paused: &Paused) -> Option<Held> {
        let resumed = AssertUnwindSafe(self.resume(&paused.plan))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| Err("asking for it ended unexpectedly; this is a bug".to_owned()));
        let container = paused.plan.name.clone();
        let until = match resumed {
            Ok(_) if !paused.known => return None,
            Ok(until) => {
                self.tell(Event::Resumed {
                    container: container.clone(),
                    seconds: until.duration_since(paused.from).as_secs_f64(),
                });
                Some(until)
            }
            Err(error) => {
                self.tell(Event::Stuck {
                    command: format!("{} unpause {container}", self.engine.docker_command()),
                    container: container.clone(),
                    error,
                });
                None
            }
        };
        Some(Held {
            container,
            service: paused.plan.service.clone(),
            from: paused.from,
            until,
        })
    }

    /// Unpauses one container: since when it runs, or what the last try came to.
    async fn resume(&self, plan: &HeldPlan) -> Result<Timestamp, String> {
        let mut waits = RESUME_AGAIN_AFTER.into_iter();
        loop {
            let Err(error) = self.engine.unpause(&plan.id).await else {
                return Ok(Timestamp::now());
            };
            // Somebody else was faster, or ended or removed it: it is not in the state that we set.
            if error.is_not_paused() || error.is_not_running() || error.is_not_found() {
                return Ok(Timestamp::now());
            }
            match waits.next() {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(chain(&error)),
            }
        }
    }

    async fn state(&self, plan: &HeldPlan) -> Result<Option<ContainerState>, EngineError> {
        Ok(self
            .engine
            .container(&plan.id)
            .await?
            .map(|container| container.state))
    }

    /// A reporter that panics, say because nobody reads what it prints, must leave nobody held.
    fn tell(&self, event: Event) {
        if catch_unwind(AssertUnwindSafe(|| self.reporter.report(event))).is_err() {
            tracing::warn!("the reporter ended unexpectedly; this is a bug");
        }
    }
}

#[cfg(test)]
mod tests;
