//! The queue of one target, and the thread behind it.

use std::sync::Arc;
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError, channel, sync_channel,
};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::archive::entry::Entry;
use crate::archive::manifest::{Draft, Published};
use crate::executor::event::{Event, Reporter, chain};
use crate::targets::{DumpWriter, Slot, StreamHead, TargetError};

/// Pieces that wait in a target's queue. Chunks are at most 1 MiB, most of them 256 KiB.
pub(super) const QUEUE: usize = 16;

/// How often a full queue, and a target that takes its time, are looked at again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(1);

/// How long a cancelled run waits for a target that has nothing to remove.
const GRACE: Duration = Duration::from_millis(500);

/// A part of a dump on its way to a target.
#[derive(Clone)]
pub(super) enum Piece {
    /// What follows came by this slot.
    Turn(Slot),
    Entry(Arc<Entry>),
    Begin(Arc<StreamHead>),
    Data(Bytes),
    End,
    Fail,
    /// To be answered when its turn comes.
    Settle(Sender<()>),
    Released,
    Finish(Arc<Draft>),
}

/// How a target ended.
#[derive(Debug)]
pub(crate) enum LaneEnd {
    /// The dump is published.
    Published(Published),
    /// The target failed; nothing of the dump is visible there.
    Failed(TargetError),
    /// The run ended before the dump was whole; nothing of it is visible.
    Aborted,
    /// The target's thread panicked, which is a bug; what it has written is hidden.
    Lost,
}

/// A target's queue.
pub(super) struct Lane {
    name: String,
    /// `None` once the target has failed or everything was sent.
    queue: Option<SyncSender<Piece>>,
    /// See [`DumpWriter::leaves_traces`].
    leaves_traces: bool,
    thread: JoinHandle<LaneEnd>,
}

impl Lane {
    /// Starts the thread that writes to `writer`.
    pub(super) fn start(
        name: String,
        writer: Box<dyn DumpWriter>,
        reporter: Arc<dyn Reporter>,
    ) -> std::io::Result<Self> {
        let (queue, pieces) = sync_channel(QUEUE);
        let leaves_traces = writer.leaves_traces();
        let target = name.clone();
        let thread = std::thread::Builder::new()
            .name(format!("target {name}"))
            .spawn(move || write_all(&target, writer, &pieces, &*reporter))?;
        Ok(Self {
            name,
            queue: Some(queue),
            leaves_traces,
            thread,
        })
    }

    /// Whether the target still takes something.
    pub(super) const fn is_open(&self) -> bool {
        self.queue.is_some()
    }

    /// Sends nothing more. What was not finished is removed by the thread.
    pub(super) fn close(&mut self) {
        self.queue = None;
    }

    /// Puts a piece into the queue, as soon as there is room.
    pub(super) fn put(&mut self, piece: &Piece, cancel: &CancellationToken) {
        let Some(queue) = &self.queue else {
            return;
        };
        let mut piece = piece.clone();
        loop {
            piece = match queue.try_send(piece) {
                Ok(()) => return,
                Err(TrySendError::Full(piece)) => piece,
                // The thread has ended: the target has failed.
                Err(TrySendError::Disconnected(_)) => break,
            };
            if cancel.is_cancelled() {
                return;
            }
            std::thread::sleep(LOOK_AGAIN_AFTER);
        }
        self.queue = None;
    }

    /// Waits until everything in the queue was written, or the target has failed.
    pub(super) fn settle(&mut self, cancel: &CancellationToken) {
        let (written, is_written) = channel();
        self.put(&Piece::Settle(written), cancel);
        while !cancel.is_cancelled() {
            match is_written.recv_timeout(LOOK_AGAIN_AFTER) {
                Ok(()) => return,
                Err(RecvTimeoutError::Timeout) => {}
                // The queue is gone with what was in it.
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.queue = None;
    }

    /// Waits for the thread to end; in a cancelled run not for long, if there is nothing to remove.
    pub(super) fn join(self, cancel: &CancellationToken) -> (String, LaneEnd) {
        let mut since = None;
        while !self.leaves_traces && !self.thread.is_finished() {
            if cancel.is_cancelled() && since.get_or_insert_with(Instant::now).elapsed() > GRACE {
                return (self.name, LaneEnd::Aborted);
            }
            std::thread::sleep(LOOK_AGAIN_AFTER);
        }
        let end = self.thread.join().unwrap_or(LaneEnd::Lost);
        (self.name, end)
    }
}

/// The life of a target's thread.
fn write_all(
    target: &str,
    mut writer: Box<dyn DumpWriter>,
    pieces: &Receiver<Piece>,
    reporter: &dyn Reporter,
) -> LaneEnd {
    let failed = |error: TargetError| {
        reporter.report(Event::TargetFailed {
            target: target.to_owned(),
            error: chain(&error),
            help: error.help(),
        });
        LaneEnd::Failed(error)
    };
    while let Ok(piece) = pieces.recv() {
        let done = match piece {
            Piece::Turn(slot) => writer.turn_to(slot),
            Piece::Entry(entry) => writer.entry(&entry),
            Piece::Begin(head) => writer.begin(&head),
            Piece::Data(chunk) => writer.write(&chunk),
            Piece::End => writer.end(),
            Piece::Fail => writer.fail(),
            Piece::Settle(written) => {
                // Whoever asked may have been cancelled meanwhile.
                let _ = written.send(());
                Ok(())
            }
            Piece::Released => writer.released(),
            Piece::Finish(draft) => {
                return match writer.finish(&draft) {
                    Ok(published) => LaneEnd::Published(published),
                    Err(error) if error.is_interruption() => LaneEnd::Aborted,
                    Err(error) => failed(error),
                };
            }
        };
        if let Err(error) = done {
            writer.abort();
            if error.is_interruption() {
                return LaneEnd::Aborted;
            }
            return failed(error);
        }
    }
    writer.abort();
    LaneEnd::Aborted
}
