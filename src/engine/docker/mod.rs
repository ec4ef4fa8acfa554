//! An engine behind the Docker Engine API, by way of the library bollard, which nothing outside of
//! this folder names.
//!
//! Two patiences: a short one for every request that gives or changes facts ([`Limits::control`]),
//! and one between two pieces of content ([`Limits::idle`]), because a transfer may take hours and
//! must not hang for ever. What goes over the wire is not logged: it holds environments.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use bollard::Docker;
use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use futures_util::stream::{StreamExt, TryStreamExt};
use jiff::Timestamp;

use super::endpoint::Endpoint;
use super::helper::HELPER_LABEL;
use super::model::labels;
use super::{
    ByteStream, Container, Daemon, Engine, EngineError, Exec, ExecSpec, ExecState, HelperSpec,
    Image, NewVolume, StateChange, Upload, Volume,
};

mod changes;
mod connect;
mod decode;
mod exec;
mod fault;
mod helpers;
mod looks;
mod requests;
mod ssh;
mod transfer;

use connect::{Connection, bounded};
use ssh::Bridge;

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For an engine to answer at all; three times as long over ssh, which has to log in first.
    pub connect: Duration,
    /// For a request that transfers no content.
    pub control: Duration,
    /// For the next piece of a transfer.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            control: Duration::from_secs(60),
            idle: Duration::from_secs(5 * 60),
        }
    }
}

/// An engine that answered.
#[derive(Debug)]
pub struct DockerEngine {
    client: Docker,
    limits: Limits,
    endpoint: Endpoint,
    daemon: Daemon,
    /// Held while the helper image is looked for and made: helpers that are made at once share it.
    helper_image: tokio::sync::Mutex<()>,
    /// Kept for the connections that it carries.
    _bridge: Option<Bridge>,
}

impl DockerEngine {
    /// Connects to the first of the endpoints where an engine answers and agrees on a version of the
    /// API, 1.41 at least.
    ///
    /// # Errors
    /// [`EngineError::Unreachable`] with all that was tried; [`EngineError::TooOld`] and
    /// [`EngineError::TooNew`].
    pub async fn connect(endpoints: &[Endpoint], limits: Limits) -> Result<Self, EngineError> {
        let begun = Instant::now();
        let (endpoint, connection) = connect::first_that_answers(endpoints, limits).await?;
        let Connection {
            client,
            daemon,
            bridge,
        } = connection;
        tracing::info!(
            at = %endpoint,
            given_by = %endpoint.origin,
            version = daemon.server_version,
            api = daemon.api_version,
            ms = begun.elapsed().as_millis(),
            "the engine answers"
        );
        Ok(Self {
            client,
            limits,
            endpoint: endpoint.clone(),
            daemon,
            helper_image: tokio::sync::Mutex::default(),
            _bridge: bridge,
        })
    }

    /// Where it answered.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

#[async_trait]
impl Engine for DockerEngine {
    fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    fn docker_command(&self) -> String {
        self.endpoint.docker_command()
    }

    async fn project_containers(&self, project: &str) -> Result<Vec<Container>, EngineError> {
        let operation = format!("list the containers of project `{project}`");
        let label = format!("{}={project}", labels::PROJECT);
        self.containers(&operation, requests::containers_where("label", &label))
            .await
    }

    async fn project_volumes(&self, project: &str) -> Result<Vec<Volume>, EngineError> {
        let operation = format!("list the volumes of project `{project}`");
        self.volumes(
            &operation,
            "label",
            &format!("{}={project}", labels::PROJECT),
        )
        .await
    }

    async fn volume(&self, name: &str) -> Result<Option<Volume>, EngineError> {
        self.look_at_volume(name).await
    }

    async fn volume_users(&self, name: &str) -> Result<Vec<Container>, EngineError> {
        self.users_of_volume(name).await
    }

    async fn container(&self, id: &str) -> Result<Option<Container>, EngineError> {
        self.look_at_container(id).await
    }

    async fn image(&self, id: &str) -> Result<Option<Image>, EngineError> {
        self.look_at_image(id).await
    }

    async fn pause(&self, id: &str) -> Result<(), EngineError> {
        self.pause_container(id).await
    }

    async fn unpause(&self, id: &str) -> Result<(), EngineError> {
        self.unpause_container(id).await
    }

    async fn stop(&self, id: &str, grace: Duration) -> Result<(), EngineError> {
        self.stop_container(id, grace).await
    }

    async fn start(&self, id: &str) -> Result<(), EngineError> {
        self.start_container(id).await
    }

    async fn remove_container(&self, id: &str) -> Result<(), EngineError> {
        self.remove_stopped_container(id).await
    }

    async fn create_volume(&self, volume: &NewVolume) -> Result<Volume, EngineError> {
        self.make_volume(volume).await
    }

    async fn remove_volume(&self, name: &str) -> Result<(), EngineError> {
        self.drop_volume(name).await
    }

    async fn clock(&self) -> Result<Option<Timestamp>, EngineError> {
        let request = self.client.info();
        let info = bounded("tell the time", self.limits.control, request).await?;
        Ok(decode::clock(info))
    }

    async fn state_changes(
        &self,
        ids: &[String],
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<StateChange>, EngineError> {
        let options = requests::events_of(ids, since, until);
        let events = self.client.events(Some(options));
        let changes = events
            .try_filter_map(|event| async { Ok(decode::state_change(event)) })
            .try_collect();
        bounded("say what happened", self.limits.control, changes).await
    }

    async fn create_helper(&self, spec: &HelperSpec) -> Result<String, EngineError> {
        self.make_helper(spec).await
    }

    async fn remove_helper(&self, id: &str) -> Result<(), EngineError> {
        self.drop_helper(id).await
    }

    async fn helpers(&self) -> Result<Vec<Container>, EngineError> {
        let filter = requests::containers_where("label", HELPER_LABEL);
        self.containers("list helper containers", filter).await
    }

    async fn read_archive(&self, container: &str, path: &str) -> Result<ByteStream, EngineError> {
        let operation = format!("read `{path}` of container `{container}`");
        let options = DownloadFromContainerOptionsBuilder::default()
            .path(path)
            .build();
        let segment = requests::segment(container);
        let content = self.client.download_from_container(&segment, Some(options));
        transfer::begun(operation, self.limits.idle, content.boxed()).await
    }

    async fn exec(&self, container: &str, spec: &ExecSpec) -> Result<Exec, EngineError> {
        exec::start(&self.client, container, spec, self.limits.control).await
    }

    async fn exec_state(&self, id: &str) -> Result<ExecState, EngineError> {
        exec::state(&self.client, id, self.limits.control).await
    }

    async fn write_archive(
        &self,
        container: &str,
        path: &str,
        tar: Upload,
    ) -> Result<(), EngineError> {
        self.unpack(container, path, tar).await
    }
}
