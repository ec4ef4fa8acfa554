//! One pass over the sources, several targets: every piece goes to a queue per target.
//!
//! Behind each queue a thread of its own compresses, hashes and writes. A target that fails is taken
//! out, and the others go on; when none is left, or the run is cancelled, the sources are told so.

use std::collections::BTreeSet;
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError, channel, sync_channel,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::event::{Event, Reporter, chain};
use crate::archive::entry::{Entry, SinkClosed};
use crate::archive::manifest::{Draft, Published};
use crate::targets::{DumpWriter, Slot, StreamHead, TargetError};

/// Pieces that wait in a target's queue. Chunks are at most 1 MiB, most of them 256 KiB.
const QUEUE: usize = 16;

/// How often a full queue, and a target that takes its time, are looked at again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(1);

/// How long a cancelled run waits for a target that has nothing to remove.
const GRACE: Duration = Duration::from_millis(500);

/// A part of a dump on its way to a target.
#[derive(Clone)]
enum Piece {
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

struct Lane {
    name: String,
    /// `None` once the target has failed or everything was sent.
    queue: Option<SyncSender<Piece>>,
    /// See [`DumpWriter::leaves_traces`].
    leaves_traces: bool,
    thread: JoinHandle<LaneEnd>,
}

impl Lane {
    /// Puts a piece into the queue, as soon as there is room.
    fn put(&mut self, piece: &Piece, cancel: &CancellationToken) {
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
    fn settle(&mut self, cancel: &CancellationToken) {
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
    fn join(self, cancel: &CancellationToken) -> (String, LaneEnd) {
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

/// All targets, and who spoke to them last.
#[derive(Default)]
struct Lanes {
    each: Vec<Lane>,
    turn: Slot,
}

impl Lanes {
    fn put(&mut self, piece: &Piece, cancel: &CancellationToken) {
        for lane in &mut self.each {
            lane.put(piece, cancel);
        }
    }

    /// Whether somebody still takes something.
    fn are_open(&self) -> bool {
        self.each.iter().any(|lane| lane.queue.is_some())
    }
}

/// The beginning of all targets' queues. Shared by those who read sources. What is sent without saying how
/// comes by the first slot; volumes that are read side by side have a [`FanoutSlot`] each.
pub(crate) struct Fanout {
    lanes: Mutex<Lanes>,
    /// Folders that [`Fanout::folder_once`] has passed on: as many as lie above mounted paths.
    folders: Mutex<BTreeSet<Vec<u8>>>,
    reporter: Arc<dyn Reporter>,
    cancel: CancellationToken,
}

impl Fanout {
    /// Starts a thread per target.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(
        writers: Vec<(String, Box<dyn DumpWriter>)>,
        reporter: &Arc<dyn Reporter>,
        cancel: CancellationToken,
    ) -> std::io::Result<Self> {
        let mut lanes = Vec::new();
        for (name, writer) in writers {
            let (queue, pieces) = sync_channel(QUEUE);
            let leaves_traces = writer.leaves_traces();
            let reporter = Arc::clone(reporter);
            let target = name.clone();
            let thread = std::thread::Builder::new()
                .name(format!("target {name}"))
                .spawn(move || write_all(&target, writer, &pieces, &*reporter))?;
            lanes.push(Lane {
                name,
                queue: Some(queue),
                leaves_traces,
                thread,
            });
        }
        Ok(Self {
            lanes: Mutex::new(Lanes {
                each: lanes,
                turn: Slot::FIRST,
            }),
            folders: Mutex::default(),
            reporter: Arc::clone(reporter),
            cancel,
        })
    }

    /// What comes by `slot`.
    pub(crate) const fn slot(&self, slot: Slot) -> FanoutSlot<'_> {
        FanoutSlot { fanout: self, slot }
    }

    /// Starts an entry of a tree member; its path is the one in the dump.
    pub(crate) fn entry(&self, entry: Entry) -> Result<(), SinkClosed> {
        self.send(&Piece::Entry(Arc::new(entry)))
    }

    /// A folder that several members have in common: stored with the first of them.
    pub(crate) fn folder_once(&self, folder: Entry) -> Result<(), SinkClosed> {
        let first = self
            .folders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(folder.path.clone());
        if !first {
            return Ok(());
        }
        self.entry(folder)?;
        self.end()
    }

    /// Starts a stream member.
    pub(crate) fn begin(&self, head: StreamHead) -> Result<(), SinkClosed> {
        self.slot(Slot::FIRST).begin(head)
    }

    /// Content of what was started last.
    pub(crate) fn data(&self, chunk: Bytes) -> Result<(), SinkClosed> {
        self.slot(Slot::FIRST).data(chunk)
    }

    /// Ends what was started last.
    pub(crate) fn end(&self) -> Result<(), SinkClosed> {
        self.slot(Slot::FIRST).end()
    }

    /// Ends the stream that was started last, which its source could not give whole.
    pub(crate) fn fail(&self) -> Result<(), SinkClosed> {
        self.slot(Slot::FIRST).fail()
    }

    /// Waits until every target has written what it was given, or has failed. Blocks.
    pub(crate) fn settle(&self) -> Result<(), SinkClosed> {
        let mut lanes = self.lanes();
        for lane in &mut lanes.each {
            lane.settle(&self.cancel);
        }
        if lanes.are_open() && !self.cancel.is_cancelled() {
            Ok(())
        } else {
            Err(SinkClosed)
        }
    }

    /// Says that the services run again.
    pub(crate) fn released(&self) -> Result<(), SinkClosed> {
        self.send(&Piece::Released)
    }

    /// Publishes the dump at every target that is left, and says how each ended.
    pub(crate) fn finish(&self, draft: Draft) -> Vec<(String, LaneEnd)> {
        // A target that has failed is told apart by its own end, not by whether it took this.
        let _ = self.send(&Piece::Finish(Arc::new(draft)));
        self.join()
    }

    /// Removes what was written at every target.
    pub(crate) fn abort(&self) -> Vec<(String, LaneEnd)> {
        self.join()
    }

    /// Closes all queues, so that every target removes what it was given.
    pub(crate) fn give_up(&self) {
        for lane in &mut self.lanes().each {
            lane.queue = None;
        }
    }

    /// Whether nothing more is taken because the run was cancelled.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    fn send(&self, piece: &Piece) -> Result<(), SinkClosed> {
        self.send_by(Slot::FIRST, piece)
    }

    fn send_by(&self, slot: Slot, piece: &Piece) -> Result<(), SinkClosed> {
        if self.cancel.is_cancelled() {
            return Err(SinkClosed);
        }
        let mut lanes = self.lanes();
        if lanes.turn != slot {
            lanes.put(&Piece::Turn(slot), &self.cancel);
            lanes.turn = slot;
        }
        lanes.put(piece, &self.cancel);
        if lanes.are_open() && !self.cancel.is_cancelled() {
            Ok(())
        } else {
            Err(SinkClosed)
        }
    }

    /// Closes the queues and waits for the threads; what was not finished is aborted by its thread.
    fn join(&self) -> Vec<(String, LaneEnd)> {
        let mut lanes = std::mem::take(&mut self.lanes().each);
        for lane in &mut lanes {
            lane.queue = None;
        }
        lanes
            .into_iter()
            .map(|lane| lane.join(&self.cancel))
            .collect()
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the ways into the fan-out, for one stream at a time.
#[derive(Clone, Copy)]
pub(crate) struct FanoutSlot<'a> {
    fanout: &'a Fanout,
    slot: Slot,
}

impl FanoutSlot<'_> {
    /// Starts a stream member.
    pub(crate) fn begin(&self, head: StreamHead) -> Result<(), SinkClosed> {
        self.send(&Piece::Begin(Arc::new(head)))
    }

    /// Content of what was started last by this slot.
    pub(crate) fn data(&self, chunk: Bytes) -> Result<(), SinkClosed> {
        let bytes = chunk.len() as u64;
        self.fanout.reporter.report(Event::Progress { bytes });
        self.send(&Piece::Data(chunk))
    }

    /// Ends what was started last by this slot.
    pub(crate) fn end(&self) -> Result<(), SinkClosed> {
        self.send(&Piece::End)
    }

    /// Ends the stream that was started last by this slot, which its source could not give whole.
    pub(crate) fn fail(&self) -> Result<(), SinkClosed> {
        self.send(&Piece::Fail)
    }

    /// See [`Fanout::is_cancelled`].
    pub(crate) fn is_cancelled(&self) -> bool {
        self.fanout.is_cancelled()
    }

    fn send(&self, piece: &Piece) -> Result<(), SinkClosed> {
        self.fanout.send_by(self.slot, piece)
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

#[cfg(test)]
mod tests;
