//! Scope `volumes`: the project's named volumes, and the anonymous ones of its containers.
//!
//! The model says which volumes there should be; the engine says which there are, and wins on names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::compose::{self, MountKind, MountSource};
use crate::config::settings::ReaderChoice;
use crate::engine::{self, Container, ContainerMount};

use super::facts::{EngineFacts, Facts};
use super::model::{Decision, DriverPlan, ReaderPlan, Scope, VolumeKind, VolumePlan};
use super::request::{Request, Selection};

/// The rows of the plan, project volumes first.
pub(super) fn plan(request: &Request, facts: &Facts, selection: &Selection<'_>) -> Vec<VolumePlan> {
    let Ok(engine) = &facts.engine else {
        return declared_only(request, facts);
    };
    let planner = Planner {
        request,
        facts,
        engine,
        selection,
    };
    let mut rows = planner.project_volumes();
    let stored: BTreeSet<String> = rows.iter().filter_map(|row| row.name.clone()).collect();
    rows.extend(planner.service_volumes(&stored));
    rows
}

/// What can be said without an engine.
fn declared_only(request: &Request, facts: &Facts) -> Vec<VolumePlan> {
    let why = match (&facts.engine, request.scopes.contains(&Scope::Volumes)) {
        (Err(why), true) => why.clone(),
        _ => "scope `volumes` was not asked for".to_owned(),
    };
    let row = |volume: &compose::Volume| VolumePlan {
        kind: VolumeKind::Project {
            key: volume.key.clone(),
        },
        name: None,
        member: None,
        reader: None,
        driver: None,
        services: Vec::new(),
        decision: Decision::left_out(why.clone()),
    };
    facts.project.volumes.values().map(row).collect()
}

struct Planner<'a> {
    request: &'a Request,
    facts: &'a Facts,
    engine: &'a EngineFacts,
    selection: &'a Selection<'a>,
}

