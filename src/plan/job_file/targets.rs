//! Targets that lie inside of what is read. The plan looks again, through links and mounts; this is
//! what can be said by the paths alone.

use std::path::PathBuf;

use super::rule_sets::rule_path;
use crate::compose::{MountKind, MountSource, Project, Role, clean};
use crate::config::job_file::{Document, JobFile, KeyPath, Part, TargetRules};
use crate::diagnostic::Finding;

pub(super) fn findings(file: &JobFile, document: &Document, project: &Project) -> Vec<Finding> {
    let sources = sources(project);
    let inside = |(name, target): (&String, &TargetRules)| {
        let path = target
            .path
            .as_deref()
            .filter(|path| path.as_os_str() != "-")?;
        let path = clean(&project.dir.join(path));
        let source = sources.iter().find(|source| path.starts_with(source))?;
        let message = format!(
            "the target `{name}` lies inside `{}`, which is read for the dump",
            rule_path(source.strip_prefix(&project.dir).unwrap_or(source))
        );
        let at = KeyPath::new(["targets", name, "path"]);
        let finding = document.finding("plan::target_inside_source", message, (&at, Part::Value));
        Some(
            finding.with_help("choose a folder outside of the project, its mounts and its volumes"),
        )
    };
    file.targets.iter().filter_map(inside).collect()
}

/// Folders inside the project that are read wholly.
fn sources(project: &Project) -> Vec<PathBuf> {
    let mounts = project
        .services
        .values()
        .flat_map(|service| &service.mounts);
    let mounted = mounts.filter_map(|mount| match (mount.kind, &mount.source) {
        (MountKind::Bind, Some(MountSource::HostPath(path))) => Some(path.clone()),
        _ => None,
    });
    let contexts = project
        .references
        .iter()
        .filter(|reference| {
            matches!(
                reference.role,
                Role::BuildContext | Role::AdditionalContext | Role::ConfigFile | Role::SecretFile
            )
        })
        .map(|reference| reference.path.clone());
    mounted
        .chain(contexts)
        .filter(|path| path.starts_with(&project.dir))
        .collect()
}
