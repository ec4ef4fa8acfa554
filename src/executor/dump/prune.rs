//! What a complete run does last: at each target that has the new dump and a `keep`, the dumps of this
//! series that it does not keep are removed.

use std::sync::Arc;

use jiff::Timestamp;

use super::World;
use crate::executor::bridge;
use crate::executor::event::{Event, chain};
use crate::executor::report::{PruneReport, RunReport};
use crate::plan::model::{Plan, TargetKind, TargetPlan};
use crate::prune::{Keeping, Place, PruneError, plan};
use crate::retention::Shrunk;
use crate::stored::OpenError;
use crate::targets::TargetError;
use crate::text;

/// Why old dumps are still there.
#[derive(Debug, thiserror::Error)]
enum NotPruned {
    /// The new dump is suspiciously small.
    #[error(
        "target `{target}`: nothing was removed, because the new dump holds {} and the one before it {}",
        text::bytes(shrunk.newest),
        text::bytes(shrunk.before)
    )]
    Guarded { target: String, shrunk: Shrunk },
    /// It is not known what is there.
    #[error("target `{target}`: nothing was removed, because its dumps cannot be listed")]
    Unlisted { target: String, source: OpenError },
    /// A dump cannot be removed.
    #[error(transparent)]
    Dump(#[from] PruneError),
    /// None can.
    #[error(transparent)]
    Place(#[from] TargetError),
}

impl NotPruned {
    fn help(&self) -> Option<&'static str> {
        match self {
            Self::Guarded { .. } => Some(
                "check that nothing is missing; the next run of about this size removes again, `COMPOSE_DUMP_SHRINK_GUARD=0% compose-dump prune` does it now",
            ),
            Self::Unlisted { source, .. } => source.help(),
            Self::Dump(PruneError::Target(error)) | Self::Place(error) => error.help(),
            Self::Dump(PruneError::Changed { .. }) => None,
        }
    }
}

/// What came of one target.
#[derive(Default)]
struct Done {
    removed: Vec<String>,
    problems: Vec<NotPruned>,
}

/// Prunes every target that keeps only some dumps, if the run was complete.
pub(super) async fn prune(plan: &Arc<Plan>, world: &World, report: &mut RunReport) {
    if !report.is_complete() {
        return;
    }
    let rows = report.targets.iter_mut().zip(&plan.targets);
    for (row, target) in rows.filter(|(row, _)| row.dump.is_some()) {
        let Some((place, keeping)) = keeping(plan, target) else {
            continue;
        };
        let pruning = bridge::blocking("removing old dumps", move || prune_one(&place, &keeping));
        let mut pruned = PruneReport::default();
        match pruning.await {
            Ok(done) => {
                for dump in done.removed {
                    pruned.removed.push(dump.clone());
                    let target = target.name.clone();
                    world.reporter.report(Event::Removed { target, dump });
                }
                for problem in done.problems {
                    let error = chain(&problem);
                    pruned.problems.push(error.clone());
                    world.reporter.report(Event::NotPruned {
                        target: target.name.clone(),
                        error,
                        help: problem.help(),
                    });
                }
            }
            Err(lost) => pruned.problems.push(lost.to_string()),
        }
        row.pruned = Some(pruned);
    }
}

fn keeping(plan: &Plan, target: &TargetPlan) -> Option<(Place, Keeping)> {
    let (TargetKind::Folder { path, .. } | TargetKind::Archives { path, .. }) = &target.kind else {
        return None;
    };
    let place = Place {
        target: target.name.clone(),
        folder: path.clone(),
    };
    let keeping = Keeping {
        project: plan.project.id.clone(),
        jobs: vec![(plan.job.clone(), plan.shrink_guard)],
        policy: target.keep.clone()?,
    };
    Some((place, keeping))
}

fn prune_one(place: &Place, keeping: &Keeping) -> Done {
    let target = || place.target.clone();
    let mut done = Done::default();
    let listing = match place.list() {
        Ok(listing) => listing,
        Err(source) => {
            let target = target();
            done.problems.push(NotPruned::Unlisted { target, source });
            return done;
        }
    };
    let plan = plan(&listing.dumps, keeping, Timestamp::now());
    let shrunk = plan
        .series
        .iter()
        .filter_map(|series| series.shrunk.clone());
    done.problems
        .extend(shrunk.map(|shrunk| NotPruned::Guarded {
            target: target(),
            shrunk,
        }));
    match place.prune(&plan) {
        Err(error) => done.problems.push(error.into()),
        Ok(pruned) => {
            let removed = pruned.removed.iter();
            done.removed
                .extend(removed.map(|dump| text::os(&dump.name)));
            let failed = pruned.failed.into_iter();
            done.problems.extend(failed.map(|(_, error)| error.into()));
        }
    }
    done
}
