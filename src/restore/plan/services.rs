//! Who is stopped for what changes, who is started at the end, and who has to be made first.

use std::collections::BTreeSet;
use std::path::Path;

use super::build::{UsesById, stop_row};
use super::model::{
    ConfigPlan, Does, MountedPlan, RemovePlan, StartPlan, StopPlan, Target, VolumePlan, Writer,
};
use crate::compose;
use crate::engine::order::Dependencies;
use crate::engine::{Container, ContainerState, MountKind};
use crate::restore::facts::Facts;
use crate::restore::request::{Request, Scope};

/// The project's services as its files and its containers have them.
pub(super) struct Services<'f> {
    request: &'f Request,
    facts: &'f Facts,
    containers: &'f [Container],
    order: Dependencies,
}

impl<'f> Services<'f> {
    pub(super) fn new(request: &'f Request, facts: &'f Facts) -> Self {
        let engine = facts.engine.as_ref();
        let containers = engine.map_or(&[][..], |engine| &engine.containers);
        Self {
            request,
            facts,
            containers,
            order: dependencies(facts),
        }
    }

    /// The containers of this project that run and use what changes, the dependent ones first.
    pub(super) fn stop(&self, volumes: &[VolumePlan], mounted: &[MountedPlan]) -> Vec<StopPlan> {
        let uses = uses(self.facts, volumes, mounted);
        let is_ours = |container: &&Container| is_stoppable(self.facts, container);
        let users = self.containers.iter().filter(is_ours);
        let users = users.filter(|container| container.state.is_active());
        let mut rows: Vec<StopPlan> = users
            .filter_map(|container| Some(stop_row(container, uses.get(&container.id)?)))
            .collect();
        let services = rows.iter().map(|row| row.service.clone()).collect();
        let order = self.order.start_order(&services);
        let place = |row: &StopPlan| order.iter().position(|service| *service == row.service);
        rows.sort_by_key(|row| std::cmp::Reverse((place(row), row.name.clone())));
        rows
    }

    pub(super) fn start(
        &self,
        volumes: &[VolumePlan],
        stop: &[StopPlan],
        config: Option<&ConfigPlan>,
    ) -> StartPlan {
        let remove = self.removed(volumes);
        let is_changed = config.is_some_and(|config| config.replace > 0);
        let recreate =
            is_changed && !self.containers.is_empty() && self.is_whole() && self.request.start;
        let wanted = self.wanted(volumes, stop, recreate);
        let create: Vec<String> = wanted
            .iter()
            .filter(|service| self.is_missing(service, &remove))
            .cloned()
            .collect();
        StartPlan {
            recreate,
            services: if self.request.start {
                wanted
            } else {
                Vec::new()
            },
            create,
            remove,
            compose: self.facts.compose.clone(),
        }
    }

    /// Whether the project comes back, and not single volumes or its files alone.
    fn is_whole(&self) -> bool {
        let content = [Scope::Volumes, Scope::Mounted, Scope::Exports];
        self.request.volumes.is_empty() && content.iter().any(|scope| self.request.wants(*scope))
    }

    /// The services that should exist when all is done, in the order in which they start.
    fn wanted(&self, volumes: &[VolumePlan], stop: &[StopPlan], recreate: bool) -> Vec<String> {
        let mut services: BTreeSet<String> = stop.iter().map(|row| row.service.clone()).collect();
        if self.is_whole() && self.request.start {
            services.extend(self.of_project());
        }
        if recreate {
            services.extend(self.active());
        }
        services.extend(self.left_stopped(volumes));
        services.extend(volumes.iter().filter_map(|row| match &row.volume {
            Target::OfContainer { service, .. } => Some(service.clone()),
            Target::Named(_) => None,
        }));
        if !self.request.start {
            services.retain(|service| !stop.iter().any(|row| row.service == *service));
        }
        self.order.start_order(&services)
    }

    /// The services that a restore that was cut off has stopped: those that use what it has left half written.
    fn left_stopped(&self, volumes: &[VolumePlan]) -> BTreeSet<String> {
        let unfinished = volumes.iter().filter(|row| row.unfinished);
        let names: Vec<&str> = unfinished
            .filter_map(|row| row.volume.real_name())
            .collect();
        let uses = |container: &Container| names.iter().any(|name| container.mounts_volume(name));
        let users = self.containers.iter();
        let users = users.filter(|one| self.request.start && !one.oneoff && uses(one));
        users.filter_map(|one| one.service.clone()).collect()
    }

    /// The declared services that run: Compose stops the containers that it makes anew, and those that need them.
    fn active(&self) -> BTreeSet<String> {
        let running = self
            .containers
            .iter()
            .filter(|container| !container.oneoff && container.state.is_active());
        let services = running.filter_map(|container| container.service.clone());
        let is_declared = |name: &String| {
            let mut models = self.facts.model.iter();
            models.any(|model| model.services.contains_key(name))
        };
        services.filter(is_declared).collect()
    }

