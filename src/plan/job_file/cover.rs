//! `--strict`: content of the project that no rule of the file speaks of, such as a volume that was
//! added to the Compose file and forgotten here.

use std::path::Path;

use super::names::matcher;
use super::rule_sets::{RuleSet, anonymous_volumes, is_glob, mounted_paths, rule_path, rule_sets};
use crate::compose::{MountKind, MountSource, Project};
use crate::config::job_file::rules::Services;
use crate::config::job_file::{Document, JobFile, KeyPath, Part};
use crate::config::scope::Scope;
use crate::diagnostic::Finding;

/// A finding for each volume, mount and service that the file does not speak of.
#[must_use]
pub fn uncovered(file: &JobFile, document: &Document, project: &Project) -> Vec<Finding> {
    let sets = rule_sets(file);
    let asked_for = |scope: Scope| {
        let mut scopes = sets.iter().filter_map(|set| set.scopes);
        scopes.any(|scopes| scopes.contains(&scope))
    };
    let mut found = services(&sets, document, project);
    if asked_for(Scope::Mounted) {
        found.extend(mounted(&sets, document, project));
    }
    if asked_for(Scope::Volumes) {
        found.extend(volumes(&sets, document, project));
    }
    found
}

fn services(sets: &[RuleSet<'_>], document: &Document, project: &Project) -> Vec<Finding> {
    let covered = |name: &String| {
        let mut lists = sets.iter().filter_map(|set| set.services);
        lists.any(|list| match list {
            Services::All => true,
            Services::Named(names) => names.contains(name),
        })
    };
    let forgotten = project.services.keys().filter(|name| !covered(name));
    forgotten
        .map(|name| {
            let message = format!("the service `{name}` is in no list `services`");
            finding(document, "services", message).with_help(format!(
                "add `{name}` to a job's list, or write `services: all`"
            ))
        })
        .collect()
}

fn mounted(sets: &[RuleSet<'_>], document: &Document, project: &Project) -> Vec<Finding> {
    let rules = sets.iter().filter_map(|set| set.mounted);
    let covered: Vec<String> = rules
        .flat_map(|rules| rules.keys().map(|key| rule_path(Path::new(key))))
        .collect();
    let forgotten = mounted_paths(project);
    forgotten
        .iter()
        .filter(|path| !covered.contains(path))
        .map(|path| {
            let message = format!("no rule of `mounted` speaks of `{path}`");
            finding(document, "mounted", message).with_help(take_or_skip(path))
        })
        .collect()
}

fn volumes(sets: &[RuleSet<'_>], document: &Document, project: &Project) -> Vec<Finding> {
    let rules = sets.iter().filter_map(|set| set.volumes);
    let keys: Vec<&String> = rules.flat_map(|rules| rules.keys()).collect();
    // A glob does not decide about a volume that is not the project's own, nor about anonymous ones.
    let is_own = |name: &str| {
        let declared = project.volumes.get(name);
        declared.is_some_and(|volume| !volume.external)
    };
    let by_glob = |key: &str, name: &str| {
        is_glob(key) && is_own(name) && matcher(key).is_some_and(|glob| glob.is_match(name))
    };
    let exported = exported(sets, project);
    let covered = |name: &str| {
        exported.iter().any(|volume| volume == name)
            || keys
                .iter()
                .any(|key| key.as_str() == name || by_glob(key, name))
    };
    let named = project.volumes.keys().cloned();
    let anonymous = project.services.values().flat_map(|service| {
        anonymous_volumes(service).map(|path| format!("{}:{path}", service.name))
    });
    named
        .chain(anonymous)
        .filter(|name| !covered(name))
        .map(|name| {
            let message = format!("no rule of `volumes` speaks of `{name}`");
            let is_external = project
                .volumes
                .get(&name)
                .is_some_and(|volume| volume.external);
            finding(document, "volumes", message).with_help(if is_external {
                format!("write `\"{name}\": {{external: true}}` to take it, or `\"{name}\": skip`")
            } else {
                take_or_skip(&name)
            })
        })
        .collect()
}

/// The volumes that an export with a preset speaks of, by their names in rules: it has their content.
fn exported(sets: &[RuleSet<'_>], project: &Project) -> Vec<String> {
    let exports = sets.iter().filter_map(|set| set.exports).flatten();
    let rows = exports.flat_map(|(service, rules)| rules.values().map(move |rule| (service, rule)));
    let mut names = Vec::new();
    for (service, rule) in rows {
        let data = rule.preset.map_or(&[][..], |preset| preset.data);
        let mounts = project
            .services
            .get(service)
            .map_or(&[][..], |it| &it.mounts);
        for mount in mounts.iter().filter(|mount| data.contains(&&*mount.target)) {
            match (mount.kind, &mount.source) {
                (MountKind::Volume, Some(MountSource::VolumeKey(key))) => names.push(key.clone()),
                (MountKind::Volume, None) => names.push(format!("{service}:{}", mount.target)),
                _ => {}
            }
        }
    }
    names
}

fn take_or_skip(name: &str) -> String {
    format!("write `\"{name}\": {{}}` to take it, or `\"{name}\": skip`")
}

/// A finding at the key under which the rule should be, if the file has it.
fn finding(document: &Document, key: &str, message: String) -> Finding {
    let path = KeyPath::new([key]);
    document.finding("project::not_covered", message, (&path, Part::Key))
}
