//! The last look at the world before planning: what exists at the engine and on the file system.
//!
//! Everything that planning needs is gathered here, so that planning itself is a pure function.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::compose::Project;
use crate::engine::{self, Container, Daemon, Engine, EngineError, Image};
use crate::sources::filter::BackupIgnore;

use super::links::{self, PathFact};
use super::owners::bind_sources;

/// What planning works from, beside options and settings.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The project as its files declare it.
    pub project: Project,
    /// What the engine knows of it, or why it was not asked.
    pub engine: Result<EngineFacts, String>,
    /// What the paths that the project names lead to.
    pub paths: BTreeMap<PathBuf, PathFact>,
    /// Files in the project folder that belong to it without being named.
    pub own_files: Vec<PathBuf>,
    /// What the paths outside of the project folder lead to that Compose keys name.
    pub outside: BTreeMap<PathBuf, PathFact>,
    /// `.backupignore`, where there is one.
    pub backupignore: Option<BackupIgnore>,
    /// What is known of the places of targets, of the spool, and of everything that may be read:
    /// named paths and where they lead, volumes' folders, sources of containers' bind mounts.
    pub places: BTreeMap<PathBuf, Place>,
    /// The folder of temporary files.
    pub spool_dir: PathBuf,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// The host's name.
    pub host: String,
}

/// What the engine knows of the project.
#[derive(Debug, Clone)]
pub struct EngineFacts {
    /// The engine itself.
    pub daemon: Daemon,
    /// Where it was reached.
    pub endpoint: String,
    /// Whether its volumes lie on this machine, in our view of the file system; else why not.
    pub local: Result<(), String>,
    /// Whether it is reached over a network: bind mounts are of its host then, not of this one.
    pub remote: bool,
    /// The project's containers in every state, one-offs included.
    pub containers: Vec<Container>,
    /// The volumes that exist, by name: the project's by label, and those that its files or its
    /// containers name.
    pub volumes: BTreeMap<String, engine::Volume>,
    /// Every container of the engine that mounts one of them, by volume.
    pub users: BTreeMap<String, Vec<Container>>,
    /// The images of the project's containers, by image id.
    pub images: BTreeMap<String, Image>,
    /// The container that this program runs in.
    pub own_container: Option<String>,
    /// Why the folder of a volume cannot be read, for those that lie on this machine and whose
    /// folder cannot.
    pub unreadable: BTreeMap<String, String>,
    /// The names of containers that are held by nobody who lives, and are taken as running.
    pub left_behind: BTreeSet<String>,
}

impl Facts {
    /// The line of `.backupignore` that leaves out everything at `path`.
    pub(super) fn ignored_by(&self, path: &Path, is_dir: bool) -> Option<&str> {
        let relative = path.strip_prefix(&self.project.dir).ok()?;
        let patterns = self.backupignore.as_ref()?;
        if relative.as_os_str().is_empty() {
            return None;
        }
        patterns.line_against(relative, is_dir)
    }

    /// Whether bind mounts are of another machine than this one.
    pub(super) fn engine_is_remote(&self) -> bool {
        self.engine.as_ref().is_ok_and(|engine| engine.remote)
    }

    /// `path` with all links resolved, as far as it was looked at. A path of another machine is taken
    /// as it is.
    pub(super) fn real<'a>(&'a self, path: &'a Path) -> &'a Path {
        let place = self.places.get(path).filter(|_| !self.engine_is_remote());
        place.map_or(path, |place| &place.real)
    }
}

/// What is known of the place of a folder or file that need not exist yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// Device and inode of the path and of everything above it, as far as it exists.
    pub ancestors: BTreeSet<(u64, u64)>,
    /// Device and inode of the path itself, if it exists.
    pub own: Option<(u64, u64)>,
    /// The path with all links resolved, as far as it exists.
    pub real: PathBuf,
    /// Whether the path itself exists.
    pub exists: bool,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Free bytes for an unprivileged user on its file system.
    pub free: Option<u64>,
}

/// What is known of the way to the engine, before it is asked about a project.
#[derive(Debug, Clone)]
pub struct Way {
    /// Where the engine was reached.
    pub endpoint: String,
    /// Whether its volumes lie on this machine, in our view of the file system; else why not.
    pub local: Result<(), String>,
    /// Whether it is reached over a network.
    pub remote: bool,
    /// The container that this program runs in.
    pub own_container: Option<String>,
}