impl Planner<'_> {
    fn project_volumes(&self) -> Vec<VolumePlan> {
        let declared = self
            .facts
            .project
            .volumes
            .values()
            .map(|volume| self.declared(volume));
        let names: BTreeSet<&str> = self
            .facts
            .project
            .volumes
            .values()
            .map(|volume| self.real_name(volume))
            .collect();
        let only_there = self
            .engine
            .volumes
            .values()
            .filter(|volume| {
                volume.project() == Some(&self.facts.project.name) && !names.contains(&*volume.name)
            })
            .map(|volume| self.undeclared(volume));
        declared.chain(only_there).collect()
    }

    /// The engine's name for a volume: the one with the project's and the key's label, else the
    /// model's.
    fn real_name<'v>(&'v self, volume: &'v compose::Volume) -> &'v str {
        let labelled = self.engine.volumes.values().find(|candidate| {
            candidate.project() == Some(&self.facts.project.name)
                && candidate.model_name() == Some(&volume.key)
        });
        match labelled {
            Some(found) if !volume.external && !self.engine.volumes.contains_key(&volume.name) => {
                &found.name
            }
            _ => &volume.name,
        }
    }

    fn declared(&self, declared: &compose::Volume) -> VolumePlan {
        let kind = VolumeKind::Project {
            key: declared.key.clone(),
        };
        let name = self.real_name(declared);
        let existing = self.engine.volumes.get(name);
        let services = self.services_of(declared, name);
        let decision = match existing {
            _ if !self.request.scopes.contains(&Scope::Volumes) => {
                Decision::left_out("scope `volumes` was not asked for")
            }
            _ if declared.external => {
                Decision::left_out("external: it is managed outside of this project")
            }
            None => Decision::left_out("does not exist yet; `docker compose up` creates it"),
            Some(volume) => self.content(volume, &services, "declared in the Compose files"),
        };
        self.row(kind, name, existing, services, decision)
    }

    /// A volume that bears this project's label, and that no file declares any more.
    fn undeclared(&self, volume: &engine::Volume) -> VolumePlan {
        let key = volume.model_name().unwrap_or(&volume.name).to_owned();
        let services = self.services_by_containers(&volume.name);
        let decision = if self.request.scopes.contains(&Scope::Volumes) {
            self.content(
                volume,
                &services,
                "the project's by its label, though no Compose file declares it any more",
            )
        } else {
            Decision::left_out("scope `volumes` was not asked for")
        };
        self.row(
            VolumeKind::Project { key },
            &volume.name,
            Some(volume),
            services,
            decision,
        )
    }

    /// Whether an existing volume's content is the project's to store.
    fn content(&self, volume: &engine::Volume, services: &[String], why: &str) -> Decision {
        if !self.selection.has_any(services.iter().map(String::as_str)) {
            return Decision::left_out("no chosen service mounts it");
        }
        match not_a_volume(volume) {
            Some(why) => Decision::left_out(why),
            None => Decision::taken(why),
        }
    }

    fn row(
        &self,
        kind: VolumeKind,
        name: &str,
        existing: Option<&engine::Volume>,
        services: Vec<String>,
        decision: Decision,
    ) -> VolumePlan {
        let taken = existing.filter(|_| decision.taken);
        VolumePlan {
            member: taken.map(|_| member_of(&kind)),
            name: existing.map(|_| name.to_owned()),
            reader: taken.map(|volume| self.reader(volume)),
            driver: existing.map(|volume| DriverPlan {
                driver: volume.driver.clone(),
                options: volume.options.clone(),
                labels: volume.labels.clone(),
            }),
            kind,
            services,
            decision,
        }
    }

    fn reader(&self, volume: &engine::Volume) -> ReaderPlan {
        match self.direct(volume) {
            Ok(mountpoint) => ReaderPlan::Direct { mountpoint },
            Err(because) => ReaderPlan::Engine { because },
        }
    }

    /// The volume's folder, where it may be read directly, else why not.
    fn direct(&self, volume: &engine::Volume) -> Result<PathBuf, String> {
        if self.request.settings.reader == ReaderChoice::Engine {
            return Err("the setting `reader` says so".to_owned());
        }
        self.engine.local.clone()?;
        if volume.driver != "local" {
            return Err(format!("its driver is `{}`", volume.driver));
        }
        if !volume.options.is_empty() {
            return Err("it has mount options".to_owned());
        }
        if self.engine.daemon.userns_remap {
            return Err(
                "the engine maps user ids, and the folder holds the mapped ones".to_owned(),
            );
        }
        let mountpoint = volume
            .mountpoint
            .clone()
            .ok_or("the engine names no folder for it")?;
        match std::fs::read_dir(&mountpoint) {
            Ok(_) => Ok(mountpoint),
            Err(error) => Err(format!("its folder cannot be read: {error}")),
        }
    }

    /// Services that mount a declared volume, by the files and by the containers that exist.
    fn services_of(&self, declared: &compose::Volume, name: &str) -> Vec<String> {
        let mounts_it = |mount: &compose::Mount| {
            mount.kind == MountKind::Volume
                && mount.source == Some(MountSource::VolumeKey(declared.key.clone()))
        };
        let by_model = self
            .facts
            .project
            .services
            .values()
            .filter(|service| service.mounts.iter().any(mounts_it))
            .map(|service| service.name.clone());
        let all: BTreeSet<String> = by_model.chain(self.services_by_containers(name)).collect();
        all.into_iter().collect()
    }

    fn services_by_containers(&self, volume: &str) -> Vec<String> {
        let users = self
            .engine
            .containers
            .iter()
            .filter(|container| container.mounts_volume(volume));
        users
            .filter_map(|container| container.service.clone())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    /// The anonymous volumes of the project's containers, each stored once: with the container that
    /// does not have it from another by `volumes_from`.
    fn service_volumes(&self, stored: &BTreeSet<String>) -> Vec<VolumePlan> {
        let mut owners: BTreeMap<&str, (&Container, &ContainerMount)> = BTreeMap::new();
        for container in self
            .engine
            .containers
            .iter()
            .filter(|container| !container.oneoff)
        {
            for mount in container
                .mounts
                .iter()
                .filter(|mount| mount.kind == engine::MountKind::Volume)
            {
                let Some(name) = mount.name.as_deref().filter(|name| !stored.contains(*name))
                else {
                    continue;
                };
                let better = owners
                    .get(name)
                    .is_none_or(|(known, _)| self.rank(container) < self.rank(known));
                if better {
                    owners.insert(name, (container, mount));
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

    /// Orders the containers that share a volume: its own one before those that borrow it.
    fn rank<'c>(&self, container: &'c Container) -> (bool, Option<&'c str>, Option<u32>) {
        let service = container.service.as_deref();
        let borrows = service
            .and_then(|name| self.facts.project.services.get(name))
            .is_some_and(|service| !service.volumes_from.is_empty());
        (borrows, service, container.number)
    }

    fn service_volume(
        &self,
        name: &str,
        container: &Container,
        mount: &ContainerMount,
    ) -> VolumePlan {
        let service = container
            .service
            .clone()
            .unwrap_or_else(|| container.name.clone());
        let kind = VolumeKind::Service {
            service,
            replica: container.number.unwrap_or(1),
            path: mount.destination.clone(),
        };
        let services = self.services_by_containers(name);
        let existing = self.engine.volumes.get(name);
        let decision = match existing {
            _ if !self.request.scopes.contains(&Scope::Volumes) => {
                Decision::left_out("scope `volumes` was not asked for")
            }
            None => Decision::left_out("the engine does not know it any more"),
            Some(_) if !is_anonymous(name) => Decision::left_out(
                "a named volume that is not this project's, and that its files do not declare",
            ),
            Some(volume) => self.content(volume, &services, "anonymous volume of a service"),
        };
        self.row(kind, name, existing, services, decision)
    }
}

/// Why the content of a volume is not in it: a `local` volume with mount options is a window to
/// somewhere else.
fn not_a_volume(volume: &engine::Volume) -> Option<String> {
    if volume.driver != "local" || volume.options.is_empty() {
        return None;
    }
    let option = |name: &str| {
        volume
            .options
            .get(name)
            .map(String::as_str)
            .unwrap_or_default()
    };
    let device = option("device");
    let binds = option("o")
        .split(',')
        .any(|word| matches!(word, "bind" | "rbind"));
    Some(match option("type") {
        _ if binds => {
            format!("a bind of the host folder `{device}`; it has to be named to be stored")
        }
        "tmpfs" => "memory, which has no lasting content".to_owned(),
        kind @ ("nfs" | "nfs4" | "cifs" | "smb3") => {
            format!("a network mount ({kind} `{device}`); it has to be named to be stored")
        }
        kind => format!("a mount of `{device}` (type `{kind}`); it has to be named to be stored"),
    })
}

/// The engine names an anonymous volume with 64 hex digits.
fn is_anonymous(name: &str) -> bool {
    name.len() == 64
        && name
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Where a volume's tar stands in the dump.
fn member_of(kind: &VolumeKind) -> String {
    match kind {
        VolumeKind::Project { key } => format!("volumes/project/{}.tar", file_name(key)),
        VolumeKind::Service {
            service,
            replica,
            path,
        } => {
            let digest = Sha256::digest(path.as_bytes());
            let hash: String = digest
                .iter()
                .take(4)
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let readable = file_name(path.trim_matches('/'));
            format!(
                "volumes/services/{}/{replica}-{readable}-{hash}.tar",
                file_name(service)
            )
        }
    }
}

/// A text as part of a file name: what is not a letter, a digit or one of `._-` becomes `_`, and a
/// long one is cut. Names that differ stay apart by the hash behind them, or are Compose keys, which
/// hold nothing else.
fn file_name(text: &str) -> String {
    let safe = |character: char| {
        if character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-') {
            character
        } else {
            '_'
        }
    };
    let name: String = text.chars().map(safe).take(100).collect();
    if Path::new(&name).file_name().is_some() {
        name
    } else {
        format!("_{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_have_readable_names_that_cannot_leave_their_folder() {
        let project = |key: &str| {
            member_of(&VolumeKind::Project {
                key: key.to_owned(),
            })
        };
        assert_eq!(project("db-data"), "volumes/project/db-data.tar");
        assert_eq!(project(".."), "volumes/project/_...tar");
        let service = VolumeKind::Service {
            service: "web".into(),
            replica: 2,
            path: "/var/lib/x y".into(),
        };
        // printf '/var/lib/x y' | sha256sum | cut -c1-8
        assert_eq!(
            member_of(&service),
            "volumes/services/web/2-var_lib_x_y-bf131320.tar"
        );
    }

    #[test]
    fn windows_to_somewhere_else_are_told_apart() {
        let volume = |options: &[(&str, &str)]| engine::Volume {
            driver: "local".into(),
            options: options
                .iter()
                .map(|(key, value)| ((*key).into(), (*value).into()))
                .collect(),
            ..engine::Volume::default()
        };
        assert_eq!(not_a_volume(&volume(&[])), None);
        let bind = not_a_volume(&volume(&[
            ("type", "none"),
            ("o", "bind,ro"),
            ("device", "/srv/x"),
        ]));
        assert!(bind.is_some_and(|why| why.contains("/srv/x")));
        assert!(not_a_volume(&volume(&[("type", "tmpfs")])).is_some());
        assert!(not_a_volume(&volume(&[("type", "nfs"), ("o", "addr=h")])).is_some());
    }
}
