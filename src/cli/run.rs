//! `run` and `plan`: the jobs that a project's file declares, planned together, executed one by one.

use std::path::Path;

use super::args::{Global, JobArgs, PlanArgs, RunArgs, Talk};
use super::declared::{self, Declared};
use super::edge::{self, CommandError};
use super::execute::{self, Execution};
use super::gather::{enter_and_gather, gather};
use super::outcome::Outcome;
use super::signals::Signals;
use super::working_folder::working_folder;
use super::{one_place, request, under};
use crate::config::job_file::{DEFAULT_JOB, DeclaredJob};
use crate::config::target_arg::TargetArg;
use crate::diagnostic::{Finding, did_you_mean};
use crate::executor::RunReport;
use crate::exit::Exit;
use crate::plan::model::Plan;
use crate::plan::{self, Request};

/// Executes jobs.
///
/// # Errors
/// Everything that is found before anything is touched.
pub(super) async fn run(
    global: &Global,
    args: &RunArgs,
    talk: &Talk,
) -> Result<Exit, CommandError> {
    let cwd = working_folder(global)?;
    if let Some(dir) = &args.under {
        return under::run(global, args, &cwd.join(dir), &cwd, talk).await;
    }
    let jobs = Jobs::load(global, &args.job, &cwd)?;
    if args.dry_run {
        let plans = jobs.plans().await?;
        execute::print_plans(&plans, args.job.dump.json)?;
        return Ok(Exit::Done);
    }
    let signals = Signals::listen().map_err(CommandError::Start)?;
    let execution = Execution {
        global,
        signals: &signals,
        talk,
    };
    let outcome = jobs.execute(&execution).await?;
    if args.job.dump.json {
        outcome.print()?;
    }
    Ok(outcome.exit())
}

/// Prints what `run`, or in a project without a file `backup`, would do.
///
/// # Errors
/// Whatever speaks against it.
pub(super) async fn plan(global: &Global, args: &PlanArgs) -> Result<Exit, CommandError> {
    let cwd = working_folder(global)?;
    declared::project_dir_is_folder(global, &cwd)?;
    let named = args.job.all || args.job.strict || !args.job.jobs.is_empty();
    let plans = if named || declared::existing_source(global, &cwd).is_some() {
        let jobs = Jobs::load(global, &args.job, &cwd)?;
        jobs.plans().await?
    } else {
        let project = declared::project(global, &cwd)?;
        let request = request::undeclared(&args.job, &cwd)?;
        let gathered = gather(global, &project, None, request).await?;
        vec![plan::build(&gathered.request, &gathered.facts)?]
    };
    execute::print_plans(&plans, args.job.dump.json)?;
    Ok(Exit::Done)
}

/// The jobs of one project that were asked for.
pub(super) struct Jobs<'a> {
    global: &'a Global,
    args: &'a JobArgs,
    cwd: &'a Path,
    declared: Declared,
    chosen: Vec<DeclaredJob>,
}

impl<'a> Jobs<'a> {
    /// Reads the project's file and chooses from it.
    ///
    /// # Errors
    /// What speaks against the file, a job that it does not have, or several that would write to one
    /// place for one dump.
    pub(super) fn load(
        global: &'a Global,
        args: &'a JobArgs,
        cwd: &'a Path,
    ) -> Result<Self, CommandError> {
        declared::project_dir_is_folder(global, cwd)?;
        let source = declared::source(global, cwd);
        let declared = Declared::load(global, cwd, &source)?;
        if args.strict {
            declared.uncovered()?;
        }
        let chosen = choose(&declared, args)?;
        let jobs = Self {
            global,
            args,
            cwd,
            declared,
            chosen,
        };
        one_place::each_takes_one_dump(&jobs.places())?;
        Ok(jobs)
    }

    /// Where each job's dumps go; nowhere for one whose flags and variables cannot be used, of which
    /// its plan speaks.
    pub(super) fn places(&self) -> Vec<Vec<TargetArg>> {
        let project = &self.declared.project;
        let requests = self
            .chosen
            .iter()
            .map(|job| request::declared(job.clone(), project, self.args, self.cwd));
        requests
            .flatten()
            .map(|request| request.targets.into_iter().map(|wish| wish.place).collect())
            .collect()
    }

