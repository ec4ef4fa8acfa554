//! The places of the file where rules may stand: the top level and each job. And what both kinds of
//! checks want to know of a project.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::compose::{MountKind, MountSource, Project, Service};
use crate::config::job_file::commands::{Exports, Hooks};
use crate::config::job_file::rules::{MountedRule, PauseRules, Services, VolumeRule};
use crate::config::job_file::{JobFile, KeyPath};
use crate::config::scope::Scope;

/// The rules of one place of the file; `None` where a job gives none of its own.
pub(super) struct RuleSet<'a> {
    /// The place.
    pub(super) path: KeyPath,
    pub(super) scopes: Option<&'a [Scope]>,
    pub(super) services: Option<&'a Services>,
    pub(super) mounted: Option<&'a BTreeMap<String, MountedRule>>,
    pub(super) volumes: Option<&'a BTreeMap<String, VolumeRule>>,
    pub(super) exports: Option<&'a Exports>,
    pub(super) hooks: Option<&'a Hooks>,
    pub(super) pause: Option<&'a PauseRules>,
}

/// Every place of the file, the top level first.
pub(super) fn rule_sets(file: &JobFile) -> Vec<RuleSet<'_>> {
    let top = RuleSet {
        path: KeyPath::default(),
        scopes: Some(&file.scopes),
        services: Some(&file.services),
        mounted: Some(&file.mounted),
        volumes: Some(&file.volumes),
        exports: Some(&file.exports),
        hooks: Some(&file.hooks),
        pause: Some(&file.pause),
    };
    let jobs = file.jobs.iter().map(|(name, job)| RuleSet {
        path: KeyPath::new(["jobs", name]),
        scopes: job.scopes.as_deref(),
        services: job.services.as_ref(),
        mounted: job.mounted.as_ref(),
        volumes: job.volumes.as_ref(),
        exports: job.exports.as_ref(),
        hooks: job.hooks.as_ref(),
        pause: job.pause.as_ref(),
    });
    std::iter::once(top).chain(jobs).collect()
}

/// Whether a key of `volumes` is a glob.
pub(super) fn is_glob(key: &str) -> bool {
    !key.contains(':') && key.contains(['*', '?', '[', '{'])
}

/// The bind mounts inside the project folder, as a rule names them: `./media`.
pub(super) fn mounted_paths(project: &Project) -> BTreeSet<String> {
    let mounts = project
        .services
        .values()
        .flat_map(|service| &service.mounts);
    mounts
        .filter_map(|mount| match (mount.kind, &mount.source) {
            (MountKind::Bind, Some(MountSource::HostPath(path))) => {
                Some(rule_path(path.strip_prefix(&project.dir).ok()?))
            }
            _ => None,
        })
        .collect()
}

/// A path in the project as a rule names it, however it was written: `media/` is `./media`.
pub(crate) fn rule_path(path: &Path) -> String {
    let clean = crate::compose::clean(path);
    let text = clean.to_string_lossy();
    if text == "." || text.is_empty() {
        ".".to_owned()
    } else {
        format!("./{text}")
    }
}

/// The paths of a service's anonymous volumes that its Compose file declares. A path that does not
/// begin at the root is one that no engine mounts, and no rule can name.
pub(crate) fn anonymous_volumes(service: &Service) -> impl Iterator<Item = &str> {
    let anonymous = service
        .mounts
        .iter()
        .filter(|mount| mount.kind == MountKind::Volume && mount.source.is_none());
    let targets = anonymous.map(|mount| mount.target.as_str());
    targets.filter(|target| target.starts_with('/'))
}
