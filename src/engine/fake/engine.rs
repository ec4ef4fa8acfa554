//! The calls of the engine in memory, with the rules of engine 20.10.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;

use super::script::{lost, refusal};
use super::{Call, Ending, FakeEngine, Method, Source};
use crate::engine::container::DEFAULT_STOP_GRACE;
use crate::engine::helper::HELPER_LABEL;
use crate::engine::model::labels;
use crate::engine::{
    ByteStream, Change, Container, ContainerState, Daemon, Engine, EngineError, Exec, ExecSpec,
    ExecState, HelperMount, HelperSpec, Image, NewVolume, StateChange, Upload, Volume,
};

/// Bytes in one chunk of an archive; small, so that a test's archive is several.
pub(super) const CHUNK: usize = 4096;

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
                let id = container.id.clone();
                state.changed(&id, Change::Paused);
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
        let id = container.id.clone();
        state.changed(&id, Change::Unpaused);
        Ok(())
    }

    async fn stop(&self, id: &str, _: Duration) -> Result<(), EngineError> {
        self.stop_container(id).await
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
        self.take_volume(name).await
    }

    async fn clock(&self) -> Result<Option<Timestamp>, EngineError> {
        self.faults(Method::Clock, "", "tell the time").await?;
        Ok(Some(self.state().tick()))
    }

    async fn state_changes(
        &self,
        ids: &[String],
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<StateChange>, EngineError> {
        self.faults(Method::StateChanges, "", "say what happened")
            .await?;
        let state = self.state();
        let asked =
            |it: &&StateChange| ids.contains(&it.container) && (since..=until).contains(&it.at);
        Ok(state.changes.iter().filter(asked).cloned().collect())
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

    async fn exec(&self, container: &str, spec: &ExecSpec) -> Result<Exec, EngineError> {
        self.state().calls.push(Call::Exec {
            container: container.to_owned(),
            command: spec.command.clone(),
        });
        self.faults(Method::Exec, container, "run a command in container")
            .await?;
        self.start(container, spec)
    }

    async fn exec_state(&self, id: &str) -> Result<ExecState, EngineError> {
        self.faults(Method::ExecState, id, "say how a command ended")
            .await?;
        let number = id
            .strip_prefix("exec-")
            .and_then(|it| it.parse::<usize>().ok());
        let state = self.state();
        let status = number.and_then(|number| state.started.get(number));
        let missing = || {
            refusal(
                "say how a command ended",
                404,
                format!("No such exec instance: {id}"),
            )
        };
        Ok(ExecState::Ended(*status.ok_or_else(missing)?))
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

pub(super) fn helper_container(id: &str, owner: &str) -> Container {
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
        started_at: None,
        finished_at: None,
        restarts: false,
        exit_code: 0,
        health: None,
        has_health_check: false,
        stop_grace: DEFAULT_STOP_GRACE,
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

fn by_name<T>(mut items: Vec<T>, name: impl Fn(&T) -> String) -> Vec<T> {
    items.sort_by_key(name);
    items
}
