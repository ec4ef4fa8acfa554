//! `prune`: applies the targets' `keep`, and with `--incomplete` removes what killed runs have left.

use jiff::Timestamp;

use super::args::{Global, PruneArgs};
use super::edge::CommandError;
use super::file_targets::{FileTarget, FileTargets, no_job_file};
use super::prune_page::{Document, page};
use super::talk;
use crate::diagnostic::Finding;
use crate::executor::chain;
use crate::exit::Exit;
use crate::prune::{Keeping, Place, PruneError, PrunePlan, Swept, plan};
use crate::retention::Policy;
use crate::targets::TargetError;
use crate::targets::remover::Leftover;
use crate::text;

/// What was done at one target, or would be.
pub(super) struct Row {
    pub(super) target: String,
    /// Where its dumps are; `None` if it cannot be reached.
    pub(super) place: Option<Place>,
    pub(super) keep: Option<Policy>,
    pub(super) plan: Option<PrunePlan>,
    /// The dumps that were to go and are still there, by id.
    pub(super) failed: Vec<(String, PruneError)>,
    /// What killed runs have left, and what became of it.
    pub(super) leftovers: Vec<(Leftover, Option<Swept>)>,
    /// Why the target was not looked into, or not to the end.
    pub(super) error: Option<String>,
}

impl Row {
    fn is_done(&self) -> bool {
        let guarded = self.plan.as_ref().is_some_and(PrunePlan::is_guarded);
        let stuck =
            |(_, swept): &(Leftover, Option<Swept>)| matches!(swept, Some(Swept::Failed(_)));
        self.error.is_none()
            && self.failed.is_empty()
            && !guarded
            && !self.leftovers.iter().any(stuck)
    }
}

/// Prunes the targets of the project's file.
///
/// # Errors
/// When there is no file, or nothing in it to apply.
pub(super) fn prune(global: &Global, args: &PruneArgs) -> Result<Exit, CommandError> {
    let file = FileTargets::load(global)?.ok_or_else(no_job_file)?;
    let file = file.only(args.target.as_deref())?;
    let keeps_some = file.targets.iter().any(|target| target.keep.is_some());
    if !keeps_some && !args.incomplete {
        return Err(no_keep(args.target.as_deref()).into());
    }
    let now = Timestamp::now();
    let targets = file.targets.iter();
    let mut rows: Vec<Row> = targets
        .map(|target| look(&file, target, args, now))
        .collect();
    for row in rows.iter_mut().filter(|_| !args.dry_run) {
        if let Err(error) = carry_out(row) {
            row.error = Some(chain(&error));
        }
    }
    rows.iter().for_each(tell_problems);
    let exit = if rows.iter().all(Row::is_done) {
        Exit::Done
    } else {
        Exit::Unpruned
    };
    let printed = if args.json {
        talk::print_json(&Document::new(&rows, args.dry_run, exit))
    } else {
        talk::print(&page(&rows, args.dry_run))
    };
    printed.map_err(CommandError::Print)?;
    Ok(exit)
}

fn no_keep(target: Option<&str>) -> Finding {
    let message = match target {
        Some(target) => format!("the target `{target}` has no `keep`: every dump there stays"),
        None => "no target of the file has a `keep`: every dump stays".to_owned(),
    };
    Finding::new("prune::no_keep", message)
        .with_help("write which dumps stay, as in `keep: {last: 3, daily: 7}`; `--incomplete` removes what killed runs have left")
}

/// What is there and what would be done with it.
fn look(file: &FileTargets, target: &FileTarget, args: &PruneArgs, now: Timestamp) -> Row {
    let (place, error) = match target.dumps() {
        Ok(place) => (Some(place), None),
        Err(error) => (None, Some(chain(&error))),
    };
    let mut row = Row {
        target: target.place.name.clone(),
        place,
        keep: target.keep.clone(),
        plan: None,
        failed: Vec::new(),
        leftovers: Vec::new(),
        error,
    };
    let Some(place) = row.place.clone() else {
        return row;
    };
    if let Some(policy) = &target.keep {
        let keeping = Keeping {
            project: file.project.id(),
            jobs: file.jobs.clone(),
            policy: policy.clone(),
        };
        match place.list() {
            Ok(listing) => {
                for (path, error) in &listing.others {
                    let (path, why) = (text::path(path), chain(error));
                    tracing::warn!("`{path}` is not looked at: {why}");
                }
                match place.check_clock() {
                    Ok(()) => row.plan = Some(plan(&listing.dumps, &keeping, now)),
                    Err(error) => row.error = Some(chain(&error)),
                }
            }
            Err(error) => row.error = Some(chain(&error)),
        }
    }
    if args.incomplete && row.error.is_none() {
        match place.leftovers() {
            Ok(found) => row.leftovers = found.into_iter().map(|one| (one, None)).collect(),
            Err(error) => row.error = Some(chain(&error)),
        }
    }
    row
}

/// Does what was planned for a target.
fn carry_out(row: &mut Row) -> Result<(), TargetError> {
    let Some(place) = &row.place else {
        return Ok(());
    };
    if let Some(plan) = &row.plan {
        let failed = place.prune(plan)?.failed.into_iter();
        row.failed = failed.map(|(dump, error)| (dump.id, error)).collect();
    }
    let leftovers = std::mem::take(&mut row.leftovers);
    let leftovers = leftovers.into_iter().map(|(leftover, _)| leftover);
    let swept = place.sweep(leftovers.collect())?.into_iter();
    row.leftovers = swept
        .map(|(leftover, swept)| (leftover, Some(swept)))
        .collect();
    Ok(())
}

/// What did not go as planned, on standard error.
fn tell_problems(row: &Row) {
    if let Some(error) = &row.error {
        tracing::warn!("the target `{}` was not looked into: {error}", row.target);
    }
    for (_, error) in &row.failed {
        tracing::warn!("{}", chain(error));
    }
    for (_, swept) in &row.leftovers {
        if let Some(Swept::Failed(error)) = swept {
            tracing::warn!("{}", chain(error));
        }
    }
}
