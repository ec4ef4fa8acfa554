//! An engine in memory, for tests of what plans and executes: containers, volumes and archives that
//! the test puts in, calls that it looks at afterwards, faults that it asks for.
//!
//! It keeps the rules of engine 20.10 that callers rely on: who may be paused, which status and
//! message a wrong state gives, that a helper of a missing volume would create it. Compiled for tests
//! and under the feature `fake-engine` only; it is not part of the program.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};

use super::helper::HELPER_LABEL;
use super::model::labels;
use super::{
    ByteStream, Container, ContainerState, Daemon, Engine, EngineError, HelperMount, HelperSpec,
    Image, Volume,
};

/// Bytes in one chunk of a faked archive; small, so that a test's archive is several.
const CHUNK: usize = 4096;

/// A request that changes something or transfers content, as [`FakeEngine::calls`] lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// [`Engine::pause`] of a container's id, whatever came of it.
    Pause(String),
    /// [`Engine::unpause`] of a container's id, whatever came of it.
    Unpause(String),
    /// [`Engine::create_helper`].
    CreateHelper(HelperMount),
    /// [`Engine::remove_helper`] of a helper's id.
    RemoveHelper(String),
    /// [`Engine::read_archive`].
    ReadArchive {
        /// The container's id.
        container: String,
        /// The path in it.
        path: String,
    },
}

/// The methods that [`FakeEngine::fail`] can let fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is named like its method of `Engine`")]
pub enum Method {
    ProjectContainers,
    ProjectVolumes,
    Volume,
    VolumeUsers,
    Container,
    Image,
    Pause,
    Unpause,
    CreateHelper,
    RemoveHelper,
    Helpers,
    ReadArchive,
}

/// How a call fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The engine refuses with this status and message.
    Refuse(u16, String),
    /// The freezer fails, as runc says it (500, "unable to freeze").
    Freeze,
    /// No answer in time.
    Timeout,
    /// The connection breaks.
    Lost,
    /// The call never returns; only dropping it ends it.
    Hang,
}

/// How a faked archive ends once its bytes are sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Ending {
    /// Cleanly. With cut bytes this is what an engine does that could not read a file.
    #[default]
    Clean,
    /// The connection breaks.
    Lost,
    /// The idle time passes.
    Idle,
    /// Nothing comes any more, for ever.
    Hang,
}

/// An engine in memory. All methods take `&self`; share it as an `Arc`.
#[derive(Debug, Default)]
pub struct FakeEngine {
    daemon: Daemon,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    containers: BTreeMap<String, Container>,
    volumes: BTreeMap<String, Volume>,
    images: BTreeMap<String, Image>,
    archives: BTreeMap<Source, (Bytes, Ending)>,
    helpers: BTreeMap<String, HelperMount>,
    faults: BTreeMap<Method, VecDeque<(Option<String>, Fault)>>,
    calls: Vec<Call>,
    helpers_made: usize,
}

