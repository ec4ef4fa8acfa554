//! Entries of a tree on their way into the fan-out: each gets its path in the dump, each file its
//! digest, and the index its lines.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::content::MemberError;
use super::fanout::Fanout;
use super::index_file::{IndexInProgress, IndexSpool, IndexText};
use crate::archive::entry::{Entry, EntryKind, EntrySink, Segment, SinkClosed};
use crate::archive::index::{DataAt, IndexWriter};

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Puts the dump's path before each entry, hashes each file, and writes the index.
pub(super) struct TreeSink<'a> {
    fanout: &'a Fanout,
    prefix: &'a [u8],
    shared: &'a BTreeSet<Vec<u8>>,
    lines: IndexWriter<IndexText>,
    /// The index cannot be written, which ends the member.
    index_error: Option<std::io::Error>,
    /// The entry that was begun and not ended.
    entry: Option<Entry>,
    /// Bytes of its data that did not come yet.
    left: u64,
    /// Its data segments that did not come yet; of a dense file there is one.
    segments: VecDeque<Segment>,
    hasher: Sha256,
    /// Bytes of the current file that were hashed, holes included.
    hashed: u64,
    bytes: u64,
}

impl<'a> TreeSink<'a> {
    /// For a tree whose entries lie below `prefix` in the dump. Folders in `shared` are stored with
    /// the first tree that has them.
    pub(super) fn new(
        fanout: &'a Fanout,
        prefix: &'a str,
        shared: &'a BTreeSet<Vec<u8>>,
        lines: IndexWriter<IndexText>,
    ) -> Self {
        Self {
            fanout,
            prefix: prefix.as_bytes(),
            shared,
            lines,
            index_error: None,
            entry: None,
            left: 0,
            segments: VecDeque::new(),
            hasher: Sha256::new(),
            hashed: 0,
            bytes: 0,
        }
    }

    /// What was read, the bytes of content that passed, and the index; or why the tree is not whole.
    /// The targets can go on with other members in any case.
    pub(super) fn finish<T>(
        mut self,
        read: Result<T, MemberError>,
        index: IndexInProgress,
    ) -> Result<(T, u64, IndexSpool), MemberError> {
        let read = match (self.index_error.take(), read) {
            (Some(source), _) => Err(MemberError::failed(&index.keep(source))),
            (None, read) => read,
        };
        if matches!(read, Err(MemberError::Failed(_) | MemberError::Lost(_))) {
            self.fill_up()?;
        }
        let read = read?;
        let index = index
            .finish(self.lines.finish())
            .map_err(|error| MemberError::failed(&error))?;
        Ok((read, self.bytes, index))
    }

    /// Ends the entry that was begun and not ended. An entry cannot be taken back, so it has zeros
    /// for what is missing, in a member that the manifest lists as failed.
    fn fill_up(&mut self) -> Result<(), SinkClosed> {
        if self.entry.take().is_none() {
            return Ok(());
        }
        while self.left > 0 {
            let len = usize::try_from(self.left).map_or(ZEROS.len(), |left| left.min(ZEROS.len()));
            self.fanout.data(Bytes::from_static(&ZEROS[..len]))?;
            self.left -= len as u64;
        }
        self.fanout.end()
    }

    fn in_dump(&self, path: &[u8]) -> Vec<u8> {
        if path.is_empty() {
            return self.prefix.to_vec();
        }
        [self.prefix, b"/", path].concat()
    }

    /// Hashes the zeros of a hole up to `offset`, so that the digest is that of the file's content.
    fn hash_hole(&mut self, offset: u64) {
        while self.hashed < offset {
            let len = usize::try_from(offset - self.hashed)
                .unwrap_or(ZEROS.len())
                .min(ZEROS.len());
            self.hasher.update(&ZEROS[..len]);
            self.hashed += len as u64;
        }
    }
}

impl EntrySink for TreeSink<'_> {
    fn begin(&mut self, entry: &Entry) -> Result<(), SinkClosed> {
        let dense = || {
            vec![Segment {
                offset: 0,
                len: entry.size,
            }]
        };
        self.segments = entry.sparse.clone().unwrap_or_else(dense).into();
        self.hasher = Sha256::new();
        self.hashed = 0;
        let mut stored = entry.clone();
        stored.path = self.in_dump(&entry.path);
        if let EntryKind::HardLink { target } = &mut stored.kind {
            *target = self.in_dump(target);
        }
        if self.is_shared(entry) {
            self.fanout.folder_once(stored)?;
        } else {
            self.fanout.entry(stored)?;
        }
        self.left = entry.data_len();
        self.entry = Some(entry.clone());
        Ok(())
    }

    fn data(&mut self, chunk: Bytes) -> Result<(), SinkClosed> {
        let len = chunk.len() as u64;
        self.bytes += len;
        self.hash_content(&chunk);
        self.fanout.data(chunk)?;
        self.left = self.left.saturating_sub(len);
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        let Some(entry) = self.entry.take() else {
            return Ok(());
        };
        if !self.is_shared(&entry) {
            self.fanout.end()?;
        }
        let at = if entry.kind == EntryKind::File {
            self.hash_hole(entry.size);
            DataAt::Sha256(std::mem::take(&mut self.hasher).finalize().into())
        } else {
            DataAt::None
        };
        self.lines.entry(&entry, at).map_err(|error| {
            self.index_error = Some(error);
            SinkClosed
        })
    }
}

impl TreeSink<'_> {
    fn is_shared(&self, entry: &Entry) -> bool {
        entry.kind == EntryKind::Directory && self.shared.contains(&entry.path)
    }

    /// Hashes content at the place in the file where it belongs.
    fn hash_content(&mut self, mut chunk: &[u8]) {
        while let Some(segment) = self.segments.front_mut()
            && !chunk.is_empty()
        {
            let len = usize::try_from(segment.len).map_or(chunk.len(), |len| len.min(chunk.len()));
            let (here, rest) = chunk.split_at(len);
            let offset = segment.offset;
            segment.offset += len as u64;
            segment.len -= len as u64;
            if segment.len == 0 {
                self.segments.pop_front();
            }
            self.hash_hole(offset);
            self.hasher.update(here);
            self.hashed += len as u64;
            chunk = rest;
        }
    }
}
