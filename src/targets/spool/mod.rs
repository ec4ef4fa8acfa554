//! Records calls in unlinked temporary files and makes them later: for targets that are slow while
//! services are held, and for targets that take one stream after the other.
//!
//! - With [`SpoolMode::All`] everything waits until services run again, in its order. A stream of unknown
//!   length has one by then.
//! - With [`SpoolMode::Beside`] the streams of further [slots](Slot) wait until then, one behind the other.
//! - A recorded stream that fails is cut off the record: the target never hears of it.

mod file;
mod record;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;

use super::frames::Frame;
use super::open::SpoolMode;
use super::{DumpWriter, Slot, StreamHead, TargetError};
use crate::archive::entry::Entry;
use crate::archive::manifest::{Draft, Published};

pub(super) use file::{SpoolFile, SpoolPlace};
use record::Record;

/// A writer behind a spool.
pub(super) struct Spooled {
    inner: Box<dyn DumpWriter>,
    place: SpoolPlace,
    mode: SpoolMode,
    released: bool,
    turn: Slot,
    /// What waits, by the slot that it came by.
    records: BTreeMap<Slot, Record>,
}

impl Spooled {
    /// Puts a spool before `inner`.
    ///
    /// # Errors
    /// When no file can be made in its folder.
    pub(super) fn new(
        inner: Box<dyn DumpWriter>,
        place: SpoolPlace,
        mode: SpoolMode,
    ) -> Result<Self, TargetError> {
        let mut spooled = Self {
            inner,
            place,
            mode,
            released: false,
            turn: Slot::FIRST,
            records: BTreeMap::new(),
        };
        // What the first slot needs is made at once, so that a folder that cannot be written is known before
        // anybody is held.
        if let Err(error) = spooled.record().map(drop) {
            spooled.inner.abort();
            return Err(error);
        }
        Ok(spooled)
    }

    /// The record that takes what comes by the slot whose turn it is; `None` where it is passed on.
    fn record(&mut self) -> Result<Option<&mut Record>, TargetError> {
        let waits = match self.mode {
            SpoolMode::All => true,
            SpoolMode::Beside => self.turn != Slot::FIRST,
        };
        if self.released || !waits {
            return Ok(None);
        }
        Ok(Some(match self.records.entry(self.turn) {
            Place::Occupied(record) => record.into_mut(),
            Place::Vacant(free) => free.insert(Record::new(self.place.create()?)),
        }))
    }
}

impl DumpWriter for Spooled {
    fn turn_to(&mut self, slot: Slot) -> Result<(), TargetError> {
        // What is recorded is made one call after the other, by the first slot.
        self.turn = slot;
        Ok(())
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), TargetError> {
        match self.record()? {
            Some(record) => record.call(&Frame::Entry(entry.clone())),
            None => self.inner.entry(entry),
        }
    }

    fn begin(&mut self, head: &StreamHead) -> Result<(), TargetError> {
        match self.record()? {
            Some(record) => record.begin(head),
            None => self.inner.begin(head),
        }
    }

    fn write(&mut self, data: &[u8]) -> Result<(), TargetError> {
        match self.record()? {
            Some(record) => record.write(data),
            None => self.inner.write(data),
        }
    }

    fn end(&mut self) -> Result<(), TargetError> {
        match self.record()? {
            Some(record) => record.end(),
            None => self.inner.end(),
        }
    }

    fn fail(&mut self) -> Result<(), TargetError> {
        let Some(record) = self.record()? else {
            return self.inner.fail();
        };
        if record.forget_stream()? {
            Ok(())
        } else {
            Err(self.place.site.out_of_order("fail"))
        }
    }

    fn released(&mut self) -> Result<(), TargetError> {
        if self.records.values().any(Record::has_open_stream) {
            return Err(self.place.site.out_of_order("released"));
        }
        self.released = true;
        self.turn = Slot::FIRST;
        for record in std::mem::take(&mut self.records).into_values() {
            record.replay(&mut *self.inner)?;
        }
        self.inner.released()
    }

    fn finish(mut self: Box<Self>, draft: &Draft) -> Result<Published, TargetError> {
        if !self.released
            && let Err(error) = self.released()
        {
            self.inner.abort();
            return Err(error);
        }
        self.inner.finish(draft)
    }

    fn leaves_traces(&self) -> bool {
        self.inner.leaves_traces()
    }

    fn abort(self: Box<Self>) {
        self.inner.abort();
    }
}