    /// The plan of every job.
    ///
    /// # Errors
    /// What speaks against any of them, all at once.
    pub(super) async fn plans(&self) -> Result<Vec<Plan>, CommandError> {
        let mut plans = Vec::new();
        let mut findings: Vec<Finding> = Vec::new();
        for job in &self.chosen {
            match self.plan(job).await {
                Ok(plan) => plans.push(plan),
                Err(CommandError::Findings(more)) => findings.extend(more),
                Err(error) => return Err(error),
            }
        }
        let mut seen = Vec::new();
        findings.retain(|finding| {
            let is_new = !seen.contains(finding);
            seen.push(finding.clone());
            is_new
        });
        if findings.is_empty() {
            Ok(plans)
        } else {
            Err(findings.into())
        }
    }

    /// Executes every job, each with a plan of its own moment. One that fails does not keep the others
    /// from their turn; a signal does.
    ///
    /// # Errors
    /// What speaks against any of them before the first one begins.
    pub(super) async fn execute(&self, execution: &Execution<'_>) -> Result<Outcome, CommandError> {
        if self.chosen.len() > 1 {
            self.plans().await?;
        }
        let mut outcome = Outcome::default();
        for (turn, job) in self.chosen.iter().enumerate() {
            if execution.signals.exit().is_some() {
                break;
            }
            match self.execute_one(job, execution).await {
                Ok((report, exit)) => outcome.add_report(report, exit),
                Err(error) if turn == 0 => return Err(error),
                Err(error) => {
                    edge::tell(&error, execution.talk, false);
                    outcome.add_error(&job.name, &error);
                }
            }
        }
        outcome.add_signal(execution.signals.exit());
        Ok(outcome)
    }

    async fn execute_one(
        &self,
        job: &DeclaredJob,
        execution: &Execution<'_>,
    ) -> Result<(RunReport, Exit), CommandError> {
        let request = self.request(job)?;
        let door = execution.door();
        let (project, path) = (&self.declared.project, self.declared.path.as_deref());
        let entered = enter_and_gather(self.global, project, path, request, &door);
        let (gathered, entry) = entered.await?;
        let plan = plan::build(&gathered.request, &gathered.facts)?;
        execute::one_document_on_stdout(&plan, self.args.dump.json)?;
        execution.execute(plan, gathered, entry).await
    }

    async fn plan(&self, job: &DeclaredJob) -> Result<Plan, CommandError> {
        let request = self.request(job)?;
        let (project, path) = (&self.declared.project, self.declared.path.as_deref());
        let gathered = gather(self.global, project, path, request).await?;
        Ok(plan::build(&gathered.request, &gathered.facts)?)
    }

    fn request(&self, job: &DeclaredJob) -> Result<Request, Vec<Finding>> {
        request::declared(job.clone(), &self.declared.project, self.args, self.cwd)
    }
}

/// The jobs that were asked for, each once, in the order of the command line.
fn choose(declared: &Declared, args: &JobArgs) -> Result<Vec<DeclaredJob>, Vec<Finding>> {
    let file = &declared.file;
    let default = [DEFAULT_JOB];
    let mut names: Vec<&str> = match (args.all, args.jobs.is_empty()) {
        (true, _) => file.job_names().collect(),
        (false, true) => default.to_vec(),
        (false, false) => args.jobs.iter().map(String::as_str).collect(),
    };
    let mut seen = Vec::new();
    names.retain(|name| {
        let is_new = !seen.contains(name);
        seen.push(*name);
        is_new
    });
    let (chosen, unknown): (Vec<_>, Vec<_>) = names
        .into_iter()
        .map(|name| file.job(name).ok_or(name))
        .partition(Result::is_ok);
    if unknown.is_empty() {
        return Ok(chosen.into_iter().filter_map(Result::ok).collect());
    }
    let unknown = unknown.into_iter().filter_map(Result::err);
    Err(unknown.map(|name| no_job(name, declared)).collect())
}

fn no_job(name: &str, declared: &Declared) -> Finding {
    let known: Vec<&str> = declared.file.job_names().collect();
    let finding = Finding::new(
        "cli::unknown_job",
        format!("the file declares no job `{}`", name.escape_debug()),
    );
    finding.with_help(match did_you_mean(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("its jobs are {}", known.join(", ")),
    })
}
