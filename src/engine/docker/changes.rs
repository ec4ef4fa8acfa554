//! The requests that change something: pausing, stopping, starting, making, removing, unpacking.

use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::{
    RemoveContainerOptionsBuilder, RemoveVolumeOptionsBuilder, StartContainerOptions,
    StopContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};

use super::connect::bounded;
use super::fault::failed;
use super::{DockerEngine, decode, requests, transfer};
use crate::engine::{EngineError, NewVolume, Upload, Volume};

/// A body of an hour or a day is one request, and watched for standing still instead.
const NO_LIMIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl DockerEngine {
    pub(super) async fn pause_container(&self, id: &str) -> Result<(), EngineError> {
        let operation = format!("pause container `{id}`");
        let segment = requests::segment(id);
        bounded(
            &operation,
            self.limits.control,
            self.client.pause_container(&segment),
        )
        .await
    }

    pub(super) async fn unpause_container(&self, id: &str) -> Result<(), EngineError> {
        let operation = format!("unpause container `{id}`");
        let segment = requests::segment(id);
        bounded(
            &operation,
            self.limits.control,
            self.client.unpause_container(&segment),
        )
        .await
    }

    pub(super) async fn stop_container(
        &self,
        id: &str,
        grace: Duration,
    ) -> Result<(), EngineError> {
        let operation = format!("stop container `{id}`");
        let segment = requests::segment(id);
        let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::default().t(seconds).build();
        // The engine answers when the container has ended, which it may use its whole grace for.
        let patience = self.limits.control.saturating_add(grace);
        let client = self.patient_client(patience);
        let request = client.stop_container(&segment, Some(options));
        bounded(&operation, patience, request).await
    }

    pub(super) async fn start_container(&self, id: &str) -> Result<(), EngineError> {
        let operation = format!("start container `{id}`");
        let segment = requests::segment(id);
        let request = self
            .client
            .start_container(&segment, None::<StartContainerOptions>);
        bounded(&operation, self.limits.control, request).await
    }

    pub(super) async fn remove_stopped_container(&self, id: &str) -> Result<(), EngineError> {
        let operation = format!("remove container `{id}`");
        let segment = requests::segment(id);
        let options = RemoveContainerOptionsBuilder::default().build();
        let request = self.client.remove_container(&segment, Some(options));
        gone(bounded(&operation, self.limits.control, request).await)
    }

    pub(super) async fn make_volume(&self, volume: &NewVolume) -> Result<Volume, EngineError> {
        let operation = format!("create volume `{}`", volume.name);
        let request = self.client.create_volume(requests::new_volume(volume));
        let made = bounded(&operation, self.limits.control, request).await?;
        Ok(decode::volume(made))
    }

    pub(super) async fn drop_volume(&self, name: &str) -> Result<(), EngineError> {
        let operation = format!("remove volume `{name}`");
        let segment = requests::segment(name);
        let options = RemoveVolumeOptionsBuilder::default().build();
        let request = self.client.remove_volume(&segment, Some(options));
        gone(bounded(&operation, self.limits.control, request).await)
    }

    pub(super) async fn unpack(
        &self,
        container: &str,
        path: &str,
        tar: Upload,
    ) -> Result<(), EngineError> {
        let operation = format!("write `{path}` of container `{container}`");
        let segment = requests::segment(container);
        let options = UploadToContainerOptionsBuilder::default()
            .path(path)
            .build();
        let (body, progress) = transfer::counted(tar);
        let client = self.patient_client(NO_LIMIT);
        let request =
            client.upload_to_container(&segment, Some(options), bollard::body_try_stream(body));
        tokio::select! {
            // Nobody is told to wait: that it takes long is no news.
            answer = request => answer.map_err(|error| failed(&operation, NO_LIMIT, error)),
            () = progress.stands_still_for(self.limits.idle) => Err(EngineError::Idle {
                operation,
                after: self.limits.idle,
            }),
        }
    }

    /// The library's own timeout covers a request until its answer, the body that is sent included.
    fn patient_client(&self, patience: Duration) -> Docker {
        self.client.clone().with_timeout(patience)
    }
}

/// What was to be removed is gone, by us or before.
fn gone(answer: Result<(), EngineError>) -> Result<(), EngineError> {
    match answer {
        Err(error) if error.is_not_found() => Ok(()),
        answer => answer,
    }
}
