//! A piece of a file as a reader with a place of its own, so that several can read one file.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Reads from `at` up to `end`.
pub(super) struct Section {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Section {
    pub(super) fn new(file: &Arc<File>, at: u64, end: u64) -> Self {
        let file = Arc::clone(file);
        Self { file, at, end }
    }

    /// Leaves bytes out.
    pub(super) fn skip(&mut self, len: u64) {
        self.at = self.at.saturating_add(len);
    }

    /// The same piece, from where this one is.
    pub(super) fn again(&self) -> Self {
        Self::new(&self.file, self.at, self.end)
    }
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_sub(self.at);
        let len = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = self.file.read_at(&mut buffer[..len], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
