//! What a run has around it from before it touches a service until all are back: its journal, and
//! a watchdog over it.

use super::draft::Run;
use super::event::chain;
use super::hold::HoldError;
use super::hold::watchdog::{Watchdog, WatchdogCommand};
use super::journal::Journal;
use crate::bridge;
use crate::crash;
use crate::engine::Engine;
use crate::plan::model::Plan;
use crate::state::StateFolder;

/// The journal and the watchdog of a run that touches services.
pub(super) struct Guard {
    journal: Journal,
    watchdog: Option<Watchdog>,
}

/// Where and how a run can be guarded.
pub(super) struct GuardSpec<'a> {
    pub(super) state: &'a StateFolder,
    pub(super) watchdog: Option<&'a WatchdogCommand>,
    pub(super) engine: &'a dyn Engine,
}

impl Guard {
    /// Begins the journal and starts the watchdog. A watchdog that cannot be started is told, and no
    /// reason not to dump: the next run does its work.
    ///
    /// # Errors
    /// When there is no journal; nobody may be touched then.
    pub(super) async fn begin(
        spec: GuardSpec<'_>,
        plan: &Plan,
        run: &Run,
    ) -> Result<Self, HoldError> {
        let engine = (&*spec.engine.daemon().id, spec.engine.docker_command());
        let journal = Journal::begin(spec.state, &run.id, &plan.project.id, engine).await?;
        let mut guard = Self {
            journal,
            watchdog: None,
        };
        let Some(command) = spec.watchdog.cloned() else {
            return Ok(guard);
        };
        let path = guard.journal.path().to_owned();
        let starting = move || Watchdog::start(&command, &path);
        match bridge::blocking("starting the watchdog", starting).await {
            Ok(Ok(watchdog)) => guard.watchdog = Some(watchdog),
            Ok(Err(error)) => unwatched(&error),
            Err(lost) => unwatched(&lost),
        }
        Ok(guard)
    }

    /// What is about to be done to services is written here.
    pub(super) fn journal(&self) -> Journal {
        self.journal.clone()
    }

    /// Ends both, once nothing more is done to services. What could not be brought back stays in the
    /// journal, for the next run.
    pub(super) async fn end(self) {
        let ending = move || {
            self.journal.end();
            crash::point();
            if let Some(watchdog) = self.watchdog {
                watchdog.dismiss();
            }
        };
        if let Err(lost) = bridge::blocking("ending the journal", ending).await {
            tracing::warn!(error = chain(&lost), "a journal may be left over");
        }
    }
}

fn unwatched(error: &dyn std::error::Error) {
    tracing::warn!(
        "nobody watches over this run, so that services stay down if it is killed: {}",
        chain(error)
    );
}
