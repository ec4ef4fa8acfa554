//! Entries of a tree on their way into the fan-out: each gets its path in the dump, each file its
//! digest, and the index its lines.

use std::collections::BTreeSet;

use super::content::MemberError;
use super::fanout::Fanout;
use super::index_file::{IndexInProgress, IndexSpool, IndexText};
use crate::archive::content::ContentHasher;
use crate::archive::entry::{Entry, EntryKind, EntrySink, SinkClosed};
use crate::archive::index::{DataAt, IndexWriter};
use bytes::Bytes;

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
    content: ContentHasher,
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
            content: ContentHasher::default(),
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
}

impl EntrySink for TreeSink<'_> {
    fn begin(&mut self, entry: &Entry) -> Result<(), SinkClosed> {
        self.content.begin(entry);
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
        self.content.data(&chunk);
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
            DataAt::Sha256(self.content.finish(entry.size))
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
}
