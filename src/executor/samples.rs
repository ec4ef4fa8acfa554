//! What tests of the executor have in common: a reporter and a target that write down what happens,
//! plans of real folders, and an engine in memory.

pub(crate) mod whole;
mod writer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::{Event, Reporter, Run, World};
use crate::archive::entry::{Entry, EntryKind};
use crate::archive::manifest::Draft;
use crate::archive::manifest::model::Hold;
use crate::archive::tar;
use crate::engine::fake::FakeEngine;
use crate::engine::{Container, ContainerState, Engine};
use crate::plan::model::{
    Decision, HeldPlan, Plan, ReaderPlan, Scope, TreePlan, TreeReader, TreeRoot, VolumeKind,
    VolumePlan,
};
use crate::plan::samples::{Sample, container, volume_mount};
use crate::state::StateFolder;

pub(super) use writer::Writer;

/// What happened, in order: lines of one word and what it is about.
#[derive(Debug, Default, Clone)]
pub(super) struct Tape(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    lines: Vec<String>,
    streams: BTreeMap<String, Vec<u8>>,
    files: BTreeMap<String, Vec<u8>>,
    draft: Option<Draft>,
}

impl Tape {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, line: impl Into<String>) {
        self.kept().lines.push(line.into());
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.kept().lines.clone()
    }

    /// Where a line that begins so stands.
    pub(super) fn place_of(&self, beginning: &str) -> usize {
        let lines = self.lines();
        let place = lines.iter().position(|line| line.starts_with(beginning));
        place.unwrap_or_else(|| panic!("no `{beginning}` in {lines:#?}"))
    }

    pub(super) fn has(&self, beginning: &str) -> bool {
        self.lines().iter().any(|line| line.starts_with(beginning))
    }

    /// The bytes of a stream member.
    pub(super) fn stream(&self, path: &str) -> Vec<u8> {
        self.kept().streams[path].clone()
    }

    /// The bytes of a file of a tree member.
    pub(super) fn file(&self, path: &str) -> Vec<u8> {
        self.kept().files[path].clone()
    }

    /// What the target was to publish.
    pub(super) fn draft(&self) -> Draft {
        self.kept().draft.clone().expect("it was finished")
    }
}

/// Writes events onto a tape, but for progress.
pub(super) struct Recorder {
    pub(super) tape: Tape,
    /// Panics at events of which the line begins so, or at `progress` while somebody is held.
    pub(super) panics_at: Option<&'static str>,
    /// Does something at the event of which the line begins so.
    pub(super) acts_at: Option<(&'static str, Act)>,
}

/// What somebody else does meanwhile.
pub(super) type Act = Arc<dyn Fn() + Send + Sync>;

impl Reporter for Recorder {
    fn report(&self, event: Event) {
        let line = match event {
            Event::Progress { .. } => {
                let read_held = self.tape.has("paused");
                assert!(
                    !read_held || self.panics_at != Some("progress"),
                    "as the test wants it"
                );
                return;
            }
            Event::TargetFailed { target, error, .. } => format!("target-failed {target}: {error}"),
            Event::MemberStarted { member } => format!("started {member}"),
            Event::Trouble { member, what, .. } => format!("trouble {member}: {what}"),
            Event::MemberDone { member, .. } => format!("done {member}"),
            Event::MemberFailed { member, error } => format!("failed {member}: {error}"),
            Event::HookStarted { hook } => format!("hook {hook}"),
            Event::HookFailed { error } => format!("hook-failed {error}"),
            Event::Paused { container } => format!("paused {container}"),
            Event::Stopped { container } => format!("stopped {container}"),
            Event::NotHeld {
                container,
                how,
                why,
            } => format!("not-{how} {container}: {why}"),
            Event::Resumed {
                container,
                how: Hold::Paused,
                ..
            } => format!("resumed {container}"),
            Event::Resumed { container, .. } => format!("started {container}"),
            Event::Unwell {
                container, what, ..
            } => format!("unwell {container}: {what}"),
            Event::LeftBehind { project, .. } => format!("left-behind {project}"),
            Event::NotStill(stirred) => {
                format!("not-still {}: {}", stirred.container, stirred.why)
            }
            Event::Unanswered {
                container, command, ..
            } => format!("unanswered {container}: {command}"),
            Event::Stuck {
                container, command, ..
            } => format!("stuck {container}: {command}"),
            Event::Published { target, .. } => format!("published {target}"),
            Event::Removed { dump, .. } => format!("removed {dump}"),
            Event::NotPruned { target, .. } => format!("not pruned {target}"),
        };
        if let Some((_, act)) = self.acts_at.as_ref().filter(|(at, _)| line.starts_with(at)) {
            act();
        }
        let panics = self.panics_at.is_some_and(|at| line.starts_with(at));
        self.tape.write(line);
        assert!(!panics, "as the test wants it");
    }
}

/// A project folder on disk and a plan that reads from it, with an engine in memory.
pub(super) struct Stage {
    folder: tempfile::TempDir,
    pub(super) plan: Plan,
    pub(super) engine: Arc<FakeEngine>,
    pub(super) recorder: Recorder,
    pub(super) cancel: CancellationToken,
}

impl Stage {
    /// A project whose config is its Compose file alone.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut plan = Sample::new().plan();
        plan.spool_dir = folder.path().to_owned();
        plan.targets.clear();
        plan.trees.clear();
        let mut stage = Self {
            folder,
            plan,
            engine: Arc::new(FakeEngine::new()),
            recorder: Recorder {
                tape: Tape::default(),
                panics_at: None,
                acts_at: None,
            },
            cancel: CancellationToken::new(),
        };
        stage.file("compose.yaml", b"services: {}\n");
        stage.tree("config", "config", &[("compose.yaml", false)]);
        stage
    }

