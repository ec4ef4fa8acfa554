//! An engine behind the Docker Engine API, by way of the library bollard, which nothing outside of
//! this folder names.
//!
//! Two patiences: a short one for every request that gives or changes facts ([`Limits::control`]),
//! and one between two pieces of content ([`Limits::idle`]), because a transfer may take hours and
//! must not hang for ever. What goes over the wire is not logged: it holds environments.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use bollard::Docker;
use bollard::models::ContainerSummary;
use bollard::query_parameters::{
    CreateContainerOptions, DownloadFromContainerOptionsBuilder, InspectContainerOptions,
    ListContainersOptions, RemoveContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;

use super::endpoint::Endpoint;
use super::helper::{HELPER_IMAGE, HELPER_LABEL};
use super::model::labels;
use super::{
    ByteStream, Container, Daemon, Engine, EngineError, Exec, ExecSpec, ExecState, HelperMount,
    HelperSpec, Image, NewVolume, StateChange, Upload, Volume,
};

mod changes;
mod connect;
mod decode;
mod exec;
mod fault;
mod requests;
mod ssh;
mod transfer;

use connect::{Connection, bounded};
use ssh::Bridge;

/// Inspections under way at the same time.
const PARALLEL: usize = 4;

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
            _bridge: bridge,
        })
    }

    /// Where it answered.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// A list is short of what is needed (`--rm`), so each container is inspected. One that vanishes
    /// in between is left out.
    async fn containers(
        &self,
        operation: &str,
        options: ListContainersOptions,
    ) -> Result<Vec<Container>, EngineError> {
        let request = self.client.list_containers(Some(options));
        let listed = bounded(operation, self.limits.control, request).await?;
        let ids = listed
            .into_iter()
            .filter_map(|summary: ContainerSummary| summary.id);
        let inspections = stream::iter(ids.map(|id| async move { self.container(&id).await }));
        let inspected: Vec<_> = inspections.buffered(PARALLEL).try_collect().await?;
        let mut containers: Vec<_> = inspected.into_iter().flatten().collect();
        containers.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(containers)
    }

    async fn volumes(
        &self,
        operation: &str,
        filter: &str,
        value: &str,
    ) -> Result<Vec<Volume>, EngineError> {
        let request = self
            .client
            .list_volumes(Some(requests::volumes_where(filter, value)));
        let listed = bounded(operation, self.limits.control, request).await?;
        let mut volumes: Vec<_> = listed
            .volumes
            .unwrap_or_default()
            .into_iter()
            .map(decode::volume)
            .collect();
        volumes.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(volumes)
    }

    /// The id of the helper image, which is made if it is not there. A tag that somebody else has
    /// taken is taken back: what is under it must be empty.
    async fn helper_image(&self) -> Result<String, EngineError> {
        if let Some(id) = self.helper_image_id().await? {
            return Ok(id);
        }
        let operation = "make the helper image";
        let body = bollard::body_full(Bytes::from_static(transfer::EMPTY_TAR));
        let progress = self
            .client
            .create_image(Some(requests::helper_image()), Some(body), None);
        bounded(
            operation,
            self.limits.control,
            progress.try_for_each(|_| async { Ok(()) }),
        )
        .await?;
        let made = self.helper_image_id().await?;
        made.ok_or_else(|| EngineError::Garbled {
            operation: operation.to_owned(),
        })
    }

    async fn helper_image_id(&self) -> Result<Option<String>, EngineError> {
        let operation = format!("inspect image `{HELPER_IMAGE}`");
        let request = self.client.inspect_image(HELPER_IMAGE);
        let Some(image) = found(bounded(&operation, self.limits.control, request).await)? else {
            return Ok(None);
        };
        let ours = image
            .config
            .as_ref()
            .and_then(|config| config.labels.as_ref())
            .is_some_and(|labels| labels.contains_key(HELPER_LABEL));
        let empty = image
            .size
            .is_none_or(|bytes| bytes <= transfer::EMPTY_IMAGE_LIMIT);
        Ok(image.id.filter(|_| ours && empty))
    }
}

