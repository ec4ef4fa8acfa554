//! The requests that only look: containers, volumes, images, one by one and by what they have in common.

use bollard::models::ContainerSummary;
use bollard::query_parameters::{InspectContainerOptions, ListContainersOptions};
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::connect::bounded;
use super::{DockerEngine, decode, requests};
use crate::engine::helper::HELPER_LABEL;
use crate::engine::{Container, EngineError, Image, Volume};

/// Inspections under way at the same time.
const PARALLEL: usize = 4;

impl DockerEngine {
    /// A list is short of what is needed (`--rm`), so each container is inspected. One that vanishes
    /// in between is left out.
    pub(super) async fn containers(
        &self,
        operation: &str,
        options: ListContainersOptions,
    ) -> Result<Vec<Container>, EngineError> {
        let request = self.client.list_containers(Some(options));
        let listed = bounded(operation, self.limits.control, request).await?;
        let ids = listed
            .into_iter()
            .filter_map(|summary: ContainerSummary| summary.id);
        let inspections =
            stream::iter(ids.map(|id| async move { self.look_at_container(&id).await }));
        let inspected: Vec<_> = inspections.buffered(PARALLEL).try_collect().await?;
        let mut containers: Vec<_> = inspected.into_iter().flatten().collect();
        containers.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(containers)
    }

    pub(super) async fn volumes(
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

    pub(super) async fn look_at_volume(&self, name: &str) -> Result<Option<Volume>, EngineError> {
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

    pub(super) async fn users_of_volume(&self, name: &str) -> Result<Vec<Container>, EngineError> {
        let operation = format!("list the users of volume `{name}`");
        let mut users = self
            .containers(&operation, requests::containers_where("volume", name))
            .await?;
        // The filter also takes containers that mount anything at a path of that name.
        users.retain(|user| user.mounts_volume(name) && !user.labels.contains_key(HELPER_LABEL));
        Ok(users)
    }

    pub(super) async fn look_at_container(
        &self,
        id: &str,
    ) -> Result<Option<Container>, EngineError> {
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

    pub(super) async fn look_at_image(&self, id: &str) -> Result<Option<Image>, EngineError> {
        if requests::is_misleading(id) {
            return Ok(None);
        }
        let operation = format!("inspect image `{id}`");
        let segment = requests::segment(id);
        let request = self.client.inspect_image(&segment);
        let inspected = found(bounded(&operation, self.limits.control, request).await)?;
        Ok(inspected.map(decode::image))
    }
}

/// An answer, with "there is none" as a value.
pub(super) fn found<T>(answer: Result<T, EngineError>) -> Result<Option<T>, EngineError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
