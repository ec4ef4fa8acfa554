//! Content on its way from the engine, watched for standing still.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bollard::errors::Error;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};

use super::fault::failed;
use crate::engine::{ByteStream, EngineError, Upload};

/// A tar without entries: two zero blocks.
pub(super) const EMPTY_TAR: &[u8; 1024] = &[0; 1024];

/// Bytes that an image made of [`EMPTY_TAR`] may have: engines with containerd's image store count
/// its manifest and its compressed layer.
pub(super) const EMPTY_IMAGE_LIMIT: i64 = 16 * 1024;

/// Waits for the first piece, so that what fails at once fails here, and watches over the rest.
///
/// # Errors
/// When nothing comes, or an error instead of content.
pub(super) async fn begun(
    operation: String,
    idle: Duration,
    content: BoxStream<'static, Result<Bytes, Error>>,
) -> Result<ByteStream, EngineError> {
    let mut watched = watched(operation, idle, content);
    match watched.next().await {
        None => Ok(stream::empty().boxed()),
        Some(Err(error)) => Err(error),
        Some(first) => Ok(stream::iter([first]).chain(watched).boxed()),
    }
}

/// Ends after the first error. The idle time is ours to wait for: it runs only while a piece is
/// asked for, so a slow reader is not taken for a slow engine.
fn watched(
    operation: String,
    idle: Duration,
    content: BoxStream<'static, Result<Bytes, Error>>,
) -> ByteStream {
    let next = move |content: Option<BoxStream<'static, Result<Bytes, Error>>>| {
        let operation = operation.clone();
        async move {
            let mut content = content?;
            match tokio::time::timeout(idle, content.next()).await {
                Ok(None) => None,
                Ok(Some(Ok(piece))) => Some((Ok(piece), Some(content))),
                Ok(Some(Err(error))) => Some((Err(failed(&operation, idle, error)), None)),
                Err(_) => Some((
                    Err(EngineError::Idle {
                        operation,
                        after: idle,
                    }),
                    None,
                )),
            }
        }
    };
    stream::unfold(Some(content), next).boxed()
}

/// A body that notes when its last piece was asked for, and whoever watches that.
pub(super) fn counted(tar: Upload) -> (Upload, Progress) {
    let progress = Progress(Arc::new(AtomicU64::new(0)));
    let count = Arc::clone(&progress.0);
    let counted = tar.inspect(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    (counted.boxed(), progress)
}

/// How many pieces have been taken.
pub(super) struct Progress(Arc<AtomicU64>);

impl Progress {
    /// Ends when no piece has been taken for that long. What the engine does after the last one is
    /// allowed the same time.
    pub(super) async fn stands_still_for(&self, idle: Duration) {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            tokio::time::sleep(idle).await;
            let now = self.0.load(Ordering::Relaxed);
            if now == seen {
                return;
            }
            seen = now;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn piece() -> Result<Bytes, Error> {
        Ok(Bytes::from_static(b"x"))
    }

    #[tokio::test]
    async fn standing_still_is_an_error_and_the_end() {
        let content = stream::iter([piece(), piece()])
            .chain(stream::pending())
            .boxed();
        let watched = begun("read".into(), Duration::from_millis(20), content)
            .await
            .unwrap();
        let items: Vec<_> = watched.collect().await;
        assert_eq!(items.len(), 3);
        assert!(matches!(items[2], Err(EngineError::Idle { .. })));
    }

    #[tokio::test]
    async fn what_fails_at_once_fails_before_the_stream() {
        let refused = Error::DockerResponseServerError {
            status_code: 404,
            message: "no".into(),
        };
        let content = stream::iter([Err(refused)]).boxed();
        let error = begun("read".into(), Duration::from_secs(1), content)
            .await
            .err()
            .unwrap();
        assert!(error.is_not_found());
    }
}
