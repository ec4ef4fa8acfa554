//! What a member holds, and what was restored of it, entry by entry as lists in temporary files, so that both can be
//! compared however they were read. Both have the order that every dump has: depth first, names in byte order.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::upload::LAST_SECOND;
use crate::archive::content::ContentHasher;
use crate::archive::entry::{Entry, EntryKind, EntrySink, SinkClosed};
use crate::archive::index::{DataAt, IndexWriter, parse_line};
use crate::archive::manifest::Sha256Digest;
use crate::archive::tar::TarVisitor;
use crate::codecs::{Codec, Compression, Encoder, decoder};
use crate::stored::ScratchError;

/// The attribute that the engine keeps.
const CAPABILITY: &[u8] = b"security.capability";

/// What the way into the volume and back keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Everything that a file system has.
    All,
    /// What the engine's archive API gives: whole seconds from 1970 to 2262, no attributes but capabilities.
    ByEngine,
}

/// A list that grows: it takes entries as they come from a dump, and as they are read back.
pub struct Listing {
    kept: Kept,
    scratch: PathBuf,
    /// Two lines for each entry: the one of an index, and the digest of its attributes.
    out: Encoder<File>,
    entry: Option<Entry>,
    content: ContentHasher,
    error: Option<ScratchError>,
}

impl Listing {
    /// Starts a list, in an unlinked file in `scratch`.
    ///
    /// # Errors
    /// When that cannot be made.
    pub fn new(scratch: &Path, kept: Kept) -> Result<Self, ScratchError> {
        let compression = Compression {
            level: Some(1),
            threads: Some(1),
            ..Compression::new(Codec::Zst)
        };
        let out = tempfile::tempfile_in(scratch).and_then(|file| Encoder::new(file, &compression));
        Ok(Self {
            kept,
            scratch: scratch.to_owned(),
            out: out.map_err(failed(scratch))?,
            entry: None,
            content: ContentHasher::default(),
            error: None,
        })
    }

    /// Why a call ended in [`SinkClosed`].
    pub fn take_error(&mut self) -> Option<ScratchError> {
        self.error.take()
    }

    /// Ends the list.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> Result<Listed, ScratchError> {
        let failed = failed(&self.scratch);
        match self.out.finish() {
            Ok(file) => Ok(Listed {
                file,
                scratch: self.scratch,
            }),
            Err(source) => Err(failed(source)),
        }
    }

    fn start(&mut self, entry: &Entry) {
        self.content.begin(entry);
        self.entry = Some(entry.clone());
    }

    fn stop(&mut self) -> Result<(), SinkClosed> {
        let Some(mut entry) = self.entry.take() else {
            return Ok(());
        };
        if self.kept == Kept::ByEngine {
            entry.mtime.nanos = 0;
            if !(0..=LAST_SECOND).contains(&entry.mtime.secs) {
                entry.mtime.secs = 0;
            }
            entry.xattrs.retain(|xattr| xattr.name == CAPABILITY);
        }
        let at = match entry.kind {
            EntryKind::File => DataAt::Sha256(self.content.finish(entry.size)),
            _ => DataAt::None,
        };
        let attributes = attributes(&entry);
        let written = IndexWriter::headless(&mut self.out)
            .entry(&entry, at)
            .and_then(|()| writeln!(self.out, "{attributes}"));
        written.map_err(|source| {
            self.error.get_or_insert(failed(&self.scratch)(source));
            SinkClosed
        })
    }
}

