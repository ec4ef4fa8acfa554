//! What compose-dump asks of a Docker Engine, as one small trait, and plain data for its answers.
//!
//! The rest of the program knows [`Engine`], [`model`] and [`EngineError`] only. [`endpoint`] says
//! where the engine is, [`docker`] is the one place that names the API library, [`local`] proves
//! that the engine's files are our files, [`helper`] reads volumes and paths through the engine, and
//! [`own`] finds the container that we run in. `fake` stands in for an engine in tests.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use jiff::Timestamp;

pub mod attempt;
pub mod container;
pub mod docker;
pub mod endpoint;
pub mod error;
pub mod exec;
#[cfg(any(test, feature = "fake-engine"))]
pub mod fake;
pub mod helper;
pub mod local;
pub mod model;
pub mod order;
pub mod own;

pub use attempt::{Attempt, Why};
pub use container::{Container, ContainerMount, ContainerState, Health, MountKind};
pub use error::EngineError;
pub use exec::{Exec, ExecInput, ExecOutput, ExecSpec, ExecState, ExecStream};
pub use model::{Change, Daemon, HelperMount, HelperSpec, Image, NewVolume, StateChange, Volume};

/// Bytes of a tar stream as the engine sends them. Ends with [`EngineError::Idle`] when no byte
/// comes for the transfer client's idle time, with [`EngineError::Lost`] when the connection breaks.
///
/// A clean end proves nothing: the engine logs read errors and ends the stream as if all was well
/// (`Tarballer.Do` in moby). Whoever reads must parse the tar and find its two zero blocks.
pub type ByteStream = BoxStream<'static, Result<Bytes, EngineError>>;

/// Bytes of a tar stream on their way to the engine. An `Err` breaks the request off, so that the engine
/// does not take a part for the whole; an early end without one it would.
pub type Upload = BoxStream<'static, std::io::Result<Bytes>>;

