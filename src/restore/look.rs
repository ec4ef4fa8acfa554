//! The looks that a restore takes before it plans, in their order: the Compose files, the name of the project,
//! the members that are wanted, the engine, the project folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::compose_program::{Called, ComposeProgram};
use super::config_pass::{self, ConfigError, ConfigPass};
use super::content::Place;
use super::facts::{self, Facts, Standing, Wanted};
use super::model::Model;
use super::plan::naming::{self, Named};
use super::plan::select;
use super::probe;
use super::request::{Request, Scope};
use crate::archive::escape::unescape;
use crate::archive::manifest::Manifest;
use crate::archive::manifest::model::Source;
use crate::compose::LoadError;
use crate::config::job_file::{self, JobFile};
use crate::diagnostic::Finding;
use crate::engine::{Engine, EngineError};
use crate::plan::exports::load_of;
use crate::plan::facts::Way;
use crate::plan::model::ContainerCommand;
use crate::stored::Dump;

/// An engine that answered, and what is known of the way to it.
pub(crate) struct Connected {
    /// The engine.
    pub(crate) engine: Arc<dyn Engine>,
    /// The way to it.
    pub(crate) way: Way,
    /// Compose as it is installed here.
    pub(crate) program: Option<ComposeProgram>,
}

/// What was seen.
pub(crate) struct Looked {
    /// What a plan is made from.
    pub(crate) facts: Facts,
    /// The project as Compose is told of it.
    pub(crate) called: Called,
}

