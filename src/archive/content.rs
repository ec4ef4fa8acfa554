//! The digest of a file's content, made while its data passes: holes count as the zeros that they are.

use std::collections::VecDeque;

use sha2::{Digest, Sha256};

use super::entry::{Entry, Segment};

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Hashes the content of one file after another.
#[derive(Debug, Default)]
pub struct ContentHasher {
    /// Data segments that did not come yet; of a dense file there is one.
    segments: VecDeque<Segment>,
    hasher: Sha256,
    /// Bytes that were hashed, holes included.
    hashed: u64,
}

impl ContentHasher {
    /// Starts with a file.
    pub fn begin(&mut self, entry: &Entry) {
        let dense = || {
            vec![Segment {
                offset: 0,
                len: entry.size,
            }]
        };
        self.segments = entry.sparse.clone().unwrap_or_else(dense).into();
        self.hasher = Sha256::new();
        self.hashed = 0;
    }

    /// Hashes data at the place in the file where it belongs.
    pub fn data(&mut self, mut data: &[u8]) {
        while let Some(segment) = self.segments.front_mut()
            && !data.is_empty()
        {
            let len = usize::try_from(segment.len).map_or(data.len(), |len| len.min(data.len()));
            let (here, rest) = data.split_at(len);
            let offset = segment.offset;
            segment.offset += len as u64;
            segment.len -= len as u64;
            if segment.len == 0 {
                self.segments.pop_front();
            }
            self.hole(offset);
            self.hasher.update(here);
            self.hashed += len as u64;
            data = rest;
        }
    }

    /// The digest of a file of `size` bytes.
    pub fn finish(&mut self, size: u64) -> [u8; 32] {
        self.hole(size);
        std::mem::take(&mut self.hasher).finalize().into()
    }

    /// Hashes the zeros of a hole up to `offset`.
    fn hole(&mut self, offset: u64) {
        while self.hashed < offset {
            let len = usize::try_from(offset - self.hashed)
                .unwrap_or(ZEROS.len())
                .min(ZEROS.len());
            self.hasher.update(&ZEROS[..len]);
            self.hashed += len as u64;
        }
    }
}
