//! The spine of a dump, top to bottom: open targets, begin the journal, read config, hold, read what
//! services use, release, end the journal, send the indexes, publish, prune. Whatever fails goes on at
//! release.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::draft::Run;
use super::event::{Reporter, chain};
use super::fanout::Fanout;
use super::guard::{Guard, GuardSpec};
use super::hold::watchdog::WatchdogCommand;
use super::hold::{self, HoldError};
use super::hooks::{HookError, Hooks};
use super::member_report::MemberReport;
use super::members::{Halt, Reading, Wanted};
use super::report::{HeldReport, MemberSummary, RunReport, TargetReport};
use crate::crash;
use crate::engine::Engine;
use crate::engine::helper::Helpers;
use crate::plan::model::{Plan, Scope};
use crate::state::StateFolder;
use targets::{Targets, open_targets, publish, target_report};

mod prune;
mod targets;
mod windows;

/// How long helper containers may take to go away at the end of a run.
const HELPERS_LEAVE_WITHIN: Duration = Duration::from_secs(20);

/// What a run has at hand beside its plan.
pub struct World {
    /// The engine, where the plan relies on one.
    pub engine: Option<Arc<dyn Engine>>,
    /// Hears what happens.
    pub reporter: Arc<dyn Reporter>,
    /// Ends the run early; services are brought back first.
    pub cancel: CancellationToken,
    /// Makes the clean-up of a cancelled run short. Services are brought back in any case.
    pub hurry: CancellationToken,
    /// What the manifest says of the run itself.
    pub run: Run,
    /// Where its journal is.
    pub state: StateFolder,
    /// How a watchdog over it is started; `None` for none.
    pub watchdog: Option<WatchdogCommand>,
}

/// Executes a plan.
///
/// Never leaves a service held: not after an error, a panic, or a signal. A service that cannot be
/// brought back is in the report.
pub async fn dump(plan: Plan, world: World) -> RunReport {
    let plan = Arc::new(plan);
    let targets = open_targets(&plan, &world).await;
    crash::point();
    dump_to(plan, world, targets).await
}

/// Executes a plan with targets that are open already.
async fn dump_to(plan: Arc<Plan>, world: World, mut targets: Targets) -> RunReport {
    let mut outcome = Outcome::default();
    let writers = std::mem::take(&mut targets.open);
    if writers.is_empty() {
        outcome.error = Some("no target can be written to".to_owned());
    } else {
        let stop = world.cancel.child_token();
        match Fanout::start(writers, &world.reporter, stop.clone()) {
            Ok(fanout) => {
                let fanout = Arc::new(fanout);
                read_guarded(&plan, &world, &fanout, &stop, &mut outcome).await;
                targets.ended = publish(&plan, &world, fanout, &mut outcome).await;
            }
            Err(error) => {
                outcome.error = Some(format!("cannot start a thread for a target: {error}"))
            }
        }
    }
    let mut report = report(&plan, &world, targets, outcome);
    prune::prune(&plan, &world, &mut report).await;
    report
}

/// What a run has come to so far.
#[derive(Default)]
struct Outcome {
    members: Vec<MemberReport>,
    held: Vec<hold::Held>,
    /// The `after` hooks that failed.
    hooks_failed: Vec<String>,
    error: Option<String>,
}

/// Reads every member, with a journal and a watchdog around all that is done to services.
async fn read_guarded(
    plan: &Arc<Plan>,
    world: &World,
    fanout: &Arc<Fanout>,
    stop: &CancellationToken,
    outcome: &mut Outcome,
) {
    let guard = match guard(plan, world).await {
        Ok(guard) => guard,
        Err(error) => {
            outcome.error = Some(chain(&error));
            return;
        }
    };
    crash::point();
    let hooks = Hooks {
        hooks: &plan.hooks,
        project: &plan.project.identity.name,
        engine: world.engine.as_ref(),
        reporter: &*world.reporter,
        journal: guard.as_ref().map(Guard::journal),
    };
    let (begun, before) = hooks.before(&world.cancel).await;
    match before {
        Ok(()) => {
            // A panic is a bug of ours, and no reason to leave an `after` out.
            let reading = read_all(plan, world, fanout, (stop, guard.as_ref()), outcome);
            let read = AssertUnwindSafe(reading).catch_unwind().await;
            if read.is_err() {
                outcome.error = Some("reading ended unexpectedly; this is a bug".to_owned());
            }
        }
        Err(HookError::Cancelled { .. }) => {}
        Err(error) => outcome.error = Some(chain(&error)),
    }
    crash::point();
    outcome.hooks_failed = hooks.after(begun).await;
    crash::point();
    if let Some(guard) = guard {
        guard.end().await;
    }
}

