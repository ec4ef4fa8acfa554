//! `backup`: an ad-hoc job, with the rules of the project's file where there is one.

use super::args::{BackupArgs, Global, Talk};
use super::declared::{self, Declared};
use super::edge::CommandError;
use super::execute::{self, Execution};
use super::gather::{enter_and_gather, gather};
use super::signals::Signals;
use super::working_folder::working_folder;
use super::{request, talk};
use crate::exit::Exit;
use crate::plan;

/// Dumps the project.
///
/// # Errors
/// Everything that is found before anything is touched.
pub(super) async fn backup(
    global: &Global,
    args: &BackupArgs,
    talk: &Talk,
) -> Result<Exit, CommandError> {
    let cwd = working_folder(global)?;
    declared::project_dir_is_folder(global, &cwd)?;
    let source = if args.no_job_file {
        None
    } else {
        declared::existing_source(global, &cwd)
    };
    let declared = source.map(|source| Declared::load(global, &cwd, &source));
    let declared = declared.transpose()?;
    let (project, file, path) = match declared {
        Some(Declared {
            project,
            file,
            path,
            ..
        }) => (project, Some(file), path),
        None => (declared::project(global, &cwd)?, None, None),
    };
    let request = request::ad_hoc(file.as_ref(), &project, args, &cwd)?;
    if args.dry_run {
        let gathered = gather(global, &project, path.as_deref(), request).await?;
        let plan = plan::build(&gathered.request, &gathered.facts)?;
        execute::print_plans(&[plan], args.dump.json)?;
        return Ok(Exit::Done);
    }
    let signals = Signals::listen().map_err(CommandError::Start)?;
    let execution = Execution {
        global,
        signals: &signals,
        talk,
    };
    let door = execution.door();
    let entered = enter_and_gather(global, &project, path.as_deref(), request, &door);
    let (gathered, entry) = entered.await?;
    let plan = plan::build(&gathered.request, &gathered.facts)?;
    execute::one_document_on_stdout(&plan, args.dump.json)?;
    let (report, exit) = execution.execute(plan, gathered, entry).await?;
    if args.dump.json {
        talk::print_json(&report.document(exit)).map_err(CommandError::Print)?;
    }
    Ok(exit)
}