/// A Docker Engine. Every call is one or a few requests, bounded in time; none retries.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Facts about the engine itself, as they were when it was connected to.
    fn daemon(&self) -> &Daemon;

    /// The beginning of a command line by which a person reaches this engine: `docker`, with the
    /// options that it takes.
    fn docker_command(&self) -> String {
        "docker".to_owned()
    }

    /// All containers with the label `com.docker.compose.project=<project>`, in every state,
    /// one-offs too ([`Container::oneoff`]), sorted by name.
    ///
    /// # Errors
    /// When the engine does not answer as it should.
    async fn project_containers(&self, project: &str) -> Result<Vec<Container>, EngineError>;

    /// All volumes with the label `com.docker.compose.project=<project>`, sorted by name. External
    /// and anonymous volumes bear no such label; they are found through containers' mounts.
    ///
    /// # Errors
    /// When the engine does not answer as it should.
    async fn project_volumes(&self, project: &str) -> Result<Vec<Volume>, EngineError>;

    /// The volume of that real name; `None` if there is none.
    ///
    /// # Errors
    /// When the engine does not answer as it should.
    async fn volume(&self, name: &str) -> Result<Option<Volume>, EngineError>;

    /// All containers, of any project and in any state, that mount the volume of that real name,
    /// sorted by name. Our own helpers are not among them.
    ///
    /// # Errors
    /// When the engine does not answer as it should.
    async fn volume_users(&self, name: &str) -> Result<Vec<Container>, EngineError>;

    /// The container as it is now, by id or name; `None` if there is none.
    ///
    /// # Errors
    /// When the engine does not answer as it should.
    async fn container(&self, id: &str) -> Result<Option<Container>, EngineError>;

    /// The image of that id or reference; `None` if the engine does not hold it.
    ///
    /// # Errors
    /// When the engine does not answer as it should.
    async fn image(&self, id: &str) -> Result<Option<Image>, EngineError>;

    /// Freezes a running container.
    ///
    /// # Errors
    /// Told apart by [`EngineError::is_not_running`], [`EngineError::is_already_paused`],
    /// [`EngineError::is_freeze_failure`] (worth a retry), [`EngineError::is_freezer_missing`]
    /// (never works here) and [`EngineError::is_not_found`]. After one that
    /// [`EngineError::is_transient`] the container may be frozen all the same, or become so.
    async fn pause(&self, id: &str) -> Result<(), EngineError>;

    /// Thaws a paused container.
    ///
    /// # Errors
    /// Told apart by [`EngineError::is_not_paused`] and [`EngineError::is_not_found`].
    async fn unpause(&self, id: &str) -> Result<(), EngineError>;

    /// Stops a container: its stop signal, `grace` to end by itself, then a kill. Its restart policy does
    /// not start it again. One that does not run already is no error.
    ///
    /// # Errors
    /// Told apart by [`EngineError::is_not_found`]. After one that [`EngineError::is_transient`] the
    /// container may be stopped all the same, or become so.
    async fn stop(&self, id: &str, grace: Duration) -> Result<(), EngineError>;

    /// Starts a container. One that runs already is no error.
    ///
    /// # Errors
    /// Told apart by [`EngineError::is_not_found`]; the engine's where it cannot be started.
    async fn start(&self, id: &str) -> Result<(), EngineError>;

    /// Removes a container that does not run, and leaves its anonymous volumes. One that is gone already
    /// is no error.
    ///
    /// # Errors
    /// [`EngineError::is_conflict`] when it runs.
    async fn remove_container(&self, id: &str) -> Result<(), EngineError>;

    /// Makes a volume. The engine takes one of that name and driver that is there already for the new one,
    /// whatever its labels: look for it first.
    ///
    /// # Errors
    /// When the driver refuses, or a volume of that name has another driver or other options.
    async fn create_volume(&self, volume: &NewVolume) -> Result<Volume, EngineError>;

    /// Removes a volume and what is in it. One that is gone already is no error.
    ///
    /// # Errors
    /// [`EngineError::is_conflict`] while any container refers to it, a stopped one too.
    async fn remove_volume(&self, name: &str) -> Result<(), EngineError>;

    /// What time it is by the engine's own clock; `None` where it does not say.
    ///
    /// # Errors
    /// When the engine does not answer as it should.
    async fn clock(&self) -> Result<Option<Timestamp>, EngineError>;

    /// What happened to these containers, by full id, between two times of the engine's
    /// [`clock`](Engine::clock), oldest first.
    ///
    /// It comes from the engine's memory, which holds its last 256 events of any kind: what it says
    /// has happened, and more may have, long ago on a busy engine.
    ///
    /// # Errors
    /// When the engine does not answer as it should.
    async fn state_changes(
        &self,
        ids: &[String],
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<StateChange>, EngineError>;

    /// Creates a helper container from an empty image and never starts it; gives its id.
    /// Use [`helper::Helpers`], which also removes it.
    ///
    /// A volume that does not exist would be created by this: look for it first.
    ///
    /// # Errors
    /// When the engine does not answer as it should, or does not allow it; always
    /// [`EngineError::Unfaithful`] where [`Daemon::archives_are_faithful`] says no.
    async fn create_helper(&self, spec: &HelperSpec) -> Result<String, EngineError>;

    /// Removes a helper container. One that is gone already is no error.
    ///
    /// # Errors
    /// When the engine does not answer as it should, or `id` is no helper of ours.
    async fn remove_helper(&self, id: &str) -> Result<(), EngineError>;

    /// All helper containers on this engine, those of runs that are under way too, sorted by name.
    ///
    /// # Errors
    /// When the engine does not answer as it should.
    async fn helpers(&self) -> Result<Vec<Container>, EngineError>;

    /// Streams the tar of `path` in a container, which need not run. Names begin with the last
    /// component of `path` (`/data` gives `data/...`, `/data/.` gives `./...`).
    ///
    /// The engine holds that container's lock until the stream ends or is dropped; drop it before
    /// the container is removed.
    ///
    /// # Errors
    /// When the stream does not begin: no such container or path, a volume that cannot be mounted.
    async fn read_archive(&self, container: &str, path: &str) -> Result<ByteStream, EngineError>;

    /// Starts a command in a running container and attaches to it, without a terminal.
    ///
    /// # Errors
    /// Told apart by [`EngineError::is_not_running`], [`EngineError::is_paused`] and
    /// [`EngineError::is_not_found`]. A program that is not there is no error: the command ends with
    /// 126 or 127, and what the runtime says comes as its standard output.
    async fn exec(&self, container: &str, spec: &ExecSpec) -> Result<Exec, EngineError>;

    /// How the command of that id is.
    ///
    /// # Errors
    /// When the engine does not answer as it should, or has forgotten the command with its container.
    async fn exec_state(&self, id: &str) -> Result<ExecState, EngineError>;

    /// Unpacks a plain tar below the folder `path` of a container, which need not run, over what is there.
    ///
    /// The engine unpacks while it receives, and does not undo: after an error some of it is there. It takes
    /// an archive that ends between two entries for a whole one (tried: 20.10), and looks into the first bytes
    /// for a compression, so the first entry has to be one with a name of ours.
    ///
    /// # Errors
    /// [`EngineError::Idle`] when the engine takes nothing for the transfer client's idle time; the engine's
    /// where it refuses an entry (500); [`EngineError::Lost`] when `tar` breaks off.
    async fn write_archive(
        &self,
        container: &str,
        path: &str,
        tar: Upload,
    ) -> Result<(), EngineError>;
}
