//! `run --under DIR`: every project below a folder, one after the other.

use std::path::{Path, PathBuf};
use std::{fmt, fs};

use super::args::{Global, RunArgs, Talk};
use super::edge::{self, CommandError};
use super::execute::{self, Execution};
use super::one_place;
use super::outcome::Outcome;
use super::run::Jobs;
use super::signals::Signals;
use super::talk::say;
use crate::archive::manifest;
use crate::config::job_file::FILE_NAME;
use crate::config::target_arg::TargetArg;
use crate::diagnostic::Finding;
use crate::exit::Exit;
use crate::plan::model::Plan;
use crate::text;

/// Executes the jobs of each project. One that fails does not keep the others from their turn.
///
/// # Errors
/// When the folder cannot be read or holds no project.
pub(super) async fn run(
    global: &Global,
    args: &RunArgs,
    dir: &Path,
    cwd: &Path,
    talk: &Talk,
) -> Result<Exit, CommandError> {
    let dir = &whole(dir);
    let Found { projects, unseen } = projects(dir)?;
    one_place::each_takes_one_dump(&places(global, args, cwd, &projects))?;
    let signals = Signals::listen().map_err(CommandError::Start)?;
    let execution = Execution {
        global,
        signals: &signals,
        talk,
    };
    let mut plans = Vec::new();
    let mut outcome = Outcome::default();
    let mut ends = Vec::new();
    for project in &projects {
        if signals.exit().is_some() {
            break;
        }
        let name = name(project, dir);
        if !talk.quiet {
            say(&format!("== {}", text::path(project)));
        }
        let global = of_project(global, project);
        let one = one(&global, args, cwd, &execution, &mut plans).await;
        let one = one.unwrap_or_else(|error| {
            edge::tell(&error, talk, false);
            let mut failed = Outcome::default();
            failed.add_error(&name, &error);
            failed
        });
        ends.push(End::of(name, &one));
        outcome.add(one);
    }
    if !unseen.is_empty() {
        outcome.add_exit(Exit::Partial);
    }
    outcome.add_signal(signals.exit());
    if args.dry_run {
        print(&plans, args)?;
    } else if args.job.dump.json {
        outcome.print_list()?;
    }
    if !talk.quiet || outcome.exit() != Exit::Done {
        sum_up(&ends, projects.len(), &unseen);
    }
    Ok(outcome.exit())
}

/// One project: planned only, or executed.
async fn one(
    global: &Global,
    args: &RunArgs,
    cwd: &Path,
    execution: &Execution<'_>,
    plans: &mut Vec<Plan>,
) -> Result<Outcome, CommandError> {
    let jobs = Jobs::load(global, &args.job, cwd)?;
    if args.dry_run {
        plans.extend(jobs.plans().await?);
        return Ok(Outcome::default());
    }
    jobs.execute(execution).await
}

fn print(plans: &[Plan], args: &RunArgs) -> Result<(), CommandError> {
    if args.job.dump.json {
        return super::talk::print_json(&plans).map_err(CommandError::Print);
    }
    execute::print_plans(plans, false)
}

/// How one project ended.
struct End {
    name: String,
    exit: Exit,
    /// How many of its jobs are done, of how many.
    jobs: (usize, usize),
}

