//! `restore`: looks at the dump, the folder and the engine, plans, and acts unless something is in the way.

use std::collections::BTreeSet;
use std::path::Path;

use super::args::{Global, RestoreArgs, Talk};
use super::edge::CommandError;
use super::engine::{self, Reached};
use super::extract::extract;
use super::lock::{self, Door};
use super::signals::Signals;
use super::stored::Opened;
use super::working_folder::working_folder;
use super::{recover, restore_request, restore_talk, stored, talk};
use crate::diagnostic::Finding;
use crate::executor::chain;
use crate::exit::Exit;
use crate::restore::plan::model::Plan;
use crate::restore::plan::{self, table};
use crate::restore::request::Request;
use crate::restore::{
    ComposeProgram, Connected, LookError, Looked, World, damage, job_file, look, project_name,
    settle_all,
};
use crate::state::StateFolder;
use crate::stored::Dump;

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
    let mut opened = stored::open(global, &args.choice)?;
    let connected = connect(global).await?;
    if args.dry_run {
        let Opened { dump, scratch, .. } = &mut opened;
        let seen = BTreeSet::new();
        let looked = look_at(&request, dump, scratch, &connected, &seen).await?;
        return print(&plan::build(&request, &looked.facts), args.json);
    }
    let signals = Signals::listen().map_err(CommandError::Start)?;
    let door = Door {
        signals: &signals,
        talk,
    };
    let state = lock::state_folder()?;
    let mut unfinished = settle(&state)?;
    let engine = connected.as_ref().ok().map(|connected| &connected.engine);
    // What is looked at before another run has ended is not what there is then; and a dump of the project must not
    // read what is half restored, nor hold who is to be started.
    let mut recovered = Exit::Done;
    let _entry = loop {
        let name = named(&request, &mut opened)?;
        let entry = door
            .enter(&name, &request.folder, engine, lock_wait)
            .await?;
        recovered = recovered.worst(entry.recovered);
        // The run that was waited for may have made what is the latest dump now.
        if !entry.has_waited || !opened.again(global, &args.choice)? {
            break entry;
        }
    };
    let Opened {
        mut dump, scratch, ..
    } = opened;
    // The other run may have been a restore that was cut off.
    unfinished.extend(settle(&state)?);
    let looked = look_at(&request, &mut dump, &scratch, &connected, &unfinished).await;
    // Files that are damaged may name what no engine takes.
    if let Err(CommandError::Look(LookError::Model(_) | LookError::Engine(_))) = &looked {
        demand_sound(&mut dump)?;
    }
    let looked = looked?;
    let plan = plan::build(&request, &looked.facts);
    if !plan.conflicts.is_empty() {
        // Where the dump may replace everything, it is its own files that speak against it.
        if request.replace {
            demand_sound(&mut dump)?;
        }
        let findings: Vec<Finding> = plan.conflicts.into_iter().map(Finding::from).collect();
        return Err(findings.into());
    }
    for warning in &plan.warnings {
        tracing::warn!("{warning}");
    }
    let (engine, program) = connected
        .map(|connected| (Some(connected.engine), connected.program))
        .unwrap_or_default();
    let world = World {
        engine: engine.clone(),
        program,
        called: looked.called,
        state: state.clone(),
        reporter: restore_talk::reporter(talk),
        cancel: signals.cancel.clone(),
        scratch,
        devices: request.devices,
    };
    let report = crate::restore::restore(plan, looked.facts, dump, world).await;
    let mut exit = report.exit(signals.exit()).worst(recovered);
    // Who was stopped for one that was cut off, and has no part in this one.
    if let (Some(engine), true) = (engine, request.start) {
        exit = exit.worst(recover::start_left(&engine, &state, &report.project, talk).await?);
    }
    restore_talk::tell(&report, exit, talk);
    if args.json {
        talk::print_json(&report.document(exit)).map_err(CommandError::Print)?;
    }
    Ok(exit)
}

/// The name of the project that is put back.
fn named(request: &Request, opened: &mut Opened) -> Result<String, CommandError> {
    project_name(request, &mut opened.dump, &opened.scratch).or_else(|error| {
        demand_sound(&mut opened.dump)?;
        Err(error.into())
    })
}

/// Reads the dump to its end: that its Compose files cannot be used, or want what cannot be, is told only of a dump
/// that holds what was stored.
fn demand_sound(dump: &mut Dump) -> Result<(), CommandError> {
    let verdicts = dump.verify(&mut |_| {})?;
    match damage(&verdicts) {
        None => Ok(()),
        Some(what) => Err(CommandError::Damaged(what)),
    }
}

/// Takes back what restores that were cut off have left, and gives the volumes that are half written still.
fn settle(state: &StateFolder) -> Result<BTreeSet<String>, CommandError> {
    let left = settle_all(state)?;
    Ok(left.into_iter().flat_map(|said| said.volumes).collect())
}

async fn look_at(
    request: &Request,
    dump: &mut Dump,
    scratch: &Path,
    connected: &Result<Connected, String>,
    unfinished: &BTreeSet<String>,
) -> Result<Looked, CommandError> {
    let own_file = job_file(&request.folder);
    let own_file = own_file.as_ref();
    Ok(look(request, dump, scratch, connected, unfinished, own_file).await?)
}

fn print(plan: &Plan, json: bool) -> Result<Exit, CommandError> {
    let printed = if json {
        talk::print_json(plan)
    } else {
        talk::print(&table::render(plan))
    };
    printed.map_err(CommandError::Print)?;
    if plan.conflicts.is_empty() {
        return Ok(Exit::Done);
    }
    let findings = plan.conflicts.iter().cloned().map(Finding::from);
    Ok(CommandError::from(findings.collect::<Vec<_>>()).exit())
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
