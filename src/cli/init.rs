//! `init`: a first `compose-dump.yml`, made from the project, checked before it is written.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;

use super::args::{Global, InitArgs};
use super::declared;
use super::edge::CommandError;
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
    declared::project_dir_is_folder(global, &cwd)?;
    if let Some(path) = &global.job_file {
        let message = format!("`init` does not write `{}`", crate::text::path(path));
        return Err(Finding::new("init::job_file", message)
            .with_help(
                "it writes `compose-dump.yml` in the project folder; `--print` gives you the text",
            )
            .into());
    }
    let project = declared::project(global, &cwd)?;
    for warning in &project.warnings {
        let file = crate::text::path(&warning.file);
        let line = warning
            .line
            .map_or_else(String::new, |line| format!(":{line}"));
        tracing::warn!("{file}{line}: {}", warning.message);
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
    let Some(finding) = complaint(text, project) else {
        return Ok(());
    };
    let message = format!("no file can be made for this project: {}", finding.message);
    Err(Finding::new("init::rejected", message)
        .with_help("write one by hand: `compose-dump schema` says what may be in it"))
}

fn complaint(text: &str, project: &Project) -> Option<Finding> {
    let source = Source::Text {
        name: FILE_NAME.to_owned(),
        text: text.to_owned(),
    };
    let environment = std::env::vars_os().collect();
    let loaded = match job_file::load(&source, &environment) {
        Ok(loaded) => loaded,
        Err(finding) => return Some(finding),
    };
    let (file, document) = (&loaded.file, &loaded.document);
    let of_project = plan::job_file::findings(file, document, project);
    let left = plan::job_file::uncovered(file, document, project);
    let mut found = loaded.findings.into_iter().chain(of_project).chain(left);
    found.next()
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
