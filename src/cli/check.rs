//! `check` and `schema`: what is wrong with a `compose-dump.yml`, without an engine.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::args::{CheckArgs, Global, SchemaArgs, SchemaName};
use super::edge::CommandError;
use super::talk;
use crate::compose::{self, LoadError, LoadOptions, Project};
use crate::config::job_file::{self, FILE_NAME, JobFile, LOCATED_LIMIT, Loaded, Source};
use crate::diagnostic::{Finding, sort_by_place};
use crate::exit::Exit;
use crate::plan;

/// Looks at the file, and at the project as far as its files tell.
pub(super) fn check(global: &Global, args: &CheckArgs) -> Result<Exit, CommandError> {
    let cwd = std::env::current_dir().map_err(CommandError::WorkingFolder)?;
    let source = source(global, args, &cwd);
    let mut findings = findings(global, args, &cwd, &source);
    sort_by_place(&mut findings);
    shorten(&mut findings);
    if args.json {
        let rows: Vec<Row<'_>> = findings.iter().map(Row::of).collect();
        talk::print_json(&rows).map_err(CommandError::Print)?;
        return Ok(if rows.is_empty() {
            Exit::Done
        } else {
            Exit::Rejected
        });
    }
    if !findings.is_empty() {
        return Err(findings.into());
    }
    talk::print(&format!("{}: nothing to complain about\n", source.name()))
        .map_err(CommandError::Print)?;
    Ok(Exit::Done)
}

/// Nobody reads thousands of findings.
fn shorten(findings: &mut Vec<Finding>) {
    let more = findings.len().saturating_sub(LOCATED_LIMIT);
    if more > 0 {
        findings.truncate(LOCATED_LIMIT);
        findings.push(Finding::new(
            "config::more",
            format!("{more} more findings are not listed"),
        ));
    }
}

/// Prints a schema.
pub(super) fn schema(args: &SchemaArgs) -> Result<Exit, CommandError> {
    let schema = match args.name {
        SchemaName::Config => job_file::SCHEMA,
        SchemaName::Manifest => crate::archive::manifest::SCHEMA,
    };
    talk::print(schema).map_err(CommandError::Print)?;
    Ok(Exit::Done)
}

/// One finding of `check --json`; docs/diagnostics.md explains the keys.
#[derive(Serialize)]
struct Row<'a> {
    code: &'static str,
    message: &'a str,
    help: Option<&'a str>,
    file: Option<&'a str>,
    path: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
    length: Option<usize>,
}

impl<'a> Row<'a> {
    fn of(finding: &'a Finding) -> Self {
        let place = finding.place.as_deref();
        Self {
            code: finding.code,
            message: &finding.message,
            help: finding.help.as_deref(),
            file: place.map(|place| place.source.name.as_str()),
            path: place.map(|place| place.path.as_str()),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            length: place.map(|place| place.source.text[place.span.clone()].chars().count()),
        }
    }
}

/// Where the file is: as `-c` says, else in the project folder, which is the nearest one upwards
/// that has the file.
fn source(global: &Global, args: &CheckArgs, cwd: &Path) -> Source {
    match &args.job_file {
        Some(path) if path.as_os_str() == "-" => Source::Stdin,
        Some(path) => Source::File(path.clone()),
        None => {
            let named = global.project_dir.as_ref().map(|dir| cwd.join(dir));
            let beside = || Some(cwd.join(global.files.first()?).parent()?.to_owned());
            let dir = named.or_else(beside).unwrap_or_else(|| {
                let mut upwards = cwd.ancestors();
                let nearest = upwards.find(|dir| dir.join(FILE_NAME).symlink_metadata().is_ok());
                nearest.unwrap_or(cwd).to_owned()
            });
            let path = dir.join(FILE_NAME);
            let shown = path.strip_prefix(cwd).map(Path::to_owned);
            Source::File(shown.unwrap_or(path))
        }
    }
}

fn findings(global: &Global, args: &CheckArgs, cwd: &Path, source: &Source) -> Vec<Finding> {
    let environment = std::env::vars_os().collect();
    let Loaded {
        file,
        document,
        mut findings,
    } = match job_file::load(source, &environment) {
        Ok(loaded) => loaded,
        Err(finding) => return vec![finding],
    };
    let is_sound = findings.is_empty();
    match load_project(global, cwd, source, &file) {
        Ok(project) => {
            findings.extend(plan::job_file::findings(&file, &document, &project));
            // What a wrong rule was meant to cover is not known.
            if args.strict && is_sound {
                findings.extend(plan::job_file::uncovered(&file, &document, &project));
            }
        }
        Err(error) => findings.push(unloaded(&error)),
    }
    findings
}

/// The project: flags win over the file's `project`, whose paths are relative to its own folder.
fn load_project(
    global: &Global,
    cwd: &Path,
    source: &Source,
    file: &JobFile,
) -> Result<Project, LoadError> {
    let home = match source {
        Source::Stdin | Source::Text { .. } => None,
        Source::File(path) => cwd.join(path).parent().map(Path::to_owned),
    };
    let here = home.unwrap_or_else(|| cwd.to_owned());
    let or_file = |flags: &[PathBuf], rules: &[PathBuf]| -> Vec<PathBuf> {
        let (base, paths) = if flags.is_empty() {
            (here.as_path(), rules)
        } else {
            (cwd, flags)
        };
        paths.iter().map(|path| base.join(path)).collect()
    };
    let rules = &file.project;
    compose::load(&LoadOptions {
        cwd: if global.project_dir.is_some() || !global.files.is_empty() {
            cwd.to_owned()
        } else {
            here.clone()
        },
        project_dir: global.project_dir.clone(),
        files: or_file(&global.files, &rules.files),
        project_name: global.project_name.clone().or_else(|| rules.name.clone()),
        env_files: or_file(&global.env_files, &rules.env_files),
        profiles: if global.profiles.is_empty() {
            rules.profiles.clone()
        } else {
            global.profiles.clone()
        },
        env: std::env::vars_os().collect(),
        home: std::env::home_dir(),
    })
}

/// A project that cannot be loaded, beside what is wrong with the file.
fn unloaded(error: &LoadError) -> Finding {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    Finding::new(
        "project::unreadable",
        format!("{error}{}", cause.unwrap_or_default()),
    )
    .with_help(
        "name the project's folder with `-C` or its Compose file with `-f`, or mend that file",
    )
}
