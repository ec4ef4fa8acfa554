//! Holds services still, and brings them back whatever happens.
//!
//! A keeper task of its own pauses the containers and resumes them as soon as it is told to, or as
//! soon as whoever could tell it is gone: an early return, a panic or a dropped future all end in
//! the same place. `hands` is the only code that changes the state of a container, and so the place
//! for a journal of what it is about to do. `witness` finds out whether who was to stand still did.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_util::FutureExt;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::event::{Event, Reporter};
use crate::engine::{Engine, EngineError};
use crate::plan::model::HeldPlan;
use hands::{Hands, Standing};
use witness::Witness;

mod hands;
mod witness;

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
    /// When it ran again, or was found to be no longer held; `None` if it could not be brought back.
    pub until: Option<Timestamp>,
}

/// A container that did not stand still all the time, although it could write to what was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotStill {
    /// Its name.
    pub container: String,
    /// What is known of it.
    pub why: String,
    /// The members that it can write to.
    pub members: Vec<String>,
}

/// What came of holding services still.
#[derive(Debug, Default)]
pub(crate) struct Stood {
    /// Who was held by this run, from when to when.
    pub(crate) held: Vec<Held>,
    /// Who stirred meanwhile.
    pub(crate) not_still: Vec<NotStill>,
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
    task: JoinHandle<Stood>,
}

impl Keeper {
    /// Pauses `containers`, one after another. Those that are paused already are watched; those that
    /// do not run (any more) are passed over.
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
        let teller = Teller { reporter };
        let hands = Hands {
            engine: Arc::clone(&engine),
            teller: teller.clone(),
        };
        let task = tokio::spawn(async move {
            let mut standing = Standing::default();
            let pausing = hands.pause_all(&containers, &cancel, &mut standing);
            let outcome = safely(pausing).await.unwrap_or(Err(HoldError::Keeper));
            if outcome.is_err() {
                let _ = ready.send(outcome);
                return hands.resume_all(&standing).await.into();
            }
            // Nothing that only looks may keep anybody from being brought back.
            let witness = safely(Witness::begin(engine, &standing)).await;
            // Nobody may be waiting any more; then there is nothing to wait for here either.
            if ready.send(outcome).is_ok() {
                let _ = released.await;
            }
            let closing = match &witness {
                Some(witness) => safely(witness.end()).await,
                None => None,
            };
            let back = hands.resume_all(&standing).await;
            let (Some(witness), Some(closing)) = (witness, closing) else {
                return back.into();
            };
            // Of a dump that is given up nobody asks whether it is of one moment.
            if cancel.is_cancelled() {
                return back.into();
            }
            let stood = witness.judge(closing, back).await;
            for not_still in &stood.not_still {
                teller.tell(Event::NotStill(not_still.clone()));
            }
            stood
        });
        match is_ready.await.unwrap_or(Err(HoldError::Keeper)) {
            Ok(()) => Ok(Self { release, task }),
            Err(error) => {
                let held = task.await.unwrap_or_default().held;
                Err(NotHeld { error, held })
            }
        }
    }

    /// Brings the services back and says who was held from when to when, and who was not.
    pub(crate) async fn release(self) -> Stood {
        let _ = self.release.send(());
        self.task.await.unwrap_or_default()
    }
}

/// What comes of it; `None` if it panics, which is a bug.
async fn safely<T>(work: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(work).catch_unwind().await.ok()
}

/// Tells what happens.
#[derive(Clone)]
struct Teller {
    reporter: Arc<dyn Reporter>,
}

impl Teller {
    /// A reporter that panics, say because nobody reads what it prints, must leave nobody held.
    fn tell(&self, event: Event) {
        if catch_unwind(AssertUnwindSafe(|| self.reporter.report(event))).is_err() {
            tracing::warn!("the reporter ended unexpectedly; this is a bug");
        }
    }
}

#[cfg(test)]
mod tests;
