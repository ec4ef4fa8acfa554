//! `restore`: looks at the dump, the folder and the engine, plans, and acts unless something is in the way.

use std::collections::BTreeSet;

use super::args::{Global, RestoreArgs, Talk};
use super::edge::CommandError;
use super::engine::{self, Reached};
use super::extract::extract;
use super::lock::{self, Door};
use super::signals::Signals;
use super::working_folder::working_folder;
use super::{restore_request, restore_talk, stored, talk};
use crate::config::identity::{Identity, host_name};
use crate::diagnostic::Finding;
use crate::executor::chain;
use crate::exit::Exit;
use crate::restore::plan::model::Plan;
use crate::restore::plan::{self, table};
use crate::restore::{ComposeProgram, Connected, World, job_file, look, settle_all};

/// Puts a dump back.
///
/// # Errors
/// Everything that is found before anything is touched.
pub(super) async fn restore(
    global: &Global,
    args: &RestoreArgs,
    talk: &Talk,
) -> Result<Exit, CommandError> {
    let cwd = working_folder(global)?;
    if !args.paths.is_empty() {
        return extract(global, args, &cwd);
    }
    let (request, lock_wait) = restore_request::of(global, args, &cwd)?;
    let mut dump = stored::open(global, &args.choice)?;
    let state = lock::state_folder()?;
    let unfinished: BTreeSet<String> = if args.dry_run {
        BTreeSet::new()
    } else {
        let left = settle_all(&state)?;
        left.into_iter().flat_map(|said| said.volumes).collect()
    };
    let connected = connect(global).await?;
    let scratch = stored::scratch_dir();
    let own_file = job_file(&request.folder);
    let own_file = own_file.as_ref();
    let looked = look(
        &request,
        &mut dump,
        &scratch,
        &connected,
        &unfinished,
        own_file,
    )
    .await?;
    let plan = plan::build(&request, &looked.facts);
    if args.dry_run {
        return print(&plan, args.json);
    }
    if !plan.conflicts.is_empty() {
        let findings: Vec<Finding> = plan.conflicts.into_iter().map(Finding::from).collect();
        return Err(findings.into());
    }
    for warning in &plan.warnings {
        tracing::warn!("{warning}");
    }
    let signals = Signals::listen().map_err(CommandError::Start)?;
    let door = Door {
        signals: &signals,
        talk,
    };
    let engine = connected.as_ref().ok().map(|connected| &connected.engine);
    let id = Identity::new(&host_name(), &plan.project, &plan.folder).id();
    // A dump of the project must not read what is half restored, nor hold who is to be started.
    let _entry = door.enter(&id, engine, lock_wait).await?;
    let (engine, program) = connected
        .map(|connected| (Some(connected.engine), connected.program))
        .unwrap_or_default();
    let world = World {
        engine,
        program,
        called: looked.called,
        state,
        reporter: restore_talk::reporter(talk),
        cancel: signals.cancel.clone(),
        scratch,
        devices: request.devices,
    };
    let report = crate::restore::restore(plan, looked.facts, dump, world).await;
    let exit = report.exit(signals.exit());
    restore_talk::tell(&report, exit, talk);
    if args.json {
        talk::print_json(&report.document(exit)).map_err(CommandError::Print)?;
    }
    Ok(exit)
}

fn print(plan: &Plan, json: bool) -> Result<Exit, CommandError> {
    let printed = if json {
        talk::print_json(plan)
    } else {
        talk::print(&table::render(plan))
    };
    printed.map_err(CommandError::Print)?;
    Ok(if plan.conflicts.is_empty() {
        Exit::Done
    } else {
        Exit::Rejected
    })
}

/// The engine, or why there is none: what only writes files can do without.
async fn connect(global: &Global) -> Result<Result<Connected, String>, CommandError> {
    let endpoints = engine::endpoints(global)?;
    Ok(match engine::reach(&endpoints).await {
        Ok(Reached {
            engine,
            way,
            endpoint,
        }) => Ok(Connected {
            engine,
            way,
            program: ComposeProgram::find(&endpoint).await,
        }),
        Err(error) => Err(chain(&error)),
    })
}
