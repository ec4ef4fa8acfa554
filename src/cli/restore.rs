//! `restore`: looks at the dump, the folder and the engine, plans, and acts unless something is in the way.

use super::args::{Global, RestoreArgs, Talk};
use super::edge::CommandError;
use super::gather::{self, Reached};
use super::signals::Signals;
use super::working_folder::working_folder;
use super::{restore_request, restore_talk, stored, talk};
use crate::diagnostic::Finding;
use crate::engine::endpoint::{Address, Endpoint};
use crate::exit::Exit;
use crate::restore::plan::{self, table};
use crate::restore::request::Request;
use crate::restore::{ComposeProgram, Look, Looked, Scratch, World};
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
    let request = restore_request::of(global, args, &cwd)?;
    let mut dump = stored::open(&args.dump)?;
    let reached = reach(global, &dump).await?;
    let (looked, world) = look(&request, &mut dump, reached, talk).await?;
    let plan = plan::build(&request, &looked.facts);
    if args.dry_run {
        let printed = if args.json {
            talk::print_json(&plan)
        } else {
            talk::print(&table::render(&plan))
        };
        printed.map_err(CommandError::Print)?;
        return Ok(match plan.conflicts.is_empty() {
            true => Exit::Done,
            false => Exit::Rejected,
        });
    }
    if !plan.conflicts.is_empty() {
        let findings: Vec<Finding> = plan.conflicts.into_iter().map(Finding::from).collect();
        return Err(findings.into());
    }
    for warning in &plan.warnings {
        tracing::warn!("{warning}");
    }
    let signals = Signals::listen().map_err(CommandError::Start)?;
    let report = crate::restore::restore(plan, looked, dump, world.heeding(&signals.cancel)).await;
    let exit = report.exit(signals.exit());
    restore_talk::tell(&report, exit, talk);
    if args.json {
        talk::print_json(&report.document(exit)).map_err(CommandError::Print)?;
    }
    Ok(exit)
}
