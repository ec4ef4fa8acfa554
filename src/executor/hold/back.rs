//! Bringing containers back, and telling. Those that were paused all at the same time: one that does
//! not come back must not keep the others waiting. Those that were stopped by rank, so that each finds
//! well what it depends on.

use std::time::Duration;

use futures_util::future::{join, join_all};
use jiff::Timestamp;

use super::hands::Ours;
use super::undo::{Undoing, Undone, undo};
use super::{Held, Means, Stood, safely};
use crate::archive::manifest::model::Hold;
use crate::crash;
use crate::engine::{ContainerState, Engine, EngineError, Health};
use crate::executor::event::{Event, chain};
use crate::executor::journal::Intent;

/// How long a service that was started again may take until its health check says that it is well.
const WELL_WITHIN: Duration = Duration::from_secs(5 * 60);

/// How often it is asked.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(200);

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

impl Means {
    /// Brings back whatever is held. Those that turn out never to have been held are not in what it
    /// gives, which is in the order in which they were.
    pub(super) async fn bring_back(&self, ours: &[Ours]) -> Vec<Back> {
        let is_stopped = |ours: &&Ours| ours.intent.how == Hold::Stopped;
        let (mut stopped, paused): (Vec<_>, Vec<_>) = ours.iter().rev().partition(is_stopped);
        stopped.sort_by_key(|ours| ours.intent.rank);
        let resumed = join_all(paused.into_iter().map(|ours| self.bring_one_back(ours)));
        let (resumed, started) = join(resumed, self.start_by_rank(&stopped)).await;
        let mut back: Vec<Back> = started.into_iter().chain(resumed).flatten().collect();
        back.reverse();
        back
    }

    async fn start_by_rank(&self, stopped: &[&Ours]) -> Vec<Option<Back>> {
        let mut back = Vec::new();
        for ours in stopped.chunk_by(|one, other| one.intent.rank == other.intent.rank) {
            let each = ours.iter().map(|ours| async {
                let mut back = self.bring_one_back(ours).await;
                if let Some(back) = &mut back {
                    back.held.unwell = self.unwell(ours, back).await;
                }
                back
            });
            back.extend(join_all(each).await);
        }
        back
    }

    /// Brings one container back, and tells. `None` if it turns out never to have stood still.
    async fn bring_one_back(&self, ours: &Ours) -> Option<Back> {
        let intent = &ours.intent;
        crash::point();
        let undoing = Undoing {
            engine: &*self.engine,
            intent,
            known: ours.known,
            cancel: &self.cancel,
        };
        let unanswered = |error: &EngineError| {
            self.teller.tell(Event::Unanswered {
                container: intent.name.clone(),
                how: intent.how,
                error: chain(error),
                command: self.by_hand(intent),
            });
        };
        let undone = safely(undo(&undoing, unanswered)).await;
        let undone = undone
            .unwrap_or_else(|| Err("asking for it ended unexpectedly; this is a bug".to_owned()));
        let container = intent.name.clone();
        let now = Timestamp::now();
        let (until, stood) = match undone {
            Ok(Undone::NotOurs) if !ours.known => return None,
            Ok(Undone::ByUs) => {
                self.teller.tell(Event::Resumed {
                    container: container.clone(),
                    how: intent.how,
                    seconds: now.duration_since(ours.from).as_secs_f64(),
                });
                (Some(now), true)
            }
            Ok(Undone::NotOurs) => (Some(now), false),
            Err(error) => {
                self.teller.tell(Event::Stuck {
                    command: self.by_hand(intent),
                    container: container.clone(),
                    how: intent.how,
                    error,
                });
                (None, true)
            }
        };
        let held = Held {
            id: intent.id.clone(),
            container,
            service: intent.service.clone(),
            how: intent.how,
            members: ours.members.clone(),
            from: ours.from,
            until,
            unwell: None,
        };
        Some(Back { held, stood })
    }

    /// The command that brings a container back.
    fn by_hand(&self, intent: &Intent) -> String {
        let verb = match intent.how {
            Hold::Paused => "unpause",
            Hold::Stopped => "start",
        };
        format!("{} {verb} {}", self.engine.docker_command(), intent.name)
    }

    /// Waits until a service that was started again is well; tells and says what keeps it from that, of
    /// one that was so before.
    async fn unwell(&self, ours: &Ours, back: &Back) -> Option<String> {
        let is_started = back.stood && back.held.until.is_some();
        if !is_started || !ours.intent.has_health_check {
            return None;
        }
        let waiting = until_well(&*self.engine, &ours.intent.id);
        let found = match tokio::time::timeout(WELL_WITHIN, waiting).await {
            Ok(found) => found,
            Err(_) => Some(format!(
                "its health check has not passed within {}",
                humantime::format_duration(WELL_WITHIN)
            )),
        };
        let what = found.filter(|_| ours.intent.was_healthy)?;
        self.teller.tell(Event::Unwell {
            container: back.held.container.clone(),
            what: what.clone(),
            command: format!(
                "{} logs {}",
                self.engine.docker_command(),
                back.held.container
            ),
        });
        Some(what)
    }
}

/// Waits for the first word of a health check; `None` is that all is well, or that nobody can say.
async fn until_well(engine: &dyn Engine, id: &str) -> Option<String> {
    loop {
        // An engine that does not answer now may do so in a moment.
        if let Ok(look) = engine.container(id).await {
            let now = look?;
            match (&now.state, now.health) {
                (ContainerState::Running, Some(Health::Starting)) => {}
                (ContainerState::Running, Some(Health::Unhealthy)) => {
                    return Some("its health check fails".to_owned());
                }
                (ContainerState::Exited | ContainerState::Restarting, _) => {
                    return Some(format!("it ended with code {}", now.exit_code));
                }
                _ => return None,
            }
        }
        tokio::time::sleep(ASK_AGAIN_AFTER).await;
    }
}