/// Asks the engine for everything that concerns `project`.
///
/// # Errors
/// The first question that the engine does not answer.
pub async fn ask_engine(
    engine: &dyn Engine,
    way: Way,
    project: &Project,
) -> Result<EngineFacts, EngineError> {
    let (containers, labelled) = tokio::try_join!(
        engine.project_containers(&project.name),
        engine.project_volumes(&project.name),
    )?;
    let volumes = with_named(engine, labelled, named_volumes(project, &containers)).await?;
    let (users, images) = tokio::try_join!(
        users_of(engine, volumes.keys()),
        images_of(engine, &containers),
    )?;
    Ok(EngineFacts {
        unreadable: unreadable(&way, &volumes),
        daemon: engine.daemon().clone(),
        endpoint: way.endpoint,
        local: way.local,
        remote: way.remote,
        containers,
        volumes,
        users,
        images,
        own_container: way.own_container,
        left_behind: BTreeSet::new(),
    })
}

/// Questions that are asked of the engine at the same time.
const QUESTIONS: usize = 4;

/// The volumes that carry the project's label, and those of `names` that exist besides, by name.
async fn with_named(
    engine: &dyn Engine,
    labelled: Vec<engine::Volume>,
    names: BTreeSet<String>,
) -> Result<BTreeMap<String, engine::Volume>, EngineError> {
    let by_name = |volume: engine::Volume| (volume.name.clone(), volume);
    let mut volumes: BTreeMap<_, _> = labelled.into_iter().map(by_name).collect();
    let unknown = names.iter().filter(|name| !volumes.contains_key(*name));
    let looks: Vec<_> = unknown.map(|name| engine.volume(name)).collect();
    let found: Vec<_> = ask(looks).await?;
    volumes.extend(found.into_iter().flatten().map(by_name));
    Ok(volumes)
}

/// Every container that mounts one of the volumes, by volume.
async fn users_of(
    engine: &dyn Engine,
    volumes: impl Iterator<Item = &String>,
) -> Result<BTreeMap<String, Vec<Container>>, EngineError> {
    let looks = volumes.map(|name| async move {
        let users = engine.volume_users(name).await?;
        Ok((name.clone(), users))
    });
    Ok(ask(looks.collect()).await?.into_iter().collect())
}

/// The images of containers, each once, by image id.
async fn images_of(
    engine: &dyn Engine,
    containers: &[Container],
) -> Result<BTreeMap<String, Image>, EngineError> {
    let ids: BTreeSet<&String> = containers.iter().map(|each| &each.image_id).collect();
    let looks = ids.into_iter().map(|id| async move {
        let image = engine.image(id).await?;
        Ok(image.map(|image| (id.clone(), image)))
    });
    let images: Vec<_> = ask(looks.collect()).await?;
    Ok(images.into_iter().flatten().collect())
}

/// Asks all of it, some at a time; the first question that is not answered ends it.
async fn ask<T>(
    questions: Vec<impl Future<Output = Result<T, EngineError>>>,
) -> Result<Vec<T>, EngineError> {
    stream::iter(questions)
        .buffered(QUESTIONS)
        .try_collect()
        .await
}

/// Tries to list the folders of volumes that lie on this machine.
fn unreadable(way: &Way, volumes: &BTreeMap<String, engine::Volume>) -> BTreeMap<String, String> {
    let here = volumes.values().filter(|_| way.local.is_ok());
    here.filter_map(|volume| {
        let error = std::fs::read_dir(volume.mountpoint.as_ref()?).err()?;
        Some((volume.name.clone(), error.to_string()))
    })
    .collect()
}

/// The engine's names of all volumes that the files declare or that containers mount.
fn named_volumes(project: &Project, containers: &[Container]) -> BTreeSet<String> {
    let declared = project.volumes.values().map(|volume| volume.name.clone());
    let mounted = containers
        .iter()
        .flat_map(|container| &container.mounts)
        .filter(|mount| mount.kind == engine::MountKind::Volume)
        .filter_map(|mount| mount.name.clone());
    declared.chain(mounted).collect()
}

/// Follows every path that the project names.
#[must_use]
pub fn follow_paths(project: &Project, own_files: &[PathBuf]) -> BTreeMap<PathBuf, PathFact> {
    let referenced = project
        .references
        .iter()
        .map(|reference| reference.path.clone());
    let mounted = bind_sources(project).map(|(_, source)| source.to_owned());
    referenced
        .chain(mounted)
        .chain(own_files.iter().cloned())
        .map(|path| {
            let fact = links::follow(&project.dir, &path);
            (path, fact)
        })
        .collect()
}

