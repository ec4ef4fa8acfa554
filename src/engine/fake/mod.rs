//! An engine in memory, for tests of what plans and executes: containers, volumes and archives that
//! the test puts in, calls that it looks at afterwards, faults that it asks for.
//!
//! It keeps the rules of engine 20.10 that callers rely on: who may be paused, which status and
//! message a wrong state gives, that a helper of a missing volume would create it. Compiled for tests
//! and under the feature `fake-engine` only; it is not part of the program.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;

use super::{
    Change, Container, ContainerState, Daemon, EngineError, HelperMount, Image, StateChange, Volume,
};

mod changes;
mod commands;
mod engine;
mod script;

pub use script::{Call, Ending, FakeCommand, Fault, Method};

/// An engine in memory. All methods take `&self`; share it as an `Arc`.
#[derive(Debug, Default)]
pub struct FakeEngine {
    daemon: Daemon,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    containers: BTreeMap<String, Container>,
    volumes: BTreeMap<String, Volume>,
    images: BTreeMap<String, Image>,
    archives: BTreeMap<Source, (Bytes, Ending)>,
    helpers: BTreeMap<String, HelperMount>,
    written: BTreeMap<Source, Vec<Bytes>>,
    faults: BTreeMap<Method, VecDeque<(Option<String>, Fault)>>,
    calls: Vec<Call>,
    helpers_made: usize,
    changes: Vec<StateChange>,
    /// Ids of containers that end by themselves when they are asked to stop, a moment before.
    ending: BTreeSet<String>,
    /// By container and program.
    commands: BTreeMap<(String, String), FakeCommand>,
    /// The statuses of those that were started.
    started: Vec<i64>,
    /// What was written to their standard inputs, where they had one.
    inputs: Vec<Vec<u8>>,
    /// Seconds on the engine's clock, which goes on with each change and each look at it.
    seconds: i64,
}

/// What a faked archive belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Volume(String),
    Path(PathBuf),
    Container(String, String),
}

impl FakeEngine {
    /// An engine that holds nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::with_daemon(Daemon {
            id: "FAKE".into(),
            name: "fake-host".into(),
            product: "Docker Engine".into(),
            server_version: "20.10.24".into(),
            api_version: "1.41".into(),
            os: "linux".into(),
            ..Daemon::default()
        })
    }

    /// An engine that holds nothing and describes itself so.
    #[must_use]
    pub fn with_daemon(daemon: Daemon) -> Self {
        Self {
            daemon,
            state: Arc::default(),
        }
    }

    /// Puts a container in, or replaces the one of that id: also to change a state in mid-run.
    pub fn put_container(&self, container: Container) {
        self.state()
            .containers
            .insert(container.id.clone(), container);
    }

    /// Has the engine remember that this happened to a container.
    pub fn remember(&self, id: &str, what: Change) {
        self.state().changed(id, what);
    }

    /// Has a container end by itself, and at a time long ago, just before it is asked to stop.
    pub fn end_before_stop(&self, id: &str) {
        self.state().ending.insert(id.to_owned());
    }

    /// Takes a container out.
    pub fn drop_container(&self, id: &str) {
        self.state().containers.remove(id);
    }

    /// Puts a volume in, or replaces the one of that name.
    pub fn put_volume(&self, volume: Volume) {
        self.state().volumes.insert(volume.name.clone(), volume);
    }

    /// Takes a volume out.
    pub fn drop_volume(&self, name: &str) {
        self.state().volumes.remove(name);
    }

    /// Puts an image in, found by its id, tags and digests.
    pub fn put_image(&self, image: Image) {
        self.state().images.insert(image.id.clone(), image);
    }

    /// What a helper that mounts this volume gives as its archive, whatever the path.
    pub fn put_volume_archive(&self, volume: &str, tar: impl Into<Bytes>, ending: Ending) {
        self.state()
            .archives
            .insert(Source::Volume(volume.into()), (tar.into(), ending));
    }

    /// What a helper that mounts this path gives as its archive, whatever the path inside.
    pub fn put_path_archive(
        &self,
        path: impl Into<PathBuf>,
        tar: impl Into<Bytes>,
        ending: Ending,
    ) {
        self.state()
            .archives
            .insert(Source::Path(path.into()), (tar.into(), ending));
    }

    /// What a container gives as the archive of one path.
    pub fn put_container_archive(
        &self,
        container: &str,
        path: &str,
        tar: impl Into<Bytes>,
        ending: Ending,
    ) {
        let source = Source::Container(container.into(), path.into());
        self.state().archives.insert(source, (tar.into(), ending));
    }

    /// What a program does in a container of this id; one that nobody put in is not found (127).
    pub fn put_command(&self, container: &str, program: &str, command: FakeCommand) {
        let key = (container.to_owned(), program.to_owned());
        self.state().commands.insert(key, command);
    }

    /// What was written to commands' standard inputs, in the order in which those ended.
    #[must_use]
    pub fn inputs(&self) -> Vec<Vec<u8>> {
        self.state().inputs.clone()
    }

    /// Lets the next `times` calls of `method` fail; with `target` only those for that id or name.
    /// Faults of one method are used up in the order in which they were asked for.
    pub fn fail(&self, method: Method, target: Option<&str>, fault: &Fault, times: usize) {
        let mut state = self.state();
        let queue = state.faults.entry(method).or_default();
        queue.extend((0..times).map(|_| (target.map(str::to_owned), fault.clone())));
    }

    /// Every call that changes or transfers something, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// What was written through helpers into this volume, one tar after another, whole ones only.
    #[must_use]
    pub fn written_to(&self, volume: &str) -> Vec<Bytes> {
        let source = Source::Volume(volume.into());
        let state = self.state();
        state.written.get(&source).cloned().unwrap_or_default()
    }

    /// The state of a container that was put in.
    #[must_use]
    pub fn state_of(&self, id: &str) -> Option<ContainerState> {
        self.state()
            .containers
            .get(id)
            .map(|container| container.state.clone())
    }

    /// Ids of the helpers that were created and not removed.
    #[must_use]
    pub fn open_helpers(&self) -> Vec<String> {
        self.state().helpers.keys().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked while holding it has failed already.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn faults(&self, method: Method, target: &str, verb: &str) -> Result<(), EngineError> {
        let fault = self.state().take_fault(method, target);
        match fault {
            None => Ok(()),
            Some(Fault::Hang) => std::future::pending().await,
            Some(fault) => Err(fault.error(format!("{verb} `{target}`"))),
        }
    }
}

