//! The targets that the project's job file declares, for the commands that look at what is there: no
//! engine is asked, and no job planned.

use std::path::{Path, PathBuf};

use super::args::Global;
use super::declared::{self, Declared};
use super::edge::CommandError;
use super::request;
use super::spool_dir::spool_dir;
use super::working_folder::working_folder;
use crate::config::identity::{Identity, host_name};
use crate::config::layers::Layered;
use crate::config::settings::Overrides;
use crate::config::target_arg::{TargetArg, TargetArgKind};
use crate::diagnostic::{Finding, did_you_mean};
use crate::prune::Place;
use crate::retention::{Policy, Share};
use crate::store::{Environment, Store, StoreError, StoreUrl};
use crate::stored::OpenError;

/// The targets of a project, and whose they are.
#[derive(Debug)]
pub(super) struct FileTargets {
    /// Which project it is.
    pub(super) project: Identity,
    /// Whether its name is only a guess.
    pub(super) name_is_guess: bool,
    /// Where temporary files go, as the file says it at its top level.
    pub(super) spool_dir: PathBuf,
    /// The jobs that the file declares, each with its `shrink_guard`.
    pub(super) jobs: Vec<(String, Share)>,
    /// The targets in which dumps can be looked for, which standard output is not.
    pub(super) targets: Vec<FileTarget>,
}

/// A declared target.
#[derive(Debug, Clone)]
pub(super) struct FileTarget {
    /// How it is called and where it is.
    pub(super) place: TargetArg,
    /// Which dumps stay there.
    pub(super) keep: Option<Policy>,
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
            .map(|source| Self::of(&Declared::load_to_look(global, &cwd, &source)?))
            .transpose()
    }

    fn of(declared: &Declared) -> Result<Self, CommandError> {
        let Declared { file, project, .. } = declared;
        let top = request::beside(file.ad_hoc().0, project);
        let top = Layered::load(&top, &Overrides::default())?.settings;
        let mut jobs = Vec::new();
        for job in file.job_names().filter_map(|name| file.job(name)) {
            let layered = Layered::load(&job.settings, &Overrides::default())?;
            jobs.push((job.name, layered.settings.shrink_guard));
        }
        let host = top.host.clone().unwrap_or_else(host_name);
        let mut targets = Vec::new();
        for (name, rules) in &file.targets {
            let place = request::declared_place(name, rules, project)?;
            if place.kind != TargetArgKind::Stdout {
                targets.push(FileTarget {
                    place,
                    keep: rules.keep.clone(),
                });
            }
        }
        Ok(Self {
            project: Identity::new(&host, &project.name, &project.dir),
            name_is_guess: declared.name_is_guess,
            spool_dir: spool_dir(&top),
            jobs,
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

/// What to say where a command needs a job file.
pub(super) fn no_job_file() -> Finding {
    Finding::new(
        "cli::no_job_file",
        "there is no compose-dump.yml that declares targets",
    )
    .with_help("name the project's folder with `-C` or the file with `-c`")
}

impl FileTarget {
    /// Where its dumps are.
    ///
    /// # Errors
    /// When a store cannot be reached as it is configured.
    pub(super) fn dumps(&self) -> Result<Place, StoreError> {
        let target = self.place.name.clone();
        Ok(match &self.place.kind {
            TargetArgKind::Store { url, options } => Place::Store {
                target,
                store: Store::open(url, options, &Environment::of_process())?,
            },
            // Standard output is none of these targets.
            TargetArgKind::Folder { .. }
            | TargetArgKind::Archive { .. }
            | TargetArgKind::Stdout => {
                let folder = self.place.path().map(Path::to_owned).unwrap_or_default();
                Place::Folder { target, folder }
            }
        })
    }
}

/// The URL of a prefix, as it was given.
///
/// # Errors
/// A finding for any other one.
pub(super) fn store_url(text: &str) -> Result<StoreUrl, Finding> {
    StoreUrl::parse(text).map_err(|error| {
        Finding::new(
            "cli::store_url",
            format!("this is no object store: {error}"),
        )
        .with_help("write `s3://bucket/prefix`, `az://container/prefix` or `gs://bucket/prefix`")
    })
}

/// The store at a URL. The target of the file that is there, or above, or else below, says how it is reached, else the
/// environment alone.
///
/// # Errors
/// When it cannot be reached as it is configured.
pub(super) fn store_at(file: Option<&FileTargets>, url: &StoreUrl) -> Result<Store, CommandError> {
    let targets = file.into_iter().flat_map(|file| &file.targets);
    let stores: Vec<_> = targets
        .filter_map(|target| match &target.place.kind {
            TargetArgKind::Store { url, options } => Some((url, &**options)),
            _ => None,
        })
        .collect();
    let around = stores.iter().find(|(known, _)| url.is_within(known));
    let below = || stores.iter().find(|(known, _)| known.is_within(url));
    let known = around.or_else(below);
    let options = known.map(|(_, options)| (*options).clone());
    let options = options.unwrap_or_default();
    let store = Store::open(url, &options, &Environment::of_process());
    Ok(store.map_err(OpenError::from)?)
}
