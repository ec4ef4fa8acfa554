//! Containers that stand between a volume and its content: they use it, or would be lost with it.

use super::{conflict, title};
use crate::engine::{Container, ContainerState, MountKind};
use crate::restore::facts::{EngineFacts, Facts};
use crate::restore::plan::model::{Conflict, Plan, Target, VolumePlan};
use crate::restore::plan::services::{is_made_anew, is_stoppable, uses};

/// Containers that use what changes and that are not ours to stop.
pub(super) fn users(facts: &Facts, engine: &EngineFacts, plan: &Plan, found: &mut Vec<Conflict>) {
    let uses = uses(facts, &plan.volumes, &plan.mounted);
    let users = engine.volumes.values().flat_map(|existing| &existing.users);
    let mut all: Vec<&Container> = users.chain(&engine.containers).collect();
    all.sort_by(|one, other| one.id.cmp(&other.id));
    all.dedup_by(|one, other| one.id == other.id);
    for container in all {
        let Some(uses) = uses.get(&container.id) else {
            continue;
        };
        let is_up = container.state.is_active() || container.state == ContainerState::Paused;
        if !is_up || is_stoppable(facts, container) {
            continue;
        }
        let uses: Vec<&str> = uses.iter().map(String::as_str).collect();
        let (name, uses) = (&container.name, uses.join(", "));
        found.push(conflict(
            "restore::used",
            format!(
                "the container `{name}` uses {uses}, and is not stopped by a restore: {}",
                why_not(facts, container)
            ),
            &format!("stop it first: `docker stop {name}`"),
        ));
    }
}

fn why_not(facts: &Facts, container: &Container) -> &'static str {
    if container.project.as_deref() != Some(facts.named.name.as_str()) {
        "it is not of this project"
    } else if container.oneoff {
        "it was made by `docker compose run`"
    } else if container.auto_remove {
        "it would be gone"
    } else if container.state == ContainerState::Paused {
        "somebody has paused it"
    } else {
        "compose-dump runs in it"
    }
}

/// A volume that the engine writes and that has content is removed and made anew, and with it the
/// containers that refer to it: they have to come back as they were.
pub(super) fn made_anew(
    facts: &Facts,
    engine: &EngineFacts,
    plan: &Plan,
    found: &mut Vec<Conflict>,
) {
    for row in plan.volumes.iter().filter(|row| is_made_anew(row)) {
        referred_to(facts, engine, plan, row, found);
        if matches!(row.volume, Target::OfContainer { .. }) {
            found.push(conflict(
                "restore::of_container",
                format!(
                    "the volume {} has content that the engine cannot take away",
                    title(row)
                ),
                "remove its container and the volume first: `docker compose rm -sv`",
            ));
        }
    }
    if !plan.start.remove.is_empty() && plan.start.compose.is_none() {
        found.push(conflict(
            "restore::no_compose",
            "containers have to be made anew for volumes that the engine writes, and no Compose is installed that could".to_owned(),
            "install the Compose plugin of Docker",
        ));
    }
    lost_with_containers(engine, plan, found);
}

/// Containers that would hold on to a volume that has to go.
fn referred_to(
    facts: &Facts,
    engine: &EngineFacts,
    plan: &Plan,
    row: &VolumePlan,
    found: &mut Vec<Conflict>,
) {
    let name = row.volume.real_name();
    let existing = name.and_then(|name| engine.volumes.get(name));
    for user in existing.iter().flat_map(|existing| &existing.users) {
        let mut removed = plan.start.remove.iter();
        if removed.any(|removed| removed.id == user.id) {
            continue;
        }
        found.push(conflict(
            "restore::referred_to",
            format!(
                "the volume {} has to be made anew, and the container `{}`, which refers to it, is not removed by a restore: {}",
                title(row), user.name, why_not(facts, user)
            ),
            &format!("remove it first: `docker rm {}`", user.name),
        ));
    }
}

/// Anonymous volumes whose only tie is a container that is made anew.
fn lost_with_containers(engine: &EngineFacts, plan: &Plan, found: &mut Vec<Conflict>) {
    for removed in &plan.start.remove {
        let container = engine.containers.iter().find(|one| one.id == removed.id);
        for volume in container.into_iter().flat_map(anonymous) {
            let mut restored = plan.volumes.iter().map(|row| row.volume.real_name());
            if restored.any(|name| name == Some(volume)) {
                continue;
            }
            found.push(conflict(
                "restore::anonymous_lost",
                format!(
                    "the container `{}` has to be made anew, and would lose its anonymous volume `{}`, which is not restored",
                    removed.name, &volume[..12]
                ),
                "restore that service's volumes as well, or restore where volumes can be written to directly",
            ));
        }
    }
}

/// Names of the anonymous volumes of a container: 64 hex digits.
fn anonymous(container: &Container) -> impl Iterator<Item = &str> {
    let volumes = container.mounts.iter();
    let volumes = volumes.filter(|mount| mount.kind == MountKind::Volume);
    let names = volumes.filter_map(|mount| mount.name.as_deref());
    names.filter(|name| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