    pub(super) fn base(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub(super) fn file(&self, path: &str, content: &[u8]) {
        let path = self.base().join(path);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("folders");
        std::fs::write(path, content).expect("a file");
    }

    /// A tree member; of a mounted one the prefix is `volumes/mounted`.
    pub(super) fn tree(&mut self, member: &str, prefix: &str, roots: &[(&str, bool)]) {
        let scope = if prefix == "config" {
            Scope::Config
        } else {
            Scope::Mounted
        };
        self.plan.trees.push(TreePlan {
            member: member.into(),
            prefix: prefix.into(),
            scope,
            base: self.base(),
            reader: TreeReader::Direct,
            roots: roots
                .iter()
                .map(|(path, whole)| TreeRoot {
                    path: path.into(),
                    whole: *whole,
                    dockerignore: None,
                    exclude: Vec::new(),
                })
                .collect(),
            not: Vec::new(),
            ignore: None,
            follow_links: false,
        });
    }

    /// A mounted folder that is read whole.
    pub(super) fn mounted(&mut self, path: &str) -> &mut TreePlan {
        self.tree(
            &format!("volumes/mounted/{path}"),
            "volumes/mounted",
            &[(path, true)],
        );
        self.plan.trees.last_mut().expect("just pushed")
    }

    /// A volume that is read from `mountpoint`, or by the engine's stream.
    pub(super) fn volume(&mut self, key: &str, mountpoint: Option<&Path>) {
        self.engine.put_volume(crate::engine::Volume {
            name: key.into(),
            ..crate::engine::Volume::default()
        });
        let reader = match mountpoint {
            Some(mountpoint) => ReaderPlan::Direct {
                mountpoint: mountpoint.to_owned(),
            },
            None => ReaderPlan::Engine {
                because: "the test wants it".into(),
            },
        };
        self.plan.volumes.push(VolumePlan {
            kind: VolumeKind::Project { key: key.into() },
            name: Some(key.into()),
            member: Some(format!("volumes/project/{key}.tar")),
            reader: Some(reader),
            driver: None,
            exclude: Vec::new(),
            exported: false,
            services: Vec::new(),
            decision: Decision::taken("the test wants it"),
        });
    }

    /// A container that runs, and that is to be paused.
    pub(super) fn held(&mut self, service: &str) {
        self.engine.put_container(running(service));
        self.plan.hold.pause.push(held(service));
    }

    pub(super) fn world(&mut self) -> World {
        let facts = Sample::new().facts;
        World {
            engine: Some(Arc::clone(&self.engine) as Arc<dyn Engine>),
            reporter: Arc::new(Recorder {
                tape: self.recorder.tape.clone(),
                panics_at: self.recorder.panics_at,
                acts_at: self.recorder.acts_at.clone(),
            }),
            cancel: self.cancel.clone(),
            hurry: CancellationToken::new(),
            run: Run::new(jiff::Timestamp::UNIX_EPOCH, &facts, Vec::new()),
            state: self.state_folder(),
            watchdog: None,
        }
    }

    /// Where its journals are.
    pub(super) fn state_folder(&self) -> StateFolder {
        StateFolder::at(self.folder.path().join("state"))
    }

    /// Whether every container that was put in runs.
    pub(super) fn all_run(&self) -> bool {
        let held = &self.plan.hold.pause;
        held.iter()
            .all(|held| self.engine.state_of(&held.id) == Some(ContainerState::Running))
    }
}

/// A container `blog-SERVICE-1` that runs.
pub(super) fn running(service: &str) -> Container {
    container(service, 1, vec![volume_mount("db")])
}

/// The plan's line to pause it.
pub(super) fn held(service: &str) -> HeldPlan {
    let container = running(service);
    HeldPlan {
        id: container.id,
        name: container.name,
        service: service.into(),
        how: Hold::Paused,
        rank: 0,
        uses: vec!["volumes/project/db.tar".into()],
    }
}

/// The tar that an engine gives for a mount: files by name with their content.
pub(super) fn engine_tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut put = |path: String, kind: EntryKind, content: &[u8]| {
        let entry = Entry {
            size: content.len() as u64,
            ..Entry::plain(path, kind, 0o644)
        };
        tar::encode_head(&entry, b"", &mut bytes);
        bytes.extend_from_slice(content);
        let padding = tar::padding(content.len() as u64);
        bytes.resize(bytes.len() + padding, 0);
    };
    put("data".into(), EntryKind::Directory, b"");
    for (name, content) in files {
        put(format!("data/{name}"), EntryKind::File, content);
    }
    bytes.extend_from_slice(&tar::END);
    bytes
}
