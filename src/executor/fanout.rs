//! One pass over the sources, several targets: every piece goes to a queue per target.
//!
//! Behind each queue a thread of its own compresses, hashes and writes. A target that fails is taken
//! out, and the others go on; when none is left, or the run is cancelled, the sources are told so.

mod lane;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::event::{Event, Reporter};
use crate::archive::entry::{Entry, SinkClosed};
use crate::archive::manifest::Draft;
use crate::targets::{DumpWriter, Slot, StreamHead};

pub(crate) use lane::LaneEnd;
use lane::{Lane, Piece};

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
        self.each.iter().any(Lane::is_open)
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
        let started = writers
            .into_iter()
            .map(|(name, writer)| Lane::start(name, writer, Arc::clone(reporter)));
        let lanes = started.collect::<std::io::Result<_>>()?;
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
        self.lanes().each.iter_mut().for_each(Lane::close);
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
        lanes.iter_mut().for_each(Lane::close);
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
