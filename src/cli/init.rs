//! `init`: a first `compose-dump.yml`, made from the project, checked before it is written.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;

use super::args::{Global, InitArgs};
use super::edge::CommandError;
use super::gather::load_project;
use super::talk;
use crate::compose::{Project, clean};
use crate::config::job_file::model::ProjectRules;
use crate::config::job_file::{self, FILE_NAME, Source};
use crate::diagnostic::Finding;
use crate::exit::Exit;
use crate::init::{self, NewFile, SCHEMA_NAME, write_new};
use crate::plan;

/// Writes the file and the schema beside it, or prints the file.
pub(super) fn init(global: &Global, args: &InitArgs) -> Result<Exit, CommandError> {
    let cwd = std::env::current_dir().map_err(CommandError::WorkingFolder)?;
    let project = load_project(global, cwd.clone())?;
    for warning in &project.warnings {
        let file = crate::text::path(&warning.file);
        let line = warning.line.map(|line| format!(":{line}"));
        talk::say(&format!(
            "warning: {file}{}: {}",
            line.unwrap_or_default(),
            warning.message
        ));
    }
    let text = init::job_file(&project, &given(global, &cwd, &project)?);
    check(&text, &project)?;
    if args.print {
        talk::print(&text).map_err(CommandError::Print)?;
        return Ok(Exit::Done);
    }
    // The schema first: whoever sees the file finds it.
    let files = [
        NewFile {
            name: SCHEMA_NAME,
            text: job_file::SCHEMA,
        },
        NewFile {
            name: FILE_NAME,
            text: &text,
        },
    ];
    write_new(&project.dir, &files, mode(&project))?;
    talk::print(&told(&project, &cwd)).map_err(CommandError::Print)?;
    Ok(Exit::Done)
}

/// What the options say of the project, with paths as the file has them: relative to its folder.
fn given(global: &Global, cwd: &Path, project: &Project) -> Result<ProjectRules, Finding> {
    let paths = |paths: &[PathBuf]| -> Result<Vec<PathBuf>, Finding> {
        let each = paths.iter().map(|path| {
            if path.to_str().is_none() {
                let message = format!(
                    "`{}` is not UTF-8, which YAML has to be",
                    crate::text::path(path)
                );
                return Err(Finding::new("init::name", message).with_help(
                    "give the file another name, or write compose-dump.yml without it",
                ));
            }
            let path = clean(&cwd.join(path));
            Ok(match path.strip_prefix(&project.dir) {
                Ok(inside) => inside.to_owned(),
                Err(_) => path,
            })
        });
        each.collect()
    };
    Ok(ProjectRules {
        name: global.project_name.clone(),
        files: paths(&global.files)?,
        env_files: paths(&global.env_files)?,
        profiles: global.profiles.clone(),
    })
}

/// Never writes what `check --strict` would complain about.
fn check(text: &str, project: &Project) -> Result<(), Finding> {
    let source = Source::Text {
        name: FILE_NAME.to_owned(),
        text: text.to_owned(),
    };
    let environment = std::env::vars_os().collect();
    let loaded = job_file::load(&source, &environment)?;
    let (file, document) = (&loaded.file, &loaded.document);
    let mut found = loaded.findings.clone();
    found.extend(plan::job_file::findings(file, document, project));
    found.extend(plan::job_file::uncovered(file, document, project));
    match found.into_iter().next() {
        None => Ok(()),
        Some(finding) => {
            let message = format!("no file can be made for this project: {}", finding.message);
            Err(Finding::new("init::rejected", message)
                .with_help("is this name as Docker Compose would take it? `compose-dump init` has no rule for it"))
        }
    }
}

/// Who may read the Compose file may read what is written beside it.
fn mode(project: &Project) -> Mode {
    let beside = project.compose_files.first();
    let metadata = beside.and_then(|file| std::fs::metadata(file).ok());
    let bits = metadata.map_or(0, |metadata| metadata.permissions().mode());
    Mode::from_raw_mode(bits & 0o666 | 0o600)
}

fn told(project: &Project, cwd: &Path) -> String {
    let shown = |name: &str| {
        let path = project.dir.join(name);
        crate::text::path(path.strip_prefix(cwd).unwrap_or(&path))
    };
    let call = if cwd.starts_with(&project.dir) {
        "compose-dump".to_owned()
    } else {
        format!("compose-dump -C {}", crate::text::path(&project.dir))
    };
    format!(
        "\
wrote {file}
wrote {schema}, which explains its keys in editors

Look at the rules and at the target, then:
  {call} plan   shows what is taken, and who is paused
  {call} run    does it
",
        file = shown(FILE_NAME),
        schema = shown(SCHEMA_NAME),
    )
}
