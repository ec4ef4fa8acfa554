//! Undoing what was done to one container, if it is still as we left it. With [`super::hands`], the only
//! code that changes the state of a container.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::archive::manifest::model::Hold;
use crate::engine::{Container, ContainerState, Engine, EngineError};
use crate::executor::event::chain;
use crate::executor::journal::Intent;

/// Waits between tries to bring a container back.
pub(super) const AGAIN_AFTER: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// How often it is tried once more, after the last of those waits, while the engine does not answer: it
/// may be starting again.
const ANSWERS_AGAIN: usize = 150;

/// How long a request that was given up may still be on its way to be done, beside the grace of a stop.
const ON_ITS_WAY: Duration = Duration::from_secs(3);

/// How often a container is looked at that may be held any moment.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// How a container came to run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Undone {
    /// We have brought it back.
    ByUs,
    /// It is not in the state that we set, and so not ours to change.
    NotOurs,
}

/// How long the engine may be silent until that is told, and after how long it is told again.
const TELL_AFTER: Duration = Duration::from_secs(1);
const TELL_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// A container that is to be brought back.
pub(super) struct Undoing<'a> {
    pub(super) engine: &'a dyn Engine,
    pub(super) intent: &'a Intent,
    /// Whether it is known to be held; else it may be, or become so.
    pub(super) known: bool,
    /// Fires with a signal: whoever sends one wants to know why nothing ends.
    pub(super) cancel: &'a CancellationToken,
}

/// Brings one container back. While the engine is silent, `unanswered` hears of it now and then.
///
/// # Errors
/// What the last of several tries came to.
pub(super) async fn undo(
    undoing: &Undoing<'_>,
    unanswered: impl Fn(&EngineError),
) -> Result<Undone, String> {
    let &Undoing {
        engine,
        intent,
        known,
        cancel,
    } = undoing;
    let mut waits = Waits::new();
    let mut silence = Silence::begin(cancel);
    // An answer that does not come says nothing about what was done: a try may have done it.
    let mut is_unsure = false;
    loop {
        let tried = match intent.how {
            // The engine itself refuses to unpause what is not paused.
            Hold::Paused if known => engine.unpause(&intent.id).await.map(|()| Undone::ByUs),
            Hold::Paused | Hold::Stopped => look_and_undo(engine, intent, known).await,
        };
        let error = match tried {
            Ok(Undone::NotOurs) if is_unsure => return Ok(Undone::ByUs),
            Ok(undone) => return Ok(undone),
            Err(error) => error,
        };
        if error.is_not_paused() && is_unsure {
            return Ok(Undone::ByUs);
        }
        // Somebody else was faster, or ended or removed it.
        if error.is_not_paused() || error.is_not_running() || error.is_not_found() {
            return Ok(Undone::NotOurs);
        }
        is_unsure |= error.is_transient();
        let Some(wait) = waits.next(&error) else {
            return Err(chain(&error));
        };
        let tell = || unanswered(&error);
        if error.is_transient() {
            silence.pass(wait, tell).await;
        } else {
            tokio::time::sleep(wait).await;
        }
    }
}

/// Looks first, and waits for what may still be on its way.
async fn look_and_undo(
    engine: &dyn Engine,
    intent: &Intent,
    known: bool,
) -> Result<Undone, EngineError> {
    let until = Instant::now() + still_on_its_way(intent);
    loop {
        let Some(now) = engine.container(&intent.id).await? else {
            return Ok(Undone::NotOurs);
        };
        if was_started_since(intent, &now) {
            return Ok(Undone::NotOurs);
        }
        match (intent.how, &now.state) {
            (Hold::Paused, ContainerState::Paused) => {
                return engine.unpause(&intent.id).await.map(|()| Undone::ByUs);
            }
            (Hold::Stopped, ContainerState::Exited) => {
                return engine.start(&intent.id).await.map(|()| Undone::ByUs);
            }
            (_, ContainerState::Running) if !known && Instant::now() < until => {
                tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            }
            _ => return Ok(Undone::NotOurs),
        }
    }
}

/// Neither pausing nor stopping changes when a container was started.
fn was_started_since(intent: &Intent, now: &Container) -> bool {
    intent.started_at.is_some() && intent.started_at != now.started_at
}

/// How much longer the engine may be doing what it was asked for. A clock that was set back is not asked.
fn still_on_its_way(intent: &Intent) -> Duration {
    let grace = match intent.how {
        Hold::Paused => Duration::ZERO,
        Hold::Stopped => intent.grace,
    };
    let age = Duration::try_from(Timestamp::now().duration_since(intent.at));
    let age = age.unwrap_or(Duration::MAX);
    grace.saturating_add(ON_ITS_WAY).saturating_sub(age)
}

/// How long the engine has been silent, and when that was told last.
struct Silence<'a> {
    since: Instant,
    told: Option<Instant>,
    /// None once a signal was answered.
    signal: Option<&'a CancellationToken>,
}

impl<'a> Silence<'a> {
    fn begin(cancel: &'a CancellationToken) -> Self {
        Self {
            since: Instant::now(),
            told: None,
            signal: Some(cancel).filter(|cancel| !cancel.is_cancelled()),
        }
    }

    /// Waits, and tells of the silence when it is time, or when a signal comes.
    async fn pass(&mut self, wait: Duration, tell: impl Fn()) {
        let is_due = match self.told {
            None => self.since.elapsed() >= TELL_AFTER,
            Some(told) => told.elapsed() >= TELL_AGAIN_AFTER,
        };
        if is_due {
            self.told = Some(Instant::now());
            tell();
        }
        let until = Instant::now() + wait;
        if let Some(signal) = self.signal {
            let waited = tokio::time::timeout_at(until, signal.cancelled());
            if waited.await.is_err() {
                return;
            }
            self.signal = None;
            self.told = Some(Instant::now());
            tell();
        }
        tokio::time::sleep_until(until).await;
    }
}

/// When to try again.
struct Waits {
    first: std::array::IntoIter<Duration, { AGAIN_AFTER.len() }>,
    more: usize,
}

impl Waits {
    fn new() -> Self {
        Self {
            first: AGAIN_AFTER.into_iter(),
            more: ANSWERS_AGAIN,
        }
    }

    fn next(&mut self, error: &EngineError) -> Option<Duration> {
        if let Some(wait) = self.first.next() {
            return Some(wait);
        }
        let again = error.is_transient() && self.more > 0;
        self.more = self.more.saturating_sub(1);
        again.then_some(AGAIN_AFTER[AGAIN_AFTER.len() - 1])
    }
}
