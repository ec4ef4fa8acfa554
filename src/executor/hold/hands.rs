//! Pausing and resuming containers: the only code that changes the state of one.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{Held, HoldError, Stood, Teller, safely};
use crate::engine::{ContainerState, Engine, EngineError};
use crate::executor::event::{Event, chain};
use crate::plan::model::HeldPlan;

/// Waits between tries to freeze a container: an engine that cannot freeze it now often can a moment
/// later (moby#48205).
const PAUSE_AGAIN_AFTER: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];

/// Waits between tries to bring a container back.
pub(super) const RESUME_AGAIN_AFTER: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// What the keeper does its work with.
pub(super) struct Hands {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) teller: Teller,
}

/// Who stands still while content is read.
#[derive(Default)]
pub(super) struct Standing {
    /// By our hands.
    pub(super) ours: Vec<Paused>,
    /// By somebody else's.
    pub(super) theirs: Vec<HeldPlan>,
}

/// A container that this run has paused, or was about to pause.
pub(super) struct Paused {
    pub(super) plan: HeldPlan,
    from: Timestamp,
    /// Whether it is known to stand still.
    known: bool,
}

/// What came of the turn of one container.
enum Turn {
    /// We have paused it.
    Ours,
    /// Somebody else had.
    Theirs,
    /// There is nothing to pause.
    GoesOn(String),
}

/// A container whose time is over.
pub(super) struct Back {
    pub(super) held: Held,
    /// Whether it stood still until we let it go; if not, it did so no longer when we came.
    pub(super) stood: bool,
}

impl From<Vec<Back>> for Stood {
    fn from(back: Vec<Back>) -> Self {
        Self {
            held: back.into_iter().map(|back| back.held).collect(),
            not_still: Vec::new(),
        }
    }
}

/// How a container came to run again.
enum Thawed {
    ByUs,
    /// It was not paused any more when its turn came.
    Before,
}

impl Hands {
    /// Pauses one after another, and notes in `standing` who stands still.
    pub(super) async fn pause_all(
        &self,
        containers: &[HeldPlan],
        cancel: &CancellationToken,
        standing: &mut Standing,
    ) -> Result<(), HoldError> {
        for plan in containers {
            if cancel.is_cancelled() {
                return Err(HoldError::Interrupted);
            }
            let turn = match self.need_not(plan).await? {
                Some(turn) => turn,
                None => {
                    // Noted before it is asked for: an engine that gives no answer may do it late.
                    standing.ours.push(Paused {
                        plan: plan.clone(),
                        from: Timestamp::now(),
                        known: false,
                    });
                    self.pause(plan, cancel).await?
                }
            };
            self.note(plan, turn, standing);
        }
        Ok(())
    }

    fn note(&self, plan: &HeldPlan, turn: Turn, standing: &mut Standing) {
        let container = plan.name.clone();
        let why = match turn {
            Turn::Ours => {
                if let Some(paused) = standing.ours.last_mut() {
                    (paused.known, paused.from) = (true, Timestamp::now());
                }
                self.teller.tell(Event::Paused { container });
                return;
            }
            Turn::Theirs => {
                standing.theirs.push(plan.clone());
                "somebody else has paused it".to_owned()
            }
            Turn::GoesOn(why) => why,
        };
        standing.ours.retain(|paused| paused.known);
        self.teller.tell(Event::NotPaused { container, why });
    }

    /// Why a container need not be paused, by its state.
    async fn need_not(&self, plan: &HeldPlan) -> Result<Option<Turn>, HoldError> {
        let state = self.state(plan).await.map_err(|source| HoldError::Look {
            container: plan.name.clone(),
            source,
        })?;
        Ok(match state {
            Some(ContainerState::Running) => None,
            Some(ContainerState::Paused) => Some(Turn::Theirs),
            Some(state) => Some(Turn::GoesOn(format!("it is {state}"))),
            None => Some(Turn::GoesOn("it does not exist any more".to_owned())),
        })
    }

    /// Pauses one container, or says why it need not be paused.
    async fn pause(&self, plan: &HeldPlan, cancel: &CancellationToken) -> Result<Turn, HoldError> {
        let mut waits = PAUSE_AGAIN_AFTER.into_iter();
        // An answer that did not come says nothing about what was done: the pause may be ours.
        let mut unanswered = false;
        loop {
            let Err(error) = self.engine.pause(&plan.id).await else {
                return Ok(Turn::Ours);
            };
            if error.is_not_found() || error.is_not_running() {
                return Ok(Turn::GoesOn("it has just ended".to_owned()));
            }
            if error.is_already_paused() {
                return Ok(if unanswered { Turn::Ours } else { Turn::Theirs });
            }
            unanswered |= error.is_transient();
            match self.state(plan).await {
                Ok(Some(ContainerState::Paused)) => return Ok(Turn::Ours),
                // It ends and starts again while we try: it is not running when its turn comes.
                Ok(Some(state)) if state != ContainerState::Running => {
                    return Ok(Turn::GoesOn(format!("it is {state}")));
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

    /// Brings back whatever we paused, all at the same time: one that does not come back must not
    /// keep the others waiting.
    pub(super) async fn resume_all(&self, standing: &Standing) -> Vec<Back> {
        let ours = standing.ours.iter().rev();
        let back = join_all(ours.map(|paused| self.bring_back(paused))).await;
        back.into_iter().rev().flatten().collect()
    }

    /// Brings one container back, and tells. `None` if it turns out never to have stood still.
    async fn bring_back(&self, paused: &Paused) -> Option<Back> {
        let thawed = safely(self.resume(&paused.plan)).await;
        let thawed = thawed
            .unwrap_or_else(|| Err("asking for it ended unexpectedly; this is a bug".to_owned()));
        let container = paused.plan.name.clone();
        let now = Timestamp::now();
        let (until, stood) = match thawed {
            Ok(_) if !paused.known => return None,
            Ok(Thawed::ByUs) => {
                self.teller.tell(Event::Resumed {
                    container: container.clone(),
                    seconds: now.duration_since(paused.from).as_secs_f64(),
                });
                (Some(now), true)
            }
            // It is not in the state that we set, and so not ours to change.
            Ok(Thawed::Before) => (Some(now), false),
            Err(error) => {
                self.teller.tell(Event::Stuck {
                    command: format!("{} unpause {container}", self.engine.docker_command()),
                    container: container.clone(),
                    error,
                });
                (None, true)
            }
        };
        let held = Held {
            container,
            service: paused.plan.service.clone(),
            from: paused.from,
            until,
        };
        Some(Back { held, stood })
    }

    /// Unpauses one container, or says what the last try came to.
    async fn resume(&self, plan: &HeldPlan) -> Result<Thawed, String> {
        let mut waits = RESUME_AGAIN_AFTER.into_iter();
        // As with a pause: the first try may have done it without telling.
        let mut unanswered = false;
        loop {
            let Err(error) = self.engine.unpause(&plan.id).await else {
                return Ok(Thawed::ByUs);
            };
            if error.is_not_paused() && unanswered {
                return Ok(Thawed::ByUs);
            }
            // Somebody else was faster, or ended or removed it.
            if error.is_not_paused() || error.is_not_running() || error.is_not_found() {
                return Ok(Thawed::Before);
            }
            unanswered |= error.is_transient();
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
}
