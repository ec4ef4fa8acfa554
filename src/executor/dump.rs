//! The spine of a dump, top to bottom: open targets, read config, hold, read what services use,
//! release, send the indexes, publish. Whatever fails goes on at release.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::bridge;
use super::draft::{self, Run};
use super::event::{Event, Reporter, chain};
use super::fanout::{Fanout, LaneEnd};
use super::hold::{Held, HoldError, Keeper, NotHeld};
use super::index_file::IndexError;
use super::members::{Halt, MemberReport, Reading};
use super::report::{HeldReport, MemberSummary, RunReport, TargetReport};
use crate::archive::manifest::Place;
use crate::engine::Engine;
use crate::engine::helper::Helpers;
use crate::plan::model::{Plan, Scope, TargetPlan};
use crate::targets::DumpWriter;

/// How long helper containers may take to go away at the end of a run.
const HELPERS_LEAVE_WITHIN: Duration = Duration::from_secs(20);

/// How long targets may take to remove what they have written of a dump that is given up.
const REMOVED_WITHIN: Duration = Duration::from_secs(30);

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
    report(&plan, &world, targets, outcome)
}

/// What a run has come to so far.
#[derive(Default)]
struct Outcome {
    members: Vec<MemberReport>,
    held: Vec<Held>,
    error: Option<String>,
}

/// The targets, as far as they could be opened.
#[derive(Default)]
struct Targets {
    open: Vec<(String, Box<dyn DumpWriter>)>,
    refused: Vec<(String, String)>,
    ended: Vec<(String, LaneEnd)>,
}

impl Targets {
    fn refuse(&mut self, world: &World, target: String, error: String, help: Option<&'static str>) {
        self.refused.push((target.clone(), error.clone()));
        world.reporter.report(Event::TargetFailed {
            target,
            error,
            help,
        });
    }
}

/// Opens every target, which proves that it can be written to before anything is touched.
async fn open_targets(plan: &Arc<Plan>, world: &World) -> Targets {
    let mut targets = Targets::default();
    for target in &plan.targets {
        let name = target.name.clone();
        let spec = draft::target_spec(plan, target, &world.run);
        let opened = bridge::blocking("opening a target", move || {
            crate::targets::open::open(&spec)
        })
        .await;
        match opened {
            Ok(Ok(writer)) => targets.open.push((name, writer)),
            Ok(Err(error)) => targets.refuse(world, name, chain(&error), error.help()),
            Err(lost) => {
                let error = format!("target `{name}`: {lost}");
                targets.refuse(world, name, error, None);
            }
        }
    }
    targets
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
        Some(Ok(())) => read_held(plan, world, &reading, outcome).await,
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
        outcome.held = keeper.release().await;
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
    if plan.hold.pause.is_empty() {
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
        plan.hold.pause.clone(),
        Arc::clone(&world.reporter),
        world.cancel.clone(),
    );
    keeper.await.map(Some)
}

/// Publishes the dump at every target, or has everything removed.
async fn publish(
    plan: &Arc<Plan>,
    world: &World,
    fanout: Arc<Fanout>,
    outcome: &mut Outcome,
) -> Vec<(String, LaneEnd)> {
    let whole = outcome.error.is_none() && !world.cancel.is_cancelled();
    let nothing_read = outcome.members.iter().all(|member| member.error.is_some());
    if whole && nothing_read && !outcome.members.is_empty() {
        outcome.error = Some("no member could be read".to_owned());
    }
    let gaps = outcome.members.iter().any(|member| !member.is_whole());
    if whole && plan.strict && gaps && outcome.error.is_none() {
        outcome.error = Some(
            "the dump has gaps, and a strict one is not published; the members above name them"
                .to_owned(),
        );
    }
    if !whole || outcome.error.is_some() {
        return abort(world, fanout).await;
    }
    let mut members = std::mem::take(&mut outcome.members);
    let plan = Arc::clone(plan);
    let run = world.run.clone();
    let held = outcome.held.clone();
    let sending = bridge::blocking("publishing", move || {
        // A refusal means that no target is left; each says so itself at its end.
        let _ = fanout.released();
        let indexed = super::index_file::send_all(&mut members, &fanout);
        let ended = match indexed {
            Ok(()) => fanout.finish(draft::draft(&plan, &run, &members, &held)),
            Err(_) => fanout.abort(),
        };
        (members, ended, indexed)
    });
    tokio::pin!(sending);
    // Whoever reads standard output may take for ever; a signal ends that too.
    let sent = match world.cancel.run_until_cancelled(&mut sending).await {
        Some(sent) => Some(sent),
        None => in_time(world, sending).await,
    };
    match sent {
        Some(Ok((members, ended, indexed))) => {
            outcome.members = members;
            // That no target is left is for each of them to say.
            if let Err(error @ IndexError::ReadBack { .. }) = indexed {
                outcome.error = Some(chain(&error));
            }
            ended
        }
        Some(Err(lost)) => {
            outcome.error = Some(lost.to_string());
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// Has everything removed that was written.
async fn abort(world: &World, fanout: Arc<Fanout>) -> Vec<(String, LaneEnd)> {
    let removal = bridge::blocking("removing what was written", move || fanout.abort());
    in_time(world, removal)
        .await
        .and_then(Result::ok)
        .unwrap_or_default()
}

/// Waits for targets that end. One that hangs is left alone after a while, or at the second signal:
/// what it has written is hidden, and the user's to remove.
async fn in_time<T>(world: &World, ending: impl Future<Output = T>) -> Option<T> {
    let patient = tokio::time::timeout(REMOVED_WITHIN, ending);
    let ended = world.hurry.run_until_cancelled(patient).await;
    let ended = ended.and_then(Result::ok);
    if ended.is_none() {
        tracing::warn!(
            "what was written could not be removed in time: look for a hidden name that ends in `.partial` at the target, and delete it"
        );
    }
    ended
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
    }
}

fn target_report(target: &TargetPlan, targets: &Targets, reporter: &dyn Reporter) -> TargetReport {
    let name = &target.name;
    let mut row = TargetReport {
        target: name.clone(),
        required: target.required,
        dump: None,
        bytes: 0,
        warnings: Vec::new(),
        error: None,
    };
    let refused = targets.refused.iter().find(|(target, _)| target == name);
    let ended = targets.ended.iter().find(|(target, _)| target == name);
    match (refused, ended) {
        (Some((_, error)), _) => row.error = Some(error.clone()),
        (_, Some((_, LaneEnd::Failed(error)))) => row.error = Some(chain(error)),
        (_, Some((_, LaneEnd::Lost))) => {
            row.error = Some(format!(
                "target `{name}`: its thread ended unexpectedly; this is a bug"
            ));
        }
        (_, Some((_, LaneEnd::Published(published)))) => {
            let path = match &published.place {
                Place::Path(path) => Some(path.clone()),
                Place::Stdout => None,
            };
            row.dump = Some(
                path.as_deref()
                    .map_or_else(|| "-".to_owned(), crate::text::path),
            );
            row.bytes = published.bytes;
            row.warnings.clone_from(&published.warnings);
            reporter.report(Event::Published {
                target: name.clone(),
                path,
                bytes: published.bytes,
            });
        }
        (_, Some((_, LaneEnd::Aborted)) | None) => {}
    }
    row
}

#[cfg(test)]
mod tests;
