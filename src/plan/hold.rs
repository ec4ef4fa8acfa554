//! Who is held still: the running containers of the project that can write to what is read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::archive::manifest::model::Hold;
use crate::config::job_file::rules::PauseMode;
use crate::diagnostic::Finding;
use crate::engine::order::Dependencies;
use crate::engine::{Container, ContainerMount, ContainerState, MountKind};

use super::facts::{EngineFacts, Facts};
use super::model::{GoesOn, HeldPlan, HoldPlan, TreePlan, VolumePlan};
use super::request::Request;

/// Why a container goes on that no run may touch.
pub(super) const NOT_OF_PROJECT: &str = "it is not of this project, and shares a volume with it";

/// What is read while services are held.
pub(super) struct Content<'a> {
    pub(super) volumes: &'a [VolumePlan],
    pub(super) paths: Vec<HeldPath>,
}

/// A mounted path that is taken, without links.
pub(super) struct HeldPath {
    path: PathBuf,
    member: String,
    /// What lies below it and is not taken with it.
    not: Vec<PathBuf>,
}

impl HeldPath {
    /// The paths of mounted trees, without links.
    pub(super) fn of_trees(facts: &Facts, trees: &[TreePlan]) -> Vec<Self> {
        let base = facts.real(&facts.project.dir);
        let mut paths = Vec::new();
        for tree in trees {
            for root in &tree.roots {
                let below = |path: &&PathBuf| **path != root.path && path.starts_with(&root.path);
                let not = tree.not.iter().filter(below);
                paths.push(Self {
                    path: base.join(&root.path),
                    member: tree.member.clone(),
                    not: not.map(|path| base.join(path)).collect(),
                });
            }
        }
        paths
    }

    /// Whether `source` leads to something that is read with this path.
    fn is_reached_by(&self, source: &Path) -> bool {
        let excepted = || self.not.iter().any(|path| source.starts_with(path));
        self.path.starts_with(source) || source.starts_with(&self.path) && !excepted()
    }
}

/// Who is held, and who goes on although it uses what is read.
pub(super) fn plan(request: &Request, facts: &Facts, content: &Content<'_>) -> HoldPlan {
    let rules = &request.settings.pause;
    let mut hold = HoldPlan {
        window: rules.window,
        max_downtime: rules.max_downtime,
        ..HoldPlan::default()
    };
    let Ok(engine) = &facts.engine else {
        return hold;
    };
    let foreign = foreign(facts, engine, content);
    for container in engine.containers.iter().chain(foreign) {
        let (writes, reads) = uses(facts, container, content);
        let is_paused = container.state == ContainerState::Paused;
        let may_write = container.state.is_active() || is_paused;
        if writes.is_empty() && reads.is_empty() || !may_write {
            continue;
        }
        let held = |uses: BTreeSet<String>| HeldPlan {
            id: container.id.clone(),
            name: container.name.clone(),
            service: container.service.clone().unwrap_or_default(),
            how: how(request, container),
            rank: 0,
            uses: uses.into_iter().collect(),
        };
        match why_not(request, facts, engine, container, &writes) {
            None if is_paused => hold.paused.push(held(writes)),
            None => match how(request, container) {
                Hold::Stopped => hold.stop.push(held(writes)),
                Hold::Paused => hold.pause.push(held(writes)),
            },
            // It does not go on: it stands still, and nothing is promised of it.
            Some(_) if is_paused => {}
            Some(why) => hold.go_on.push(GoesOn {
                name: container.name.clone(),
                why,
            }),
        }
    }
    rank(&mut hold.stop, facts, engine);
    hold
}

/// Says who stops before whom.
fn rank(stop: &mut [HeldPlan], facts: &Facts, engine: &EngineFacts) {
    let services = stop.iter().map(|held| held.service.clone()).collect();
    let mut dependencies = Dependencies::of_containers(&engine.containers);
    for (name, service) in &facts.project.services {
        for needed in service.depends_on.keys() {
            dependencies.add(name, needed);
        }
    }
    let ranks = dependencies.ranks(&services);
    for held in stop {
        held.rank = ranks.get(&held.service).copied().unwrap_or_default();
    }
}

