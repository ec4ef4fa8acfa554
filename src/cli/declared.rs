//! The job file of a project: where it is, what it says, and whether the project agrees.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::args::Global;
use crate::compose::{self, DEFAULT_FILES, LoadError, LoadOptions, Project};
use crate::config::job_file::{self, Document, FILE_NAME, JobFile, LOCATED_LIMIT, Loaded, Source};
use crate::diagnostic::{Finding, sort_by_place};
use crate::plan;

/// A job file that nothing speaks against, and its project.
#[derive(Debug)]
pub(super) struct Declared {
    /// The file, for it is part of the project; `None` for standard input.
    pub(super) path: Option<PathBuf>,
    pub(super) file: JobFile,
    document: Document,
    pub(super) project: Project,
    /// Whether the project's name is only that of its folder, since no Compose file is left that could say another.
    pub(super) name_is_guess: bool,
}

impl Declared {
    /// Reads the file, loads the project that it is about, and holds one against the other.
    ///
    /// # Errors
    /// Everything that is wrong with the file, sorted by line.
    pub(super) fn load(global: &Global, cwd: &Path, source: &Source) -> Result<Self, Vec<Finding>> {
        Self::load_with(global, cwd, source, Needs::Project)
    }

    /// The same for whoever looks at dumps: where no Compose file is left, the project is known by name and folder
    /// alone. Nothing is held against the file then.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub(super) fn load_to_look(
        global: &Global,
        cwd: &Path,
        source: &Source,
    ) -> Result<Self, Vec<Finding>> {
        Self::load_with(global, cwd, source, Needs::Name)
    }

    fn load_with(
        global: &Global,
        cwd: &Path,
        source: &Source,
        needs: Needs,
    ) -> Result<Self, Vec<Finding>> {
        if let Some(finding) = misnamed(global, cwd, source) {
            return Err(vec![finding]);
        }
        let environment = std::env::vars_os().collect();
        let Loaded {
            file,
            document,
            mut findings,
        } = job_file::load(source, &environment).map_err(|finding| vec![finding])?;
        let (project, name_is_guess) = match load_project(global, cwd, source, &file) {
            Ok(project) => {
                findings.extend(plan::job_file::findings(&file, &document, &project));
                (project, false)
            }
            Err(LoadError::NoComposeFile { .. }) if needs == Needs::Name => {
                lost_project(global, cwd, source, &file)
            }
            Err(error) => {
                findings.push(unloaded(&error));
                return Err(in_order(findings));
            }
        };
        if !findings.is_empty() {
            return Err(in_order(findings));
        }
        Ok(Self {
            path: match source {
                Source::File(path) => Some(cwd.join(path)),
                Source::Stdin | Source::Text { .. } => None,
            },
            file,
            document,
            project,
            name_is_guess,
        })
    }

    /// `--strict`: everything in the project that no rule speaks of.
    pub(super) fn uncovered(&self) -> Result<(), Vec<Finding>> {
        let found = plan::job_file::uncovered(&self.file, &self.document, &self.project);
        if found.is_empty() {
            Ok(())
        } else {
            Err(in_order(found))
        }
    }
}

/// What is needed of the project that a job file is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// All that its Compose files say.
    Project,
    /// What it is called.
    Name,
}

/// A project whose Compose files are gone: where it was, what it is called, and whether that is only a guess.
fn lost_project(global: &Global, cwd: &Path, source: &Source, file: &JobFile) -> (Project, bool) {
    let beside = match source {
        Source::File(path) => cwd.join(path).parent().map(Path::to_owned),
        Source::Stdin | Source::Text { .. } => None,
    };
    let named = global.project_dir.as_ref().map(|dir| cwd.join(dir));
    let dir = compose::clean(&named.or(beside).unwrap_or_else(|| cwd.to_owned()));
    let given = global
        .project_name
        .clone()
        .or_else(|| file.project.name.clone());
    let variable = || std::env::var(compose::NAME_VARIABLE).ok();
    let name = given.or_else(variable).filter(|name| !name.is_empty());
    let is_guess = name.is_none();
    let project = Project {
        name: name.unwrap_or_else(|| compose::name_of_folder(&dir)),
        dir,
        compose_files: Vec::new(),
        services: BTreeMap::new(),
        volumes: BTreeMap::new(),
        references: Vec::new(),
        warnings: Vec::new(),
    };
    (project, is_guess)
}

/// Sorted by line, and no more of them than anybody reads.
fn in_order(mut findings: Vec<Finding>) -> Vec<Finding> {
    sort_by_place(&mut findings);
    let more = findings.len().saturating_sub(LOCATED_LIMIT);
    if more > 0 {
        findings.truncate(LOCATED_LIMIT);
        findings.push(Finding::new(
            "config::more",
            format!("{more} more findings are not listed"),
        ));
    }
    findings
}

