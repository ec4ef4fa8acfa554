//! The anonymous volumes of a project's containers: each stored once, with the container that does
//! not have it from another one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::compose::VolumesFrom;
use crate::engine::model::is_id;
use crate::engine::{Container, ContainerMount, MountKind};

use super::job_file::deciding;
use super::model::{Decision, Scope, VolumeKind, VolumePlan};
use super::volumes::{Planner, excluded, is_skipped, skipped};

impl Planner<'_> {
    /// One row per volume that is not among `known`, the real names of the project's volumes.
    pub(super) fn service_volumes(&self, known: &BTreeSet<String>) -> Vec<VolumePlan> {
        let mut owners: BTreeMap<&str, (&Container, &ContainerMount)> = BTreeMap::new();
        for container in &self.engine.containers {
            for mount in &container.mounts {
                let named = mount.name.as_deref();
                let volume = named.filter(|_| mount.kind == MountKind::Volume);
                let Some(name) = volume.filter(|name| !known.contains(*name)) else {
                    continue;
                };
                let rank = |container| self.rank(container, name);
                let best = owners.entry(name).or_insert((container, mount));
                if rank(container) < rank(best.0) {
                    *best = (container, mount);
                }
            }
        }
        let mut rows: Vec<VolumePlan> = owners
            .iter()
            .map(|(name, (container, mount))| self.service_volume(name, container, mount))
            .collect();
        rows.sort_by(|left, right| left.kind.cmp(&right.kind));
        rows
    }

    /// Orders the containers that share a volume: those that last before those of one run, the one
    /// that it is of before those that borrow it.
    fn rank<'c>(&self, container: &'c Container, volume: &str) -> impl Ord + use<'c> {
        let service = container.service.as_deref();
        let borrowed = service.is_some_and(|service| self.borrows(service, volume));
        (
            container.oneoff,
            borrowed,
            Reverse(service.is_some()),
            service,
            container.number,
        )
    }

    /// Whether a service has a volume from another one, which it names in `volumes_from`.
    fn borrows(&self, service: &str, volume: &str) -> bool {
        let lenders = self.facts.project.services.get(service);
        lenders
            .iter()
            .flat_map(|service| &service.volumes_from)
            .any(|from| match from {
                VolumesFrom::Service(lender) => {
                    self.services_by_containers(volume).contains(lender)
                }
                VolumesFrom::Container(_) => false,
            })
    }

    fn service_volume(
        &self,
        name: &str,
        container: &Container,
        mount: &ContainerMount,
    ) -> VolumePlan {
        let service = container.service.as_ref().unwrap_or(&container.name);
        let kind = VolumeKind::Service {
            service: service.clone(),
            replica: container.number.unwrap_or(1),
            path: mount.destination.clone(),
        };
        let services = self.services_by_containers(name);
        let existing = self.engine.volumes.get(name);
        let rule = deciding::of_service_volume(&self.request.rules, service, &mount.destination);
        let decision = match existing {
            _ if !self.request.wants(Scope::Volumes) => {
                Decision::left_out("scope `volumes` was not asked for")
            }
            None => Decision::left_out("the engine does not know it any more"),
            Some(_) if !is_id(name) => Decision::left_out(
                "a named volume that is not this project's, and that its files do not declare",
            ),
            Some(_) if container.oneoff => Decision::left_out(format!(
                "of `{}`, a container of `docker compose run`",
                container.name
            )),
            Some(_) if is_skipped(rule) => skipped(rule),
            Some(volume) => self.content(volume, &services, rule, "anonymous volume of a service"),
        };
        let exclude = excluded(rule, &decision);
        VolumePlan {
            exclude,
            ..self.row(kind, name, existing, services, decision)
        }
    }
}
