//! Holding containers still: with [`super::undo`], the only code that changes the state of one.
//!
//! Whoever is stopped is so before anybody is paused, since it may need the others to end well; and
//! before those that it depends on. Each is in the journal before it is touched.

use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::back::Back;
use super::engine_clock::EngineClock;
use super::{HoldError, Means};
use crate::archive::manifest::model::Hold;
use crate::crash;
use crate::engine::{Container, ContainerState, EngineError, Health};
use crate::executor::event::Event;
use crate::executor::journal::{Intent, Journal, Record};
use crate::plan::model::HeldPlan;

/// Waits between tries to freeze a container: an engine that cannot freeze it now often can a moment
/// later (moby#48205).
const PAUSE_AGAIN_AFTER: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];

/// What containers are held with.
pub(super) struct Hands {
    pub(super) means: Means,
    pub(super) journal: Journal,
}

/// Who stands still while content is read.
#[derive(Default)]
pub(super) struct Standing {
    /// By our hands, in the order in which that was done.
    pub(super) ours: Vec<Ours>,
    /// By somebody else's.
    pub(super) theirs: Vec<HeldPlan>,
}

/// A container that is held, or was about to be.
pub(super) struct Ours {
    pub(super) intent: Intent,
    /// The members that it can write to.
    pub(super) members: Vec<String>,
    /// When it stood still.
    pub(super) from: Timestamp,
    /// Whether it is known to stand still.
    pub(super) known: bool,
}

/// What came of the turn of one container.
enum Turn {
    /// We hold it.
    Ours,
    /// Somebody else has paused it.
    Theirs,
    /// There is nothing to hold.
    GoesOn(String),
}

impl Standing {
    fn is_held(&mut self, id: &str) {
        if let Some(ours) = self.ours.iter_mut().find(|ours| ours.intent.id == id) {
            (ours.known, ours.from) = (true, Timestamp::now());
        }
    }
}

impl Hands {
    /// Holds one after another, and notes in `standing` who stands still.
    pub(super) async fn hold_all(
        &self,
        containers: &[HeldPlan],
        cancel: &CancellationToken,
        standing: &mut Standing,
    ) -> Result<(), HoldError> {
        let is_stopped = |plan: &&HeldPlan| plan.how == Hold::Stopped;
        let (mut stopped, paused): (Vec<_>, Vec<_>) = containers.iter().partition(is_stopped);
        stopped.sort_by_key(|plan| std::cmp::Reverse(plan.rank));
        // Once, and before anybody stands still.
        let clock = match stopped.is_empty() {
            true => None,
            false => EngineClock::read(&*self.means.engine).await,
        };
        for plans in stopped.chunk_by(|one, other| one.rank == other.rank) {
            let ours = self.announce(plans, cancel, standing).await?;
            self.stop_each(&ours, clock.as_ref(), standing).await?;
        }
        for plan in self.announce(&paused, cancel, standing).await? {
            if cancel.is_cancelled() {
                return Err(HoldError::Interrupted);
            }
            let turn = self.pause(plan, cancel).await?;
            self.note(plan, turn, standing).await;
        }
        Ok(())
    }

    /// Brings back whatever is held, and takes it out of the journal.
    pub(super) async fn release(&self, standing: &Standing) -> Vec<Back> {
        let back = self.means.bring_back(&standing.ours).await;
        crash::point();
        let is_stuck = |id: &str| {
            let mut stuck = back.iter().filter(|back| back.held.until.is_none());
            stuck.any(|back| back.held.id == id)
        };
        let ids = standing.ours.iter().map(|ours| &ours.intent.id);
        let ids = ids.filter(|id| !is_stuck(id)).cloned();
        self.journal.released(ids.collect()).await;
        back
    }

