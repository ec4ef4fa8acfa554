//! The spine of a dump, top to bottom: open targets, read config, hold, read what services use,
//! release, send the indexes, publish, prune. Whatever fails goes on at release.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::bridge;
use super::draft::Run;
use super::event::{Reporter, chain};
use super::fanout::Fanout;
use super::hold::{Held, HoldError, Keeper, NotHeld};
use super::member_report::MemberReport;
use super::members::{Halt, Reading};
use super::report::{HeldReport, MemberSummary, RunReport, TargetReport};
use crate::archive::entry::SinkClosed;
use crate::engine::Engine;
use crate::engine::helper::Helpers;
use crate::plan::model::{HeldPlan, Plan, Scope};
use targets::{Targets, open_targets, publish, target_report};

mod prune;
mod targets;

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
}

/// Executes a plan.
///
/// Never leaves a service held: not after an error, a panic, or a signal. A service that cannot be
/// brought back is in the report.
pub async fn dump(plan: Plan, world: World) -> RunReport {
    let plan = Arc::new(plan);
    let targets = open_targets(&plan, &world).await;
    dump_to(plan, world, targets).await
}

/// Executes a plan with targets that are open already.
async fn dump_to(plan: Arc<Plan>, world: World, mut targets: Targets) -> RunReport {
    let mut outcome = Outcome::default();
    let writers = std::mem::take(&mut targets.open);
    if writers.is_empty() {
        outcome.error = Some("no target can be written to".to_owned());
    } else {
        match Fanout::start(writers, &world.reporter, world.cancel.clone()) {
            Ok(fanout) => {
                let fanout = Arc::new(fanout);
                read_all(&plan, &world, &fanout, &mut outcome).await;
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
    held: Vec<Held>,
    error: Option<String>,
}

/// Reads every member, with the services held still for those that they use.
async fn read_all(plan: &Arc<Plan>, world: &World, fanout: &Arc<Fanout>, outcome: &mut Outcome) {
    let helpers = world
        .engine
        .as_ref()
        .map(|engine| Arc::new(Helpers::new(Arc::clone(engine))));
    let reading = Arc::new(Reading::new(
        Arc::clone(plan),
        Arc::clone(fanout),
        world,
        helpers.clone(),
    ));
    let unheld = async {
        if let Some(helpers) = &helpers {
            sweep(helpers).await;
        }
        reading.trees(Scope::Config, &mut outcome.members).await
    };
    let read = match world.cancel.run_until_cancelled(unheld).await {
        Some(Ok(())) => match settled(plan, fanout).await {
            Ok(()) => read_held(plan, world, &reading, outcome).await,
            Err(halt) => Err(halt),
        },
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

/// Before anybody is held, every target has shown that it takes what was read until then: nobody is
/// held for targets that have failed, nor until they have written what nobody was held for.
async fn settled(plan: &Plan, fanout: &Arc<Fanout>) -> Result<(), Halt> {
    if !plan.hold.holds_somebody() {
        return Ok(());
    }
    let fanout = Arc::clone(fanout);
    match bridge::blocking("waiting for the targets", move || fanout.settle()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(SinkClosed)) => Err(Halt::Closed),
        Err(lost) => Err(Halt::Lost(lost.to_string())),
    }
}

/// Reads what services use, with those held still that can write to it.
async fn read_held(
    plan: &Plan,
    world: &World,
    reading: &Reading,
    outcome: &mut Outcome,
) -> Result<(), Halt> {
    let keeper = match hold(plan, world).await {
        Ok(keeper) => keeper,
        Err(NotHeld { error, held }) => {
            outcome.held = held;
            outcome.error = Some(chain(&error));
            return Ok(());
        }
    };
    // A target that stands still must not keep the services waiting for their release.
    let content = async {
        reading.trees(Scope::Mounted, &mut outcome.members).await?;
        reading.volumes(&mut outcome.members).await
    };
    // Nor must a panic, which is a bug of ours: whoever is held is brought back first.
    let content = AssertUnwindSafe(content).catch_unwind();
    let read = world.cancel.run_until_cancelled(content).await;
    if let Some(keeper) = keeper {
        let stood = keeper.release().await;
        outcome.held = stood.held;
        for stirred in &stood.not_still {
            for member in &mut outcome.members {
                member.doubt(stirred);
            }
        }
    }
    match read {
        Some(Ok(read)) => read,
        Some(Err(_)) => Err(Halt::Lost(
            "reading ended unexpectedly; this is a bug".to_owned(),
        )),
        None => Err(Halt::Closed),
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

/// Holds whom the plan says, if anybody.
async fn hold(plan: &Plan, world: &World) -> Result<Option<Keeper>, NotHeld> {
    let hold = &plan.hold;
    // Who is paused already may run by now.
    let containers: Vec<HeldPlan> = hold.pause.iter().chain(&hold.paused).cloned().collect();
    if containers.is_empty() {
        return Ok(None);
    }
    let Some(engine) = &world.engine else {
        return Err(NotHeld {
            error: HoldError::NoEngine,
            held: Vec::new(),
        });
    };
    let keeper = Keeper::hold(
        Arc::clone(engine),
        containers,
        Arc::clone(&world.reporter),
        world.cancel.clone(),
    );
    keeper.await.map(Some)
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
        error: outcome.error,
        interrupted,
        missing: plan.missing.clone(),
    }
}

#[cfg(test)]
mod tests;
