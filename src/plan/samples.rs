//! Projects for tests of the planner, made in code: no file system, no engine.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::facts::{EngineFacts, Facts, Place};
use super::links::{PathEnd, PathFact};
use super::model::{PathPlan, Plan, TreePlan, VolumePlan};
use super::{Request, TargetWish, build};
use crate::compose::{
    Build, BuildSource, Mount, MountKind, MountSource, Project, Reference, Role, Service, Volume,
    VolumesFrom,
};
use crate::config::layers::Layered;
use crate::config::target_arg::TargetArg;
use crate::diagnostic::Finding;
use crate::engine::container::DEFAULT_STOP_GRACE;
use crate::engine::model::labels;
use crate::engine::{self, Container, ContainerMount, ContainerState, Daemon};
use crate::sources::filter::{RootRule, TreeFilter, TreeRules};
use crate::sources::walk::{Filter as _, Verdict};

/// The folder of the sample project.
pub(crate) const BASE: &str = "/srv/blog";

/// A path of the sample project.
pub(crate) fn at(path: &str) -> PathBuf {
    if path == "." {
        BASE.into()
    } else {
        Path::new(BASE).join(path)
    }
}

/// What a plan is made from. Starts as a project `blog` with nothing but its Compose file, an engine
/// on this machine, all scopes, and one folder of dumps as target.
pub(crate) struct Sample {
    pub(crate) request: Request,
    pub(crate) facts: Facts,
}

impl Sample {
    pub(crate) fn new() -> Self {
        let project = Project {
            name: "blog".into(),
            dir: BASE.into(),
            compose_files: vec![at("compose.yaml")],
            services: BTreeMap::new(),
            volumes: BTreeMap::new(),
            references: Vec::new(),
            warnings: Vec::new(),
        };
        let facts = Facts {
            project,
            engine: Ok(engine_facts()),
            paths: BTreeMap::new(),
            own_files: Vec::new(),
            outside: BTreeMap::new(),
            backupignore: None,
            places: BTreeMap::new(),
            spool_dir: "/var/tmp".into(),
            stdout_is_terminal: false,
            host: "web-1".into(),
        };
        let request = Request::new("manual", Layered::default());
        let mut sample = Self { request, facts };
        sample.folder(".");
        sample.place("/var/tmp", true);
        sample.refer("compose.yaml", Role::ComposeFile, &[]);
        sample.target("/backups");
        sample
    }

    pub(crate) fn engine(&mut self) -> &mut EngineFacts {
        self.facts.engine.as_mut().expect("samples have an engine")
    }

    pub(crate) fn service(&mut self, name: &str) -> &mut Service {
        let services = &mut self.facts.project.services;
        services.entry(name.into()).or_insert_with(|| Service {
            name: name.into(),
            enabled: true,
            ..Service::default()
        })
    }

    /// `build: {context: PATH}` with the Dockerfile in it.
    pub(crate) fn build(&mut self, service: &str, context: &str) {
        self.service(service).build = Some(Build {
            context: BuildSource::Local(at(context)),
            dockerfile: Some(at(context).join("Dockerfile")),
            additional_contexts: BTreeMap::new(),
        });
        self.folder(context);
        self.refer(context, Role::BuildContext, &[service]);
        let dockerfile = at(context).join("Dockerfile");
        self.refer(&dockerfile.to_string_lossy(), Role::Dockerfile, &[service]);
    }

    /// A bind mount at `/mnt`; the source is a folder unless it is known as something else.
    pub(crate) fn bind(&mut self, service: &str, source: &str) {
        let path = at(source);
        if !self.facts.paths.contains_key(&path) {
            self.folder(source);
        }
        let mounts = &mut self.service(service).mounts;
        mounts.push(Mount {
            kind: MountKind::Bind,
            source: Some(MountSource::HostPath(path)),
            target: "/mnt".into(),
            read_only: false,
            subpath: None,
            named_by: format!("services.{service}.volumes[{}]", mounts.len()),
        });
    }

    /// A declared volume, mounted by `services`.
    pub(crate) fn volume(&mut self, key: &str, services: &[&str]) -> &mut Volume {
        for service in services {
            self.service(service).mounts.push(Mount {
                kind: MountKind::Volume,
                source: Some(MountSource::VolumeKey(key.into())),
                target: "/data".into(),
                read_only: false,
                subpath: None,
                named_by: format!("services.{service}.volumes[0]"),
            });
        }
        let volume = Volume {
            key: key.into(),
            name: format!("blog_{key}"),
            external: false,
            driver: None,
            driver_opts: BTreeMap::new(),
            labels: BTreeMap::new(),
            bind_device: None,
        };
        let volumes = &mut self.facts.project.volumes;
        volumes.entry(key.into()).or_insert(volume)
    }

