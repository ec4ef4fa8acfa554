//! `backup` and `plan`: gather, plan, and print the plan or execute it.

use jiff::Timestamp;

use super::args::{BackupArgs, Global, JobArgs, PlanArgs, Talk};
use super::edge::CommandError;
use super::gather::{Gathered, gather};
use super::signals::Signals;
use super::{reporter, stdout, summary, talk};
use crate::diagnostic::Finding;
use crate::executor::{Run, World, dump};
use crate::exit::Exit;
use crate::plan::facts::Facts;
use crate::plan::model::{Plan, TargetKind};
use crate::plan::{self, Request};

/// Prints what a backup would do.
pub(super) async fn plan(global: &Global, args: &PlanArgs) -> Result<Exit, CommandError> {
    let gathered = gather(global, &args.services, &args.job, false).await?;
    print_plan(
        &plan::build(&gathered.request, &gathered.facts)?,
        args.job.json,
    )
}

/// Dumps the project.
pub(super) async fn backup(
    global: &Global,
    args: &BackupArgs,
    talk: &Talk,
) -> Result<Exit, CommandError> {
    let gathered = gather(global, &args.services, &args.job, !args.dry_run).await?;
    let plan = plan::build(&gathered.request, &gathered.facts)?;
    if args.dry_run {
        return print_plan(&plan, args.job.json);
    }
    one_document_on_stdout(&plan, &args.job)?;
    stdout::keeps_the_dump(&plan)?;
    for warning in &plan.warnings {
        tracing::warn!("{warning}");
    }
    can_spool(&plan)?;
    execute(plan, gathered, args, talk).await
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

async fn execute(
    plan: Plan,
    gathered: Gathered,
    args: &BackupArgs,
    talk: &Talk,
) -> Result<Exit, CommandError> {
    let signals = Signals::listen().map_err(CommandError::Start)?;
    let reporter = reporter::reporter(talk);
    let world = World {
        run: run(&gathered.request, &gathered.facts, args),
        engine: gathered.engine,
        reporter,
        cancel: signals.cancel.clone(),
        hurry: signals.hurry.clone(),
    };
    let report = dump(plan, world).await;
    let exit = report.exit(signals.exit());
    summary::tell(&report, exit, talk);
    if args.job.json {
        talk::print_json(&report.document(exit)).map_err(CommandError::Print)?;
    }
    Ok(exit)
}

/// What the manifest says of the run itself.
fn run(request: &Request, facts: &Facts, args: &BackupArgs) -> Run {
    Run::new(Timestamp::now(), facts, options(request, args))
}

/// The options by name. None of them can hold a secret; targets are paths.
fn options(request: &Request, args: &BackupArgs) -> Vec<(&'static str, serde_json::Value)> {
    let names = |names: Vec<String>| serde_json::Value::from(names);
    vec![
        (
            "scopes",
            names(
                request
                    .scopes
                    .iter()
                    .map(|scope| scope.name().to_owned())
                    .collect(),
            ),
        ),
        ("services", names(request.services.clone())),
        (
            "targets",
            names(
                request
                    .targets
                    .iter()
                    .map(|target| target.name.clone())
                    .collect(),
            ),
        ),
        ("compression", args.job.compression.clone().into()),
        ("pause", request.pause.into()),
        ("resolve_symlinks", request.resolve_symlinks.into()),
    ]
}

/// `--json` prints its document where a dump to standard output would go.
fn one_document_on_stdout(plan: &Plan, job: &JobArgs) -> Result<(), Finding> {
    if job.json
        && plan
            .targets
            .iter()
            .any(|target| target.kind == TargetKind::Stdout)
    {
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

fn print_plan(plan: &Plan, json: bool) -> Result<Exit, CommandError> {
    if json {
        talk::print_json(plan).map_err(CommandError::Print)?;
    } else {
        talk::print(&plan::table::render(plan)).map_err(CommandError::Print)?;
    }
    Ok(Exit::Done)
}
