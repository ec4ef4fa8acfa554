//! `backup`: an ad-hoc job, with the rules of the project's file where there is one.

use super::args::{BackupArgs, Global, Talk};
use super::declared::{self, Declared};
use super::edge::CommandError;
use super::execute::{self, Execution};
use super::gather::gather;
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
    let source = declared::existing_source(global, &cwd).filter(|_| !args.no_job_file);
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
    let gathered = gather(global, &project, path.as_deref(), request, !args.dry_run).await?;
    let plan = plan::build(&gathered.request, &gathered.facts)?;
    if args.dry_run {
        execute::print_plans(&[plan], args.dump.json)?;
        return Ok(Exit::Done);
    }
    execute::one_document_on_stdout(&plan, args.dump.json)?;
    let signals = Signals::listen().map_err(CommandError::Start)?;
    let execution = Execution {
        signals: &signals,
        talk,
    };
    let (report, exit) = execution.execute(plan, gathered).await?;
    if args.dump.json {
        talk::print_json(&report.document(exit)).map_err(CommandError::Print)?;
    }
    Ok(exit)
}
