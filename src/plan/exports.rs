//! Scope `exports`: the commands of services whose output is stored, and what that makes superfluous.

use crate::config::job_file::JobFile;
use crate::config::job_file::commands::{ExportRule, Words};
use crate::config::job_file::rules::Rules;
use crate::engine::{Container, ContainerState};

use super::facts::Facts;
use super::job_file::deciding;
use super::model::{ContainerCommand, Decision, ExportPlan, Scope, VolumeKind, VolumePlan};
use super::request::{Request, Selection};

/// The rows of the plan.
pub(super) fn plan(request: &Request, facts: &Facts, selection: &Selection<'_>) -> Vec<ExportPlan> {
    let services = request.rules.exports.iter();
    let declared = services.flat_map(|(service, exports)| {
        exports
            .iter()
            .map(move |(name, rule)| (service, name, rule))
    });
    declared
        .filter_map(|(service, name, rule)| {
            let decision = decide(request, selection, service);
            Some(ExportPlan {
                preset: rule.preset.map(|preset| preset.name()),
                container: first_running(facts, service).map(|found| found.name.clone()),
                member: decision.taken.then(|| format!("exports/{service}/{name}")),
                has_load: load(rule).is_some(),
                run: command(rule)?,
                min_bytes: rule.min_size.0,
                service: service.clone(),
                name: name.clone(),
                decision,
            })
        })
        .collect()
}

fn decide(request: &Request, selection: &Selection<'_>, service: &str) -> Decision {
    if !request.wants(Scope::Exports) {
        Decision::left_out("scope `exports` was not asked for")
    } else if !selection.runs(service) {
        Decision::left_out("the service was not chosen")
    } else {
        Decision::taken("declared in `exports`")
    }
}

/// What an export runs; nothing for one that says nothing, of which the file's findings speak.
fn command(rule: &ExportRule) -> Option<ContainerCommand> {
    let words = match (rule.preset, &rule.command) {
        (Some(preset), _) => Words(preset.words(preset.command, rule.database.as_deref())),
        (None, command) => command.clone()?,
    };
    Some(in_container(rule, words))
}

/// What the job of that name in a file says of loading an export of it; else what any job says.
#[must_use]
pub fn load_of(file: &JobFile, job: &str, service: &str, name: &str) -> Option<ContainerCommand> {
    let names = std::iter::once(job).chain(file.job_names());
    let mut jobs = names.filter_map(|name| file.job(name));
    jobs.find_map(|job| load(job.rules.exports.get(service)?.get(name)?))
}

/// What loads an export, if anything does.
fn load(rule: &ExportRule) -> Option<ContainerCommand> {
    let words = match (rule.preset, &rule.load) {
        (Some(preset), _) => Words(preset.words(preset.load, rule.database.as_deref())),
        (None, load) => load.clone()?,
    };
    Some(in_container(rule, words))
}

fn in_container(rule: &ExportRule, words: Words) -> ContainerCommand {
    ContainerCommand {
        words,
        env: rule.env.clone(),
        user: rule.user.clone(),
        workdir: rule.workdir.clone(),
        timeout: rule.timeout.0,
    }
}

/// The container in which a command of the service would run now.
pub(super) fn first_running<'a>(facts: &'a Facts, service: &str) -> Option<&'a Container> {
    let runs = |container: &&Container| {
        container.service.as_deref() == Some(service)
            && !container.oneoff
            && container.state == ContainerState::Running
    };
    let engine = facts.engine.as_ref().ok()?;
    let running = engine.containers.iter().filter(runs);
    running.min_by_key(|container| container.number)
}

/// Leaves out the volumes whose content exports with a preset have as well, unless a rule names them or
/// somebody else uses them. Without a container to run in there will be no export: then they stay.
pub(super) fn supersede(
    request: &Request,
    facts: &Facts,
    exports: &[ExportPlan],
    volumes: &mut [VolumePlan],
) {
    for row in volumes.iter_mut().filter(|row| row.decision.taken) {
        if is_named(&request.rules, &row.kind) {
            continue;
        }
        let mut runs = exports.iter().filter(|export| export.member.is_some());
        if let Some(export) = runs.find(|export| holds(request, facts, export, row)) {
            row.decision = Decision::left_out(format!(
                "the export `{}/{}` has its content; a rule of `volumes` that names it takes it as well",
                export.service, export.name
            ));
            row.member = None;
            row.reader = None;
            row.exclude.clear();
            row.exported = true;
        }
    }
}

/// Whether an export has what a volume holds.
fn holds(request: &Request, facts: &Facts, export: &ExportPlan, row: &VolumePlan) -> bool {
    let rules = request.rules.exports.get(&export.service);
    let rule = rules.and_then(|rules| rules.get(&export.name));
    let Some(preset) = rule.and_then(|rule| rule.preset) else {
        return false;
    };
    let Some(container) = first_running(facts, &export.service) else {
        return false;
    };
    let is_data = |path: &str| preset.data.contains(&path.trim_end_matches('/'));
    let mut mounts = container.mounts.iter();
    row.services
        .iter()
        .all(|service| *service == export.service)
        && mounts.any(|mount| mount.name == row.name && is_data(&mount.destination))
}

/// Whether a rule names this volume, and not many at once.
fn is_named(rules: &Rules, kind: &VolumeKind) -> bool {
    let rule = match kind {
        VolumeKind::Project { key } => deciding::of_volume(rules, key),
        VolumeKind::Service { service, path, .. } => {
            deciding::of_service_volume(rules, service, path)
        }
    };
    rule.is_some_and(|decides| decides.is_exact())
}

/// What is known in advance to fail.
pub(super) fn warnings(exports: &[ExportPlan]) -> impl Iterator<Item = String> {
    let stuck = exports
        .iter()
        .filter(|export| export.member.is_some() && export.container.is_none());
    stuck.map(|export| {
        format!(
            "the export `{}/{}` will fail: no container of the service runs",
            export.service, export.name
        )
    })
}
