//! Reading a volume, or a path of the engine's host, through a helper container: created from an
//! empty image that is made on the spot, never started, removed in every exit.
//!
//! An empty image means: nothing to pull, no anonymous volume, no copying into the volume, no program
//! that an engine could be made to run, and no lock of a user's container held while a stream lasts.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use super::{ByteStream, Container, Engine, EngineError, HelperMount, HelperSpec, Upload};
use crate::process::{Life, ProcessId};

/// Where a helper mounts what it is for. No part of it can be a link: the image is empty.
pub const MOUNT_POINT: &str = "/data";

/// Label on helper containers and their image; its value on a container is the [`ProcessId`]
/// of the run that it belongs to.
pub const HELPER_LABEL: &str = "io.github.compose-dump.helper";

/// The empty image. The tag goes up when the image changes.
pub const HELPER_IMAGE: &str = "compose-dump-helper:1";

/// Age at which a helper of a place that we cannot look into counts as left over. No dump takes so
/// long.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The helpers of one run.
pub struct Helpers {
    engine: Arc<dyn Engine>,
    owner: ProcessId,
    /// What must still happen when the run is over or cancelled: creations and removals under way.
    tasks: TaskTracker,
}

impl Helpers {
    /// For a run on this engine.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>) -> Self {
        Self {
            engine,
            owner: ProcessId::own(),
            tasks: TaskTracker::new(),
        }
    }

    /// Creates a helper that can read, and not write, what it mounts.
    ///
    /// Must be called in a tokio runtime. May be dropped at any time: a container that is being
    /// created then is removed as soon as it is there.
    ///
    /// # Errors
    /// [`EngineError::NoVolume`] when there is no such volume, else the engine's.
    pub async fn create(&self, mount: HelperMount) -> Result<Helper, EngineError> {
        self.create_as(mount, false).await
    }

    /// The same for one that can write what it mounts, too.
    ///
    /// # Errors
    /// As [`Helpers::create`].
    pub async fn create_writable(&self, mount: HelperMount) -> Result<Helper, EngineError> {
        self.create_as(mount, true).await
    }

    async fn create_as(&self, mount: HelperMount, writable: bool) -> Result<Helper, EngineError> {
        let before = self.creation_time(&mount).await?;
        let spec = HelperSpec {
            mount,
            writable,
            owner: self.owner.to_string(),
        };
        let helper = self.create_unless_dropped(spec.clone()).await?;
        // A volume that went away in between was made anew by the creation, empty.
        if self.creation_time(&spec.mount).await? != before {
            helper.remove().await?;
            return Err(no_volume(&spec.mount));
        }
        Ok(helper)
    }

    /// Waits until every helper of this run is removed: those whose [`Helper`] was dropped too. Says
    /// whether that came true in time. To be called when a run is over, however it ended.
    pub async fn settle(&self, patience: Duration) -> bool {
        self.tasks.close();
        let settled = tokio::time::timeout(patience, self.tasks.wait())
            .await
            .is_ok();
        self.tasks.reopen();
        settled
    }

    /// Removes what runs left behind that are over, and gives it. What may belong to a run that is
    /// under way stays.
    ///
    /// # Errors
    /// The engine's; helpers removed before stay removed.
    pub async fn sweep(&self) -> Result<Vec<Container>, EngineError> {
        let mut removed = Vec::new();
        for helper in self.engine.helpers().await? {
            if is_left_over(&helper) {
                self.engine.remove_helper(&helper.id).await?;
                removed.push(helper);
            }
        }
        Ok(removed)
    }

    async fn creation_time(&self, mount: &HelperMount) -> Result<Option<String>, EngineError> {
        match mount {
            HelperMount::Path(_) => Ok(None),
            HelperMount::Volume(name) => match self.engine.volume(name).await? {
                Some(volume) => Ok(volume.created_at),
                None => Err(no_volume(mount)),
            },
        }
    }

    async fn create_unless_dropped(&self, spec: HelperSpec) -> Result<Helper, EngineError> {
        let (give, take) = oneshot::channel();
        let (engine, tasks, handle) = (
            Arc::clone(&self.engine),
            self.tasks.clone(),
            Handle::current(),
        );
        self.tasks.spawn(async move {
            let created = engine.create_helper(&spec).await;
            let helper = created.map(|id| Helper {
                id: Some(id),
                engine,
                tasks,
                handle,
            });
            // Nobody there to take it means that it is dropped here, and so removed.
            drop(give.send(helper));
        });
        let operation = "create a helper container".to_owned();
        take.await.unwrap_or_else(|source| {
            Err(EngineError::Lost {
                operation,
                source: Box::new(source),
            })
        })
    }
}

fn no_volume(mount: &HelperMount) -> EngineError {
    let name = match mount {
        HelperMount::Volume(name) => name.clone(),
        HelperMount::Path(path) => path.display().to_string(),
    };
    EngineError::NoVolume { name }
}

/// Whether the run that a helper belongs to is over: its process has ended, or it cannot be looked at
/// from here (another machine, another pid namespace, before a reboot) and the helper is a week old.
fn is_left_over(helper: &Container) -> bool {
    let label = helper.labels.get(HELPER_LABEL);
    let owner = label.and_then(|label| ProcessId::parse(label));
    match owner.map(|owner| owner.life()) {
        Some(Life::Ended) => true,
        Some(Life::Alive) => false,
        Some(Life::Unknown) | None => is_forgotten(helper.created_at.as_deref()),
    }
}

fn is_forgotten(created: Option<&str>) -> bool {
    let created = created.and_then(|created| created.parse::<Timestamp>().ok());
    created.is_some_and(|created| Timestamp::now().duration_since(created) > FORGOTTEN)
}

