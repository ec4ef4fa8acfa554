//! Hashing beside reading: a thread of its own digests what passes, so that the reader does not wait for it.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::archive::manifest::Sha256Digest;

/// Pieces that wait for the thread. The targets' queues hold the same bytes, so that these cost no
/// memory of their own as long as a target is no faster.
const QUEUE: usize = 8;

/// The digest of a stream, made on a thread that ends with it.
#[derive(Debug)]
pub(super) struct StreamDigest {
    queue: SyncSender<Bytes>,
    thread: JoinHandle<Sha256Digest>,
}

impl StreamDigest {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives none.
    pub(super) fn start() -> std::io::Result<Self> {
        let (queue, pieces) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("digest".to_owned())
            .spawn(move || digest(&pieces))?;
        Ok(Self { queue, thread })
    }

    /// The next bytes of the stream. Waits while the queue is full.
    pub(super) fn update(&self, bytes: Bytes) {
        // The thread takes pieces for as long as there is a sender: it can be gone only by a panic,
        // which `finish` passes on.
        let _ = self.queue.send(bytes);
    }

    /// The digest of everything.
    pub(super) fn finish(self) -> Sha256Digest {
        drop(self.queue);
        match self.thread.join() {
            Ok(digest) => digest,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn digest(pieces: &Receiver<Bytes>) -> Sha256Digest {
    let mut hasher = Sha256::new();
    for piece in pieces {
        hasher.update(&piece);
    }
    hasher.into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_digested_in_their_order_and_none_is_left_out() {
        let digest = StreamDigest::start().unwrap();
        let mut hasher = Sha256::new();
        for number in 0..10 * QUEUE {
            let piece = Bytes::from(vec![number as u8; number]);
            hasher.update(&piece);
            digest.update(piece);
        }
        assert_eq!(digest.finish(), Sha256Digest::from(hasher));
    }

    #[test]
    fn a_stream_that_nobody_finishes_ends_its_thread() {
        let StreamDigest { queue, thread } = StreamDigest::start().unwrap();
        queue.send(Bytes::from_static(b"cut")).unwrap();
        drop(queue);
        thread.join().unwrap();
    }
}
