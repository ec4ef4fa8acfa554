//! Entries of a tree on their way into the fan-out: each gets its path in the dump, each file its
//! digest, and the index its lines.

use std::collections::BTreeSet;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::content::MemberError;
use super::fanout::Fanout;
use super::index_file::{IndexInProgress, IndexSpool, IndexText};
use crate::archive::entry::{Entry, EntryKind, EntrySink, SinkClosed};
use crate::archive::index::{DataAt, IndexWriter};

/// Puts the dump's path before each entry, hashes each file, and writes the index.
pub(super) struct TreeSink<'a> {
    fanout: &'a Fanout,
    prefix: &'a [u8],
    shared: &'a BTreeSet<Vec<u8>>,
    lines: IndexWriter<IndexText>,
    /// The index cannot be written, which ends the member.
    index_error: Option<std::io::Error>,
    entry: Option<Entry>,
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
            hasher: Sha256::new(),
            hashed: 0,
            bytes: 0,
        }
    }

    /// Why it took no more: the index, or else whoever closed the fan-out.
    pub(super) fn stopped(&mut self, index: &IndexInProgress) -> MemberError {
        match self.index_error.take() {
            Some(source) => MemberError::failed(&index.keep(source)),
            None => MemberError::Stopped,
        }
    }

    /// The bytes of content that passed, and the index.
    pub(super) fn finish(self, index: IndexInProgress) -> Result<(u64, IndexSpool), MemberError> {
        let index = index
            .finish(self.lines.finish())
            .map_err(|error| MemberError::failed(&error))?;
        Ok((self.bytes, index))
    }

    fn in_dump(&self, path: &[u8]) -> Vec<u8> {
        if path.is_empty() {
            return self.prefix.to_vec();
        }
        [self.prefix, b"/", path].concat()
    }

    /// Hashes the zeros of a hole up to `offset`, so that the digest is that of the file's content.
    fn hash_hole(&mut self, offset: u64) {
        static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
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
        self.entry = Some(entry.clone());
        self.hasher = Sha256::new();
        self.hashed = 0;
        let mut stored = entry.clone();
        stored.path = self.in_dump(&entry.path);
        if let EntryKind::HardLink { target } = &mut stored.kind {
            *target = self.in_dump(target);
        }
        if entry.kind == EntryKind::Directory && self.shared.contains(&entry.path) {
            return self.fanout.folder_once(stored);
        }
        self.fanout.entry(stored)
    }

    fn data(&mut self, chunk: Bytes) -> Result<(), SinkClosed> {
        self.bytes += chunk.len() as u64;
        self.hash_content(&chunk);
        self.fanout.data(chunk)
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        let Some(entry) = self.entry.take() else {
            return Ok(());
        };
        let at = if entry.kind == EntryKind::File {
            self.hash_hole(entry.size);
            DataAt::Sha256(std::mem::take(&mut self.hasher).finalize().into())
        } else {
            DataAt::None
        };
        if let Err(error) = self.lines.entry(&entry, at) {
            self.index_error = Some(error);
            return Err(SinkClosed);
        }
        let already_stored =
            entry.kind == EntryKind::Directory && self.shared.contains(&entry.path);
        if already_stored {
            Ok(())
        } else {
            self.fanout.end()
        }
    }
}

impl TreeSink<'_> {
    /// Hashes content at the place in the file where it belongs.
    fn hash_content(&mut self, chunk: &[u8]) {
        let segments = self.entry.as_ref().and_then(|entry| entry.sparse.clone());
        let Some(segments) = segments else {
            self.hasher.update(chunk);
            self.hashed += chunk.len() as u64;
            return;
        };
        let mut rest = chunk;
        for segment in segments {
            let end = segment.offset + segment.len;
            if rest.is_empty() || end <= self.hashed {
                continue;
            }
            self.hash_hole(segment.offset);
            let here = usize::try_from(end - self.hashed)
                .unwrap_or(rest.len())
                .min(rest.len());
            self.hasher.update(&rest[..here]);
            self.hashed += here as u64;
            rest = &rest[here..];
        }
    }
}