/// Where the job file is or should be: as `-c` says, else in the project folder, which is the nearest
/// one upwards that has a Compose file or a job file.
pub(super) fn source(global: &Global, cwd: &Path) -> Source {
    match &global.job_file {
        Some(path) if path.as_os_str() == "-" => Source::Stdin,
        Some(path) => Source::File(path.clone()),
        None => {
            let dir = project_folder(global, cwd).unwrap_or_else(|| cwd.to_owned());
            let path = dir.join(FILE_NAME);
            let shown = path.strip_prefix(cwd).map(Path::to_owned);
            Source::File(shown.unwrap_or(path))
        }
    }
}

/// The project folder: as `-C` says, that of the first `-f`, else the nearest one upwards that has a Compose
/// file or a job file. `None` where there is no such folder.
pub(super) fn project_folder(global: &Global, cwd: &Path) -> Option<PathBuf> {
    let named = global.project_dir.as_ref().map(|dir| cwd.join(dir));
    let beside = || Some(cwd.join(global.files.first()?).parent()?.to_owned());
    let found = || {
        let mut upwards = cwd.ancestors();
        upwards.find(|dir| is_project(dir)).map(Path::to_owned)
    };
    named.or_else(beside).or_else(found)
}

/// What somebody may have called a job file by mistake.
const NEAR_NAMES: [&str; 4] = [
    "compose-dump.yaml",
    ".compose-dump.yml",
    ".compose-dump.yaml",
    "compose_dump.yml",
];

/// Of a job file that is not there, the one that may have been meant to be it. A file that was named
/// is not guessed at.
pub(super) fn misnamed(global: &Global, cwd: &Path, source: &Source) -> Option<Finding> {
    let Source::File(path) = source else {
        return None;
    };
    if global.job_file.is_some() || cwd.join(path).symlink_metadata().is_ok() {
        return None;
    }
    let mut near = NEAR_NAMES.iter().map(|name| path.with_file_name(name));
    let near = near.find(|path| cwd.join(path).is_file())?;
    let message = format!(
        "there is no `{}`, but a `{}`",
        crate::text::path(path),
        crate::text::path(&near)
    );
    Some(
        Finding::new("config::file_name", message)
            .with_help(format!("rename it to `{FILE_NAME}`, or name it with `-c`")),
    )
}

/// The same, if there is one: a file that was named has to be there. One with a wrong name is told of.
pub(super) fn existing_source(global: &Global, cwd: &Path) -> Option<Source> {
    let source = source(global, cwd);
    if let Some(finding) = misnamed(global, cwd, &source) {
        let help = finding.help.as_deref().unwrap_or_default();
        tracing::warn!("{finding}, which is not read: {help}");
    }
    let there = match &source {
        Source::Stdin | Source::Text { .. } => true,
        Source::File(path) => cwd.join(path).symlink_metadata().is_ok(),
    };
    (global.job_file.is_some() || there).then_some(source)
}

fn is_project(dir: &Path) -> bool {
    let mut names = std::iter::once(FILE_NAME).chain(DEFAULT_FILES);
    names.any(|name| dir.join(name).symlink_metadata().is_ok())
}

/// `-C` takes a folder, and whoever gives it a file is told so.
///
/// # Errors
/// The finding that says it.
pub(super) fn project_dir_is_folder(global: &Global, cwd: &Path) -> Result<(), Finding> {
    match &global.project_dir {
        Some(dir) if !cwd.join(dir).is_dir() => {
            let message = format!(
                "`{}` is no folder, or cannot be looked at",
                crate::text::path(dir)
            );
            Err(Finding::new("cli::project_dir", message)
                .with_help("`-C` takes the project's folder, `-f` a Compose file"))
        }
        _ => Ok(()),
    }
}

/// The project as flags name it, without a job file.
///
/// # Errors
/// As [`compose::load`].
pub(super) fn project(global: &Global, cwd: &Path) -> Result<Project, LoadError> {
    compose::load(&options(global, cwd))
}

fn options(global: &Global, cwd: &Path) -> LoadOptions {
    LoadOptions {
        cwd: cwd.to_owned(),
        project_dir: global.project_dir.clone(),
        files: global.files.clone(),
        project_name: global.project_name.clone(),
        env_files: global.env_files.clone(),
        profiles: global.profiles.clone(),
        env: std::env::vars_os().collect(),
        home: std::env::home_dir(),
    }
}

/// The project: flags win over the file's `project`, whose paths are relative to its own folder. It is looked for from
/// there upwards, then from the working folder.
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
    let is_named = global.project_dir.is_some() || !global.files.is_empty();
    let from = |start: &Path| LoadOptions {
        cwd: start.to_owned(),
        files: or_file(&global.files, &rules.files),
        project_name: global.project_name.clone().or_else(|| rules.name.clone()),
        env_files: or_file(&global.env_files, &rules.env_files),
        profiles: if global.profiles.is_empty() {
            rules.profiles.clone()
        } else {
            global.profiles.clone()
        },
        ..options(global, cwd)
    };
    if is_named {
        return compose::load(&from(cwd));
    }
    match compose::load(&from(&here)) {
        // A file that was named may lie anywhere.
        Err(LoadError::NoComposeFile { .. }) if here != cwd => compose::load(&from(cwd)),
        loaded => loaded,
    }
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
