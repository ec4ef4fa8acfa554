//! A piece of a file, or of objects, as a reader with a place of its own, so that several can read one.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::store::{Joined, ObjectReader};

/// Bytes of objects that are rather read than left out: asking for others takes its time.
const READ_THROUGH: u64 = 32 << 20;

/// What pieces are of.
#[derive(Clone)]
pub(super) enum Whole {
    File(Arc<File>),
    Objects(Arc<Joined>),
}

/// Reads from `at` up to `end`.
pub(super) struct Section {
    whole: Whole,
    at: u64,
    end: u64,
    /// Of objects, once something was read.
    reader: Option<ObjectReader>,
}

impl Section {
    pub(super) fn new(file: &Arc<File>, at: u64, end: u64) -> Self {
        Self::of(&Whole::File(Arc::clone(file)), at, end)
    }

    pub(super) fn of(whole: &Whole, at: u64, end: u64) -> Self {
        Self {
            whole: whole.clone(),
            at,
            end,
            reader: None,
        }
    }

    /// Leaves bytes out.
    pub(super) fn skip(&mut self, len: u64) {
        self.at = self.at.saturating_add(len);
        let mut reader = self.reader.take();
        if let Some(reader) = reader.as_mut().filter(|_| len <= READ_THROUGH)
            && io::copy(&mut reader.take(len), &mut io::sink()).is_err()
        {
            // Whoever reads on hears of it.
            return;
        }
        self.reader = reader.filter(|_| len <= READ_THROUGH);
    }

    /// The same piece, from where this one is.
    pub(super) fn again(&self) -> Self {
        Self::of(&self.whole, self.at, self.end)
    }
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_sub(self.at);
        let len = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = match &self.whole {
            Whole::File(file) => file.read_at(&mut buffer[..len], self.at)?,
            Whole::Objects(objects) => {
                let reader = self.reader.get_or_insert_with(|| objects.reader(self.at));
                reader.read(&mut buffer[..len])?
            }
        };
        self.at += read as u64;
        Ok(read)
    }
}