    pub(crate) fn volumes_from(&mut self, service: &str, lender: &str) {
        let from = VolumesFrom::Service(lender.into());
        self.service(service).volumes_from.push(from);
    }

    /// A volume that exists; with a key it bears the project's labels.
    pub(crate) fn existing(&mut self, name: &str, key: Option<&str>) -> &mut engine::Volume {
        let labels = key.map(|key| {
            BTreeMap::from([
                (labels::PROJECT.to_owned(), "blog".to_owned()),
                (labels::VOLUME.to_owned(), key.to_owned()),
            ])
        });
        let mountpoint = PathBuf::from(format!("/var/lib/docker/volumes/{name}/_data"));
        self.place(&mountpoint, true);
        let volume = engine::Volume {
            name: name.into(),
            driver: "local".into(),
            mountpoint: Some(mountpoint),
            labels: labels.unwrap_or_default(),
            ..engine::Volume::default()
        };
        let volumes = &mut self.engine().volumes;
        volumes.insert(name.into(), volume);
        volumes.get_mut(name).expect("just put in")
    }

    pub(crate) fn container(&mut self, container: Container) {
        self.engine().containers.push(container);
        self.engine()
            .containers
            .sort_by(|left, right| left.name.cmp(&right.name));
    }

    pub(crate) fn refer(&mut self, path: &str, role: Role, services: &[&str]) {
        let path = at(path);
        if !self.facts.paths.contains_key(&path) {
            self.fact(&path, PathEnd::File { bytes: 10 }, &[], &path);
        }
        self.facts.project.references.push(Reference {
            path,
            role,
            named_by: format!("{role:?}"),
            services: services.iter().map(|&name| name.into()).collect(),
            required: true,
        });
        self.facts.project.references.sort();
    }

    pub(crate) fn folder(&mut self, path: &str) {
        self.fact(&at(path), PathEnd::Folder, &[], &at(path));
    }

    /// What a path is that is neither file nor folder.
    pub(crate) fn end(&mut self, path: &str, end: PathEnd) {
        self.fact(&at(path), end, &[], &at(path));
    }

    /// A path to `real` that passes `links`.
    pub(crate) fn linked(&mut self, path: &str, links: &[&str], real: &str, end: PathEnd) {
        self.fact(&at(path), end, links, &at(real));
    }

    fn fact(&mut self, path: &Path, end: PathEnd, links: &[&str], real: &Path) {
        let exists = !matches!(end, PathEnd::Missing | PathEnd::Loop);
        let fact = PathFact {
            links: links.iter().map(|link| at(link)).collect(),
            real: real.to_owned(),
            inside: path.starts_with(BASE) && real.starts_with(BASE),
            end,
        };
        self.facts.paths.insert(path.to_owned(), fact);
        self.place(real, exists);
        let place = self.facts.places[real].clone();
        self.facts.places.insert(path.to_owned(), place);
    }

    /// Puts a folder at `path`, or says that there is nothing yet.
    pub(crate) fn place(&mut self, path: impl AsRef<Path>, exists: bool) -> &mut Place {
        let path = path.as_ref();
        let number = |path: &Path| {
            let text = path.to_string_lossy();
            let mix = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
            (1, text.bytes().fold(0xcbf2_9ce4_8422_2325, mix))
        };
        let place = Place {
            ancestors: path
                .ancestors()
                .skip(usize::from(!exists))
                .map(number)
                .collect(),
            own: exists.then(|| number(path)),
            real: path.to_owned(),
            exists,
            is_folder: exists,
            free: Some(1 << 30),
        };
        self.facts.places.insert(path.to_owned(), place);
        self.facts.places.get_mut(path).expect("just put in")
    }

    /// Adds a target; the first call replaces the default one.
    pub(crate) fn target(&mut self, text: &str) {
        if self
            .request
            .targets
            .iter()
            .all(|wish| wish.place.name == "/backups")
        {
            self.request.targets.clear();
        }
        let arg = TargetArg::parse(OsStr::new(text), Path::new(BASE)).expect("a target");
        if let Some(path) = arg.path().map(Path::to_owned)
            && !self.facts.places.contains_key(&path)
        {
            self.place(path, false);
        }
        self.request.targets.push(TargetWish::given(arg, None));
    }

