//! What `run` and `backup` have in common: a plan is printed, or executed and its outcome told.

use jiff::Timestamp;
use serde_json::Value;

use super::args::{Global, Talk};
use super::edge::CommandError;
use super::gather::Gathered;
use super::lock::{Door, Entry, state_folder};
use super::signals::Signals;
use super::{engine, reporter, stdout, summary, talk};
use crate::diagnostic::Finding;
use crate::executor::{Run, RunReport, World, dump};
use crate::exit::Exit;
use crate::plan::Request;
use crate::plan::model::{Plan, ReaderPlan, TargetKind};
use crate::restore::{SettleError, Unfinished, all_cut_off};

/// What executions in one process share.
pub(super) struct Execution<'a> {
    pub(super) global: &'a Global,
    pub(super) signals: &'a Signals,
    pub(super) talk: &'a Talk,
}

impl Execution<'_> {
    /// How its runs enter.
    pub(super) fn door(&self) -> Door<'_> {
        Door {
            signals: self.signals,
            talk: self.talk,
        }
    }

    /// Executes a plan, and says how it went on standard error.
    ///
    /// # Errors
    /// When temporary files cannot be made, or standard output is closed; nothing was touched then.
    pub(super) async fn execute(
        &self,
        plan: Plan,
        gathered: Gathered,
        entry: Entry,
    ) -> Result<(RunReport, Exit), CommandError> {
        stdout::keeps_the_dump(&plan)?;
        nothing_half_restored(&plan)?;
        for warning in &plan.warnings {
            tracing::warn!("{warning}");
        }
        can_spool(&plan)?;
        let options = options(&gathered.request);
        let world = World {
            run: Run::new(Timestamp::now(), &gathered.facts, options),
            engine: gathered.engine,
            reporter: reporter::reporter(self.talk),
            cancel: self.signals.cancel.clone(),
            hurry: self.signals.hurry.clone(),
            state: entry.state.clone(),
            watchdog: Some(engine::watchdog(self.global)),
        };
        let report = dump(plan, world).await;
        let exit = report.exit(self.signals.exit()).worst(entry.recovered);
        summary::tell(&report, exit, self.talk);
        Ok((report, exit))
    }
}

/// Every run keeps lists and indexes in temporary files: a folder that takes none is known before a
/// service is held.
fn can_spool(plan: &Plan) -> Result<(), CommandError> {
    tempfile::tempfile_in(&plan.spool_dir)
        .map(drop)
        .map_err(|source| CommandError::Spool {
            dir: plan.spool_dir.clone(),
            source,
        })
}

/// A restore that was cut off has left something half written: a dump of it would pass it on as good.
fn nothing_half_restored(plan: &Plan) -> Result<(), CommandError> {
    let records = all_cut_off(&state_folder()?).map_err(SettleError::from)?;
    let taken = plan.volumes.iter().filter_map(|row| {
        let folder = match row.reader.as_ref()? {
            ReaderPlan::Direct { mountpoint } => Some(mountpoint.clone()),
            ReaderPlan::Engine { .. } => None,
        };
        Some((row.name.clone()?, folder))
    });
    let project = (String::new(), Some(plan.project.folder.clone()));
    for (name, folder) in taken.chain([project]) {
        let is_named = |said: &&Unfinished| said.names(&name, folder.as_deref());
        if let Some(said) = records.iter().find(is_named) {
            let message = format!(
                "a restore of dump {} was cut off, and what it has begun is half written",
                said.dump
            );
            let finding = Finding::new("restore::unfinished", message);
            return Err(finding.with_help(&*half_restored_help(said)).into());
        }
    }
    Ok(())
}

fn half_restored_help(said: &Unfinished) -> String {
    let down: Vec<&str> = said.stopped.iter().map(|row| &*row.name).collect();
    let down = match down.is_empty() {
        true => String::new(),
        false => format!("; it has stopped {}", down.join(", ")),
    };
    match said.volumes.is_empty() {
        true => {
            format!("restore again, or have `compose-dump recover` put back what was before{down}")
        }
        false => format!(
            "restore again: only that makes {} whole{down}",
            said.volumes.join(", ")
        ),
    }
}

/// The options by name, for the manifest. None of them can hold a secret; targets are names and paths.
fn options(request: &Request) -> Vec<(&'static str, Value)> {
    let settings = &request.settings;
    let scopes = settings.scopes.iter().map(|scope| scope.name());
    let targets = request.targets.iter().map(|target| &*target.place.name);
    let codec = settings.compression.codec.map(|codec| codec.name());
    vec![
        ("scopes", scopes.collect()),
        ("services", request.services().into()),
        ("targets", targets.collect()),
        ("compression", codec.into()),
        ("pause", (!request.no_pause).into()),
        ("resolve_symlinks", settings.config.resolve_symlinks.into()),
        ("strict", settings.strict.into()),
    ]
}

/// `--json` prints its document where a dump to standard output would go.
///
/// # Errors
/// A finding when both would.
pub(super) fn one_document_on_stdout(plan: &Plan, json: bool) -> Result<(), Finding> {
    let mut targets = plan.targets.iter();
    if json && targets.any(|target| target.kind == TargetKind::Stdout) {
        return Err(Finding::new(
            "cli::json_and_stdout",
            "the dump and the JSON report would both go to standard output",
        )
        .with_help(
            "name a target with `-t`, or use `--log-format json`, which writes to standard error",
        ));
    }
    Ok(())
}

/// Prints plans: as tables, or as one document, which is a list unless there is one plan.
///
/// # Errors
/// When a run would refuse one, or standard output does not take them.
pub(super) fn print_plans(plans: &[Plan], json: bool) -> Result<(), CommandError> {
    for plan in plans {
        nothing_half_restored(plan)?;
    }
    let printed = match plans {
        [plan] if json => talk::print_json(plan),
        plans if json => talk::print_json(&plans),
        plans => {
            let tables: Vec<String> = plans.iter().map(crate::plan::table::render).collect();
            talk::print(&tables.join("\n"))
        }
    };
    printed.map_err(CommandError::Print)
}