impl State {
    fn take_fault(&mut self, method: Method, target: &str) -> Option<Fault> {
        let queue = self.faults.get_mut(&method)?;
        let wanted =
            |(only, _): &(Option<String>, Fault)| only.as_deref().is_none_or(|only| only == target);
        let position = queue.iter().position(wanted)?;
        queue.remove(position).map(|(_, fault)| fault)
    }

    fn tick(&mut self) -> Timestamp {
        self.seconds += 1;
        Timestamp::from_second(self.seconds).unwrap_or_default()
    }

    /// Notes what happened to a container.
    fn changed(&mut self, container: &str, what: Change) {
        let at = self.tick();
        self.changes.push(StateChange {
            container: container.to_owned(),
            what,
            at,
        });
    }

    /// By id or by name, as the engine looks containers up.
    fn find(&mut self, id: &str) -> Option<&mut Container> {
        self.containers
            .values_mut()
            .find(|container| container.id == id || container.name == id)
    }

    fn found(&mut self, id: &str, operation: &str) -> Result<&mut Container, EngineError> {
        let missing = || script::refusal(operation, 404, format!("No such container: {id}"));
        self.find(id).ok_or_else(missing)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures_util::StreamExt;

    use super::engine::{CHUNK, helper_container};
    use super::*;
    use crate::engine::{Engine, HelperSpec};

    fn web() -> Container {
        Container {
            name: "web".into(),
            state: ContainerState::Running,
            ..helper_container("1", "")
        }
    }

    #[tokio::test]
    async fn pausing_keeps_the_rules_and_faults_are_used_up() {
        let engine = FakeEngine::new();
        engine.put_container(web());
        engine.fail(Method::Pause, Some("1"), &Fault::Freeze, 2);
        assert!(engine.pause("1").await.unwrap_err().is_freeze_failure());
        assert!(engine.pause("1").await.unwrap_err().is_freeze_failure());
        engine.pause("1").await.unwrap();
        assert!(engine.pause("1").await.unwrap_err().is_already_paused());
        assert_eq!(engine.state_of("1"), Some(ContainerState::Paused));
        engine.unpause("1").await.unwrap();
        assert!(engine.unpause("1").await.unwrap_err().is_not_paused());
        assert!(engine.pause("2").await.unwrap_err().is_not_found());
        assert_eq!(engine.calls().len(), 7);
    }

    #[tokio::test]
    async fn archives_come_in_chunks_and_end_as_asked() {
        let engine = FakeEngine::new();
        engine.put_volume_archive("data", vec![7; CHUNK + 1], Ending::Lost);
        let mount = HelperMount::Volume("data".into());
        let spec = HelperSpec {
            mount,
            writable: false,
            owner: "me".into(),
        };
        let id = engine.create_helper(&spec).await.unwrap();
        let items: Vec<_> = engine
            .read_archive(&id, "/data/.")
            .await
            .unwrap()
            .collect()
            .await;
        assert_eq!(items.len(), 3);
        assert_eq!(items[1].as_ref().unwrap().len(), 1);
        assert!(items[2].as_ref().unwrap_err().is_transient());
        engine.remove_helper(&id).await.unwrap();
        assert!(engine.open_helpers().is_empty());
    }
}
