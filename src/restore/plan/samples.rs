//! Dumps and what is there, for tests of the planner: no file system, no engine.

use std::collections::{BTreeMap, BTreeSet};

use super::build;
use super::model::{Plan, VolumePlan};
use super::naming::Named;
use super::select::{Selection, select};
use crate::archive::manifest::model::{MemberKind, Source, Volume};
use crate::archive::manifest::{DraftMember, Manifest, Stored, StoredDump, samples};
use crate::compose::{Condition, Mount, MountKind, MountSource, Project, Service};
use crate::diagnostic::Finding;
use crate::engine::model::labels;
use crate::engine::{self, Container, Daemon};
use crate::plan::samples as dumped;
use crate::restore::facts::{EngineFacts, Existing, Facts, Standing};
use crate::restore::request::{ComposeFlags, FolderFrom, Request, Scope};

/// The folder that is restored into.
pub(crate) const FOLDER: &str = "/srv/blog";

/// What a plan is made from. Starts as a dump of project `blog` with its config alone, an empty folder, and
/// an engine on this machine that knows nothing.
pub(crate) struct Sample {
    pub(crate) request: Request,
    members: Vec<DraftMember>,
    pub(crate) manifest: Manifest,
    pub(crate) facts: Facts,
}

impl Sample {
    pub(crate) fn new() -> Self {
        let mut sample = Self {
            request: request(),
            members: Vec::new(),
            manifest: manifest(&[]),
            facts: facts(manifest(&[])),
        };
        sample.member("config", MemberKind::Tree, Source::Config);
        sample
    }

    pub(crate) fn member(
        &mut self,
        path: &str,
        kind: MemberKind,
        source: Source,
    ) -> &mut DraftMember {
        self.members
            .push(samples::member(path, kind, source, b"content"));
        self.members.last_mut().expect("it was just added")
    }

    /// A volume of the project in the dump and in the Compose files, which a service mounts.
    pub(crate) fn volume(&mut self, key: &str, service: &str) {
        let source = Source::ProjectVolume { name: key.into() };
        let labels = [(labels::PROJECT, "blog"), (labels::VOLUME, key)];
        let member = self.member(
            &format!("volumes/project/{key}.tar"),
            MemberKind::Tar,
            source,
        );
        member.volume = Some(Volume {
            name: format!("blog_{key}"),
            driver: "local".into(),
            options: BTreeMap::new(),
            labels: labels.map(|(key, value)| (key.into(), value.into())).into(),
        });
        let name = format!("{}_{key}", self.facts.named.name);
        self.model()
            .volumes
            .insert(key.into(), dumped_volume(key, &name));
        let mount = Mount {
            kind: MountKind::Volume,
            source: Some(MountSource::VolumeKey(key.into())),
            target: "/data".into(),
            read_only: false,
            subpath: None,
            named_by: String::new(),
        };
        self.service(service).mounts.push(mount);
    }

    /// An anonymous volume of a service in the dump.
    pub(crate) fn anonymous(&mut self, service: &str, replica: u32) {
        self.service(service);
        let source = Source::ServiceVolume {
            service: service.into(),
            replica,
            path: "/anon".into(),
        };
        let path = format!("volumes/services/{service}/{replica}-anon-127f700f.tar");
        self.member(&path, MemberKind::Tar, source);
    }

    pub(crate) fn mounted(&mut self, path: &str, standing: Standing) {
        let member = format!("volumes/mounted/{path}");
        self.member(
            &member,
            MemberKind::Tree,
            Source::Mounted { path: path.into() },
        );
        self.facts.standing.insert(member, standing);
    }

    pub(crate) fn model(&mut self) -> &mut Project {
        self.facts.model.get_or_insert_with(|| Project {
            name: "blog".into(),
            dir: FOLDER.into(),
            compose_files: vec![format!("{FOLDER}/compose.yaml").into()],
            services: BTreeMap::new(),
            volumes: BTreeMap::new(),
            references: Vec::new(),
            warnings: Vec::new(),
        })
    }

    pub(crate) fn service(&mut self, name: &str) -> &mut Service {
        let services = &mut self.model().services;
        services.entry(name.into()).or_insert_with(|| Service {
            name: name.into(),
            enabled: true,
            ..Service::default()
        })
    }

