//! From options to the facts that planning needs: settings, project, engine, file system.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{Global, JobArgs};
use super::edge::CommandError;
use crate::compose::{self, LoadOptions, Project};
use crate::config::identity::host_name;
use crate::config::settings::{CompressionOverride, Overrides, Settings};
use crate::config::target_arg::TargetArg;
use crate::diagnostic::Finding;
use crate::engine::docker::{DockerEngine, Limits};
use crate::engine::endpoint::{Address, Endpoint, Surroundings, Wish, locate};
use crate::engine::{Engine, EngineError, MountKind};
use crate::engine::{local, own};
use crate::executor::chain;
use crate::plan::Request;
use crate::plan::facts::{self, EngineFacts, Facts, Way};
use crate::plan::model::Scope;
use crate::sources::filter;

/// Files in the project folder that belong to it without being named by a key.
const OWN_FILES: [&str; 3] = ["compose-dump.yml", "compose-dump.schema.json", BACKUPIGNORE];
const BACKUPIGNORE: &str = ".backupignore";

/// Everything that a job needs before it can be planned.
pub(super) struct Gathered {
    pub(super) request: Request,
    pub(super) facts: Facts,
    pub(super) engine: Option<Arc<dyn Engine>>,
}

/// Gathers what planning needs. Reads, and changes nothing.
pub(super) async fn gather(
    global: &Global,
    services: &[String],
    job: &JobArgs,
    will_run: bool,
) -> Result<Gathered, CommandError> {
    let cwd = std::env::current_dir().map_err(CommandError::WorkingFolder)?;
    let request = request(services, job, &cwd)?;
    let project = load_project(global, cwd)?;
    let (engine, engine_facts) = ask_engine(global, &request, &project).await?;
    let own_files: Vec<PathBuf> = OWN_FILES
        .iter()
        .map(|name| project.dir.join(name))
        .filter(|path| path.exists())
        .collect();
    let spool_dir = spool_dir(&request.settings);
    let mut project = project;
    warn_of_job_file(&mut project, job);
    let backupignore = Some(project.dir.join(BACKUPIGNORE)).filter(|path| path.exists());
    if let Err(error) = filter::backupignore(backupignore.as_deref()) {
        let finding = Finding::new("config::backupignore", chain(&error));
        return Err(finding
            .with_help("each line is a pattern as in a .gitignore")
            .into());
    }
    let mut facts = Facts {
        paths: facts::follow_paths(&project, &own_files),
        project,
        engine: engine_facts,
        own_files,
        backupignore,
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

fn request(services: &[String], job: &JobArgs, cwd: &Path) -> Result<Request, CommandError> {
    let codec = job.compression.as_ref().and_then(|name| name.parse().ok());
    let overrides = Overrides {
        compression: codec.map(|codec| CompressionOverride { codec }),
        dump_name: job.target_pattern.clone(),
    };
    let settings = Settings::load(&overrides)?;
    let stdout = vec!["-".into()];
    let given = if job.targets.is_empty() {
        &stdout
    } else {
        &job.targets
    };
    let targets: Vec<Result<TargetArg, Finding>> = given
        .iter()
        .map(|text| TargetArg::parse(text, cwd))
        .collect();
    let (targets, findings): (Vec<_>, Vec<_>) = targets.into_iter().partition(Result::is_ok);
    let findings: Vec<Finding> = findings.into_iter().filter_map(Result::err).collect();
    if !findings.is_empty() {
        return Err(findings.into());
    }
    Ok(Request {
        job: "manual".to_owned(),
        scopes: scopes(job),
        services: services.to_vec(),
        targets: targets.into_iter().filter_map(Result::ok).collect(),
        archive_codec: codec,
        pause: !job.no_pause,
        resolve_symlinks: job.resolve_symlinks,
        settings,
    })
}

/// The scopes that flags name; all without any.
fn scopes(job: &JobArgs) -> std::collections::BTreeSet<Scope> {
    let flags = [
        (job.config, Scope::Config),
        (job.mounted, Scope::Mounted),
        (job.volumes, Scope::Volumes),
        (job.exports, Scope::Exports),
    ];
    let all = flags.iter().all(|(given, _)| !given);
    flags
        .into_iter()
        .filter(|(given, _)| all || *given)
        .map(|(_, scope)| scope)
        .collect()
}

/// The project that the options mean.
pub(super) fn load_project(global: &Global, cwd: PathBuf) -> Result<Project, CommandError> {
    if let Some(dir) = global
        .project_dir
        .as_ref()
        .filter(|dir| !cwd.join(dir).is_dir())
    {
        let message = format!(
            "`{}` is no folder, or cannot be looked at",
            crate::text::path(dir)
        );
        return Err(Finding::new("cli::project_dir", message)
            .with_help("`-C` takes the project's folder, `-f` a Compose file")
            .into());
    }
    let options = LoadOptions {
        cwd,
        project_dir: global.project_dir.clone(),
        files: global.files.clone(),
        project_name: global.project_name.clone(),
        env_files: global.env_files.clone(),
        profiles: global.profiles.clone(),
        env: std::env::vars_os().collect(),
        home: std::env::home_dir(),
    };
    Ok(compose::load(&options)?)
}

/// The engine and what it knows of the project. Volumes cannot be dumped without one; for the other
/// scopes it adds who is held still and what the manifest says of images.
async fn ask_engine(
    global: &Global,
    request: &Request,
    project: &Project,
) -> Result<(Option<Arc<dyn Engine>>, Result<EngineFacts, String>), CommandError> {
    let wish = Wish {
        host: global.host.clone(),
        context: global.context.clone(),
    };
    let endpoints = locate(&wish, &Surroundings::of_process())?;
    let elsewhere = endpoints
        .iter()
        .any(|endpoint| !matches!(endpoint.address, Address::Unix(_)));
    // Bind mounts are of the engine's host: those of this one would be the wrong ones.
    let needed = request.scopes.contains(&Scope::Volumes)
        || elsewhere && request.scopes.contains(&Scope::Mounted);
    match connect(&endpoints, project).await {
        Ok((engine, facts)) => Ok((Some(engine), Ok(facts))),
        Err(error) if needed => Err(error),
        Err(error) => Ok((None, Err(error.to_string()))),
    }
}

async fn connect(
    endpoints: &[Endpoint],
    project: &Project,
) -> Result<(Arc<dyn Engine>, EngineFacts), CommandError> {
    let engine = DockerEngine::connect(endpoints, Limits::default()).await?;
    let way = way(&engine).await?;
    let engine: Arc<dyn Engine> = Arc::new(engine);
    let facts = facts::ask_engine(&*engine, way, project).await?;
    Ok((engine, facts))
}

async fn way(engine: &DockerEngine) -> Result<Way, EngineError> {
    let endpoint = engine.endpoint();
    Ok(Way {
        endpoint: endpoint.to_string(),
        local: local::prove_local(endpoint)
            .await
            .map_err(|not| not.to_string()),
        remote: !matches!(endpoint.address, Address::Unix(_)),
        own_container: own::own_container(engine).await?,
    })
}

/// Temporary files go where the user says, else to a place on a disk: `/tmp` is memory on many hosts.
fn spool_dir(settings: &Settings) -> PathBuf {
    let from_environment = || {
        std::env::var_os("TMPDIR")
            .filter(|dir| !dir.is_empty())
            .map(PathBuf::from)
    };
    let on_disk = || Some(PathBuf::from("/var/tmp")).filter(|dir| dir.is_dir());
    settings
        .spool
        .dir
        .clone()
        .or_else(from_environment)
        .or_else(on_disk)
        .unwrap_or_else(std::env::temp_dir)
}

/// Rules that are there and not applied must be known.
fn warn_of_job_file(project: &mut Project, job: &JobArgs) {
    let file = project.dir.join(OWN_FILES[0]);
    if !job.no_job_file && file.exists() {
        project.warnings.push(compose::Warning {
            file,
            line: None,
            message: "this version stores the file, and does not apply its rules; `--no-job-file` says that this is meant".to_owned(),
        });
    }
}

/// Where the targets, the spool and everything that may be read lie.
fn places(request: &Request, facts: &Facts) -> BTreeMap<PathBuf, facts::Place> {
    let targets = request
        .targets
        .iter()
        .filter_map(TargetArg::path)
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
