//! Where async and blocking meet; nowhere else is a thread made or a runtime blocked.

use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::engine::{ByteStream, EngineError};

/// Chunks of an engine's stream that wait for their reader: enough to keep both sides busy.
const CHUNKS: usize = 16;

/// Blocking work ended by a panic, which is a bug, or was not let run.
#[derive(Debug, thiserror::Error)]
#[error("{work} ended unexpectedly; this is a bug")]
pub struct WorkLost {
    work: &'static str,
}

/// Runs blocking work on a thread of its own.
///
/// # Errors
/// When it panics.
pub(crate) async fn blocking<T: Send + 'static>(
    work: &'static str,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<T, WorkLost> {
    tokio::task::spawn_blocking(run)
        .await
        .map_err(|_| WorkLost { work })
}

/// The blocking end of an engine's stream: an iterator of its chunks. Dropping it ends the stream.
pub(crate) struct Chunks {
    receiver: mpsc::Receiver<Result<bytes::Bytes, EngineError>>,
}

impl Iterator for Chunks {
    type Item = Result<bytes::Bytes, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.receiver.blocking_recv()
    }
}

/// Takes `stream` to the blocking side through a bounded queue. The stream is dropped at its end,
/// when the other end is dropped, and when `cancel` fires.
pub(crate) fn chunks(mut stream: ByteStream, cancel: CancellationToken) -> Chunks {
    let (sender, receiver) = mpsc::channel(CHUNKS);
    tokio::spawn(async move {
        let pass = async {
            while let Some(chunk) = stream.next().await {
                if sender.send(chunk).await.is_err() {
                    return;
                }
            }
        };
        cancel.run_until_cancelled(pass).await;
    });
    Chunks { receiver }
}
