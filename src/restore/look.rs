//! The looks that a restore takes before it plans, in their order: the Compose files, the name of the project,
//! the members that are wanted, the engine, the project folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::compose_program::{Called, ComposeProgram, shown_with};
use super::facts::{self, Facts, Wanted};
use super::model::Model;
use super::plan::naming::{self, Named};
use super::plan::select;
use super::request::{Request, Scope};
use super::scratch::{self, CopyError};
use crate::archive::manifest::model::Source;
use crate::compose::LoadError;
use crate::diagnostic::Finding;
use crate::engine::{Engine, EngineError};
use crate::plan::facts::Way;
use crate::stored::Dump;

/// An engine that answered, and what is known of the way to it.
pub struct Connected {
    /// The engine.
    pub engine: Arc<dyn Engine>,
    /// The way to it.
    pub way: Way,
    /// Compose as it is installed here.
    pub program: Option<ComposeProgram>,
}

/// What was seen.
pub struct Looked {
    /// What a plan is made from.
    pub facts: Facts,
    /// The project as Compose is told of it.
    pub called: Called,
}

/// It cannot be seen what a restore would do.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// What was asked for does not go with the dump.
    #[error("{}", crate::text::count(.0.len() as u64, "finding"))]
    Findings(Vec<Finding>),
    /// The Compose files cannot be used.
    #[error("the Compose files of the project cannot be used")]
    Model(#[source] LoadError),
    /// The dump's Compose files cannot be looked at.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The engine does not answer as it should.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Looks at everything that a plan is made from. `connected` is why there is no engine, where there is
/// none. Changes nothing but temporary files in `scratch`.
///
/// # Errors
/// What keeps it from being seen, or does not go with the dump.
pub async fn look(
    request: &Request,
    dump: &mut Dump,
    scratch: &Path,
    connected: &Result<Connected, String>,
) -> Result<Looked, LookError> {
    let manifest = dump.manifest.clone();
    let model = model(request, dump, scratch)?;
    let found = model.as_ref().map(|model| model.found_name.as_str());
    let named = naming::project(request, &manifest, found)
        .map_err(|finding| LookError::Findings(vec![finding]))?;
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
    let facts = Facts {
        model: project,
        folder: request.folder.clone(),
        unusable_folder: facts::unusable_folder(&request.folder),
        config: None,
        standing: BTreeMap::new(),
        engine,
        compose: compose.map(|program| program.shown(&called)),
        unfinished: BTreeSet::new(),
        is_root: rustix::process::geteuid().is_root(),
        manifest,
        selection,
        named,
    };
    Ok(Looked { facts, called })
}

/// The project as its files will declare it: by the dump's, where they are put back or there are no others.
fn model(
    request: &Request,
    dump: &mut Dump,
    scratch: &Path,
) -> Result<Option<Model>, LookError> {
    let manifest = dump.manifest.clone();
    let load = |at: &Path| Model::load(request, &manifest, at).map_err(LookError::Model);
    let members = &manifest.members;
    let has_config = members.iter().any(|member| member.source == Source::Config);
    if !request.wants(Scope::Config) || !has_config {
        let own = load(&request.folder)?;
        if own.is_some() || !has_config {
            return Ok(own);
        }
    }
    let name = request.folder.file_name().unwrap_or("project".as_ref());
    let copy = scratch::copy(dump, scratch, name)?;
    let mut model = load(&copy.folder)?;
    if !request.wants(Scope::Config)
        && let Some(model) = &mut model
    {
        // Nobody puts these files there: the folder's name says nothing about the project's.
        model.found_name.clone_from(&manifest.project.name);
    }
    Ok(model)
}

/// The project as Compose has to be told of it.
fn called(request: &Request, named: &Named, files: Vec<std::path::PathBuf>) -> Called {
    let flags = &request.compose;
    Called {
        folder: request.folder.clone(),
        // A copy's name is written to its `.env`, where Compose finds it.
        name: (!named.is_found).then(|| named.name.clone()),
        files: if flags.files.is_empty() { files } else { flags.files.clone() },
        env_files: flags.env_files.clone(),
        profiles: flags.profiles.clone(),
    }
}

/// What a person types to run Compose on the project, where none is installed here.
#[must_use]
pub fn usual_command(called: &Called) -> String {
    shown_with("docker compose", called)
}