    pub(crate) fn depends(&mut self, service: &str, on: &str) {
        let service = self.service(service);
        service.depends_on.insert(on.into(), Condition::Started);
    }

    pub(crate) fn engine(&mut self) -> &mut EngineFacts {
        self.facts.engine.as_mut().expect("samples have an engine")
    }

    /// A volume that exists, with its users.
    pub(crate) fn existing(&mut self, name: &str, standing: Standing, users: Vec<Container>) {
        for user in &users {
            if user.project.as_deref() == Some("blog") {
                self.engine().containers.push(user.clone());
            }
        }
        let volume = engine::Volume {
            name: name.into(),
            driver: "local".into(),
            ..engine::Volume::default()
        };
        let existing = Existing {
            volume,
            standing,
            users,
        };
        self.engine().volumes.insert(name.into(), existing);
    }

    pub(crate) fn select(&mut self) -> Result<Selection, Vec<Finding>> {
        self.manifest = manifest(&self.members);
        select(&self.request, &self.manifest, self.facts.model.as_ref())
    }

    pub(crate) fn plan(&mut self) -> Plan {
        self.facts.selection = self.select().expect("all names are known");
        self.facts.manifest = self.manifest.clone();
        build(&self.request, &self.facts)
    }

    /// The codes of what speaks against the plan.
    pub(crate) fn conflicts(&mut self) -> Vec<&'static str> {
        let plan = self.plan();
        plan.conflicts
            .iter()
            .map(|conflict| conflict.code)
            .collect()
    }
}

/// A running container of the project with a volume at `/data`.
pub(crate) fn user(service: &str, volume: &str) -> Container {
    dumped::container(service, 1, vec![dumped::volume_mount(volume)])
}

pub(crate) fn row<'p>(plan: &'p Plan, name: &str) -> &'p VolumePlan {
    let row = plan.volumes.iter().find(|row| row.name == name);
    row.unwrap_or_else(|| panic!("no volume `{name}` in {:?}", plan.volumes))
}

fn request() -> Request {
    Request {
        folder: FOLDER.into(),
        folder_from: FolderFrom::Project,
        compose: ComposeFlags::default(),
        copy_as: None,
        services: Vec::new(),
        scopes: Scope::ALL.into_iter().collect(),
        volumes: Vec::new(),
        all_exports: false,
        trust_dump: false,
        replace: false,
        start: true,
        create_external: false,
        devices: false,
        pin: false,
        through_engine: false,
    }
}

fn manifest(members: &[DraftMember]) -> Manifest {
    let mut draft = samples::minimal();
    draft.members = members.to_vec();
    let streams = members.iter().map(|member| {
        let stored = Stored {
            path: member.path.clone(),
            bytes: member.raw_bytes,
            sha256: None,
        };
        (member.path.clone(), stored)
    });
    let stored = StoredDump {
        streams: streams.collect(),
        ..StoredDump::default()
    };
    let text = draft.render(&stored).expect("everything was stored");
    Manifest::parse(&text).expect("it was just written")
}

fn facts(manifest: Manifest) -> Facts {
    Facts {
        manifest,
        selection: Selection::default(),
        model: None,
        named: Named {
            name: "blog".into(),
            is_found: true,
            is_same: true,
        },
        folder: FOLDER.into(),
        unusable_folder: None,
        config: None,
        standing: BTreeMap::new(),
        carried: BTreeMap::new(),
        engine: Ok(EngineFacts {
            daemon: Daemon::default(),
            endpoint: "unix:///run/docker.sock".into(),
            local: Ok(()),
            remote: false,
            own_container: None,
            containers: Vec::new(),
            volumes: BTreeMap::new(),
            images: BTreeMap::new(),
        }),
        loads: BTreeMap::new(),
        compose: Some("docker compose".into()),
        unfinished: BTreeSet::new(),
        has_override: false,
        is_root: true,
    }
}

fn dumped_volume(key: &str, name: &str) -> crate::compose::Volume {
    crate::compose::Volume {
        key: key.into(),
        name: name.into(),
        external: false,
        driver: None,
        driver_opts: BTreeMap::new(),
        labels: BTreeMap::new(),
        bind_device: None,
    }
}
