//! From options to the facts that planning needs: settings, project, engine, file system.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::Global;
use super::edge::CommandError;
use super::engine;
use super::lock::{Door, Entry, state_folder};
use super::recover;
use super::spool_dir::spool_dir;
use crate::compose::Project;
use crate::config::identity::host_name;
use crate::diagnostic::Finding;
use crate::engine::endpoint::Address;
use crate::engine::{Engine, MountKind};
use crate::executor::{self, chain};
use crate::plan::Request;
use crate::plan::facts::{self, Facts, Way};
use crate::plan::model::Scope;
use crate::restore::{self, SettleError};
use crate::sources::filter::BackupIgnore;

/// Files in the project folder that belong to it without being named by a key.
const OWN_FILES: [&str; 3] = ["compose-dump.yml", "compose-dump.schema.json", BACKUPIGNORE];
const BACKUPIGNORE: &str = ".backupignore";

/// Everything that a job needs before it can be planned.
pub(super) struct Gathered {
    pub(super) request: Request,
    pub(super) facts: Facts,
    pub(super) engine: Option<Arc<dyn Engine>>,
}

/// What is known when the engine has answered, and nothing has been asked of it.
struct Asked<'a> {
    project: Project,
    job_file: Option<&'a Path>,
    request: Request,
    engine: Result<(Arc<dyn Engine>, Way), String>,
}

/// Gathers what planning needs. Reads, and changes nothing.
///
/// # Errors
/// When the engine does not answer and is needed, or an ignore file cannot be used.
pub(super) async fn gather(
    global: &Global,
    project: &Project,
    job_file: Option<&Path>,
    request: Request,
) -> Result<Gathered, CommandError> {
    let asked = Asked::reach(global, project, job_file, request).await?;
    asked.look(false).await
}

/// Gathers what planning needs for a run, which enters first: what is looked at before another run has
/// ended is not what there is then.
///
/// # Errors
/// As [`gather`] and [`Door::enter`].
pub(super) async fn enter_and_gather(
    global: &Global,
    project: &Project,
    job_file: Option<&Path>,
    request: Request,
    door: &Door<'_>,
) -> Result<(Gathered, Entry), CommandError> {
    let asked = Asked::reach(global, project, job_file, request).await?;
    let engine = asked.engine.as_ref().ok().map(|(engine, _)| engine);
    let patience = asked.request.settings.lock_wait;
    let (name, folder) = (&asked.project.name, &asked.project.dir);
    let mut entry = door.enter(name, folder, engine, patience).await?;
    if let Some(engine) = engine {
        let started = recover::start_left(engine, &entry.state, name, door.talk).await?;
        entry.recovered = entry.recovered.worst(started);
    }
    Ok((asked.look(true).await?, entry))
}

impl<'a> Asked<'a> {
    /// Connects. Volumes cannot be dumped without an engine; for the other scopes it adds who is held
    /// still and what the manifest says of images.
    async fn reach(
        global: &Global,
        project: &Project,
        job_file: Option<&'a Path>,
        request: Request,
    ) -> Result<Self, CommandError> {
        let endpoints = engine::endpoints(global)?;
        let elsewhere = endpoints
            .iter()
            .any(|endpoint| !matches!(endpoint.address, Address::Unix(_)));
        let exports = request.wants(Scope::Exports) && !request.rules.exports.is_empty();
        let mut hooks = request.rules.hooks.iter();
        let hooks = hooks.any(|hook| hook.service.is_some());
        let in_services = exports || hooks;
        // Bind mounts are of the engine's host: those of this one would be the wrong ones.
        let needed = request.wants(Scope::Volumes)
            || in_services
            || elsewhere && request.wants(Scope::Mounted);
        let engine = match engine::reach(&endpoints).await {
            Ok(reached) => Ok((reached.engine, reached.way)),
            Err(error) if needed => return Err(error.into()),
            Err(error) => Err(error.to_string()),
        };
        Ok(Self {
            project: project.clone(),
            job_file,
            request,
            engine,
        })
    }

    /// Asks the engine and looks at the file system.
    async fn look(self, will_run: bool) -> Result<Gathered, CommandError> {
        let (project, request) = (self.project, self.request);
        let (engine, engine_facts) = match self.engine {
            Ok((engine, way)) => {
                let mut facts = facts::ask_engine(&*engine, way, &project).await?;
                if !will_run {
                    facts.bring_back(&left_behind(&engine.daemon().id)?);
                }
                (Some(engine), Ok(facts))
            }
            Err(why) => (None, Err(why)),
        };
        let own_files = own_files(&project, self.job_file);
        let spool_dir = spool_dir(&request.settings);
        let paths = facts::follow_paths(&project, &own_files);
        let mut facts = Facts {
            outside: facts::follow_outside(&project, &paths),
            paths,
            backupignore: backupignore(&project)?,
            project,
            engine: engine_facts,
            own_files,
            places: BTreeMap::new(),
            spool_dir,
            stdout_is_terminal: will_run && std::io::stdout().is_terminal(),
            host: host_name(),
        };
        facts.places = places(&request, &facts);
        Ok(Gathered {
            request,
            facts,
            engine,
        })
    }
}

/// The ids of containers on an engine that a run would start or resume before it looks.
fn left_behind(engine: &str) -> Result<BTreeSet<String>, CommandError> {
    let state = state_folder()?;
    let mut ids: BTreeSet<String> = executor::left_held(&state, engine)?.into_iter().collect();
    ids.extend(restore::left_stopped(&state, engine).map_err(SettleError::from)?);
    Ok(ids)
}

/// The files that belong to a project without being named by a key, the job file among them wherever
/// it is in the project folder.
fn own_files(project: &Project, job_file: Option<&Path>) -> Vec<PathBuf> {
    let own = OWN_FILES.iter().map(|name| project.dir.join(name));
    let inside = job_file.filter(|path| path.starts_with(&project.dir));
    let mut files: Vec<PathBuf> = own
        .chain(inside.map(Path::to_owned))
        .filter(|path| path.exists())
        .collect();
    files.sort();
    files.dedup();
    files
}

fn backupignore(project: &Project) -> Result<Option<BackupIgnore>, Finding> {
    let path = project.dir.join(BACKUPIGNORE);
    if !path.exists() {
        return Ok(None);
    }
    BackupIgnore::read(&path).map(Some).map_err(|error| {
        Finding::new("config::backupignore", chain(&error))
            .with_help("each line is a pattern as in a .gitignore")
    })
}

/// Where the targets, the spool and everything that may be read lie.
fn places(request: &Request, facts: &Facts) -> BTreeMap<PathBuf, facts::Place> {
    let targets = request
        .targets
        .iter()
        .filter_map(|target| target.place.path())
        .map(Path::to_owned);
    let named = facts
        .paths
        .iter()
        .flat_map(|(path, fact)| [path.clone(), fact.real.clone()]);
    let binds = facts.engine.iter().flat_map(|engine| {
        let mounts = engine.containers.iter().flat_map(|one| &one.mounts);
        mounts
            .filter(|mount| mount.kind == MountKind::Bind)
            .filter_map(|mount| mount.source.clone())
    });
    let engine = facts.engine.iter();
    let volumes = engine.flat_map(|engine| {
        engine
            .volumes
            .values()
            .filter_map(|volume| volume.mountpoint.clone())
    });
    targets
        .chain(named)
        .chain(volumes)
        .chain(binds)
        .chain([facts.spool_dir.clone(), facts.project.dir.clone()])
        .map(|path| {
            let place = facts::look_at_place(&path);
            (path, place)
        })
        .collect()
}
