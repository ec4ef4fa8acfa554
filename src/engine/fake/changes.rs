//! Starting, stopping, making, removing and unpacking, with the rules of engine 20.10.

use bytes::Bytes;
use futures_util::stream::StreamExt;
use jiff::Timestamp;

use super::script::{lost, refusal};
use super::{Call, FakeEngine, Method, Source};
use crate::engine::{
    Change, Container, ContainerState, EngineError, HelperMount, NewVolume, Upload, Volume,
};

impl FakeEngine {
    pub(super) async fn stop_container(&self, id: &str) -> Result<(), EngineError> {
        self.state().calls.push(Call::Stop(id.to_owned()));
        self.faults(Method::Stop, id, "stop container").await?;
        let mut state = self.state();
        let ends_first = state.ending.remove(id);
        let container = state.found(id, &format!("stop container `{id}`"))?;
        container.finished_at = ends_first.then_some(Timestamp::UNIX_EPOCH);
        if matches!(
            container.state,
            ContainerState::Running | ContainerState::Paused | ContainerState::Restarting
        ) {
            container.state = ContainerState::Exited;
            let id = container.id.clone();
            state.changed(&id, Change::Ended);
        }
        Ok(())
    }

    pub(super) async fn start_container(&self, id: &str) -> Result<(), EngineError> {
        self.state().calls.push(Call::Start(id.to_owned()));
        self.faults(Method::Start, id, "start container").await?;
        let operation = format!("start container `{id}`");
        let mut state = self.state();
        let container = state.found(id, &operation)?;
        match container.state {
            ContainerState::Running | ContainerState::Restarting => Ok(()),
            ContainerState::Paused => {
                let message = "cannot start a paused container, try unpause instead".to_owned();
                Err(refusal(&operation, 409, message))
            }
            _ => {
                container.state = ContainerState::Running;
                let id = container.id.clone();
                state.changed(&id, Change::Started);
                Ok(())
            }
        }
    }

    pub(super) async fn remove_stopped_container(&self, id: &str) -> Result<(), EngineError> {
        self.state()
            .calls
            .push(Call::RemoveContainer(id.to_owned()));
        self.faults(Method::RemoveContainer, id, "remove container")
            .await?;
        let operation = format!("remove container `{id}`");
        let mut state = self.state();
        let Some(container) = state.find(id).cloned() else {
            return Ok(());
        };
        if matches!(
            container.state,
            ContainerState::Running | ContainerState::Paused | ContainerState::Restarting
        ) {
            let message = format!("You cannot remove a running container {id}");
            return Err(refusal(&operation, 409, message));
        }
        state.containers.remove(&container.id);
        state.changed(&container.id, Change::Removed);
        Ok(())
    }

    pub(super) async fn make_volume(&self, volume: &NewVolume) -> Result<Volume, EngineError> {
        let name = volume.name.clone();
        self.state().calls.push(Call::CreateVolume(name.clone()));
        self.faults(Method::CreateVolume, &name, "create volume")
            .await?;
        let mut state = self.state();
        let made = state.volumes.entry(name.clone()).or_insert_with(|| Volume {
            name,
            driver: volume.driver.clone(),
            options: volume.options.clone(),
            labels: volume.labels.clone(),
            scope: "local".into(),
            ..Volume::default()
        });
        Ok(made.clone())
    }

    pub(super) async fn take_volume(&self, name: &str) -> Result<(), EngineError> {
        self.state().calls.push(Call::RemoveVolume(name.to_owned()));
        self.faults(Method::RemoveVolume, name, "remove volume")
            .await?;
        let mut state = self.state();
        let uses_it = |container: &Container| container.mounts_volume(name);
        let is_helped = |mount: &HelperMount| *mount == HelperMount::Volume(name.to_owned());
        if state.containers.values().any(uses_it) || state.helpers.values().any(is_helped) {
            let operation = format!("remove volume `{name}`");
            return Err(refusal(&operation, 409, "volume is in use".to_owned()));
        }
        state.volumes.remove(name);
        Ok(())
    }

    pub(super) async fn unpack(
        &self,
        container: &str,
        path: &str,
        mut tar: Upload,
    ) -> Result<(), EngineError> {
        self.state().calls.push(Call::WriteArchive {
            container: container.to_owned(),
            path: path.to_owned(),
        });
        self.faults(Method::WriteArchive, container, "write to")
            .await?;
        let operation = format!("write `{path}` of container `{container}`");
        let mut whole = Vec::new();
        while let Some(piece) = tar.next().await {
            match piece {
                Ok(piece) => whole.extend_from_slice(&piece),
                Err(_) => return Err(lost(operation)),
            }
        }
        let mut state = self.state();
        state.found(container, &operation)?;
        let source = match state.helpers.get(container) {
            Some(HelperMount::Volume(name)) => Source::Volume(name.clone()),
            Some(HelperMount::Path(path)) => Source::Path(path.clone()),
            None => Source::Container(container.to_owned(), path.to_owned()),
        };
        let written = state.written.entry(source).or_default();
        written.push(Bytes::from(whole));
        Ok(())
    }
}
