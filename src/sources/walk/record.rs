//! What was met on the walk, made into entries on the list: the second half of a scan, on a thread of its own.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{FileType, fstat, readlinkat};
use rustix::io::Errno;

use super::facts::Facts;
use super::gather::Gathered;
use super::item::{Item, Names};
use super::links::LinkTable;
use super::list::ListWriter;
use super::open::{gone_or_unreadable, open_file};
use super::tree::Tree;
use super::trouble::{Trouble, TroubleKind, Troubles};
use crate::archive::entry::{Entry, EntryKind, Segment, Xattr};
use crate::archive::tar;
use crate::files::{XattrReader, XattrsMissing, data_segments};

/// What a walk meets, in its order.
pub(super) enum Met {
    /// A file to be listed.
    File(Seen),
    Trouble(Trouble),
}

impl Met {
    /// Bytes in memory beside itself.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::File(Seen { path, .. }) | Self::Trouble(Trouble { path, .. }) => path.len(),
        }
    }
}

/// A file that was looked at, on its way to the list.
pub(super) struct Seen {
    pub(super) path: Vec<u8>,
    pub(super) facts: Facts,
    /// Whether `facts` are those of what a symbolic link points to.
    pub(super) through_link: bool,
}

/// The whole list.
pub(super) struct Recorded {
    pub(super) list: File,
    pub(super) sums: Sums,
    pub(super) troubles: Troubles,
}

/// The list so far, and its sums.
pub(super) struct Recorder {
    prefix: Vec<u8>,
    /// Where the file is that is being recorded: the walk is further on.
    tree: Tree,
    list: ListWriter,
    links: LinkTable,
    sums: Sums,
    troubles: Troubles,
}

/// Sums over the list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sums {
    pub(super) entry_count: u64,
    pub(super) tar_bytes: u64,
    pub(super) content_bytes: u64,
}

impl Recorder {
    /// An empty list of what is below `root`, for a tar whose names begin with `prefix`. `list_dir` is an absolute
    /// path: the recording has a working directory of its own.
    pub(super) fn create(
        root: OwnedFd,
        follow_symlinks: bool,
        list_dir: &Path,
        prefix: &[u8],
    ) -> io::Result<Self> {
        Ok(Self {
            prefix: prefix.to_vec(),
            tree: Tree::again(root, follow_symlinks),
            list: ListWriter::create(list_dir)?,
            links: LinkTable::new(list_dir.to_owned()),
            sums: Sums {
                entry_count: 0,
                tar_bytes: tar::END.len() as u64,
                content_bytes: 0,
            },
            troubles: Troubles::default(),
        })
    }

    /// Lists what was met, until the walk is over. Wants a thread that is used for nothing else: see [`XattrReader`].
    pub(super) fn record(mut self, met: &Gathered<Met>) -> io::Result<Recorded> {
        let mut xattrs = XattrReader::of_this_thread();
        for met in met.iter() {
            match met {
                Met::File(seen) => self.file(seen, &mut xattrs)?,
                Met::Trouble(trouble) => self.troubles.add(trouble),
            }
        }
        Ok(Recorded {
            list: self.list.finish()?,
            sums: self.sums,
            troubles: self.troubles,
        })
    }

    /// Makes the entry of a file and puts it on the list.
    fn file(&mut self, seen: Seen, xattrs: &mut XattrReader) -> io::Result<()> {
        let Seen {
            path,
            facts,
            through_link,
        } = seen;
        let name = self.tree.go_to_parent(&path);
        let file = Place {
            folder: &path[..path.len() - name.len()],
            name,
            facts: &facts,
            through_link,
        };
        let kind = match file.kind(&mut self.tree) {
            Ok(kind) => kind,
            Err(errno) => {
                self.troubles.push(&path, gone_or_unreadable(errno));
                return Ok(());
            }
        };
        let (names, kind) = self.tie_names(&facts, kind)?;
        let xattrs = match names {
            Names::Further(_) => Ok(Vec::new()),
            Names::One | Names::First => file.xattrs(&mut self.tree, xattrs),
        };
        let is_file = kind == EntryKind::File;
        let sparse = is_file.then(|| file.segments(&mut self.tree)).flatten();
        if kind == EntryKind::Directory && !path.is_empty() {
            self.tree.go_down(file.name, facts.id);
        }
        let xattrs = xattrs.unwrap_or_else(|trouble| {
            self.troubles.push(&path, trouble);
            Vec::new()
        });
        let entry = Entry {
            path,
            kind,
            mode: facts.mode,
            uid: facts.uid,
            gid: facts.gid,
            mtime: facts.mtime,
            size: if is_file { facts.size } else { 0 },
            xattrs,
            sparse,
        };
        self.count(&entry);
        self.list.push(&Item {
            entry,
            id: facts.id,
            names,
        })
    }

