//! The targets that the project's job file declares, for the commands that look at what is there: no
//! engine is asked, and no job planned.

use std::path::Path;

use super::args::Global;
use super::declared::{self, Declared};
use super::edge::CommandError;
use super::request;
use super::working_folder::working_folder;
use crate::config::identity::{Identity, host_name};
use crate::config::job_file::DEFAULT_JOB;
use crate::config::layers::Layered;
use crate::config::settings::Overrides;
use crate::config::target_arg::{TargetArg, TargetArgKind};
use crate::diagnostic::{Finding, did_you_mean};

/// The targets of a project, and whose they are.
#[derive(Debug)]
pub(super) struct FileTargets {
    /// The project's id, as manifests have it.
    pub(super) project_id: String,
    /// The targets in which dumps can be looked for, which standard output is not.
    pub(super) targets: Vec<FileTarget>,
}

/// A declared target.
#[derive(Debug, Clone)]
pub(super) struct FileTarget {
    /// How it is called and where it is.
    pub(super) place: TargetArg,
}

impl FileTargets {
    /// Those of the project that options and working folder name; `None` without a job file.
    ///
    /// # Errors
    /// Everything that is wrong with the file, or a variable over it.
    pub(super) fn load(global: &Global) -> Result<Option<Self>, CommandError> {
        let cwd = working_folder(global)?;
        declared::project_dir_is_folder(global, &cwd)?;
        declared::existing_source(global, &cwd)
            .map(|source| Self::of(&Declared::load(global, &cwd, &source)?))
            .transpose()
    }

    fn of(declared: &Declared) -> Result<Self, CommandError> {
        let Declared { file, project, .. } = declared;
        let top = file.job(DEFAULT_JOB).map(|job| job.settings);
        let layered = Layered::load(&top.unwrap_or_default(), &Overrides::default())?;
        let host = layered.settings.host.unwrap_or_else(host_name);
        let mut targets = Vec::new();
        for (name, rules) in &file.targets {
            let place = request::declared_place(name, rules, project)?;
            if place.kind != TargetArgKind::Stdout {
                targets.push(FileTarget { place });
            }
        }
        Ok(Self {
            project_id: Identity::new(&host, &project.name, &project.dir).id(),
            targets,
        })
    }

    /// Leaves the target of that name, or all without a name.
    ///
    /// # Errors
    /// When there is no such target.
    pub(super) fn only(mut self, name: Option<&str>) -> Result<Self, Finding> {
        let Some(name) = name else { return Ok(self) };
        let known: Vec<String> = self.names().map(str::to_owned).collect();
        self.targets.retain(|target| target.place.name == name);
        if !self.targets.is_empty() {
            return Ok(self);
        }
        let known = known.iter().map(String::as_str);
        let message = format!("the file declares no target `{}`", name.escape_debug());
        let finding = Finding::new("cli::unknown_target", message);
        Err(finding.with_help(match did_you_mean(name, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its targets are {}", known.collect::<Vec<_>>().join(", ")),
        }))
    }

    /// The targets' names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().map(|target| &*target.place.name)
    }
}

impl FileTarget {
    /// The folder of dumps that it is.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.place.path()
    }
}
