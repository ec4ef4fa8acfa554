//! What was looked at, made into entries on the list.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fd::AsFd;
use rustix::fs::{FileType, fstat, readlinkat};
use rustix::io::Errno;

use super::facts::Facts;
use super::item::{Item, Names};
use super::links::LinkTable;
use super::list::ListWriter;
use super::open::{gone_or_unreadable, open_file};
use super::tree::Tree;
use super::trouble::{TroubleKind, Troubles};
use crate::archive::entry::{Entry, EntryKind, Segment, Xattr};
use crate::archive::tar;
use crate::files::{XattrsMissing, data_segments, read_xattrs};

/// A file that was looked at, on its way to the list.
pub(super) struct Seen<'n> {
    pub(super) name: &'n [u8],
    pub(super) path: Vec<u8>,
    pub(super) facts: Facts,
    /// Whether `facts` are those of what a symbolic link points to.
    pub(super) through_link: bool,
}

/// The list so far, and its sums.
pub(super) struct Recorder<'a> {
    prefix: &'a [u8],
    list: ListWriter,
    links: LinkTable,
    sums: Sums,
}

/// Sums over the list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sums {
    pub(super) entry_count: u64,
    pub(super) tar_bytes: u64,
    pub(super) content_bytes: u64,
}

impl<'a> Recorder<'a> {
    /// An empty list, for a tar whose names begin with `prefix`.
    pub(super) fn create(list_dir: &Path, prefix: &'a [u8]) -> io::Result<Self> {
        Ok(Self {
            prefix,
            list: ListWriter::create(list_dir)?,
            links: LinkTable::new(list_dir.to_owned()),
            sums: Sums {
                entry_count: 0,
                tar_bytes: tar::END.len() as u64,
                content_bytes: 0,
            },
        })
    }

    /// Ends the list.
    pub(super) fn finish(self) -> io::Result<(File, Sums)> {
        Ok((self.list.finish()?, self.sums))
    }

    /// Makes the entry of a file and puts it on the list.
    pub(super) fn record(
        &mut self,
        seen: &Seen<'_>,
        tree: &mut Tree,
        troubles: &mut Troubles,
    ) -> io::Result<()> {
        let kind = match kind_of(seen, tree) {
            Ok(kind) => kind,
            Err(errno) => {
                troubles.push(&seen.path, gone_or_unreadable(errno));
                return Ok(());
            }
        };
        let Facts {
            mode,
            uid,
            gid,
            mtime,
            ..
        } = seen.facts;
        let mut entry = Entry {
            path: seen.path.clone(),
            kind,
            mode,
            uid,
            gid,
            mtime,
            size: 0,
            xattrs: Vec::new(),
            sparse: None,
        };
        let names = self.tie_names(seen, &mut entry)?;
        if !matches!(names, Names::Further(_)) {
            entry.xattrs = xattrs_of(seen, tree, troubles);
        }
        if entry.kind == EntryKind::File {
            entry.size = seen.facts.size;
            entry.sparse = segments_of(seen, tree);
        }
        self.count(&entry);
        self.list.push(&Item {
            entry,
            id: seen.facts.id,
            names,
        })
    }

    /// Makes a further name of a known file, link or named pipe a hard link to its first name. Two devices with
    /// the same numbers are the same device without that, and only root can make the first of them.
    fn tie_names(&mut self, seen: &Seen<'_>, entry: &mut Entry) -> io::Result<Names> {
        let can_be_tied = matches!(
            entry.kind,
            EntryKind::File | EntryKind::Symlink { .. } | EntryKind::Fifo
        );
        if seen.facts.link_count < 2 || !can_be_tied {
            return Ok(Names::One);
        }
        match self.links.first_of(seen.facts.id, self.list.position())? {
            None => Ok(Names::First),
            Some(first) => {
                entry.kind = EntryKind::HardLink {
                    target: self.list.path_at(first)?,
                };
                Ok(Names::Further(first))
            }
        }
    }

    fn count(&mut self, entry: &Entry) {
        self.sums.entry_count += 1;
        self.sums.content_bytes += entry.data_len();
        self.sums.tar_bytes += tar::encoded_len(entry, self.prefix);
    }
}

fn kind_of(seen: &Seen<'_>, tree: &mut Tree) -> Result<EntryKind, Errno> {
    let rdev = seen.facts.rdev;
    let (major, minor) = (rustix::fs::major(rdev), rustix::fs::minor(rdev));
    Ok(match seen.facts.file_type {
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Symlink {
            target: readlinkat(tree.dir()?, seen.name, Vec::new())?.into_bytes(),
        },
        FileType::Fifo => EntryKind::Fifo,
        FileType::CharacterDevice => EntryKind::CharDevice { major, minor },
        FileType::BlockDevice => EntryKind::BlockDevice { major, minor },
        FileType::RegularFile | FileType::Socket | FileType::Unknown => EntryKind::File,
    })
}

fn xattrs_of(seen: &Seen<'_>, tree: &mut Tree, troubles: &mut Troubles) -> Vec<Xattr> {
    let read = match tree.dir() {
        Ok(dir) => read_xattrs(dir, seen.name, seen.through_link),
        Err(errno) => Err(errno.into()),
    };
    let kind = match read {
        Ok(xattrs) => return xattrs,
        // The second pass says what has become of the file.
        Err(XattrsMissing::Unreadable(Errno::NOENT)) => return Vec::new(),
        Err(XattrsMissing::Unreadable(errno)) => TroubleKind::XattrsUnreadable {
            os_error: errno.raw_os_error(),
        },
        Err(XattrsMissing::TooLong { bytes }) => TroubleKind::XattrsTooLong { bytes },
    };
    troubles.push(&seen.path, kind);
    Vec::new()
}

/// Where a file has data, if it has holes. A file that cannot be opened is taken for dense: the
/// second pass reports it.
fn segments_of(seen: &Seen<'_>, tree: &mut Tree) -> Option<Vec<Segment>> {
    if seen.facts.allocated >= seen.facts.size {
        return None;
    }
    let no_follow = tree.no_follow();
    let file = open_file(tree.dir().ok()?, seen.name, no_follow).ok()?;
    let same = Facts::from(fstat(&file).ok()?).id == seen.facts.id;
    if same {
        data_segments(file.as_fd(), seen.facts.size).ok()?
    } else {
        None
    }
}