    pub(crate) fn plan(&self) -> Plan {
        build(&self.request, &self.facts).expect("a plan")
    }

    pub(crate) fn findings(&self) -> Vec<Finding> {
        build(&self.request, &self.facts).expect_err("findings")
    }

    pub(crate) fn codes(&self) -> Vec<&'static str> {
        self.findings().iter().map(|finding| finding.code).collect()
    }
}

fn engine_facts() -> EngineFacts {
    EngineFacts {
        daemon: Daemon {
            server_version: "20.10.24".into(),
            api_version: "1.41".into(),
            ..Daemon::default()
        },
        endpoint: "unix:///var/run/docker.sock".into(),
        local: Ok(()),
        remote: false,
        containers: Vec::new(),
        volumes: BTreeMap::new(),
        users: BTreeMap::new(),
        images: BTreeMap::new(),
        own_container: None,
        unreadable: BTreeMap::new(),
        left_behind: BTreeSet::new(),
    }
}

/// A running container `blog-SERVICE-NUMBER`, with that as its id too.
pub(crate) fn container(service: &str, number: u32, mounts: Vec<ContainerMount>) -> Container {
    let name = format!("blog-{service}-{number}");
    Container {
        id: name.clone(),
        name,
        project: Some("blog".into()),
        service: Some(service.into()),
        number: Some(number),
        oneoff: false,
        auto_remove: false,
        state: ContainerState::Running,
        image: format!("{service}:1"),
        image_id: "sha256:1".into(),
        config_hash: None,
        created_at: None,
        started_at: None,
        finished_at: None,
        restarts: false,
        exit_code: 0,
        health: None,
        has_health_check: false,
        stop_grace: DEFAULT_STOP_GRACE,
        mounts,
        labels: BTreeMap::new(),
    }
}

/// A writable mount of a volume at `/data`.
pub(crate) fn volume_mount(name: &str) -> ContainerMount {
    ContainerMount {
        kind: engine::MountKind::Volume,
        name: Some(name.into()),
        source: None,
        destination: "/data".into(),
        writable: true,
        driver: Some("local".into()),
    }
}

/// A writable bind mount of a path of the project.
pub(crate) fn bind_mount(source: &str) -> ContainerMount {
    ContainerMount {
        kind: engine::MountKind::Bind,
        name: None,
        source: Some(at(source)),
        ..volume_mount("")
    }
}

/// The name of an anonymous volume.
pub(crate) fn anonymous(digit: char) -> String {
    digit.to_string().repeat(64)
}

pub(crate) fn config_row<'a>(plan: &'a Plan, path: &str) -> &'a PathPlan {
    let row = plan.config.iter().find(|row| row.path == path);
    row.unwrap_or_else(|| panic!("no config row `{path}`"))
}

pub(crate) fn mounted_row<'a>(plan: &'a Plan, path: &str) -> &'a PathPlan {
    let row = plan.mounted.iter().find(|row| row.path == path);
    row.unwrap_or_else(|| panic!("no mounted row `{path}`"))
}

pub(crate) fn volume_row<'a>(plan: &'a Plan, kind: &str) -> &'a VolumePlan {
    let row = plan.volumes.iter().find(|row| row.kind.to_string() == kind);
    row.unwrap_or_else(|| panic!("no volume `{kind}`"))
}

/// The members that store a file of the project, when the trees of a plan are walked.
pub(crate) fn stored_in(plan: &Plan, path: &str) -> Vec<String> {
    let trees = plan.trees.iter().filter(|tree| takes(tree, path));
    trees.map(|tree| tree.member.clone()).collect()
}

/// Walks down to `path` as the reader of trees does.
fn takes(tree: &TreePlan, path: &str) -> bool {
    let rules = TreeRules {
        roots: tree
            .roots
            .iter()
            .map(|root| RootRule {
                path: root.path.clone(),
                whole: root.whole,
                dockerignore: None,
                exclude: root.exclude.clone(),
            })
            .collect(),
        not: tree.not.clone(),
        backupignore: None,
    };
    let mut filter = TreeFilter::new(&rules).expect("no ignore file is read");
    let slashes = path.match_indices('/').map(|(at, _)| at);
    let folders_taken = slashes
        .map(|at| filter.decide(&path.as_bytes()[..at], true))
        .all(|verdict| verdict != Verdict::Skip);
    folders_taken && filter.decide(path.as_bytes(), false) != Verdict::Skip
}
