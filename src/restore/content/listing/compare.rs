//! Two lists side by side: what is missing, what was not stored, what is not as it was.

use std::cmp::Ordering;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::{Listed, failed};
use crate::archive::entry::{Entry, EntryKind};
use crate::archive::index::{DataAt, parse_line};
use crate::codecs::{Codec, decoder};
use crate::stored::ScratchError;

/// An entry that was not restored as it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// Its path.
    pub path: Vec<u8>,
    /// What is wrong with it.
    pub what: &'static str,
}

/// Compares what was stored with what was restored, and tells each entry that differs. Gives the number of
/// entries that were stored.
///
/// # Errors
/// When the lists cannot be read back.
pub fn compare(
    stored: &Listed,
    restored: &Listed,
    tell: &mut dyn FnMut(Deviation),
) -> Result<u64, ScratchError> {
    let (mut left, mut right) = (Lines::open(stored)?, Lines::open(restored)?);
    let (mut one, mut other) = (left.next()?, right.next()?);
    let mut count = 0;
    let told = |line: &Line, what| Deviation {
        path: line.entry.path.clone(),
        what,
    };
    loop {
        let order = match (&one, &other) {
            (None, None) => return Ok(count),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => one.names().cmp(other.names()),
        };
        if let (Some(one), true) = (&one, order.is_lt()) {
            tell(told(one, "is missing"));
        }
        if let (Some(other), true) = (&other, order.is_gt()) {
            tell(told(other, "was not stored"));
        }
        if let (Some(one), Some(other), true) = (&one, &other, order.is_eq()) {
            for what in one.deviations(other) {
                tell(told(one, what));
            }
        }
        if order.is_le() {
            count += 1;
            one = left.next()?;
        }
        if order.is_ge() {
            other = right.next()?;
        }
    }
}

/// The lines of a list.
struct Lines<'l> {
    reader: BufReader<Box<dyn Read + Send + 'l>>,
    scratch: &'l Path,
}

struct Line {
    entry: Entry,
    at: DataAt,
    attributes: String,
}

impl<'l> Lines<'l> {
    fn open(listed: &'l Listed) -> Result<Self, ScratchError> {
        let rewound = (&listed.file).seek(SeekFrom::Start(0));
        // Of one without entries nothing but the codec's frame is there.
        let reader = rewound.and_then(|_| decoder(Codec::Zst, &listed.file));
        Ok(Self {
            reader: BufReader::new(reader.map_err(failed(&listed.scratch))?),
            scratch: &listed.scratch,
        })
    }

    fn next(&mut self) -> Result<Option<Line>, ScratchError> {
        self.read().map_err(failed(self.scratch))
    }

    fn read(&mut self) -> io::Result<Option<Line>> {
        let mut line = Vec::new();
        if self.reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        line.pop();
        let (entry, at) = parse_line(&line).map_err(io::Error::other)?;
        let mut attributes = String::new();
        self.reader.read_line(&mut attributes)?;
        Ok(Some(Line {
            entry,
            at,
            attributes,
        }))
    }
}

impl Line {
    /// The names on the way, by which entries are ordered.
    fn names(&self) -> impl Iterator<Item = &[u8]> {
        let names = self.entry.path.split(|byte| *byte == b'/');
        names.filter(|name| !name.is_empty())
    }

    /// What is not as in `other`.
    fn deviations(&self, other: &Self) -> impl Iterator<Item = &'static str> {
        let (one, two) = (&self.entry, &other.entry);
        let is_link = matches!(one.kind, EntryKind::Symlink { .. });
        let differs = [
            ("is something else", one.kind != two.kind),
            (
                "has other content",
                one.kind == two.kind && (one.size, self.at) != (two.size, other.at),
            ),
            ("has other permissions", !is_link && one.mode != two.mode),
            (
                "has another owner",
                (one.uid, one.gid) != (two.uid, two.gid),
            ),
            ("has another modification time", one.mtime != two.mtime),
            ("has other attributes", self.attributes != other.attributes),
        ];
        differs
            .into_iter()
            .filter_map(|(what, differs)| differs.then_some(what))
    }
}
