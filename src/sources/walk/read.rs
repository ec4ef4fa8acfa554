//! The second pass: hand on what the scan has listed, with its content.

use std::collections::HashMap;
use std::io;

use bytes::Bytes;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, fstat, statat};
use rustix::io::Errno;

use super::facts::Facts;
use super::item::{Item, ListPosition, Names};
use super::list::ListReader;
use super::open::{gone_or_unreadable, open_file};
use super::scan::Scan;
use super::tree::Tree;
use super::trouble::{TroubleKind, Troubles};
use crate::archive::entry::{Entry, EntryKind, EntrySink, Segment, SinkClosed};
use crate::archive::tar;

/// Bytes of content that are read and handed on at a time.
const CHUNK_BYTES: usize = 512 * 1024;
/// Absent files with several names whose other names are watched for.
const MAX_LOST_FIRSTS: usize = 100_000;

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
        lost_firsts: HashMap::new(),
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
    /// First names that are absent from the dump, and the name that stands in for each, if any does.
    lost_firsts: HashMap<ListPosition, Option<Vec<u8>>>,
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
            Names::Further(first) if self.lost_firsts.contains_key(&first) => {
                self.replace_link(item, first, list)
            }
            Names::One | Names::First if item.entry.kind == EntryKind::File => {
                if !self.file(item)? {
                    self.report.missing_tar_bytes += tar::encoded_len(&item.entry, &self.prefix);
                    if item.names == Names::First && self.lost_firsts.len() < MAX_LOST_FIRSTS {
                        self.lost_firsts.insert(position, None);
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
        let stand_in = self.lost_firsts.get(&first).cloned().flatten();
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
            self.lost_firsts.insert(first, Some(item.entry.path));
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
                let broken = self.content(entry, file)?;
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

    /// Hands on the file's data, zeros in place of what cannot be read, and says why if so.
    fn content(
        &mut self,
        entry: &Entry,
        file: &OwnedFd,
    ) -> Result<Option<TroubleKind>, SinkClosed> {
        let dense = [Segment {
            offset: 0,
            len: entry.size,
        }];
        let segments = entry.sparse.as_deref().unwrap_or(&dense);
        let mut broken = None;
        for segment in segments {
            let end = segment.offset + segment.len;
            let mut at = segment.offset;
            while at < end && broken.is_none() {
                match read_chunk(file, at, end - at) {
                    Ok(chunk) if chunk.is_empty() => {
                        broken = Some(TroubleKind::Shrunk {
                            expected: entry.size,
                            found: at,
                        });
                    }
                    Ok(chunk) => {
                        at += chunk.len() as u64;
                        self.sink.data(Bytes::from(chunk))?;
                    }
                    Err(errno) => {
                        broken = Some(TroubleKind::Unreadable {
                            os_error: errno.raw_os_error(),
                        })
                    }
                }
            }
            self.zeros(end - at)?;
        }
        Ok(broken)
    }

    fn zeros(&mut self, mut len: u64) -> Result<(), SinkClosed> {
        static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
        while len > 0 {
            let part = len.min(ZEROS.len() as u64);
            self.sink
                .data(Bytes::from_static(&ZEROS[..part as usize]))?;
            len -= part;
        }
        Ok(())
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

/// Up to `len` bytes from `offset`: as many as fit in one chunk, fewer only at the end of the file.
fn read_chunk(file: &OwnedFd, offset: u64, len: u64) -> Result<Vec<u8>, Errno> {
    let wanted = len.min(CHUNK_BYTES as u64) as usize;
    let mut chunk = Vec::with_capacity(wanted);
    while chunk.len() < wanted {
        let at = offset + chunk.len() as u64;
        match rustix::io::pread(file, rustix::buffer::spare_capacity(&mut chunk), at) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            // What was read before the bad spot is good.
            Err(_) if !chunk.is_empty() => break,
            Err(errno) => return Err(errno),
        }
    }
    // The allocator may give more than was asked for; a file that grew must not fill that too.
    chunk.truncate(wanted);
    Ok(chunk)
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
