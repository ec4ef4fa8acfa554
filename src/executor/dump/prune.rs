//! What a complete run does last: at each target that has the new dump and a `keep`, the dumps of this
//! series that it does not keep are removed.

use std::sync::Arc;

use jiff::Timestamp;

use super::World;
use crate::bridge;
use crate::executor::event::{Event, chain};
use crate::executor::report::{PruneReport, RunReport};
use crate::plan::model::{Plan, TargetKind, TargetPlan};
use crate::prune::{Keeping, Place, PruneError, plan};
use crate::retention::Shrunk;
use crate::store::{Environment, Store, StoreError};
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
    /// Volumes of which there are dumps are gone.
    #[error(
        "target `{target}`: the last dump with `{}` stays, because the engine does not have {} any more",
        volumes.join("`, `"),
        if volumes.len() == 1 { "it" } else { "them" }
    )]
    Lost {
        target: String,
        volumes: Vec<String>,
    },
    /// It is not known what is there.
    #[error("target `{target}`: nothing was removed, because its dumps cannot be listed")]
    Unlisted { target: String, source: OpenError },
    /// The store cannot be reached.
    #[error("target `{target}`: nothing was removed")]
    Store { target: String, source: StoreError },
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
            Self::Lost { .. } => Some(
                "put it back with `compose-dump restore`; what is not needed any more goes out of the Compose file, or gets the rule `skip`",
            ),
            Self::Unlisted { source, .. } => source.help(),
            Self::Dump(PruneError::Target(error)) | Self::Place(error) => error.help(),
            Self::Dump(PruneError::Unread { source, .. }) => source.help(),
            Self::Dump(PruneError::Changed { .. } | PruneError::NotTried { .. }) => None,
            Self::Store { source, .. } => source.help(),
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
        let Some(keeping) = keeping(plan, target) else {
            continue;
        };
        let (name, kind) = (target.name.clone(), target.kind.clone());
        let pruning = bridge::blocking("removing old dumps", move || match place(name, &kind) {
            Ok(Some(place)) => prune_one(&place, &keeping),
            Ok(None) => Done::default(),
            Err(error) => Done {
                problems: vec![error],
                ..Done::default()
            },
        });
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

fn keeping(plan: &Plan, target: &TargetPlan) -> Option<Keeping> {
    Some(Keeping {
        project: plan.project.id.clone(),
        jobs: vec![(plan.job.clone(), plan.shrink_guard)],
        policy: target.keep.clone()?,
    })
}

/// Where a target's dumps are; `None` where it has but the one.
fn place(target: String, kind: &TargetKind) -> Result<Option<Place>, NotPruned> {
    Ok(match kind {
        TargetKind::Folder { path, .. } | TargetKind::Archives { path, .. } => {
            let folder = path.clone();
            Some(Place::Folder { target, folder })
        }
        TargetKind::Store { url, options, .. } => {
            match Store::open(url, options, &Environment::of_process()) {
                Ok(store) => Some(Place::Store { target, store }),
                Err(source) => return Err(NotPruned::Store { target, source }),
            }
        }
        TargetKind::Archive { .. } | TargetKind::Stdout => None,
    })
}

fn prune_one(place: &Place, keeping: &Keeping) -> Done {
    let target = || place.target().to_owned();
    let mut done = Done::default();
    let listing = match place.list() {
        Ok(listing) => listing,
        Err(source) => {
            let target = target();
            done.problems.push(NotPruned::Unlisted { target, source });
            return done;
        }
    };
    if let Err(error) = place.check_clock() {
        done.problems.push(error.into());
        return done;
    }
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
    let lost = plan.series.iter().filter(|series| !series.lost.is_empty());
    done.problems.extend(lost.map(|series| NotPruned::Lost {
        target: target(),
        volumes: series.lost.clone(),
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