/// Begins the journal of a run that touches services.
async fn guard(plan: &Plan, world: &World) -> Result<Option<Guard>, HoldError> {
    if !plan.hold.holds_somebody() && plan.hooks.is_empty() {
        return Ok(None);
    }
    let Some(engine) = world.engine.as_deref() else {
        // Commands on this machine need no engine; a journal is about one.
        return match plan.hold.holds_somebody() {
            true => Err(HoldError::NoEngine),
            false => Ok(None),
        };
    };
    let spec = GuardSpec {
        state: &world.state,
        watchdog: world.watchdog.as_ref(),
        engine,
    };
    Guard::begin(spec, plan, &world.run).await.map(Some)
}

/// Reads every member, with the services held still for those that they use.
async fn read_all(
    plan: &Arc<Plan>,
    world: &World,
    fanout: &Arc<Fanout>,
    (stop, guard): (&CancellationToken, Option<&Guard>),
    outcome: &mut Outcome,
) {
    let helpers = world
        .engine
        .as_ref()
        .map(|engine| Arc::new(Helpers::new(Arc::clone(engine))));
    let reading = Reading::new(
        Arc::clone(plan),
        Arc::clone(fanout),
        (Arc::clone(&world.reporter), stop.clone()),
        (world.engine.clone(), helpers.clone()),
    );
    let unheld = async {
        if let Some(helpers) = &helpers {
            sweep(helpers).await;
        }
        let members = &mut outcome.members;
        reading.trees(Scope::Config, Wanted::All, members).await
    };
    let unheld = match world.cancel.run_until_cancelled(unheld).await {
        // A command that runs has to be told that the run is cancelled.
        Some(Ok(())) => Some(reading.exports(&mut outcome.members).await),
        other => other,
    };
    let read = match unheld {
        Some(Ok(())) => {
            let held = windows::Held {
                plan,
                world,
                reading: &reading,
                fanout,
                guard,
                stop,
            };
            held.read(outcome).await
        }
        Some(Err(halt)) => Err(halt),
        None => Err(Halt::Closed),
    };
    if let Err(Halt::Lost(error)) = read {
        outcome.error = Some(error);
    }
    let Some(helpers) = helpers else {
        return;
    };
    let settled = helpers.settle(HELPERS_LEAVE_WITHIN);
    if world.hurry.run_until_cancelled(settled).await != Some(true) {
        tracing::warn!("a helper container is still there; the next run removes it");
    }
}

/// Removes helper containers that killed runs have left behind. That they are there harms nobody, so
/// a failure to remove them does not either.
async fn sweep(helpers: &Helpers) {
    match helpers.sweep().await {
        Ok(removed) if removed.is_empty() => {}
        Ok(removed) => tracing::info!(
            count = removed.len(),
            "removed helper containers of runs that are over"
        ),
        Err(error) => tracing::info!(
            error = chain(&error),
            "cannot look for helper containers of runs that are over"
        ),
    }
}

fn report(plan: &Plan, world: &World, targets: Targets, outcome: Outcome) -> RunReport {
    let rows = plan
        .targets
        .iter()
        .map(|target| target_report(target, &targets, &*world.reporter));
    let rows: Vec<TargetReport> = rows.collect();
    // A signal that comes after the last dump was published has interrupted nothing.
    let interrupted = world.cancel.is_cancelled() && rows.iter().any(|row| row.dump.is_none());
    RunReport {
        job: plan.job.clone(),
        project: plan.project.id.clone(),
        invoked: world.run.invoked,
        finished: Timestamp::now(),
        targets: rows,
        members: outcome.members.iter().map(MemberSummary::from).collect(),
        held: outcome.held.iter().map(HeldReport::from).collect(),
        hooks_failed: outcome.hooks_failed,
        error: outcome.error,
        interrupted,
        missing: plan.missing.clone(),
    }
}

#[cfg(test)]
mod tests;