/// It cannot be seen what a restore would do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookError {
    /// What was asked for does not go with the dump.
    #[error("{}", crate::text::count(.0.len() as u64, "finding"))]
    Findings(Vec<Finding>),
    /// The Compose files cannot be used.
    #[error("the Compose files of the project cannot be used")]
    Model(#[source] LoadError),
    /// The dump's configuration cannot be looked at.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The engine does not answer as it should.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Looks at everything that a plan is made from. `connected` is why there is no engine, where there is
/// none; `own_file` is the job file that the project folder has already; `unfinished` are the volumes that a restore that was cut off has left half written. Changes nothing but
/// temporary files in `scratch`.
///
/// # Errors
/// What keeps it from being seen, or does not go with the dump.
pub(crate) async fn look(
    request: &Request,
    dump: &mut Dump,
    scratch: &Path,
    connected: &Result<Connected, String>,
    unfinished: &BTreeSet<String>,
    own_file: Option<&JobFile>,
) -> Result<Looked, LookError> {
    let manifest = dump.manifest.clone();
    let mounted = mounted_paths(&manifest);
    let (config, model, named) = files(request, dump, scratch)?;
    let (project, files) = model.map(|model| (model.project, model.files)).unzip();
    let selection =
        select::select(request, &manifest, project.as_ref()).map_err(LookError::Findings)?;
    let wanted = Wanted {
        manifest: &manifest,
        selection: &selection,
        model: project.as_ref(),
        named: &named,
    };
    let engine = match connected {
        Err(why) => Err(why.clone()),
        Ok(connected) => {
            Ok(facts::ask_engine(&connected.engine, connected.way.clone(), &wanted).await?)
        }
    };
    let called = called(request, &named, files.unwrap_or_default());
    let compose = connected.as_ref().ok().and_then(|one| one.program.as_ref());
    let inside = config.as_ref().map_or(&[][..], |config| &config.inside);
    let carried = carried(&mounted, inside);
    let of_dump = config
        .as_ref()
        .filter(|_| own_file.is_none() && request.trust_dump)
        .and_then(|config| job_file(&config.copy));
    let loads = loads(&manifest, own_file.or(of_dump.as_ref()));
    let facts = Facts {
        loads,
        model: project,
        folder: request.folder.clone(),
        unusable_folder: facts::unusable_folder(&request.folder),
        standing: standing(&request.folder, &mounted, &carried),
        config: config.map(|config| config.compared),
        carried,
        engine,
        compose: compose.map(|program| program.shown(&called)),
        unfinished: unfinished.clone(),
        has_override: facts::has_override(&request.folder),
        is_root: rustix::process::geteuid().is_root(),
        manifest,
        selection,
        named,
    };
    Ok(Looked { facts, called })
}

/// What the project is called that a dump is put back as: all that is looked at before the project is locked by
/// that name.
///
/// # Errors
/// As [`look`].
pub(crate) fn project_name(
    request: &Request,
    dump: &mut Dump,
    scratch: &Path,
) -> Result<String, LookError> {
    files(request, dump, scratch).map(|(_, _, named)| named.name)
}

/// The dump's files beside those that are there, the project that they will declare, and its name.
fn files(
    request: &Request,
    dump: &mut Dump,
    scratch: &Path,
) -> Result<(Option<ConfigPass>, Option<Model>, Named), LookError> {
    let manifest = dump.manifest.clone();
    let mounted = mounted_paths(&manifest).into_iter();
    let roots: Vec<Vec<u8>> = mounted.map(|(_, path)| path).collect();
    let mut members = manifest.members.iter();
    let config = members
        .any(|member| member.source == Source::Config)
        .then(|| config_pass::look(dump, scratch, &request.folder, &roots));
    let config = config.transpose()?;
    let model = model(request, &manifest, config.as_ref())?;
    let found = model.as_ref().map(|model| model.found_name.as_str());
    let named = naming::project(request, &manifest, found)
        .map_err(|finding| LookError::Findings(vec![finding]))?;
    Ok((config, model, named))
}

/// The project as its files will declare it: by the dump's, where they are put back or there are no others.
fn model(
    request: &Request,
    manifest: &Manifest,
    config: Option<&ConfigPass>,
) -> Result<Option<Model>, LookError> {
    let load = |at: &Path| Model::load(request, manifest, at).map_err(LookError::Model);
    let Some(config) = config else {
        return load(&request.folder);
    };
    if request.wants(Scope::Config) {
        return load(&config.copy);
    }
    if let Some(own) = load(&request.folder)? {
        return Ok(Some(own));
    }
    let mut model = load(&config.copy)?;
    if let Some(model) = &mut model {
        // Nobody puts these files there: the folder's name says nothing about the project's.
        model.found_name.clone_from(&manifest.project.name);
    }
    Ok(model)
}

/// The mounted members, each with its path in the project folder.
fn mounted_paths(manifest: &Manifest) -> Vec<(String, Vec<u8>)> {
    let members = manifest.members.iter();
    let mounted = members.filter_map(|member| match &member.source {
        Source::Mounted { path } => Some((member.path.clone(), unescape(path.as_bytes())?)),
        _ => None,
    });
    mounted.collect()
}

/// The job file in a folder, if there is one that nothing speaks against.
#[must_use]
pub(crate) fn job_file(folder: &Path) -> Option<JobFile> {
    let path = folder.join(job_file::FILE_NAME);
    if !path.is_file() {
        return None;
    }
    let environment = std::env::vars_os().collect();
    match job_file::load(&job_file::Source::File(path), &environment) {
        Ok(loaded) if loaded.findings.is_empty() => Some(loaded.file),
        Ok(_) | Err(_) => {
            tracing::warn!(
                "the compose-dump.yml of the project has mistakes, so it does not say how exports are loaded: `compose-dump check` names them"
            );
            None
        }
    }
}

/// What loads each export, as a job file says.
fn loads(manifest: &Manifest, file: Option<&JobFile>) -> BTreeMap<String, ContainerCommand> {
    let Some(file) = file else {
        return BTreeMap::new();
    };
    let members = manifest.members.iter();
    let commands = members.filter_map(|member| match &member.source {
        Source::Export { service, name } => {
            let command = load_of(file, &manifest.series.job, service, name)?;
            Some((member.path.clone(), command))
        }
        _ => None,
    });
    commands.collect()
}

/// What in each mounted folder is not its own: config, and mounted folders of their own.
fn carried(mounted: &[(String, Vec<u8>)], config: &[Vec<u8>]) -> BTreeMap<String, Vec<Vec<u8>>> {
    let others = || config.iter().chain(mounted.iter().map(|(_, path)| path));
    let below = |folder: &Vec<u8>| {
        let rest = others().filter_map(|path| path.strip_prefix(&folder[..])?.strip_prefix(b"/"));
        rest.map(<[u8]>::to_vec).collect()
    };
    let rows = mounted.iter();
    rows.map(|(member, path)| (member.clone(), below(path)))
        .collect()
}

/// What stands where mounted members go.
fn standing(
    folder: &Path,
    mounted: &[(String, Vec<u8>)],
    carried: &BTreeMap<String, Vec<Vec<u8>>>,
) -> BTreeMap<String, Standing> {
    let row = |(member, path): &(String, Vec<u8>)| {
        let place = Place {
            root: folder.to_owned(),
            below: path.clone(),
        };
        let carried = carried.get(member).map_or(&[][..], Vec::as_slice);
        (member.clone(), probe::folder(&place, carried))
    };
    mounted.iter().map(row).collect()
}

/// The project as Compose has to be told of it.
fn called(request: &Request, named: &Named, files: Vec<std::path::PathBuf>) -> Called {
    let flags = &request.compose;
    Called {
        folder: request.folder.clone(),
        // A copy's name is written to its `.env`, where Compose finds it.
        name: (!named.is_found).then(|| named.name.clone()),
        files: if flags.files.is_empty() {
            files
        } else {
            flags.files.clone()
        },
        env_files: flags.env_files.clone(),
        profiles: flags.profiles.clone(),
    }
}