    /// Looks at containers, and writes those into the journal that are held next. Gives those.
    async fn announce<'p>(
        &self,
        plans: &[&'p HeldPlan],
        cancel: &CancellationToken,
        standing: &mut Standing,
    ) -> Result<Vec<&'p HeldPlan>, HoldError> {
        if cancel.is_cancelled() {
            return Err(HoldError::Interrupted);
        }
        let engine = &self.means.engine;
        let looks = join_all(plans.iter().map(|plan| engine.container(&plan.id))).await;
        let mut next = Vec::new();
        for (&plan, look) in plans.iter().zip(looks) {
            let look = look.map_err(|source| HoldError::Look {
                container: plan.name.clone(),
                source,
            })?;
            match turn_of(look) {
                Ok(now) => next.push((plan, intent(plan, &now))),
                Err(turn) => self.passed_over(plan, turn, standing),
            }
        }
        if next.is_empty() {
            return Ok(Vec::new());
        }
        let containers = next.iter().map(|(_, intent)| intent.clone()).collect();
        self.journal.write(Record::Hold { containers }).await?;
        crash::point();
        let mut announced = Vec::new();
        for (plan, intent) in next {
            announced.push(plan);
            standing.ours.push(Ours {
                from: intent.at,
                intent,
                members: plan.uses.clone(),
                known: false,
            });
        }
        Ok(announced)
    }

    async fn note(&self, plan: &HeldPlan, turn: Turn, standing: &mut Standing) {
        if !matches!(turn, Turn::Ours) {
            standing.ours.retain(|ours| ours.intent.id != plan.id);
            self.journal.released(vec![plan.id.clone()]).await;
            return self.passed_over(plan, turn, standing);
        }
        standing.is_held(&plan.id);
        crash::point();
        let container = plan.name.clone();
        self.means.teller.tell(match plan.how {
            Hold::Paused => Event::Paused { container },
            Hold::Stopped => Event::Stopped { container },
        });
    }

    /// Tells of one that this run does not hold.
    fn passed_over(&self, plan: &HeldPlan, turn: Turn, standing: &mut Standing) {
        let why = match turn {
            Turn::Ours => return,
            Turn::Theirs => {
                standing.theirs.push(plan.clone());
                "somebody else has paused it".to_owned()
            }
            Turn::GoesOn(why) => why,
        };
        self.means.teller.tell(Event::NotHeld {
            container: plan.name.clone(),
            how: plan.how,
            why,
        });
    }

    /// Stops these at the same time. All are waited for, also when one of them fails or the run is
    /// cancelled: what the engine has begun it ends.
    async fn stop_each(
        &self,
        plans: &[&HeldPlan],
        clock: Option<&EngineClock>,
        standing: &mut Standing,
    ) -> Result<(), HoldError> {
        let intent = |plan: &HeldPlan| {
            let ours = standing.ours.iter().find(|ours| ours.intent.id == plan.id);
            ours.map(|ours| ours.intent.clone())
        };
        let intents: Vec<Intent> = plans.iter().filter_map(|plan| intent(plan)).collect();
        let stopped = join_all(intents.iter().map(|intent| self.stop(intent, clock))).await;
        let mut outcome = Ok(());
        for (plan, stopped) in plans.iter().zip(stopped) {
            match stopped {
                Ok(turn) => self.note(plan, turn, standing).await,
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    /// Stops one container with its own grace, or says why there is nothing to stop.
    async fn stop(&self, intent: &Intent, clock: Option<&EngineClock>) -> Result<Turn, HoldError> {
        let asked = clock.map(EngineClock::now);
        let Err(error) = self.means.engine.stop(&intent.id, intent.grace).await else {
            let had_ended = match asked {
                Some(asked) => self.had_ended(&intent.id, asked).await,
                None => false,
            };
            return Ok(if had_ended {
                Turn::GoesOn("it has just ended".to_owned())
            } else {
                Turn::Ours
            });
        };
        if error.is_not_found() {
            return Ok(Turn::GoesOn("it does not exist any more".to_owned()));
        }
        // An answer that did not come says nothing about what was done.
        match self.state(&intent.id).await {
            Ok(Some(ContainerState::Exited)) => Ok(Turn::Ours),
            _ => Err(HoldError::Stop {
                container: intent.name.clone(),
                source: error,
            }),
        }
    }

    /// Whether a container had ended by itself, and for good, when it was asked to stop: the engine says of
    /// neither that it did nothing. In doubt it had not, and is started again.
    async fn had_ended(&self, id: &str, asked: Timestamp) -> bool {
        let look = self.means.engine.container(id).await;
        let ended = |now: Container| !now.restarts && now.finished_at.is_some_and(|at| at < asked);
        look.ok().flatten().is_some_and(ended)
    }

    /// Pauses one container, or says why it need not be paused.
    async fn pause(&self, plan: &HeldPlan, cancel: &CancellationToken) -> Result<Turn, HoldError> {
        let mut waits = PAUSE_AGAIN_AFTER.into_iter();
        // An answer that did not come says nothing about what was done: the pause may be ours.
        let mut unanswered = false;
        loop {
            let Err(error) = self.means.engine.pause(&plan.id).await else {
                return Ok(Turn::Ours);
            };
            if error.is_not_found() || error.is_not_running() {
                return Ok(Turn::GoesOn("it has just ended".to_owned()));
            }
            if error.is_already_paused() {
                return Ok(if unanswered { Turn::Ours } else { Turn::Theirs });
            }
            unanswered |= error.is_transient();
            match self.state(&plan.id).await {
                Ok(Some(ContainerState::Paused)) => return Ok(Turn::Ours),
                // It ends and starts again while we try: it is not running when its turn comes.
                Ok(Some(state)) if state != ContainerState::Running => {
                    return Ok(Turn::GoesOn(format!("it is {state}")));
                }
                _ => {}
            }
            let wait = waits.next().filter(|_| !error.is_freezer_missing());
            let Some(wait) = wait else {
                return Err(HoldError::of_pause(&plan.name, error));
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

    async fn state(&self, id: &str) -> Result<Option<ContainerState>, EngineError> {
        let container = self.means.engine.container(id).await?;
        Ok(container.map(|container| container.state))
    }
}

/// Whether a container can be held now; if not, what its turn comes to.
fn turn_of(look: Option<Container>) -> Result<Container, Turn> {
    match look {
        Some(now) if now.state == ContainerState::Running => Ok(now),
        Some(now) if now.state == ContainerState::Paused => Err(Turn::Theirs),
        Some(now) => Err(Turn::GoesOn(format!("it is {}", now.state))),
        None => Err(Turn::GoesOn("it does not exist any more".to_owned())),
    }
}

fn intent(plan: &HeldPlan, now: &Container) -> Intent {
    Intent {
        id: plan.id.clone(),
        name: plan.name.clone(),
        service: plan.service.clone(),
        how: plan.how,
        rank: plan.rank,
        state: now.state.to_string(),
        started_at: now.started_at.clone(),
        grace: now.stop_grace,
        has_health_check: now.has_health_check,
        was_healthy: now.health == Some(Health::Healthy),
        at: Timestamp::now(),
    }
}
