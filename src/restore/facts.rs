//! The last look at the world before a restore is planned: the dump's manifest, the project folder, the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::archive::manifest::Manifest;
use crate::archive::manifest::model::Member;
use crate::compose::{DEFAULT_OVERRIDES, Project};
use crate::engine::{self, Container, Daemon, Engine, EngineError, Image};
use crate::plan::facts::Way;
use crate::plan::model::ContainerCommand;

use super::plan::model::{Does, Target};
use super::plan::naming::Named;
use super::plan::select::Selection;
use super::plan::target_of;
use super::probe;

/// What a restore is planned from, beside what was asked for.
#[derive(Debug, Clone)]
pub struct Facts {
    /// What the dump says of itself.
    pub manifest: Manifest,
    /// What of it is wanted.
    pub selection: Selection,
    /// The project as its Compose files will declare it, where there are any.
    pub model: Option<Project>,
    /// What the project is called.
    pub named: Named,
    /// The project folder.
    pub folder: PathBuf,
    /// Why nothing can be put into it.
    pub unusable_folder: Option<String>,
    /// How the files of the config tree compare with those in the folder.
    pub config: Option<Compared>,
    /// What stands where mounted members go, by member.
    pub standing: BTreeMap<String, Standing>,
    /// What in mounted folders is not theirs, by member and relative to its folder: config, and mounted
    /// folders of their own.
    pub carried: BTreeMap<String, Vec<Vec<u8>>>,
    /// What the engine knows, or why it was not asked.
    pub engine: Result<EngineFacts, String>,
    /// What loads exports, by member, where anything says it that is trusted.
    pub loads: BTreeMap<String, ContainerCommand>,
    /// How a person calls Compose on the project, where it is installed.
    pub compose: Option<String>,
    /// Volumes that a restore that was cut off has left half written, by the engine's name.
    pub unfinished: BTreeSet<String>,
    /// Whether the project folder has a file that Compose reads beside the Compose file of its own accord.
    pub has_override: bool,
    /// Whether this process is root's.
    pub is_root: bool,
}

/// How files compare with those that are there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compared {
    /// Entries that do not exist.
    pub absent: u64,
    /// Entries that are as the dump has them.
    pub same: u64,
    /// Entries that differ.
    pub differ: u64,
    /// The first of them by path, escaped.
    pub first: Vec<String>,
}

/// What stands where content is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Absent,
    /// A folder or volume without content.
    Empty,
    /// Content.
    Full,
    /// Something that cannot take it or cannot be seen, with the reason.
    Unusable(String),
}

impl Standing {
    /// What becomes of it.
    #[must_use]
    pub fn does(&self) -> Does {
        match self {
            Self::Absent => Does::Create,
            Self::Empty => Does::Fill,
            Self::Full | Self::Unusable(_) => Does::Replace,
        }
    }
}

/// What the engine knows of the project and of the volumes that are wanted.
#[derive(Debug, Clone)]
pub struct EngineFacts {
    /// The engine itself.
    pub daemon: Daemon,
    /// Where it was reached.
    pub endpoint: String,
    /// Whether its volumes lie on this machine, in our view of the file system; else why not.
    pub local: Result<(), String>,
    /// Whether it is reached over a network.
    pub remote: bool,
    /// The container that this program runs in.
    pub own_container: Option<String>,
    /// The project's containers in every state, one-offs included.
    pub containers: Vec<Container>,
    /// Those of the wanted volumes that exist, by the engine's name.
    pub volumes: BTreeMap<String, Existing>,
    /// The images that services name, by reference; `None` for those that the engine does not hold.
    pub images: BTreeMap<String, Option<Image>>,
}

/// A volume that exists.
#[derive(Debug, Clone)]
pub struct Existing {
    /// The volume.
    pub volume: engine::Volume,
    /// What is in it.
    pub standing: Standing,
    /// Every container of the engine that refers to it.
    pub users: Vec<Container>,
}

impl Facts {
    /// The members that are wanted.
    pub fn chosen(&self) -> impl Iterator<Item = &Member> {
        let numbers = self.selection.members.iter();
        numbers.filter_map(|number| self.manifest.members.get(*number))
    }
}

/// What is known of the project before the engine is asked.
pub struct Wanted<'w> {
    /// The dump's manifest.
    pub manifest: &'w Manifest,
    /// What of it is wanted.
    pub selection: &'w Selection,
    /// The project's files.
    pub model: Option<&'w Project>,
    /// Its name.
    pub named: &'w Named,
}

/// Asks the engine for everything that concerns a restore. Volumes whose folder is not ours to look into
/// are looked at through a helper container.
///
/// # Errors
/// The first question that the engine does not answer.
pub async fn ask_engine(
    engine: &std::sync::Arc<dyn Engine>,
    way: Way,
    wanted: &Wanted<'_>,
) -> Result<EngineFacts, EngineError> {
    let containers = engine.project_containers(&wanted.named.name).await?;
    let mut volumes = BTreeMap::new();
    for name in volume_names(wanted, &containers) {
        let Some(volume) = engine.volume(&name).await? else {
            continue;
        };
        let users = engine.volume_users(&name).await?;
        let standing = probe::volume(engine, &volume, way.local.is_ok()).await;
        let existing = Existing {
            volume,
            standing,
            users,
        };
        volumes.insert(name, existing);
    }
    let mut images = BTreeMap::new();
    for reference in image_references(wanted) {
        let image = engine.image(&reference).await?;
        images.insert(reference, image);
    }
    Ok(EngineFacts {
        daemon: engine.daemon().clone(),
        endpoint: way.endpoint,
        local: way.local,
        remote: way.remote,
        own_container: way.own_container,
        containers,
        volumes,
        images,
    })
}

fn volume_names(wanted: &Wanted<'_>, containers: &[Container]) -> BTreeSet<String> {
    let members = wanted.selection.members.iter();
    let members = members.filter_map(|number| wanted.manifest.members.get(*number));
    let was = &wanted.manifest.project.name;
    let targets =
        members.filter_map(|member| target_of(member, wanted.model, wanted.named, was, containers));
    targets
        .filter_map(|target| match target {
            Target::Named(volume) => Some(volume.name),
            Target::OfContainer { name, .. } => name,
        })
        .collect()
}

fn image_references(wanted: &Wanted<'_>) -> BTreeSet<String> {
    let stored = wanted.manifest.compose.services.iter();
    stored
        .filter_map(|(name, service)| {
            let declared = wanted.model.and_then(|model| model.services.get(name));
            let declared = declared.and_then(|service| service.image.clone());
            declared.or_else(|| service.image.clone())
        })
        .collect()
}

/// A path of bytes below a folder.
#[must_use]
pub fn in_folder(folder: &Path, path: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    if path.is_empty() {
        folder.to_owned()
    } else {
        folder.join(std::ffi::OsStr::from_bytes(path))
    }
}

/// Whether a folder has a file that Compose reads beside the Compose file of its own accord.
#[must_use]
pub fn has_override(folder: &Path) -> bool {
    let is_there = |name: &&str| std::fs::symlink_metadata(folder.join(name)).is_ok();
    DEFAULT_OVERRIDES.iter().any(is_there)
}

/// Why a folder cannot take a project; `None` where it can, also by being made.
#[must_use]
pub fn unusable_folder(folder: &Path) -> Option<String> {
    let mut existing = folder;
    loop {
        match std::fs::metadata(existing) {
            Ok(found) if found.is_dir() => return None,
            Ok(_) => return Some(format!("`{}` is no folder", crate::text::path(existing))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                existing = existing.parent()?;
            }
            Err(error) => return Some(error.to_string()),
        }
    }
}
