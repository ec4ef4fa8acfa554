//! The second pass: hand on what the scan has listed, with its content.

use std::collections::HashMap;
use std::io;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, fstat, statat};
use rustix::io::Errno;

use super::content;
use super::facts::Facts;
use super::item::{Item, ListPosition, Names};
use super::list::ListReader;
use super::open::{gone_or_unreadable, open_file};
use super::scan::Scan;
use super::tree::Tree;
use super::trouble::{TroubleKind, Troubles};
use crate::archive::entry::{Entry, EntryKind, EntrySink, SinkClosed};
use crate::archive::tar;

/// Absent files with several names of which one of the other names stands in, as many as are remembered.
const MAX_STAND_INS: usize = 100_000;

/// What [`read`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadReport {
    /// Entries handed on.
    pub entry_count: u64,
    /// Bytes of content handed on, filled-up zeros included.
    pub content_bytes: u64,
    /// What went wrong in this pass; the scan has its own.
    pub troubles: Troubles,
    /// By how much the tar of what was handed on is shorter than [`Scan::tar_bytes`]: what vanished.
    pub missing_tar_bytes: u64,
}

/// The second pass could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Nobody takes the data.
    #[error("reading was stopped")]
    Closed(#[source] SinkClosed),
    /// The list of the scan cannot be read.
    #[error("cannot read the list of files back")]
    List(#[source] io::Error),
    /// The system gives no thread to read on.
    #[error("cannot start a thread to read files on")]
    Thread(#[source] io::Error),
}

impl From<SinkClosed> for ReadError {
    fn from(closed: SinkClosed) -> Self {
        Self::Closed(closed)
    }
}

/// Hands on every entry of the scan with exactly the bytes that it announced.
///
/// # Errors
/// When the sink is closed or the list cannot be read. What concerns single files is in the report.
pub fn read(scan: Scan, sink: &mut dyn EntrySink) -> Result<ReadReport, ReadError> {
    let mut reader = Reader {
        sink,
        tree: Tree::again(scan.root, scan.follow_symlinks),
        prefix: scan.prefix,
        lost_firsts: Vec::new(),
        stand_ins: HashMap::new(),
        report: ReadReport::default(),
    };
    let mut list = ListReader::open(scan.list).map_err(ReadError::List)?;
    while let Some((position, item)) = list.next().map_err(ReadError::List)? {
        reader.hand_on(position, &item, &list)?;
    }
    Ok(reader.report)
}

struct Reader<'a> {
    sink: &'a mut dyn EntrySink,
    tree: Tree,
    prefix: Vec<u8>,
    /// First names that are absent from the dump, in the order of the list: eight bytes for each.
    lost_firsts: Vec<ListPosition>,
    /// The names that stand in for some of them.
    stand_ins: HashMap<ListPosition, Vec<u8>>,
    report: ReadReport,
}

/// A file in its place.
enum Found {
    Open(OwnedFd),
    /// It was empty at the scan: there is nothing to read.
    Empty(Facts),
}

impl Reader<'_> {
    fn hand_on(
        &mut self,
        position: ListPosition,
        item: &Item,
        list: &ListReader,
    ) -> Result<(), ReadError> {
        match item.names {
            Names::Further(first) if self.lost_firsts.binary_search(&first).is_ok() => {
                self.replace_link(item, first, list)
            }
            Names::One | Names::First if item.entry.kind == EntryKind::File => {
                if !self.file(item)? {
                    self.report.missing_tar_bytes += tar::encoded_len(&item.entry, &self.prefix);
                    if item.names == Names::First {
                        self.lost_firsts.push(position);
                    }
                }
                Ok(())
            }
            _ => self.entry_alone(&item.entry),
        }
    }

    /// A further name of a file whose first name is absent: the content goes under the first of the
    /// names that can still be read, and those that follow link to that one.
    fn replace_link(
        &mut self,
        item: &Item,
        first: ListPosition,
        list: &ListReader,
    ) -> Result<(), ReadError> {
        let stand_in = self.stand_ins.get(&first).cloned();
        let entry = match &stand_in {
            Some(target) => Entry {
                kind: EntryKind::HardLink {
                    target: target.clone(),
                },
                ..item.entry.clone()
            },
            None => {
                let listed = list.item_at(first).map_err(ReadError::List)?;
                Entry {
                    path: item.entry.path.clone(),
                    ..listed.entry
                }
            }
        };
        let room = self.report.missing_tar_bytes + tar::encoded_len(&item.entry, &self.prefix);
        self.report.missing_tar_bytes = room;
        let Some(left) = room.checked_sub(tar::encoded_len(&entry, &self.prefix)) else {
            self.trouble(&entry.path, TroubleKind::LinkLost);
            return Ok(());
        };
        if stand_in.is_some() {
            self.entry_alone(&entry)?;
        } else {
            let item = Item {
                entry,
                ..item.clone()
            };
            if !self.file(&item)? {
                return Ok(());
            }
            if self.stand_ins.len() < MAX_STAND_INS {
                self.stand_ins.insert(first, item.entry.path);
            }
        }
        self.report.missing_tar_bytes = left;
        Ok(())
    }

    fn entry_alone(&mut self, entry: &Entry) -> Result<(), ReadError> {
        self.sink.begin(entry)?;
        self.sink.end()?;
        self.report.entry_count += 1;
        Ok(())
    }

    /// Hands on a regular file; `false` if it is not there any more or cannot be opened.
    fn file(&mut self, item: &Item) -> Result<bool, ReadError> {
        let entry = &item.entry;
        let found = match self.find(item) {
            Ok(found) => found,
            Err(kind) => {
                self.trouble(&entry.path, kind);
                return Ok(false);
            }
        };
        self.sink.begin(entry)?;
        let trouble = match &found {
            Found::Empty(facts) => changed(entry, facts),
            Found::Open(file) => {
                let mut read = |at, len| content::read_chunk(file, at, len);
                let broken = content::hand_on(self.sink, entry, &mut read)?;
                broken.or_else(|| changed(entry, &fstat(file).ok()?.into()))
            }
        };
        self.sink.end()?;
        self.report.entry_count += 1;
        self.report.content_bytes += entry.data_len();
        if let Some(kind) = trouble {
            self.trouble(&entry.path, kind);
        }
        Ok(true)
    }

    /// Finds the very file that the scan saw, and opens it if it had any content.
    fn find(&mut self, item: &Item) -> Result<Found, TroubleKind> {
        let name = self.tree.go_to_parent(&item.entry.path);
        let no_follow = self.tree.no_follow();
        let dir = self.tree.dir().map_err(gone_or_unreadable)?;
        // A root that is a file has no name to look at.
        if item.entry.size == 0 && !name.is_empty() {
            let flags = if no_follow.is_empty() {
                AtFlags::empty()
            } else {
                AtFlags::SYMLINK_NOFOLLOW
            };
            let facts = Facts::from(statat(dir, name, flags).map_err(gone_or_unreadable)?);
            return is_same(item, &facts)
                .then_some(Found::Empty(facts))
                .ok_or(TroubleKind::Replaced);
        }
        let file = open_file(dir, name, no_follow).map_err(|errno| match errno {
            // What opening a socket says.
            Errno::NXIO => TroubleKind::Replaced,
            errno => gone_or_unreadable(errno),
        })?;
        let facts = Facts::from(fstat(&file).map_err(gone_or_unreadable)?);
        is_same(item, &facts)
            .then_some(Found::Open(file))
            .ok_or(TroubleKind::Replaced)
    }

    fn trouble(&mut self, path: &[u8], kind: TroubleKind) {
        self.report.troubles.push(path, kind);
    }
}

/// Whether this is the file that the scan saw. FUSE file systems may number a file anew each time it
/// is looked up, so that an equal length and time also tell.
fn is_same(item: &Item, facts: &Facts) -> bool {
    let unchanged = facts.size == item.entry.size && facts.mtime == item.entry.mtime;
    facts.file_type == FileType::RegularFile
        && (facts.id == item.id || (facts.id.dev == item.id.dev && unchanged))
}

/// What has happened to a file that was read to the end, if anything.
fn changed(entry: &Entry, facts: &Facts) -> Option<TroubleKind> {
    if facts.size > entry.size {
        return Some(TroubleKind::Grown {
            expected: entry.size,
            found: facts.size,
        });
    }
    if facts.size < entry.size {
        return Some(TroubleKind::Shrunk {
            expected: entry.size,
            found: facts.size,
        });
    }
    (facts.mtime != entry.mtime).then_some(match entry.sparse {
        Some(_) => TroubleKind::HolesModified,
        None => TroubleKind::Modified,
    })
}
