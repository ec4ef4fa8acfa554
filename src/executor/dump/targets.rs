//! The targets of a dump, from opening them to what became of each.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{Outcome, World};
use crate::archive::manifest::Place;
use crate::bridge;
use crate::crash;
use crate::executor::draft;
use crate::executor::event::{Event, Reporter, chain};
use crate::executor::fanout::{Fanout, LaneEnd};
use crate::executor::index_file::{self, IndexError};
use crate::executor::report::TargetReport;
use crate::plan::model::{Plan, TargetPlan};
use crate::targets::remover::Remover;
use crate::targets::{DumpWriter, Shared, TargetError};
use crate::text;

/// How long targets may take to remove what they have written of a dump that is given up.
const REMOVED_WITHIN: Duration = Duration::from_secs(30);

/// The targets, as far as they could be opened.
#[derive(Default)]
pub(super) struct Targets {
    pub(super) open: Vec<(String, Box<dyn DumpWriter>)>,
    pub(super) refused: Vec<(String, String)>,
    pub(super) ended: Vec<(String, LaneEnd)>,
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

/// Opens every target, which proves that it can be written to before anything is touched. What killed
/// runs have left there is removed first: it may be what the disk is full of.
pub(super) async fn open_targets(plan: &Arc<Plan>, world: &World) -> Targets {
    sweep(plan).await;
    let mut targets = Targets::default();
    let shared = Shared::new(world.cancel.clone());
    for target in &plan.targets {
        let name = target.name.clone();
        let spec = draft::target_spec(plan, target, &world.run);
        let shared = shared.clone();
        let opened = bridge::blocking("opening a target", move || {
            crate::targets::open::open(&spec, &shared)
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

/// Removes the hidden leftovers of runs that are over in the folders that this dump goes to. They are no
/// dumps, so a failure to remove them does not harm any.
async fn sweep(plan: &Arc<Plan>) {
    let plan = Arc::clone(plan);
    let swept = bridge::blocking("removing leftovers", move || {
        for target in &plan.targets {
            if let Some(folder) = target.kind.folder()
                && let Err(error) = sweep_folder(&target.name, folder)
            {
                let error = chain(&error);
                tracing::info!(error, "what killed runs left at a target stays there");
            }
        }
    });
    if let Err(lost) = swept.await {
        tracing::warn!(error = chain(&lost), "leftovers may stay at the targets");
    }
}

fn sweep_folder(target: &str, folder: &Path) -> Result<(), TargetError> {
    let Some(remover) = Remover::open(target, folder)? else {
        return Ok(());
    };
    for leftover in remover.leftovers()? {
        if remover.leftover(&leftover)? {
            tracing::info!(
                path = text::path(&leftover.path),
                "removed what a killed run left"
            );
        }
    }
    Ok(())
}

/// Publishes the dump at every target, or has everything removed.
pub(super) async fn publish(
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
    let gaps = outcome.members.iter().any(|member| !member.is_whole()) || plan.missing.has_gaps();
    if whole && plan.strict && gaps && outcome.error.is_none() {
        outcome.error = Some(
            "the dump has gaps, and a strict one is not published; the warnings name them"
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
        let indexed = index_file::send_all(&mut members, &fanout);
        crash::point();
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

/// What became of one target.
pub(super) fn target_report(
    target: &TargetPlan,
    targets: &Targets,
    reporter: &dyn Reporter,
) -> TargetReport {
    let name = &target.name;
    let mut row = TargetReport {
        target: name.clone(),
        required: target.required,
        dump: None,
        bytes: 0,
        warnings: Vec::new(),
        error: None,
        pruned: None,
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
            let place = match &published.place {
                Place::Path(path) => text::path(path),
                Place::Url(url) => url.clone(),
                Place::Stdout => "-".to_owned(),
            };
            row.dump = Some(place.clone());
            row.bytes = published.bytes;
            row.warnings.clone_from(&published.warnings);
            reporter.report(Event::Published {
                target: name.clone(),
                place: Some(place).filter(|place| place != "-"),
                bytes: published.bytes,
            });
        }
        (_, Some((_, LaneEnd::Aborted)) | None) => {}
    }
    row
}