/// What a faked archive belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Volume(String),
    Path(std::path::PathBuf),
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
            state: Mutex::default(),
        }
    }

    /// Puts a container in, or replaces the one of that id: also to change a state in mid-run.
    pub fn put_container(&self, container: Container) {
        self.state()
            .containers
            .insert(container.id.clone(), container);
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
        path: impl Into<std::path::PathBuf>,
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
        let operation = format!("{verb} `{target}`");
        let fault = self.state().take_fault(method, target);
        match fault {
            None => Ok(()),
            Some(Fault::Refuse(status, message)) => Err(EngineError::Api {
                operation,
                status,
                message,
            }),
            Some(Fault::Freeze) => {
                let message = format!(
                    "Cannot pause container {target}: OCI runtime pause failed: unable to freeze"
                );
                Err(EngineError::Api {
                    operation,
                    status: 500,
                    message,
                })
            }
            Some(Fault::Timeout) => Err(EngineError::Timeout {
                operation,
                after: Duration::from_secs(60),
            }),
            Some(Fault::Lost) => Err(lost(operation)),
            Some(Fault::Hang) => std::future::pending().await,
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

    /// By id or by name, as the engine looks containers up.
    fn find(&mut self, id: &str) -> Option<&mut Container> {
        self.containers
            .values_mut()
            .find(|container| container.id == id || container.name == id)
    }

    fn found(&mut self, id: &str, operation: &str) -> Result<&mut Container, EngineError> {
        let missing = || refusal(operation, 404, format!("No such container: {id}"));
        self.find(id).ok_or_else(missing)
    }
}

fn refusal(operation: &str, status: u16, message: String) -> EngineError {
    EngineError::Api {
        operation: operation.to_owned(),
        status,
        message,
    }
}

fn lost(operation: String) -> EngineError {
    let source = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    EngineError::Lost {
        operation,
        source: Box::new(source),
    }
}

fn by_name<T>(mut items: Vec<T>, name: impl Fn(&T) -> String) -> Vec<T> {
    items.sort_by_key(name);
    items
}

#[async_trait]
impl Engine for FakeEngine {
    fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    async fn project_containers(&self, project: &str) -> Result<Vec<Container>, EngineError> {
        self.faults(Method::ProjectContainers, project, "list the containers of")
            .await?;
        let state = self.state();
        let of_it = |it: &&Container| it.project.as_deref() == Some(project);
        let containers = state.containers.values().filter(of_it).cloned().collect();
        Ok(by_name(containers, |it: &Container| it.name.clone()))
    }

    async fn project_volumes(&self, project: &str) -> Result<Vec<Volume>, EngineError> {
        self.faults(Method::ProjectVolumes, project, "list the volumes of")
            .await?;
        let state = self.state();
        let of_it = |it: &&Volume| {
            it.labels
                .get(labels::PROJECT)
                .is_some_and(|it| it == project)
        };
        Ok(state.volumes.values().filter(of_it).cloned().collect())
    }

    async fn volume(&self, name: &str) -> Result<Option<Volume>, EngineError> {
        self.faults(Method::Volume, name, "inspect volume").await?;
        Ok(self.state().volumes.get(name).cloned())
    }

    async fn volume_users(&self, name: &str) -> Result<Vec<Container>, EngineError> {
        self.faults(Method::VolumeUsers, name, "list the users of volume")
            .await?;
        let state = self.state();
        let uses_it =
            |it: &&Container| it.mounts_volume(name) && !it.labels.contains_key(HELPER_LABEL);
        let users = state.containers.values().filter(uses_it).cloned().collect();
        Ok(by_name(users, |it: &Container| it.name.clone()))
    }

    async fn container(&self, id: &str) -> Result<Option<Container>, EngineError> {
        self.faults(Method::Container, id, "inspect container")
            .await?;
        Ok(self.state().find(id).cloned())
    }

    async fn image(&self, id: &str) -> Result<Option<Image>, EngineError> {
        self.faults(Method::Image, id, "inspect image").await?;
        let state = self.state();
        let is_it = |it: &&Image| {
            it.id == id
                || it
                    .tags
                    .iter()
                    .chain(&it.digests)
                    .any(|reference| reference == id)
        };
        Ok(state.images.values().find(is_it).cloned())
    }

    async fn pause(&self, id: &str) -> Result<(), EngineError> {
        self.state().calls.push(Call::Pause(id.to_owned()));
        self.faults(Method::Pause, id, "pause container").await?;
        let operation = format!("pause container `{id}`");
        let mut state = self.state();
        let container = state.found(id, &operation)?;
        let message = match container.state {
            ContainerState::Running => {
                container.state = ContainerState::Paused;
                return Ok(());
            }
            ContainerState::Paused => format!("Container {id} is already paused"),
            ContainerState::Restarting => {
                format!("Container {id} is restarting, wait until the container is running")
            }
            _ => format!("Container {id} is not running"),
        };
        Err(refusal(&operation, 409, message))
    }

    async fn unpause(&self, id: &str) -> Result<(), EngineError> {
        self.state().calls.push(Call::Unpause(id.to_owned()));
        self.faults(Method::Unpause, id, "unpause container")
            .await?;
        let operation = format!("unpause container `{id}`");
        let mut state = self.state();
        let container = state.found(id, &operation)?;
        if container.state != ContainerState::Paused {
            return Err(refusal(
                &operation,
                500,
                format!("Container {id} is not paused"),
            ));
        }
        container.state = ContainerState::Running;
        Ok(())
    }

    async fn create_helper(&self, spec: &HelperSpec) -> Result<String, EngineError> {
        self.state()
            .calls
            .push(Call::CreateHelper(spec.mount.clone()));
        let target = match &spec.mount {
            HelperMount::Volume(name) => name.clone(),
            HelperMount::Path(path) => path.display().to_string(),
        };
        self.faults(Method::CreateHelper, &target, "create a helper for")
            .await?;
        let mut state = self.state();
        if let HelperMount::Volume(name) = &spec.mount {
            // As the engine does, without a label: a caller that did not look first is found out.
            state.volumes.entry(name.clone()).or_insert_with(|| Volume {
                name: name.clone(),
                driver: "local".into(),
                scope: "local".into(),
                ..Volume::default()
            });
        }
        state.helpers_made += 1;
        let id = format!("helper-{}", state.helpers_made);
        state.helpers.insert(id.clone(), spec.mount.clone());
        let container = helper_container(&id, &spec.owner);
        state.containers.insert(id.clone(), container);
        Ok(id)
    }

    async fn remove_helper(&self, id: &str) -> Result<(), EngineError> {
        self.state().calls.push(Call::RemoveHelper(id.to_owned()));
        self.faults(Method::RemoveHelper, id, "remove helper")
            .await?;
        let mut state = self.state();
        let Some(container) = state.find(id) else {
            return Ok(());
        };
        if !container.labels.contains_key(HELPER_LABEL) {
            return Err(EngineError::NotOurs { id: id.to_owned() });
        }
        state.helpers.remove(id);
        state.containers.remove(id);
        Ok(())
    }

    async fn helpers(&self) -> Result<Vec<Container>, EngineError> {
        self.faults(Method::Helpers, "", "list helpers").await?;
        let state = self.state();
        let ours = |it: &&Container| it.labels.contains_key(HELPER_LABEL);
        Ok(state.containers.values().filter(ours).cloned().collect())
    }

    async fn read_archive(&self, container: &str, path: &str) -> Result<ByteStream, EngineError> {
        let (id, inside) = (container.to_owned(), path.to_owned());
        self.state().calls.push(Call::ReadArchive {
            container: id.clone(),
            path: inside.clone(),
        });
        self.faults(Method::ReadArchive, container, "read from")
            .await?;
        let operation = format!("read `{path}` of container `{container}`");
        let mut state = self.state();
        state.found(container, &operation)?;
        let source = match state.helpers.get(container) {
            Some(HelperMount::Volume(name)) => Source::Volume(name.clone()),
            Some(HelperMount::Path(path)) => Source::Path(path.clone()),
            None => Source::Container(id, inside),
        };
        let missing = || refusal(&operation, 404, format!("Could not find the file {path}"));
        let (tar, ending) = state.archives.get(&source).cloned().ok_or_else(missing)?;
        Ok(archive_stream(&tar, ending, operation))
    }
}

fn helper_container(id: &str, owner: &str) -> Container {
    Container {
        id: id.to_owned(),
        name: id.to_owned(),
        project: None,
        service: None,
        number: None,
        oneoff: false,
        auto_remove: false,
        state: ContainerState::Created,
        image: "compose-dump-helper:1".into(),
        image_id: "sha256:0".into(),
        config_hash: None,
        created_at: None,
        mounts: Vec::new(),
        labels: BTreeMap::from([(HELPER_LABEL.to_owned(), owner.to_owned())]),
    }
}

fn archive_stream(tar: &Bytes, ending: Ending, operation: String) -> ByteStream {
    let chunks: Vec<_> = (0..tar.len())
        .step_by(CHUNK)
        .map(|at| tar.slice(at..tar.len().min(at + CHUNK)))
        .collect();
    let sent = stream::iter(chunks.into_iter().map(Ok));
    match ending {
        Ending::Clean => sent.boxed(),
        Ending::Lost => sent.chain(stream::iter([Err(lost(operation))])).boxed(),
        Ending::Idle => {
            let idle = EngineError::Idle {
                operation,
                after: Duration::from_secs(300),
            };
            sent.chain(stream::iter([Err(idle)])).boxed()
        }
        Ending::Hang => sent.chain(stream::pending()).boxed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
