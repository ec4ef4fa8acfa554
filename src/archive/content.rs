//! The digest of a file's content, made while its data passes: holes count as the zeros that they are.

use std::collections::VecDeque;

use sha2::{Digest, Sha256};

use super::entry::{Entry, Segment};

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// The longest file whose digest is the sha256 of its bytes, in bytes. A longer one consists of holes, most of the time,
/// and hashing terabytes of zeros takes hours: its digest is the sha256 of the sha256s of its blocks.
pub const LONGEST_PLAIN: u64 = 64 << 30;
/// Bytes of such a block; the last one may be shorter.
const BLOCK: u64 = 16 << 20;

/// Hashes the content of one file after another.
#[derive(Debug, Default)]
pub struct ContentHasher {
    /// Data segments that did not come yet; of a dense file there is one.
    segments: VecDeque<Segment>,
    /// Of the content, or of the block that is being filled.
    hasher: Sha256,
    /// What blocks are hashed into.
    blocks: Option<Blocks>,
    /// Bytes that were hashed, holes included.
    hashed: u64,
}

/// The sum over blocks.
#[derive(Debug)]
struct Blocks {
    hasher: Sha256,
    of_zeros: [u8; 32],
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
        self.blocks = (entry.size > LONGEST_PLAIN).then(Blocks::new);
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
            self.update(here);
            data = rest;
        }
    }

    /// The digest of a file of `size` bytes.
    pub fn finish(&mut self, size: u64) -> [u8; 32] {
        self.hole(size);
        let last = std::mem::take(&mut self.hasher);
        let Some(mut blocks) = self.blocks.take() else {
            return last.finalize().into();
        };
        if !self.hashed.is_multiple_of(BLOCK) {
            blocks.hasher.update(last.finalize());
        }
        blocks.hasher.finalize().into()
    }

    /// Hashes the zeros of a hole up to `offset`.
    fn hole(&mut self, offset: u64) {
        while self.hashed < offset {
            if let Some(blocks) = &mut self.blocks
                && self.hashed.is_multiple_of(BLOCK)
                && offset - self.hashed >= BLOCK
            {
                blocks.hasher.update(blocks.of_zeros);
                self.hashed += BLOCK;
                continue;
            }
            // No further than a block goes, so that the next one can be skipped.
            let left = (offset - self.hashed).min(BLOCK - self.hashed % BLOCK);
            let len = usize::try_from(left).unwrap_or(ZEROS.len());
            self.update(&ZEROS[..len.min(ZEROS.len())]);
        }
    }

    fn update(&mut self, mut data: &[u8]) {
        let Some(blocks) = &mut self.blocks else {
            self.hasher.update(data);
            self.hashed += data.len() as u64;
            return;
        };
        while !data.is_empty() {
            let left = BLOCK - self.hashed % BLOCK;
            let len = usize::try_from(left).map_or(data.len(), |left| left.min(data.len()));
            let (here, rest) = data.split_at(len);
            self.hasher.update(here);
            self.hashed += len as u64;
            if self.hashed.is_multiple_of(BLOCK) {
                blocks.hasher.update(self.hasher.finalize_reset());
            }
            data = rest;
        }
    }
}

impl Blocks {
    fn new() -> Self {
        let mut zeros = Sha256::new();
        for _ in 0..BLOCK / ZEROS.len() as u64 {
            zeros.update(ZEROS);
        }
        Self {
            hasher: Sha256::new(),
            of_zeros: zeros.finalize().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::entry::{EntryKind, Mtime};

    fn digest(size: u64, sparse: Option<Vec<Segment>>, data: &[u8], piece: usize) -> [u8; 32] {
        let entry = Entry {
            path: b"f".to_vec(),
            kind: EntryKind::File,
            mode: 0o644,
            uid: 0,
            gid: 0,
            mtime: Mtime::default(),
            size,
            xattrs: Vec::new(),
            sparse,
        };
        let mut hasher = ContentHasher::default();
        hasher.begin(&entry);
        data.chunks(piece).for_each(|piece| hasher.data(piece));
        hasher.finish(size)
    }

    #[test]
    fn holes_are_zeros() {
        let segments = vec![Segment { offset: 3, len: 2 }];
        let sparse = digest(9, Some(segments), b"ab", 1);
        assert_eq!(
            sparse,
            <[u8; 32]>::from(Sha256::digest(b"\0\0\0ab\0\0\0\0"))
        );
    }

    /// Nine TiB with data across the border of two blocks, and what docs/format.md makes of it.
    #[test]
    fn of_long_files_the_blocks_are_hashed() {
        let size = (9 << 40) + 5;
        let data: Vec<u8> = (0..3 * BLOCK / 2).map(|at| (at % 251 + 1) as u8).collect();
        let segment = |offset, len| Segment { offset, len };
        let start = 7 * BLOCK + BLOCK / 2;
        let (half, len) = (BLOCK / 2, data.len() as u64);
        let one = vec![segment(start, len)];
        let two = vec![segment(start, half), segment(start + half, len - half)];
        let expected = {
            let of = |block: &[u8]| Sha256::digest(block);
            let mut sum = Sha256::new();
            let zeros = vec![0; BLOCK as usize];
            let first = [&zeros[..half as usize], &data[..half as usize]].concat();
            (0..7).for_each(|_| sum.update(of(&zeros)));
            sum.update(of(&first));
            sum.update(of(&data[half as usize..]));
            let zeros = of(&zeros);
            (9..(9 << 40) / BLOCK).for_each(|_| sum.update(zeros));
            sum.update(of(&[0; 5]));
            <[u8; 32]>::from(sum.finalize())
        };
        assert_eq!(digest(size, Some(one), &data, data.len()), expected);
        assert_eq!(digest(size, Some(two), &data, 100_003), expected);
    }
}
