//! Who is held still: the running containers of the project that can write to what is read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::engine::{Container, ContainerMount, ContainerState, MountKind};

use super::facts::{EngineFacts, Facts, Place};
use super::model::{GoesOn, HeldPlan, HoldPlan, VolumePlan};
use super::request::Request;

/// What is read while services are held.
pub(super) struct Content<'a> {
    pub(super) volumes: &'a [VolumePlan],
    /// The taken mounted paths as the files name them and without links, with their members.
    pub(super) paths: Vec<(PathBuf, String)>,
    /// What is known of the sources of bind mounts, as the engine names them.
    pub(super) places: &'a BTreeMap<PathBuf, Place>,
}

/// Who is paused, and who goes on although it uses what is read.
pub(super) fn plan(request: &Request, facts: &Facts, content: &Content<'_>) -> HoldPlan {
    let Ok(engine) = &facts.engine else {
        return HoldPlan::default();
    };
    let mut hold = HoldPlan::default();
    for container in &engine.containers {
        sort_in(&mut hold, request, engine, container, content);
    }
    for container in foreign(facts, engine, content) {
        hold.go_on.push(GoesOn {
            name: container.name.clone(),
            why: "it is not of this project, and shares a volume with it".to_owned(),
        });
    }
    hold
}

fn sort_in(
    hold: &mut HoldPlan,
    request: &Request,
    engine: &EngineFacts,
    container: &Container,
    content: &Content<'_>,
) {
    let (writes, reads) = uses(container, content);
    let goes_on = |why: &str| GoesOn {
        name: container.name.clone(),
        why: why.to_owned(),
    };
    if writes.is_empty() && reads.is_empty() || !container.state.is_active() {
        return;
    }
    if engine.own_container.as_deref() == Some(&container.id) {
        hold.go_on.push(goes_on("this program runs in it"));
    } else if writes.is_empty() {
        hold.go_on.push(goes_on("it mounts what is read read-only"));
    } else if !request.pause {
        hold.go_on.push(goes_on("`--no-pause`"));
    } else if container.state == ContainerState::Restarting {
        hold.go_on
            .push(goes_on("it is restarting, and cannot be paused"));
    } else {
        hold.pause.push(HeldPlan {
            id: container.id.clone(),
            name: container.name.clone(),
            service: container.service.clone().unwrap_or_default(),
            uses: writes.into_iter().collect(),
        });
    }
}

/// The members that a container can write to, and those that it can only read.
fn uses(container: &Container, content: &Content<'_>) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut writes = BTreeSet::new();
    let mut reads = BTreeSet::new();
    for mount in &container.mounts {
        let members = members_of(mount, content);
        if mount.writable {
            writes.extend(members);
        } else {
            reads.extend(members);
        }
    }
    reads.retain(|member| !writes.contains(member));
    (writes, reads)
}

fn members_of(mount: &ContainerMount, content: &Content<'_>) -> Vec<String> {
    match mount.kind {
        MountKind::Volume => content
            .volumes
            .iter()
            .filter(|volume| volume.name.is_some() && volume.name == mount.name)
            .filter_map(|volume| volume.member.clone())
            .collect(),
        MountKind::Bind => {
            let Some(source) = &mount.source else {
                return Vec::new();
            };
            // Whoever brought the project up may have named its folder by another link.
            let real = content.places.get(source).map(|place| &place.real);
            let same =
                |path: &Path| overlap(path, source) || real.is_some_and(|real| overlap(path, real));
            let members: BTreeSet<&String> = content
                .paths
                .iter()
                .filter(|(path, _)| same(path))
                .map(|(_, member)| member)
                .collect();
            members.into_iter().cloned().collect()
        }
        MountKind::Tmpfs | MountKind::Image | MountKind::Other(_) => Vec::new(),
    }
}

fn overlap(left: &Path, right: &Path) -> bool {
    left.starts_with(right) || right.starts_with(left)
}

/// Active containers of other projects that mount a volume that is read.
fn foreign<'a>(
    facts: &Facts,
    engine: &'a EngineFacts,
    content: &Content<'_>,
) -> Vec<&'a Container> {
    let read = content
        .volumes
        .iter()
        .filter(|volume| volume.member.is_some())
        .filter_map(|volume| volume.name.as_ref());
    let users = read.filter_map(|name| engine.users.get(name)).flatten();
    let mut seen = BTreeSet::new();
    users
        .filter(|container| container.project.as_deref() != Some(&facts.project.name))
        .filter(|container| container.state.is_active() && seen.insert(&container.id))
        .collect()
}
