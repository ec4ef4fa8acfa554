//! What the entries of trees in an archive are, kept as the index lines that they make until the real
//! indexes come by: one piece of a temporary file for each tree.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use crate::archive::content::ContentHasher;
use crate::archive::entry::{Entry, EntryKind};
use crate::archive::index::{DataAt, IndexWriter};
use crate::codecs::{Codec, Compression, Encoder};
use crate::stored::section::Section;

/// The lines of all trees.
pub(super) struct TreeLines {
    file: Arc<File>,
    open: Option<OpenRun>,
    runs: BTreeMap<usize, Run>,
    content: ContentHasher,
}

/// The piece of one tree.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Run {
    begins: u64,
    ends: u64,
    /// Entries in it.
    pub(super) entries: u64,
    /// Bytes of data that they have.
    pub(super) bytes: u64,
}

struct OpenRun {
    number: usize,
    run: Run,
    lines: IndexWriter<Encoder<File>>,
}

impl TreeLines {
    pub(super) fn new(scratch: &Path) -> io::Result<Self> {
        Ok(Self {
            file: Arc::new(tempfile::tempfile_in(scratch)?),
            open: None,
            runs: BTreeMap::new(),
            content: ContentHasher::default(),
        })
    }

    /// Whether entries of that tree were seen, and those of another one after them.
    pub(super) fn has_ended(&self, number: usize) -> bool {
        self.runs.contains_key(&number)
    }

    /// Starts an entry of a tree, with its path below the tree's base.
    pub(super) fn begin(&mut self, number: usize, entry: &Entry) -> io::Result<()> {
        if self.open.as_ref().is_none_or(|open| open.number != number) {
            self.close()?;
            self.open = Some(self.open_run(number)?);
        }
        self.content.begin(entry);
        Ok(())
    }

    /// Data of the entry that was begun last.
    pub(super) fn data(&mut self, data: &[u8]) {
        self.content.data(data);
    }

    /// Ends the entry that was begun last.
    pub(super) fn end(&mut self, entry: &Entry) -> io::Result<()> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let at = match entry.kind {
            EntryKind::File => DataAt::Sha256(self.content.finish(entry.size)),
            _ => DataAt::None,
        };
        open.run.entries += 1;
        open.run.bytes += entry.data_len();
        open.lines.entry(entry, at)
    }

    /// Ends the tree whose entries came last.
    pub(super) fn close(&mut self) -> io::Result<()> {
        if let Some(mut open) = self.open.take() {
            let mut file = open.lines.finish().finish()?;
            open.run.ends = file.stream_position()?;
            self.runs.insert(open.number, open.run);
        }
        Ok(())
    }

    /// The piece of a tree, if it had entries.
    pub(super) fn run(&self, number: usize) -> Option<(Run, Section)> {
        let run = *self.runs.get(&number)?;
        Some((run, Section::new(&self.file, run.begins, run.ends)))
    }

    fn open_run(&mut self, number: usize) -> io::Result<OpenRun> {
        let mut file = self.file.try_clone()?;
        let begins = file.seek(SeekFrom::End(0))?;
        let compression = Compression {
            level: Some(1),
            threads: Some(1),
            ..Compression::new(Codec::Zst)
        };
        let lines = IndexWriter::create(Encoder::new(file, &compression)?)?;
        let run = Run {
            begins,
            ..Run::default()
        };
        Ok(OpenRun { number, run, lines })
    }
}