    /// Makes a further name of a known file, link or named pipe a hard link to its first name. Two devices with
    /// the same numbers are the same device without that, and only root can make the first of them.
    fn tie_names(&mut self, facts: &Facts, kind: EntryKind) -> io::Result<(Names, EntryKind)> {
        let can_be_tied = matches!(
            kind,
            EntryKind::File | EntryKind::Symlink { .. } | EntryKind::Fifo
        );
        if facts.link_count < 2 || !can_be_tied {
            return Ok((Names::One, kind));
        }
        match self.links.first_of(facts.id, self.list.position())? {
            None => Ok((Names::First, kind)),
            Some(first) => {
                let target = self.list.path_at(first)?;
                Ok((Names::Further(first), EntryKind::HardLink { target }))
            }
        }
    }

    fn count(&mut self, entry: &Entry) {
        self.sums.entry_count += 1;
        self.sums.content_bytes += entry.data_len();
        self.sums.tar_bytes += tar::encoded_len(entry, &self.prefix);
    }
}

/// A file in the folder where the tree is.
struct Place<'a> {
    /// Path of the folder, with a slash behind it unless it is the root.
    folder: &'a [u8],
    name: &'a [u8],
    facts: &'a Facts,
    through_link: bool,
}

impl Place<'_> {
    fn kind(&self, tree: &mut Tree) -> Result<EntryKind, Errno> {
        let rdev = self.facts.rdev;
        let (major, minor) = (rustix::fs::major(rdev), rustix::fs::minor(rdev));
        Ok(match self.facts.file_type {
            FileType::Directory => EntryKind::Directory,
            FileType::Symlink => EntryKind::Symlink {
                target: readlinkat(tree.dir()?, self.name, Vec::new())?.into_bytes(),
            },
            FileType::Fifo => EntryKind::Fifo,
            FileType::CharacterDevice => EntryKind::CharDevice { major, minor },
            FileType::BlockDevice => EntryKind::BlockDevice { major, minor },
            FileType::RegularFile | FileType::Socket | FileType::Unknown => EntryKind::File,
        })
    }

    fn xattrs(&self, tree: &mut Tree, xattrs: &mut XattrReader) -> Result<Vec<Xattr>, TroubleKind> {
        let read = match tree.dir() {
            Ok(dir) => xattrs.read(dir, self.folder, self.name, self.through_link),
            Err(errno) => Err(errno.into()),
        };
        match read {
            Ok(xattrs) => Ok(xattrs),
            // The second pass says what has become of a file. Of anything else that came and went only this is lost.
            Err(XattrsMissing::Unreadable(Errno::NOENT)) => Ok(Vec::new()),
            Err(XattrsMissing::Unreadable(errno)) => Err(TroubleKind::XattrsUnreadable {
                os_error: errno.raw_os_error(),
            }),
            Err(XattrsMissing::TooLong { bytes }) => Err(TroubleKind::XattrsTooLong { bytes }),
        }
    }

    /// Where the file has data, if it has holes. A file that cannot be opened is taken for dense: the
    /// second pass reports it.
    fn segments(&self, tree: &mut Tree) -> Option<Vec<Segment>> {
        if self.facts.allocated >= self.facts.size {
            return None;
        }
        let no_follow = tree.no_follow();
        let file = open_file(tree.dir().ok()?, self.name, no_follow).ok()?;
        let same = Facts::from(fstat(&file).ok()?).id == self.facts.id;
        if same {
            data_segments(file.as_fd(), self.facts.size).ok()?
        } else {
            None
        }
    }
}