/// What is done to a container that is held. Stopping would remove an auto-remove container, and
/// end the one task of a one-off: those are paused.
fn how(request: &Request, container: &Container) -> Hold {
    match mode(request, container) {
        PauseMode::Stop if !container.auto_remove && !container.oneoff => Hold::Stopped,
        PauseMode::Stop | PauseMode::Pause | PauseMode::None => Hold::Paused,
    }
}

fn mode(request: &Request, container: &Container) -> PauseMode {
    let rules = &request.settings.pause;
    let service = container.service.as_deref().unwrap_or_default();
    let own = rules.services.get(service).copied();
    own.unwrap_or(rules.default)
}

/// The containers that the engine says it cannot freeze, as one finding with the ways out.
pub(super) fn no_freezer(facts: &Facts, hold: &HoldPlan) -> Option<Finding> {
    let engine = facts.engine.as_ref().ok()?;
    if engine.daemon.can_pause() || hold.pause.is_empty() {
        return None;
    }
    let names: Vec<String> = hold
        .pause
        .iter()
        .map(|held| format!("`{}`", held.name))
        .collect();
    let message = format!(
        "the engine cannot pause containers (its cgroup driver is `none`), and {} would be paused",
        names.join(", ")
    );
    Some(Finding::new("plan::no_freezer", message).with_help(
        "stop services instead with `pause: {default: stop}`, or let them go on with `--no-pause`",
    ))
}

/// Why a container goes on that uses what is read.
fn why_not(
    request: &Request,
    facts: &Facts,
    engine: &EngineFacts,
    container: &Container,
    writes: &BTreeSet<String>,
) -> Option<String> {
    let because = if engine.own_container.as_deref() == Some(&container.id) {
        "this program runs in it"
    } else if writes.is_empty() {
        "it mounts what is read read-only"
    } else if container.project.as_deref() != Some(&facts.project.name) {
        NOT_OF_PROJECT
    } else if let Some(why) = let_go_on(request, container) {
        return Some(why);
    } else if container.state == ContainerState::Restarting {
        "it is restarting, and cannot be held"
    } else {
        return None;
    };
    Some(because.to_owned())
}

/// What was said about pausing that keeps a service running.
fn let_go_on(request: &Request, container: &Container) -> Option<String> {
    if request.no_pause {
        return Some("`--no-pause`".to_owned());
    }
    if mode(request, container) != PauseMode::None {
        return None;
    }
    let service = container.service.as_deref().unwrap_or_default();
    let is_named = request.settings.pause.services.contains_key(service);
    Some(if is_named {
        format!("the rule `pause.services.{service}: none`")
    } else {
        format!(
            "the setting `pause.default: none`{}",
            request.said_by("pause.default")
        )
    })
}

/// The members that a container can write to, and those that it can only read.
fn uses(
    facts: &Facts,
    container: &Container,
    content: &Content<'_>,
) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut writes = BTreeSet::new();
    let mut reads = BTreeSet::new();
    for mount in &container.mounts {
        let members = members_of(facts, mount, content);
        if mount.writable {
            writes.extend(members);
        } else {
            reads.extend(members);
        }
    }
    (writes, reads)
}

fn members_of(facts: &Facts, mount: &ContainerMount, content: &Content<'_>) -> Vec<String> {
    match (&mount.kind, &mount.source) {
        (MountKind::Volume, _) => content
            .volumes
            .iter()
            .filter(|volume| volume.name.is_some() && volume.name == mount.name)
            .filter_map(|volume| volume.member.clone())
            .collect(),
        (MountKind::Bind, Some(source)) => {
            // Whoever brought the project up may have named its folder by another link.
            let real = facts.real(source);
            content
                .paths
                .iter()
                .filter(|path| path.is_reached_by(real))
                .map(|path| path.member.clone())
                .collect()
        }
        (MountKind::Bind | MountKind::Tmpfs | MountKind::Image | MountKind::Other(_), _) => {
            Vec::new()
        }
    }
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