impl End {
    fn of(name: String, outcome: &Outcome) -> Self {
        Self {
            name,
            exit: outcome.exit(),
            jobs: outcome.jobs_done(),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: exit code {}", self.name, self.exit.code())?;
        match self.jobs {
            (0, _) => Ok(()),
            (done, all) => write!(
                formatter,
                ", {done} of {} done",
                text::count(all as u64, "job")
            ),
        }
    }
}

/// The last lines: how each project ended, and what was not looked into.
fn sum_up(ends: &[End], projects: usize, unseen: &[PathBuf]) {
    let good = ends.iter().filter(|end| end.exit == Exit::Done).count();
    say(&format!(
        "{good} of {} wholly done",
        text::count(projects as u64, "project")
    ));
    for end in ends.iter().filter(|end| end.exit != Exit::Done) {
        say(&format!("  {end}"));
    }
    for folder in unseen {
        say(&format!("  not looked into: {}", text::path(folder)));
    }
}

/// `dir` without the `.` that it may end with.
fn whole(dir: &Path) -> PathBuf {
    dir.components().collect()
}

/// How the summary calls a project: by its path below `dir`, which itself is `.`.
fn name(project: &Path, dir: &Path) -> String {
    match project.strip_prefix(dir) {
        Ok(below) if below.as_os_str().is_empty() => ".".to_owned(),
        Ok(below) => text::path(below),
        Err(_) => text::path(project),
    }
}

fn of_project(global: &Global, project: &Path) -> Global {
    Global {
        project_dir: Some(project.to_owned()),
        ..global.clone()
    }
}

/// Where the jobs of all projects go. What speaks against one of them is told in its turn.
fn places(
    global: &Global,
    args: &RunArgs,
    cwd: &Path,
    projects: &[PathBuf],
) -> Vec<Vec<TargetArg>> {
    let of_one = |project: &PathBuf| {
        let global = of_project(global, project);
        let jobs = Jobs::load(&global, &args.job, cwd);
        jobs.map(|jobs| jobs.places()).unwrap_or_default()
    };
    projects.iter().flat_map(of_one).collect()
}

/// What is below a folder.
#[derive(Debug)]
struct Found {
    /// The folders that have a job file, in the order of their names.
    projects: Vec<PathBuf>,
    /// The folders that could not be looked into.
    unseen: Vec<PathBuf>,
}

/// The folders below `dir` that have a job file. Dumps hold copies of job
/// files, and hidden folders what is nobody's project: neither is looked into. Links are not followed.
fn projects(dir: &Path) -> Result<Found, Finding> {
    let mut found = Vec::new();
    let mut unseen = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(folder) = todo.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if folder == dir => return Err(unreadable(dir, &error)),
            Err(error) => {
                tracing::warn!("cannot look into `{}`: {error}", text::path(&folder));
                unseen.push(folder);
                continue;
            }
        };
        if folder.join(manifest::FILE_NAME).is_file() {
            continue;
        }
        if folder.join(FILE_NAME).is_file() {
            found.push(folder.clone());
        }
        let folders = entries.flatten().filter(|entry| {
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            is_dir && !entry.file_name().as_encoded_bytes().starts_with(b".")
        });
        todo.extend(folders.map(|entry| entry.path()));
    }
    if found.is_empty() {
        return Err(Finding::new(
            "cli::no_project",
            format!("no folder below `{}` has a `{FILE_NAME}`", text::path(dir)),
        )
        .with_help("`compose-dump init` writes one for a project"));
    }
    found.sort();
    unseen.sort();
    Ok(Found {
        projects: found,
        unseen,
    })
}

fn unreadable(dir: &Path, error: &std::io::Error) -> Finding {
    let message = format!("cannot look into `{}`: {error}", text::path(dir));
    Finding::new("cli::under", message).with_help("name a folder that has projects below it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projects_are_found_in_order_and_copies_in_dumps_are_not() {
        let top = tempfile::tempdir().expect("a folder");
        let write = |path: &str| {
            let path = top.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, "version: 1\n").expect("a file");
        };
        write("b/compose-dump.yml");
        write("a/deep/compose-dump.yml");
        write("a/deep/inner/compose-dump.yml");
        write(".git/compose-dump.yml");
        write("dumps/blog/Manifest.yml");
        write("dumps/blog/config/compose-dump.yml");
        std::os::unix::fs::symlink(top.path(), top.path().join("loop")).expect("a link");
        let found = projects(top.path()).expect("projects");
        let names: Vec<_> = found
            .projects
            .iter()
            .filter_map(|path| path.strip_prefix(top.path()).ok())
            .collect();
        assert_eq!(names, ["a/deep", "a/deep/inner", "b"].map(Path::new));
    }

    #[test]
    fn the_folder_itself_is_a_project_with_a_name() {
        let dir = whole(Path::new("/srv/./blog/."));
        assert_eq!(dir.as_os_str(), "/srv/blog");
        assert_eq!(name(Path::new("/srv/blog"), &dir), ".");
        assert_eq!(name(Path::new("/srv/blog/a/b"), &dir), "a/b");
    }

    #[test]
    fn the_summary_tells_what_is_done_of_a_project_that_is_not() {
        let end = |jobs| End {
            name: "blog".to_owned(),
            exit: Exit::Partial,
            jobs,
        };
        assert_eq!(
            end((1, 2)).to_string(),
            "blog: exit code 3, 1 of 2 jobs done"
        );
        assert_eq!(end((0, 1)).to_string(), "blog: exit code 3");
    }

    #[test]
    fn no_project_and_no_folder_are_findings() {
        let top = tempfile::tempdir().expect("a folder");
        let code = |dir: &Path| projects(dir).expect_err("a finding").code;
        assert_eq!(code(top.path()), "cli::no_project");
        assert_eq!(code(&top.path().join("gone")), "cli::under");
    }
}
