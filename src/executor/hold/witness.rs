//! Whether who was to stand still while content was read did so.
//!
//! A container tells by its state and by when it was started that it was not touched, but for one
//! thing: that it was unpaused and paused again. That is in the engine's memory of events, which is
//! asked for the time between two looks at the engine's own clock. What an engine does not tell (a
//! proxy forbids it, a busy engine has forgotten it) is not held against a container.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;

use super::back::Back;
use super::hands::Standing;
use super::{NotStill, Stood};
use crate::archive::manifest::model::Hold;
use crate::engine::{Change, Container, ContainerState, Engine, EngineError, StateChange};
use crate::executor::event::chain;

/// How long one question may take: services wait for two of them.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was seen of the containers before anything was read.
pub(super) struct Witness {
    engine: Arc<dyn Engine>,
    seen: Vec<Seen>,
    /// The engine's time when they were looked at.
    since: Option<Timestamp>,
}

/// A container that stood still.
struct Seen {
    id: String,
    name: String,
    members: Vec<String>,
    how: Hold,
    ours: bool,
    /// When it had been started, if that could be seen.
    started_at: Option<String>,
}

/// What was seen when everything was read, and nobody had been brought back yet.
pub(super) struct Closing {
    /// Those that somebody else has paused, and those that we start again, by id.
    looks: BTreeMap<String, Look>,
    /// The engine's time then.
    until: Option<Timestamp>,
}

/// A container at one moment.
enum Look {
    At(Box<Container>),
    Gone,
    /// The engine does not say.
    Unknown,
}

impl Look {
    fn started_at(self) -> Option<String> {
        match self {
            Self::At(container) => container.started_at,
            Self::Gone | Self::Unknown => None,
        }
    }
}

impl Witness {
    /// Looks at everybody who stands still.
    pub(super) async fn begin(engine: Arc<dyn Engine>, standing: &Standing) -> Self {
        let ours = standing.ours.iter().map(|ours| Seen {
            id: ours.intent.id.clone(),
            name: ours.intent.name.clone(),
            members: ours.members.clone(),
            how: ours.intent.how,
            ours: true,
            started_at: ours.intent.started_at.clone(),
        });
        let theirs = standing.theirs.iter().map(|plan| Seen {
            id: plan.id.clone(),
            name: plan.name.clone(),
            members: plan.uses.clone(),
            how: Hold::Paused,
            ours: false,
            started_at: None,
        });
        let asked = &*engine;
        let looks = ours.chain(theirs).map(|seen| async move {
            // Of ours, that is known from before they were held.
            let started_at = match &seen.started_at {
                Some(started_at) => Some(started_at.clone()),
                None => look_at(asked, &seen.id).await.started_at(),
            };
            Seen { started_at, ..seen }
        });
        let seen = join_all(looks).await;
        let mut witness = Self {
            engine,
            seen,
            since: None,
        };
        witness.since = witness.clock().await;
        witness
    }

    /// Looks again once everything is read. Short: services wait for it.
    pub(super) async fn end(&self) -> Closing {
        let not_later = |seen: &&Seen| !seen.ours || seen.how == Hold::Stopped;
        let looks = self.seen.iter().filter(not_later).map(|seen| async {
            let look = look_at(&*self.engine, &seen.id).await;
            (seen.id.clone(), look)
        });
        Closing {
            looks: join_all(looks).await.into_iter().collect(),
            // After the looks, so that nothing can happen between them and it unseen.
            until: self.clock().await,
        }
    }

    /// The engine's time; `None` if it does not say, or nobody is looked at.
    async fn clock(&self) -> Option<Timestamp> {
        if self.seen.is_empty() {
            return None;
        }
        answer(self.engine.clock()).await.flatten()
    }

    /// Who did not stand still between the two looks.
    pub(super) async fn judge(self, mut closing: Closing, mut back: Vec<Back>) -> Stood {
        let changes = self.first_changes(closing.until).await;
        let mut not_still = Vec::new();
        for seen in &self.seen {
            let id = &seen.id;
            let change = changes.get(id);
            let look = match closing.looks.remove(id) {
                Some(look) => look,
                None => look_at(&*self.engine, id).await,
            };
            let is_it = |back: &&mut Back| seen.ours && back.held.id == *id;
            let back = back.iter_mut().find(is_it);
            let let_go = back.as_ref().is_some_and(|back| back.stood);
            if let Some(why) = seen.stirred(change, let_go, &look) {
                not_still.push(NotStill {
                    container: seen.name.clone(),
                    how: seen.how,
                    why,
                    members: seen.members.clone(),
                });
            }
            if let (Some(back), Some(change)) = (back, change) {
                back.ended_by(change.at);
            }
        }
        Stood {
            not_still,
            ..Stood::from(back)
        }
    }

    /// The first thing that happened to each container meanwhile.
    async fn first_changes(&self, until: Option<Timestamp>) -> BTreeMap<String, StateChange> {
        let (Some(since), Some(until)) = (self.since, until) else {
            return BTreeMap::new();
        };
        let ids: Vec<String> = self.seen.iter().map(|seen| seen.id.clone()).collect();
        let mut changes = answer(self.engine.state_changes(&ids, since, until))
            .await
            .unwrap_or_default();
        // Of several for one container the first stays.
        changes.reverse();
        let by_container = changes
            .into_iter()
            .map(|change| (change.container.clone(), change));
        by_container.collect()
    }
}

impl Back {
    /// One that we did not bring back stood still until somebody else changed it.
    fn ended_by(&mut self, at: Timestamp) {
        if let Some(until) = self.held.until.filter(|_| !self.stood) {
            self.held.until = Some(at.clamp(self.held.from, until.max(self.held.from)));
        }
    }
}

impl Seen {
    /// What is known of a container that did not stand still; `None` of one that did. `let_go` says
    /// that it was held when we brought it back: since then it may do as it likes.
    fn stirred(&self, change: Option<&StateChange>, let_go: bool, look: &Look) -> Option<String> {
        if let Some(change) = change {
            let what = match change.what {
                Change::Unpaused => "somebody unpaused it",
                Change::Paused => "somebody unpaused it and paused it again",
                Change::Started => "it was started again",
                Change::Ended => "it ended",
                Change::Removed => "it was removed",
            };
            return Some(what.to_owned());
        }
        let restarted =
            |now: &Container| self.started_at.is_some() && now.started_at != self.started_at;
        let what = match look {
            Look::At(now) if restarted(now) => "it was started again",
            _ if let_go => return None,
            Look::At(now) if now.state == ContainerState::Paused && !self.ours => return None,
            Look::At(now) if now.state.is_active() || now.state == ContainerState::Paused => {
                match self.how {
                    Hold::Paused => "somebody unpaused it",
                    Hold::Stopped => "somebody started it",
                }
            }
            Look::At(_) => "it ended",
            Look::Gone => "it was removed",
            Look::Unknown if self.ours => "it is not as it was left",
            Look::Unknown => "the engine does not say whether it stayed so",
        };
        Some(what.to_owned())
    }
}

async fn look_at(engine: &dyn Engine, id: &str) -> Look {
    match answer(engine.container(id)).await {
        Some(Some(container)) => Look::At(Box::new(container)),
        Some(None) => Look::Gone,
        None => Look::Unknown,
    }
}

/// An answer, if it comes in time.
pub(super) async fn answer<T>(asked: impl Future<Output = Result<T, EngineError>>) -> Option<T> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            tracing::info!(error = chain(&error), "the engine does not say");
            None
        }
        Err(_) => {
            tracing::info!("the engine does not say in time");
            None
        }
    }
}