/// Stands for all attributes of an entry.
fn attributes(entry: &Entry) -> Sha256Digest {
    let mut hasher = Sha256::new();
    for xattr in &entry.xattrs {
        for part in [&xattr.name, &xattr.value] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    hasher.into()
}

impl TarVisitor for Listing {
    fn begin(&mut self, entry: &Entry, _: u64) -> Result<(), SinkClosed> {
        self.start(entry);
        Ok(())
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        self.content.data(part);
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        self.stop()
    }
}

impl EntrySink for Listing {
    fn begin(&mut self, entry: &Entry) -> Result<(), SinkClosed> {
        self.start(entry);
        Ok(())
    }

    fn data(&mut self, chunk: Bytes) -> Result<(), SinkClosed> {
        self.content.data(&chunk);
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        self.stop()
    }
}

/// A list that is whole.
pub struct Listed {
    file: File,
    scratch: PathBuf,
}

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
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
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

fn failed(scratch: &Path) -> impl Fn(io::Error) -> ScratchError + use<> {
    let dir = scratch.to_owned();
    move |source| ScratchError {
        dir: dir.clone(),
        source,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::archive::entry::{Mtime, Xattr};

    fn entry(path: &str, kind: EntryKind, data: &str) -> (Entry, String) {
        let entry = Entry {
            path: path.into(),
            kind,
            mode: 0o644,
            uid: 5,
            gid: 6,
            mtime: Mtime {
                secs: 100,
                nanos: 7,
            },
            size: data.len() as u64,
            xattrs: Vec::new(),
            sparse: None,
        };
        (entry, data.to_owned())
    }

    fn tree() -> Vec<(Entry, String)> {
        vec![
            entry("", EntryKind::Directory, ""),
            entry("a", EntryKind::Directory, ""),
            entry("a/x", EntryKind::File, "text"),
            entry("a-b", EntryKind::File, "more"),
        ]
    }

    fn list(entries: &[(Entry, String)], kept: Kept) -> Listed {
        let scratch = std::env::temp_dir();
        let mut listing = Listing::new(&scratch, kept).unwrap();
        for (entry, data) in entries {
            TarVisitor::begin(&mut listing, entry, 0).unwrap();
            TarVisitor::data(&mut listing, data.as_bytes()).unwrap();
            TarVisitor::end(&mut listing).unwrap();
        }
        listing.finish().unwrap()
    }

    fn deviations(one: &[(Entry, String)], other: &[(Entry, String)], kept: Kept) -> Vec<String> {
        let mut told = Vec::new();
        let count = compare(&list(one, kept), &list(other, kept), &mut |deviation| {
            let path = String::from_utf8(deviation.path).unwrap();
            told.push(format!("{path} {}", deviation.what));
        });
        assert_eq!(count.unwrap(), one.len() as u64);
        told
    }

    #[test]
    fn the_same_entries_are_the_same() {
        assert_eq!(deviations(&tree(), &tree(), Kept::All), [""; 0]);
        assert_eq!(deviations(&[], &[], Kept::All), [""; 0]);
    }

    #[test]
    fn every_difference_is_told() {
        type Change = fn(&mut Vec<(Entry, String)>);
        let changes: [(Change, &str); 9] = [
            (|tree| drop(tree.remove(2)), "a/x is missing"),
            (
                |tree| tree.insert(3, entry("a/y", EntryKind::Fifo, "")),
                "a/y was not stored",
            ),
            (|tree| drop(tree.pop()), "a-b is missing"),
            (|tree| tree[2].1 = "tExt".into(), "a/x has other content"),
            (|tree| tree[2].0.mode = 0o600, "a/x has other permissions"),
            (|tree| tree[2].0.gid = 0, "a/x has another owner"),
            (
                |tree| tree[2].0.mtime.nanos = 0,
                "a/x has another modification time",
            ),
            (
                |tree| {
                    tree[2].0.xattrs.push(Xattr {
                        name: b"user.a".to_vec(),
                        value: Vec::new(),
                    })
                },
                "a/x has other attributes",
            ),
            (
                |tree| tree[3] = entry("a-b", EntryKind::Fifo, ""),
                "a-b is something else",
            ),
        ];
        for (change, told) in changes {
            let mut changed = tree();
            change(&mut changed);
            assert_eq!(deviations(&tree(), &changed, Kept::All), [told]);
        }
    }

    #[test]
    fn what_the_engine_cannot_keep_is_no_difference() {
        let mut kept = tree();
        kept.iter_mut().for_each(|(entry, _)| {
            entry.mtime.nanos = 0;
            entry.xattrs.push(Xattr {
                name: b"user.a".to_vec(),
                value: Vec::new(),
            });
        });
        assert_eq!(deviations(&tree(), &kept, Kept::ByEngine), [""; 0]);
    }
}