/// What those of `paths` lead to that Compose keys name and that lie, or end, outside of the project
/// folder: link by link from the root of the file system.
#[must_use]
pub fn follow_outside(
    project: &Project,
    paths: &BTreeMap<PathBuf, PathFact>,
) -> BTreeMap<PathBuf, PathFact> {
    let referenced = project.references.iter();
    let ends = referenced.filter_map(|reference| paths.get(&reference.path));
    ends.filter(|fact| !fact.inside)
        .map(|fact| {
            let mut outside = links::follow(Path::new("/"), &fact.real);
            outside.inside = false;
            (fact.real.clone(), outside)
        })
        .collect()
}

/// Looks at the place of `path`, which may not exist yet.
#[must_use]
pub fn look_at_place(path: &Path) -> Place {
    let own = std::fs::metadata(path).ok();
    let mut place = Place {
        own: own
            .as_ref()
            .map(|metadata| (metadata.dev(), metadata.ino())),
        exists: path.symlink_metadata().is_ok(),
        is_folder: own.is_some_and(|metadata| metadata.is_dir()),
        ..Place::default()
    };
    let mut missing = PathBuf::new();
    for ancestor in path.ancestors() {
        let Ok(real) = ancestor.canonicalize() else {
            let name = ancestor.file_name().unwrap_or_default();
            missing = if missing.as_os_str().is_empty() {
                name.into()
            } else {
                Path::new(name).join(&missing)
            };
            continue;
        };
        place.ancestors = real
            .ancestors()
            .filter_map(|folder| std::fs::metadata(folder).ok())
            .map(|metadata| (metadata.dev(), metadata.ino()))
            .collect();
        place.free = free_bytes(&real);
        place.real = if missing.as_os_str().is_empty() {
            real
        } else {
            real.join(&missing)
        };
        break;
    }
    place
}

fn free_bytes(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fake::FakeEngine;
    use crate::plan::samples::{Sample, container, volume_mount};

    #[tokio::test]
    async fn the_engine_is_asked_for_all_that_the_files_and_the_containers_name() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let folder = place.path().canonicalize().expect("it exists");
        let mut sample = Sample::new();
        sample.volume("db", &["db"]);
        let engine = FakeEngine::new();
        let mut readable = sample.existing("blog_db", None).clone();
        readable.mountpoint = Some(folder.clone());
        engine.put_volume(readable);
        engine.put_volume(sample.existing("labelled", Some("x")).clone());
        engine.put_volume(sample.existing("mounted", None).clone());
        engine.put_volume(sample.existing("stranger", None).clone());
        engine.put_container(container("web", 1, vec![volume_mount("mounted")]));
        let way = |local| Way {
            endpoint: "unix:///run/docker.sock".into(),
            local,
            remote: false,
            own_container: None,
        };
        let facts = ask_engine(&engine, way(Ok(())), &sample.facts.project)
            .await
            .expect("it answers");
        let names: Vec<&String> = facts.volumes.keys().collect();
        assert_eq!(names, ["blog_db", "labelled", "mounted"]);
        assert_eq!(facts.users["mounted"][0].name, "blog-web-1");
        let unreadable: Vec<&String> = facts.unreadable.keys().collect();
        assert_eq!(
            unreadable,
            ["labelled", "mounted"],
            "their folders do not exist"
        );
        let elsewhere = way(Err("far away".into()));
        let facts = ask_engine(&engine, elsewhere, &sample.facts.project)
            .await
            .expect("it answers");
        assert!(facts.unreadable.is_empty());
    }

    #[test]
    fn a_place_that_does_not_exist_yet_is_where_it_would_be() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let folder = place.path().canonicalize().expect("it exists");
        std::os::unix::fs::symlink(&folder, folder.join("link")).expect("a link");
        let there = look_at_place(&folder);
        let new = look_at_place(&folder.join("link/a/b"));
        assert_eq!(new.real, folder.join("a/b"));
        assert_eq!((new.exists, new.own, new.is_folder), (false, None, false));
        assert!(new.ancestors.contains(&there.own.expect("it exists")));
        assert!(new.free.is_some());
        assert!(there.exists && there.is_folder);
    }
}
