//! Content on its way into a volume through a helper, as a task beside whoever sends it.

use futures_util::StreamExt;
use tokio::task::JoinHandle;

use crate::engine::helper::Helpers;
use crate::engine::{EngineError, HelperMount, Upload};

/// A volume that is being filled, under its name.
pub(super) struct Filling {
    pub(super) volume: String,
    task: JoinHandle<Result<(), EngineError>>,
}

impl Filling {
    /// Begins to fill a volume, as soon as there is something of its content.
    pub(super) async fn begin(
        helpers: &Helpers,
        volume: &str,
        content: Upload,
    ) -> Result<Self, EngineError> {
        let mount = HelperMount::Volume(volume.to_owned());
        let helper = helpers.create_writable(mount).await?;
        let task = tokio::spawn(async move {
            let filled = helper.unpack(when_it_begins(content).await).await;
            let removed = helper.remove().await;
            filled.and(removed)
        });
        let volume = volume.to_owned();
        Ok(Self { volume, task })
    }

    /// Waits for the engine to have unpacked everything.
    pub(super) async fn end(self) -> Result<(), EngineError> {
        // A task that ended by a panic has dropped its helper, which removes itself.
        self.task.await.unwrap_or(Ok(()))
    }
}

/// The same content, when its first piece is there: its turn may come after hours, and the engine does not
/// wait so long for it.
async fn when_it_begins(content: Upload) -> Upload {
    let mut content = content.peekable();
    let _ = std::pin::Pin::new(&mut content).peek().await;
    content.boxed()
}
