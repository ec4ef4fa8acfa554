//! Who owns a file: each is stored once.
//!
//! What a Compose key names is config; else the deepest mounted path owns it, also inside a build
//! context and also when `mounted` is off (product rule). Targets need no rule: one that lies inside of
//! what is read is rejected, and temporary files have no name. The bind mounts of
//! a remote engine are files of its host, and own nothing of this one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::compose::{MountKind, MountSource, Project, Reference, Role};
use crate::text;

use super::facts::Facts;
use super::links::PathEnd;
use super::request::{Request, Selection};

/// Who owns what in the project folder, by paths without links.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// Files and folders that a key names, and the links on the way to them.
    pub(super) named: BTreeSet<PathBuf>,
    /// Mounted paths, each with the source that stores it (two sources may lead to one place).
    pub(super) mounted: BTreeMap<PathBuf, PathBuf>,
    /// Whether mounted paths are of another machine.
    remote: bool,
}

impl Owners {
    /// Sorts out everything that the project names.
    pub(super) fn new(request: &Request, facts: &Facts, selection: &Selection<'_>) -> Self {
        Self {
            named: named(facts, request.settings.config.resolve_symlinks),
            mounted: mounted(facts, selection),
            remote: facts.engine_is_remote(),
        }
    }

    /// The mounted path of this machine that `path` is or lies in, the deepest one.
    pub(super) fn mount_over<'p>(&self, path: &'p Path) -> Option<&'p Path> {
        path.ancestors()
            .find(|folder| !self.remote && self.mounted.contains_key(*folder))
    }

    /// The mounted paths of this machine, without links.
    pub(super) fn places(&self) -> impl Iterator<Item = PathBuf> {
        let mounted = self.mounted.keys().filter(|_| !self.remote);
        mounted.cloned()
    }

    /// What config must not read: mounted paths.
    pub(super) fn not_config(&self, base: &Path) -> Vec<PathBuf> {
        self.mounted
            .keys()
            .filter(|_| !self.remote)
            .filter_map(|path| below(base, path))
            .collect()
    }

    /// What the mounted path `real` must not read: what is config, and deeper mounted paths.
    pub(super) fn not_mounted(&self, real: &Path, base: &Path) -> Vec<PathBuf> {
        let named = self.named.iter().filter(|_| !self.remote);
        let deeper = self
            .mounted
            .keys()
            .filter(|path| *path != real && path.starts_with(real));
        named
            .chain(deeper)
            .filter_map(|path| below(base, path))
            .collect()
    }
}

fn named(facts: &Facts, resolve_symlinks: bool) -> BTreeSet<PathBuf> {
    let mut named = BTreeSet::new();
    let keys = facts
        .project
        .references
        .iter()
        .filter(|reference| names_content(reference))
        .map(|reference| &reference.path);
    for path in keys.chain(&facts.own_files) {
        // A link that is resolved is stored under its own name alone; what it leads to stays where it is.
        if resolve_symlinks {
            named.insert(path.clone());
            continue;
        }
        let Some(fact) = facts.paths.get(path) else {
            continue;
        };
        named.extend(fact.links.iter().cloned());
        if fact.inside && !matches!(fact.end, PathEnd::Missing | PathEnd::Loop) {
            named.insert(fact.real.clone());
        }
    }
    named
}

/// Of several sources that lead to one place, one that is chosen stores it, and rather the place's
/// own name than a link to it.
fn mounted(facts: &Facts, selection: &Selection<'_>) -> BTreeMap<PathBuf, PathBuf> {
    let mut best: BTreeMap<&Path, (bool, bool, &Path)> = BTreeMap::new();
    for (service, source) in bind_sources(&facts.project) {
        let Some(place) = place_of(facts, source) else {
            continue;
        };
        let candidate = (!selection.mounts([service]), source != place, source);
        best.entry(place)
            .and_modify(|known| *known = (*known).min(candidate))
            .or_insert(candidate);
    }
    best.into_iter()
        .map(|(place, (_, _, source))| (place.to_owned(), source.to_owned()))
        .collect()
}

/// Where the content of a bind source lies, if it is in the project folder.
fn place_of<'a>(facts: &'a Facts, source: &'a Path) -> Option<&'a Path> {
    if facts.engine_is_remote() {
        return source.starts_with(&facts.project.dir).then_some(source);
    }
    let fact = facts.paths.get(source)?;
    let is_content = matches!(fact.end, PathEnd::Folder | PathEnd::File { .. });
    (fact.inside && is_content).then_some(&fact.real)
}

/// Whether a reference makes its path config, whatever else covers it. A build context does not:
/// mounted paths inside it, or around it, own their files.
pub(super) fn names_content(reference: &Reference) -> bool {
    !matches!(
        reference.role,
        Role::BuildContext | Role::AdditionalContext | Role::WatchedPath
    )
}

/// Bind sources with their services, in the order of the services.
pub(super) fn bind_sources(project: &Project) -> impl Iterator<Item = (&str, &Path)> {
    project.services.values().flat_map(|service| {
        service
            .mounts
            .iter()
            .filter_map(|mount| match (&mount.kind, &mount.source) {
                (MountKind::Bind, Some(MountSource::HostPath(path))) => {
                    Some((service.name.as_str(), path.as_path()))
                }
                _ => None,
            })
    })
}

/// `path` relative to `base`, if it lies below it.
pub(super) fn below(base: &Path, path: &Path) -> Option<PathBuf> {
    path.strip_prefix(base).ok().map(Path::to_owned)
}

/// A path for a table: relative to the project folder where it lies below it, `.` for the folder.
pub(super) fn shown(base: &Path, path: &Path) -> String {
    match path.strip_prefix(base) {
        Ok(relative) if relative.as_os_str().is_empty() => ".".to_owned(),
        Ok(relative) => text::path(relative),
        Err(_) => text::path(path),
    }
}
