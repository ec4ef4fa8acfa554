//! Where async and blocking meet; nowhere else does one wait for the other.

use std::io;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::archive::entry::SinkClosed;
use crate::engine::{EngineError, Upload};

/// Chunks of an engine's stream that are handed over at once, since each time wakes a thread. An engine sends 32 KiB in
/// each.
const HANDFUL: usize = 8;

/// Handfuls that wait for their reader: enough to keep both sides busy.
const HANDFULS: usize = 2;

/// Blocking work ended by a panic, which is a bug, or was not let run.
#[derive(Debug, thiserror::Error)]
#[error("{work} ended unexpectedly; this is a bug")]
pub struct WorkLost {
    work: &'static str,
}

/// Runs blocking work on one of the runtime's threads for it, which does other work before and after.
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
pub(crate) struct Chunks<T = Result<Bytes, EngineError>> {
    receiver: mpsc::Receiver<Vec<T>>,
    handful: std::vec::IntoIter<T>,
}

impl<T> Iterator for Chunks<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.handful.len() == 0 {
            self.handful = self.receiver.blocking_recv()?.into_iter();
        }
        self.handful.next()
    }
}

/// Takes `stream` to the blocking side through a bounded queue. The stream is dropped at its end,
/// when the other end is dropped, and when `cancel` fires. It has to end behind an error: what is no handful yet is handed
/// over at the end.
pub(crate) fn chunks<T: Send + 'static>(
    stream: BoxStream<'static, T>,
    cancel: CancellationToken,
) -> Chunks<T> {
    let (sender, receiver) = mpsc::channel(HANDFULS);
    let mut handfuls = stream.chunks(HANDFUL);
    tokio::spawn(async move {
        let pass = async {
            while let Some(handful) = handfuls.next().await {
                if sender.send(handful).await.is_err() {
                    return;
                }
            }
        };
        cancel.run_until_cancelled(pass).await;
    });
    Chunks {
        receiver,
        handful: Vec::new().into_iter(),
    }
}

/// Chunks of an upload that wait for the engine.
const UPLOAD_CHUNKS: usize = 8;

/// The blocking end of an upload. Dropped before its [`end`](Outgoing::end), it breaks the upload off.
pub(crate) struct Outgoing {
    sender: mpsc::Sender<Piece>,
}

enum Piece {
    Content(Bytes),
    End,
}

impl Outgoing {
    /// Sends a chunk, and waits while the engine is behind.
    ///
    /// # Errors
    /// When the engine takes nothing more.
    pub(crate) fn send(&self, chunk: Bytes) -> Result<(), SinkClosed> {
        self.give(Piece::Content(chunk))
    }

    /// Says that everything was sent.
    ///
    /// # Errors
    /// When the engine takes nothing more.
    pub(crate) fn end(self) -> Result<(), SinkClosed> {
        self.give(Piece::End)
    }

    fn give(&self, piece: Piece) -> Result<(), SinkClosed> {
        self.sender.blocking_send(piece).map_err(|_| SinkClosed)
    }
}

/// An upload to the engine, and the end of it that blocking work fills. An upload whose blocking end is
/// dropped ends with an error: the engine would take a part for the whole.
pub(crate) fn upload() -> (Outgoing, Upload) {
    let (sender, receiver) = mpsc::channel(UPLOAD_CHUNKS);
    let pieces = futures_util::stream::unfold(Some(receiver), |receiver| async {
        let mut receiver: mpsc::Receiver<Piece> = receiver?;
        match receiver.recv().await {
            Some(Piece::Content(chunk)) => Some((Ok(chunk), Some(receiver))),
            Some(Piece::End) => None,
            None => {
                let broken = io::Error::other("its content broke off");
                Some((Err(broken), None))
            }
        }
    });
    (Outgoing { sender }, pieces.boxed())
}