    /// The services that `docker compose up` would start, and those that have containers, of those that
    /// were asked for.
    fn of_project(&self) -> BTreeSet<String> {
        let has_container = |name: &str| {
            let mut all = self.containers.iter().filter(|one| !one.oneoff);
            all.any(|container| container.service.as_deref() == Some(name))
        };
        let profiles = &self.request.compose.profiles;
        let is_up = |service: &&compose::Service| {
            let chosen = service.profiles.iter().any(|name| profiles.contains(name));
            service.replicas != Some(0) && (service.profiles.is_empty() || chosen)
        };
        let model = self
            .facts
            .model
            .iter()
            .flat_map(|model| model.services.values());
        let declared = model.filter(|service| is_up(service) || has_container(&service.name));
        let declared: BTreeSet<String> = declared.map(|service| service.name.clone()).collect();
        let of_containers = self.containers.iter().filter(|container| !container.oneoff);
        let of_containers = of_containers.filter_map(|container| container.service.clone());
        let all = if self.facts.model.is_some() {
            declared
        } else {
            of_containers.collect()
        };
        let chosen = &self.request.services;
        all.into_iter()
            .filter(|service| chosen.is_empty() || chosen.contains(service))
            .collect()
    }

    fn is_missing(&self, service: &str, removed: &[RemovePlan]) -> bool {
        let is_there = |container: &&Container| {
            !container.oneoff
                && container.service.as_deref() == Some(service)
                && !removed.iter().any(|row| row.id == container.id)
        };
        !self.containers.iter().any(|container| is_there(&container))
    }

    /// A volume that the engine writes can only be emptied by making it anew, and that is refused as long
    /// as any container refers to it.
    fn removed(&self, volumes: &[VolumePlan]) -> Vec<RemovePlan> {
        let made_anew = volumes.iter().filter(|row| is_made_anew(row));
        let names: Vec<&str> = made_anew.filter_map(|row| row.volume.real_name()).collect();
        let refers = |container: &&Container| {
            let mut names = names.iter();
            names.any(|name| container.mounts_volume(name)) && is_stoppable(self.facts, container)
        };
        let rows = self.containers.iter().filter(refers);
        rows.map(|container| RemovePlan {
            id: container.id.clone(),
            name: container.name.clone(),
        })
        .collect()
    }
}

/// Whether a volume is removed and made anew on the way.
pub(crate) fn is_made_anew(row: &VolumePlan) -> bool {
    row.does == Does::Replace && matches!(row.writer, Writer::Engine(_))
}

/// Who depends on whom, by the files and by the containers' labels.
fn dependencies(facts: &Facts) -> Dependencies {
    let engine = facts.engine.as_ref();
    let mut order = engine.map_or_else(
        |_| Dependencies::default(),
        |engine| Dependencies::of_containers(&engine.containers),
    );
    let model = facts.model.iter().flat_map(|model| model.services.values());
    for service in model {
        for needed in service.depends_on.keys() {
            order.add(&service.name, needed);
        }
        for from in &service.volumes_from {
            if let compose::VolumesFrom::Service(needed) = from {
                order.add(&service.name, needed);
            }
        }
    }
    order
}

/// Whether a container is ours to stop: a service's, that survives it, and not the one that we run in.
pub(super) fn is_stoppable(facts: &Facts, container: &Container) -> bool {
    let own = facts
        .engine
        .as_ref()
        .ok()
        .and_then(|engine| engine.own_container.as_ref());
    container.project.as_deref() == Some(facts.named.name.as_str())
        && container.service.is_some()
        && !container.oneoff
        && !container.auto_remove
        && container.state != ContainerState::Paused
        && own != Some(&container.id)
}

/// What each container uses of what changes: volumes, and mounted folders as far as they are of this
/// machine.
pub(super) fn uses(facts: &Facts, volumes: &[VolumePlan], mounted: &[MountedPlan]) -> UsesById {
    let mut uses = UsesById::new();
    let Ok(engine) = &facts.engine else {
        return uses;
    };
    for row in volumes {
        let existing = row
            .volume
            .real_name()
            .and_then(|name| engine.volumes.get(name));
        for user in existing.iter().flat_map(|existing| &existing.users) {
            let what = format!("volume `{}`", row.name);
            uses.entry(user.id.clone()).or_default().insert(what);
        }
    }
    for container in &engine.containers {
        for row in mounted {
            let path = facts.folder.join(&row.path);
            if mounts_path(container, &path) {
                let what = format!("`{}`", row.path);
                uses.entry(container.id.clone()).or_default().insert(what);
            }
        }
    }
    uses
}

fn mounts_path(container: &Container, path: &Path) -> bool {
    let touches = |source: &Path| source.starts_with(path) || path.starts_with(source);
    let binds = container.mounts.iter();
    let mut binds = binds.filter(|mount| mount.kind == MountKind::Bind);
    binds.any(|mount| mount.source.as_deref().is_some_and(touches))
}