/// An answer, with "there is none" as a value.
fn found<T>(answer: Result<T, EngineError>) -> Result<Option<T>, EngineError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
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
        if requests::is_misleading(name) {
            return Ok(None);
        }
        let operation = format!("inspect volume `{name}`");
        let segment = requests::segment(name);
        let request = self.client.inspect_volume(&segment);
        match found(bounded(&operation, self.limits.control, request).await) {
            // The status that a driver's plugin adds to an inspection is of any shape, and the
            // library expects one; a list leaves the status out.
            Err(EngineError::Garbled { .. }) => {
                let listed = self.volumes(&operation, "name", name).await?;
                Ok(listed.into_iter().find(|volume| volume.name == name))
            }
            inspected => inspected.map(|volume| volume.map(decode::volume)),
        }
    }

    async fn volume_users(&self, name: &str) -> Result<Vec<Container>, EngineError> {
        let operation = format!("list the users of volume `{name}`");
        let mut users = self
            .containers(&operation, requests::containers_where("volume", name))
            .await?;
        // The filter also takes containers that mount anything at a path of that name.
        users.retain(|user| user.mounts_volume(name) && !user.labels.contains_key(HELPER_LABEL));
        Ok(users)
    }

    async fn container(&self, id: &str) -> Result<Option<Container>, EngineError> {
        if requests::is_misleading(id) {
            return Ok(None);
        }
        let operation = format!("inspect container `{id}`");
        let segment = requests::segment(id);
        let request = self
            .client
            .inspect_container(&segment, None::<InspectContainerOptions>);
        let inspected = found(bounded(&operation, self.limits.control, request).await)?;
        Ok(inspected.map(decode::container))
    }

    async fn image(&self, id: &str) -> Result<Option<Image>, EngineError> {
        if requests::is_misleading(id) {
            return Ok(None);
        }
        let operation = format!("inspect image `{id}`");
        let segment = requests::segment(id);
        let request = self.client.inspect_image(&segment);
        let inspected = found(bounded(&operation, self.limits.control, request).await)?;
        Ok(inspected.map(decode::image))
    }

    async fn pause(&self, id: &str) -> Result<(), EngineError> {
        let operation = format!("pause container `{id}`");
        let segment = requests::segment(id);
        bounded(
            &operation,
            self.limits.control,
            self.client.pause_container(&segment),
        )
        .await
    }

    async fn unpause(&self, id: &str) -> Result<(), EngineError> {
        let operation = format!("unpause container `{id}`");
        let segment = requests::segment(id);
        bounded(
            &operation,
            self.limits.control,
            self.client.unpause_container(&segment),
        )
        .await
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
        if !self.daemon.archives_are_faithful() {
            return Err(EngineError::Unfaithful {
                product: self.daemon.product.clone(),
            });
        }
        if let HelperMount::Path(path) = &spec.mount
            && path.to_str().is_none()
        {
            return Err(EngineError::Unspeakable { path: path.clone() });
        }
        let image = self.helper_image().await?;
        let body = requests::helper(spec, &image);
        let request = self
            .client
            .create_container(None::<CreateContainerOptions>, body);
        let operation = "create a helper container";
        Ok(bounded(operation, self.limits.control, request).await?.id)
    }

    async fn remove_helper(&self, id: &str) -> Result<(), EngineError> {
        let Some(container) = self.container(id).await? else {
            return Ok(());
        };
        if !container.labels.contains_key(HELPER_LABEL) {
            return Err(EngineError::NotOurs { id: id.to_owned() });
        }
        let options = RemoveContainerOptionsBuilder::default().force(true).build();
        let operation = format!("remove helper container `{id}`");
        let request = self.client.remove_container(&container.id, Some(options));
        match bounded(&operation, self.limits.control, request).await {
            // Gone, or somebody else is at it ("removal ... is already in progress").
            Err(error) if error.is_not_found() || error.is_conflict() => Ok(()),
            removed => removed,
        }
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
