//! Reads an index from bytes that nobody vouches for: lines of bounded length, as many as expected.

use std::io::{BufRead, BufReader, Read};

use sha2::{Digest, Sha256};

use super::Fault;
use crate::archive::entry::{Entry, EntryKind};
use crate::archive::index::{DataAt, HEAD, parse_line};
use crate::archive::manifest::Sha256Digest;
use crate::codecs::{Codec, decoder};

/// Bytes of a line beyond which it is refused: a path of a thousand levels of long names, escaped.
const MAX_LINE: u64 = 4 * 1024 * 1024;

/// The lines of one index, one by one.
pub(super) struct IndexLines<'r> {
    reader: BufReader<Box<dyn Read + Send + 'r>>,
    expected: u64,
    count: u64,
    text: Sha256,
    line: Vec<u8>,
}

impl<'r> IndexLines<'r> {
    /// At the first entry of an index as it is stored. More than `expected` entries are not read.
    pub(super) fn open(stored: impl Read + Send + 'r, expected: u64) -> Result<Self, Fault> {
        let reader = decoder(Codec::Zst, stored).map_err(Fault::Decompress)?;
        let mut lines = Self {
            reader: BufReader::new(reader),
            expected,
            count: 0,
            text: Sha256::new(),
            line: Vec::new(),
        };
        if lines.read_line()? && lines.line == HEAD.as_bytes() {
            Ok(lines)
        } else {
            Err(Fault::IndexHead)
        }
    }

    /// The next entry; `None` at the end, when as many were read as expected.
    pub(super) fn next(&mut self) -> Result<Option<(Entry, DataAt)>, Fault> {
        let more = self.read_line()?;
        if more == (self.count == self.expected) {
            return Err(Fault::Entries {
                found: self.count + u64::from(more),
                expected: self.expected,
            });
        }
        if !more {
            return Ok(None);
        }
        self.count += 1;
        let (entry, at) = parse_line(&self.line).map_err(Fault::IndexLine)?;
        Ok(Some((entry, at)))
    }

    /// The digest of the text that was read.
    pub(super) fn text_sha256(self) -> Sha256Digest {
        self.text.into()
    }

    /// Reads a line without its newline; `false` at the end.
    fn read_line(&mut self) -> Result<bool, Fault> {
        self.line.clear();
        let mut bounded = (&mut self.reader).take(MAX_LINE);
        let len = bounded
            .read_until(b'\n', &mut self.line)
            .map_err(Fault::Decompress)?;
        self.text.update(&self.line);
        if len == 0 {
            return Ok(false);
        }
        match self.line.pop() {
            Some(b'\n') => Ok(true),
            _ => Err(Fault::IndexLineLength),
        }
    }
}

/// Whether an entry's path, and the target of a hard link, lead nowhere but below the root.
pub(super) fn is_safe(entry: &Entry) -> bool {
    let target = match &entry.kind {
        EntryKind::HardLink { target } => is_path(target),
        EntryKind::Symlink { target } => !target.contains(&0),
        EntryKind::File
        | EntryKind::Directory
        | EntryKind::Fifo
        | EntryKind::CharDevice { .. }
        | EntryKind::BlockDevice { .. } => true,
    };
    let is_root = entry.path.is_empty() && entry.kind == EntryKind::Directory;
    target && (is_root || is_path(&entry.path))
}

/// Whether these are names with one slash between them, none of which leads elsewhere.
pub(super) fn is_path(path: &[u8]) -> bool {
    let is_name =
        |name: &[u8]| !(name.is_empty() || name == b"." || name == b".." || name.contains(&0));
    path.split(|byte| *byte == b'/').all(is_name)
}