/// A helper container. Dropping it removes it, in the background; [`Helpers::settle`] waits for that.
pub struct Helper {
    /// Taken out when the removal begins.
    id: Option<String>,
    engine: Arc<dyn Engine>,
    tasks: TaskTracker,
    handle: Handle,
}

impl Helper {
    /// The container's id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }

    /// The tar of what is mounted. Its first entry is `data/`, or `data` for a path that is no
    /// directory; what is in a directory is `data/...`.
    ///
    /// Drop the stream before the helper, or the removal waits for its end.
    ///
    /// # Errors
    /// As [`Engine::read_archive`].
    pub async fn archive(&self) -> Result<ByteStream, EngineError> {
        self.engine.read_archive(self.id(), MOUNT_POINT).await
    }

    /// Unpacks a tar over what is mounted. Its names begin with `data/`; the entry of that name is the mount
    /// itself.
    ///
    /// # Errors
    /// As [`Engine::write_archive`].
    pub async fn unpack(&self, tar: Upload) -> Result<(), EngineError> {
        self.engine.write_archive(self.id(), "/", tar).await
    }

    /// Removes the container. Goes on in the background if this is dropped while it waits.
    ///
    /// # Errors
    /// The engine's; the container may be left over then.
    pub async fn remove(mut self) -> Result<(), EngineError> {
        let (give, take) = oneshot::channel();
        if let Some(id) = self.id.take() {
            let engine = Arc::clone(&self.engine);
            self.tasks.spawn_on(
                async move { drop(give.send(engine.remove_helper(&id).await)) },
                &self.handle,
            );
        }
        // No answer means that the runtime is shutting down, and with it whoever waits.
        take.await.unwrap_or(Ok(()))
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else {
            return;
        };
        let engine = Arc::clone(&self.engine);
        let removal = async move {
            if let Err(error) = engine.remove_helper(&id).await {
                let cause: &dyn std::error::Error = &error;
                tracing::warn!(container = id, cause, "a helper container is left over");
            }
        };
        self.tasks.spawn_on(removal, &self.handle);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::engine::Volume;
    use crate::engine::fake::{Call, Ending, FakeEngine, Fault, Method};

    const SECOND: Duration = Duration::from_secs(1);

    fn setup() -> (Arc<FakeEngine>, Helpers) {
        let engine = Arc::new(FakeEngine::new());
        engine.put_volume(Volume {
            name: "v".into(),
            ..Volume::default()
        });
        engine.put_volume_archive("v", vec![0; 1024], Ending::Clean);
        let helpers = Helpers::new(Arc::clone(&engine) as Arc<dyn Engine>);
        (engine, helpers)
    }

    #[tokio::test]
    async fn dropping_and_removing_both_remove() {
        let (engine, helpers) = setup();
        let one = helpers
            .create(HelperMount::Volume("v".into()))
            .await
            .unwrap();
        let two = helpers
            .create(HelperMount::Volume("v".into()))
            .await
            .unwrap();
        drop(one.archive().await.unwrap());
        drop(one);
        two.remove().await.unwrap();
        assert!(helpers.settle(SECOND).await);
        assert_eq!(engine.open_helpers(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_missing_volume_is_never_created() {
        let (engine, helpers) = setup();
        let error = helpers
            .create(HelperMount::Volume("w".into()))
            .await
            .err()
            .unwrap();
        assert!(matches!(error, EngineError::NoVolume { .. }));
        assert_eq!(engine.calls(), Vec::<Call>::new());
    }

    #[tokio::test]
    async fn a_dropped_creation_leaves_nothing() {
        let (engine, helpers) = setup();
        // Polled once, which begins the creation, and dropped before it answers.
        tokio::select! {
            biased;
            _ = helpers.create(HelperMount::Volume("v".into())) => panic!("it cannot be there yet"),
            () = std::future::ready(()) => {}
        }
        assert!(helpers.settle(SECOND).await);
        assert_eq!(engine.open_helpers(), Vec::<String>::new());
        assert_eq!(engine.calls().len(), 2, "created and removed");
    }

    #[tokio::test]
    async fn a_removal_that_hangs_is_waited_for_no_longer_than_said() {
        let (engine, helpers) = setup();
        engine.fail(Method::RemoveHelper, None, &Fault::Hang, 1);
        drop(
            helpers
                .create(HelperMount::Volume("v".into()))
                .await
                .unwrap(),
        );
        assert!(!helpers.settle(Duration::from_millis(20)).await);
    }

    #[tokio::test]
    async fn only_what_is_left_over_is_swept() {
        let (engine, helpers) = setup();
        let ours = helpers
            .create(HelperMount::Volume("v".into()))
            .await
            .unwrap();
        let mut dead = engine.container(ours.id()).await.unwrap().unwrap();
        dead.id = "dead".into();
        dead.labels
            .insert(HELPER_LABEL.into(), ProcessId::own().ended().to_string());
        engine.put_container(dead);
        let swept = helpers.sweep().await.unwrap();
        assert_eq!(
            swept
                .iter()
                .map(|helper| helper.id.as_str())
                .collect::<Vec<_>>(),
            ["dead"]
        );
        assert_eq!(engine.open_helpers(), [ours.id()]);
    }

    #[test]
    fn what_cannot_be_looked_at_must_be_old() {
        assert!(!is_forgotten(Some(&Timestamp::now().to_string())));
        assert!(is_forgotten(Some("2020-01-01T00:00:00.123456789Z")));
        assert!(!is_forgotten(None) && !is_forgotten(Some("yesterday")));
    }
}
