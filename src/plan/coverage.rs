//! `--strict`: content that is there and that no rule of the job speaks of. The planner's own look at
//! it, which knows the engine; `check --strict` is the one that needs none.

use std::path::Path;

use super::facts::Facts;
use super::job_file::deciding::{self, Decides};
use super::model::{Scope, VolumeKind, VolumePlan};
use super::owners::bind_sources;
use super::request::{Request, Selection};
use crate::config::job_file::rules::VolumeRule;
use crate::diagnostic::Finding;

/// A finding for each mount and volume that the job takes or leaves out without having said so.
pub(super) fn uncovered(
    request: &Request,
    facts: &Facts,
    selection: &Selection<'_>,
    volumes: &[VolumePlan],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if request.wants(Scope::Mounted) {
        let mut mounts: Vec<&Path> = bind_sources(&facts.project)
            .filter(|(service, _)| selection.mounts([*service]))
            .filter_map(|(_, source)| source.strip_prefix(&facts.project.dir).ok())
            .filter(|path| deciding::of_mount(&request.rules, path).is_none())
            .collect();
        mounts.sort();
        mounts.dedup();
        findings.extend(mounts.into_iter().map(|path| {
            let path = format!("./{}", crate::text::path(path));
            finding(request, "mounted", &path, &format!("`\"{path}\": {{}}`"))
        }));
    }
    if request.wants(Scope::Volumes) {
        let rows = volumes.iter().filter(|row| {
            let services = row.services.iter().map(String::as_str);
            selection.mounts(services) && !row.exported && !is_covered(request, facts, row)
        });
        findings.extend(rows.map(|row| {
            let name = rule_name(&row.kind);
            let take = match is_external(facts, &row.kind) {
                true => format!("`\"{name}\": {{external: true}}`"),
                false => format!("`\"{name}\": {{}}`"),
            };
            finding(request, "volumes", &name, &take)
        }));
    }
    findings
}

/// Whether a rule decides about a volume. A glob does not decide about what has to be named: external
/// volumes and windows to elsewhere.
fn is_covered(request: &Request, facts: &Facts, row: &VolumePlan) -> bool {
    let Some(rule) = rule_for(request, &row.kind) else {
        return false;
    };
    let is_skip = *rule.rule == VolumeRule::Skip;
    let is_missing = row.name.is_none() && !is_external(facts, &row.kind);
    rule.is_exact() || is_skip || row.decision.taken || is_missing
}

fn rule_for<'a>(request: &'a Request, kind: &VolumeKind) -> Option<Decides<'a, VolumeRule>> {
    match kind {
        VolumeKind::Project { key } => deciding::of_volume(&request.rules, key),
        VolumeKind::Service { service, path, .. } => {
            deciding::of_service_volume(&request.rules, service, path)
        }
    }
}

fn is_external(facts: &Facts, kind: &VolumeKind) -> bool {
    match kind {
        VolumeKind::Project { key } => {
            let declared = facts.project.volumes.get(key);
            declared.is_some_and(|volume| volume.external)
        }
        VolumeKind::Service { .. } => false,
    }
}

/// A volume as a rule names it.
fn rule_name(kind: &VolumeKind) -> String {
    match kind {
        VolumeKind::Project { key } => key.clone(),
        VolumeKind::Service { service, path, .. } => format!("{service}:{path}"),
    }
}

fn finding(request: &Request, key: &str, name: &str, take: &str) -> Finding {
    let message = format!(
        "no rule of `{key}` in the job `{}` decides about `{name}`",
        request.job
    );
    Finding::new("plan::not_covered", message)
        .with_help(format!("write {take} to take it, or `\"{name}\": skip`"))
}
