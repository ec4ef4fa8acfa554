//! Who owns a file: each is stored once.
//!
//! What a Compose key names is config; else the deepest mounted path owns it, also inside a build
//! context and also when `mounted` is off (product rule). Targets need no rule: one that lies inside of
//! what is read is rejected, and temporary files have no name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::compose::{MountKind, MountSource, Project, Reference, Role};
use crate::text;

use super::facts::Facts;
use super::links::PathEnd;

/// Who owns what in the project folder, by paths without links.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// Files and folders that a key names, and the links on the way to them.
    pub(super) named: BTreeSet<PathBuf>,
    /// Mounted paths. Several sources may lead to one.
    pub(super) mounted: BTreeSet<PathBuf>,
}

impl Owners {
    pub(super) fn new(facts: &Facts) -> Self {
        let mut owners = Self::default();
        let keys = facts
            .project
            .references
            .iter()
            .filter(|reference| names_content(reference));
        for path in keys
            .map(|reference| &reference.path)
            .chain(&facts.own_files)
        {
            let Some(fact) = facts.paths.get(path) else {
                continue;
            };
            owners.named.extend(fact.links.iter().cloned());
            if fact.inside && !matches!(fact.end, PathEnd::Missing | PathEnd::Loop) {
                owners.named.insert(fact.real.clone());
            }
        }
        for source in bind_sources(&facts.project) {
            let Some(fact) = facts.paths.get(source) else {
                continue;
            };
            if fact.inside && matches!(fact.end, PathEnd::Folder | PathEnd::File { .. }) {
                owners.mounted.insert(fact.real.clone());
            }
        }
        owners
    }

    /// The mounted path that `path` is or lies in, the deepest one.
    pub(super) fn mount_over<'p>(&self, path: &'p Path) -> Option<&'p Path> {
        path.ancestors()
            .find(|folder| self.mounted.contains(*folder))
    }

    /// What config must not read: mounted paths.
    pub(super) fn not_config(&self, base: &Path) -> Vec<PathBuf> {
        self.mounted
            .iter()
            .filter_map(|path| below(base, path))
            .collect()
    }

    /// What the mounted path `real` must not read: what is config, and deeper mounted
    /// paths.
    pub(super) fn not_mounted(&self, real: &Path, base: &Path) -> Vec<PathBuf> {
        let deeper = self
            .mounted
            .iter()
            .filter(|path| *path != real && path.starts_with(real));
        self.named
            .iter()
            .chain(deeper)
            .filter_map(|path| below(base, path))
            .collect()
    }
}

/// Whether a reference makes its path config, whatever else covers it. A build context does not:
/// mounted paths inside it, or around it, own their files.
pub(super) fn names_content(reference: &Reference) -> bool {
    !matches!(
        reference.role,
        Role::BuildContext | Role::AdditionalContext | Role::WatchedPath
    )
}

/// Bind sources of all services, in the order of the services.
pub(super) fn bind_sources(project: &Project) -> impl Iterator<Item = &Path> {
    project
        .services
        .values()
        .flat_map(|service| &service.mounts)
        .filter_map(|mount| match (&mount.kind, &mount.source) {
            (MountKind::Bind, Some(MountSource::HostPath(path))) => Some(path.as_path()),
            _ => None,
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
