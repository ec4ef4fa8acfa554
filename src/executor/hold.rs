//! Holds services still, and brings them back whatever happens.
//!
//! A keeper task of its own holds the containers and brings them back as soon as it is told to, or as
//! soon as whoever could tell it is gone: an early return, a panic or a dropped future all end in
//! the same place. `hands` and `undo` are the only code that changes the state of a container; the
//! first writes into the journal before it does. `watchdog` is there for the death of the whole
//! process. `witness` finds out whether who was to stand still did.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_util::FutureExt;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::event::{Event, Reporter};
use super::journal::{Journal, JournalError, Pending};
use crate::archive::manifest::model::Hold;
use crate::engine::{Engine, EngineError};
use crate::plan::model::HeldPlan;
use hands::{Hands, Ours, Standing};
use witness::Witness;

mod back;
mod engine_clock;
mod hands;
mod undo;
pub mod watchdog;
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
    /// This engine freezes nothing.
    #[error(
        "cannot pause the container `{container}` on this engine; `pause: {{default: stop}}` stops \
         services instead, and `--no-pause` lets them go on"
    )]
    NoFreezer {
        /// Its name.
        container: String,
        /// What the engine says.
        source: EngineError,
    },
    /// A container did not stop.
    #[error("cannot stop the container `{container}`")]
    Stop {
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
    /// What is about to be done could not be written down, so it is not done.
    #[error("nobody is held without a journal")]
    Journal(#[from] JournalError),
    /// Containers are to be held, and there is no engine to ask.
    #[error("no engine answers that could pause the containers")]
    NoEngine,
    /// The run was cancelled meanwhile.
    #[error("the run was interrupted")]
    Interrupted,
    /// The task that holds ended early, by a bug.
    #[error("pausing ended unexpectedly")]
    Keeper,
}

impl HoldError {
    fn of_pause(container: &str, source: EngineError) -> Self {
        let container = container.to_owned();
        if source.is_freezer_missing() {
            Self::NoFreezer { container, source }
        } else {
            Self::Pause { container, source }
        }
    }
}

/// One container that was held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its id.
    pub id: String,
    /// Its name.
    pub container: String,
    /// Its service.
    pub service: String,
    /// How it was held.
    pub how: Hold,
    /// The members that it was held for.
    pub members: Vec<String>,
    /// When it stood still.
    pub from: Timestamp,
    /// When it ran again, or was found to be no longer held; `None` if it could not be brought back.
    pub until: Option<Timestamp>,
    /// Why it is not well, although it was started again.
    pub unwell: Option<String>,
}

/// A container that did not stand still all the time, although it could write to what was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotStill {
    /// Its name.
    pub container: String,
    /// How it was to be held.
    pub how: Hold,
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

/// Who is to be held, and by what means.
pub(crate) struct Holding {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) journal: Journal,
    pub(crate) containers: Vec<HeldPlan>,
    pub(crate) reporter: Arc<dyn Reporter>,
    pub(crate) cancel: CancellationToken,
}

/// Holds the containers until [`Keeper::release`], or until it is dropped.
#[derive(Debug)]
pub(crate) struct Keeper {
    release: oneshot::Sender<()>,
    task: JoinHandle<Stood>,
}

impl Keeper {
    /// Pauses or stops containers, as planned for each. Those that are paused already are watched; those
    /// that do not run (any more) are passed over.
    ///
    /// # Errors
    /// When one of them cannot be held or the run is cancelled; all were brought back then.
    pub(crate) async fn hold(holding: Holding) -> Result<Self, NotHeld> {
        let (release, released) = oneshot::channel();
        let (ready, is_ready) = oneshot::channel();
        let task = tokio::spawn(keep(holding, ready, released));
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

/// The life of a keeper: hold, say so, wait, bring back.
async fn keep(
    holding: Holding,
    ready: oneshot::Sender<Result<(), HoldError>>,
    released: oneshot::Receiver<()>,
) -> Stood {
    let Holding {
        engine,
        journal,
        containers,
        reporter,
        cancel,
    } = holding;
    let means = Means {
        engine: Arc::clone(&engine),
        teller: Teller { reporter },
        cancel: cancel.clone(),
    };
    let hands = Hands {
        means: means.clone(),
        journal,
    };
    let mut standing = Standing::default();
    let outcome = safely(hands.hold_all(&containers, &cancel, &mut standing)).await;
    let outcome = outcome.unwrap_or(Err(HoldError::Keeper));
    if outcome.is_err() {
        let _ = ready.send(outcome);
        return hands.release(&standing).await.into();
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
    let back = hands.release(&standing).await;
    let (Some(witness), Some(closing)) = (witness, closing) else {
        return back.into();
    };
    // Of a dump that is given up nobody asks whether it is of one moment.
    if cancel.is_cancelled() {
        return back.into();
    }
    let stood = witness.judge(closing, back).await;
    for not_still in &stood.not_still {
        means.teller.tell(Event::NotStill(not_still.clone()));
    }
    stood
}

/// Brings back what a run that is over has left held. Says of each what became of it; those that were not
/// held any more, or are not as the run left them, are not among them.
pub(crate) async fn undo_left(
    engine: Arc<dyn Engine>,
    reporter: Arc<dyn Reporter>,
    pending: &Pending,
) -> Vec<Held> {
    let means = Means {
        engine,
        teller: Teller { reporter },
        cancel: CancellationToken::new(),
    };
    let ours = pending.containers.iter().map(|intent| Ours {
        intent: intent.clone(),
        members: Vec::new(),
        from: intent.at,
        known: false,
    });
    let ours: Vec<Ours> = ours.collect();
    let back = means.bring_back(&ours).await;
    back.into_iter().map(|back| back.held).collect()
}

/// What comes of it; `None` if it panics, which is a bug.
async fn safely<T>(work: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(work).catch_unwind().await.ok()
}

/// What containers are held and brought back with.
#[derive(Clone)]
struct Means {
    engine: Arc<dyn Engine>,
    teller: Teller,
    /// Keeps nobody from being brought back; fires when somebody wants to know how that goes.
    cancel: CancellationToken,
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
