//! The first pass: look at everything once and write down what is there.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fstat, open, openat, readlinkat, statat};
use rustix::io::Errno;

use super::facts::{Facts, FileId};
use super::holes::data_segments;
use super::links::LinkTable;
use super::list::{Item, ListWriter, Names};
use super::names::{NamesError, names_descending};
use super::pending::{Pending, Waiting};
use super::tree::Tree;
use super::trouble::{TroubleKind, Troubles};
use super::xattrs::{XattrsMissing, read_xattrs};
use super::{Filter, Verdict, WalkError, WalkOptions};
use crate::archive::entry::{Entry, EntryKind, Segment, Xattr};
use crate::archive::tar;

/// Bytes of names waiting to be visited that are kept in memory.
const PENDING_BYTES: usize = 4 << 20;

/// What [`scan`] found: everything that [`super::read`] needs, and the sums.
pub struct Scan {
    pub(super) root: OwnedFd,
    pub(super) follow_symlinks: bool,
    pub(super) prefix: Vec<u8>,
    pub(super) list: File,
    entry_count: u64,
    tar_bytes: u64,
    content_bytes: u64,
    troubles: Troubles,
}

impl Scan {
    /// Entries that will be read.
    #[must_use]
    pub fn entry_count(&self) -> u64 {
        self.entry_count
    }

    /// Length of the tar that these entries make under [`WalkOptions::prefix`], end marker included.
    #[must_use]
    pub fn tar_bytes(&self) -> u64 {
        self.tar_bytes
    }

    /// Bytes of content that will be read; holes do not count.
    #[must_use]
    pub fn content_bytes(&self) -> u64 {
        self.content_bytes
    }

    /// What could not be looked at, and what a dump cannot hold.
    #[must_use]
    pub fn troubles(&self) -> &Troubles {
        &self.troubles
    }
}

/// Looks at the root and everything below it that the filter takes.
///
/// # Errors
/// When the root cannot be opened, the list cannot be written, or the scan was cancelled.
pub fn scan(options: WalkOptions<'_>) -> Result<Scan, WalkError> {
    let WalkOptions {
        list_dir,
        cancelled,
        ..
    } = options;
    let list_error = |source| WalkError::List {
        dir: list_dir.to_owned(),
        source,
    };
    let (root, facts) = open_root(options.root)?;
    let mut scanner = Scanner::new(options, root, facts.id).map_err(list_error)?;
    scanner.root(&facts).map_err(list_error)?;
    while let Some(waiting) = scanner.pending.pop().map_err(list_error)? {
        if cancelled() {
            return Err(WalkError::Cancelled);
        }
        scanner.visit(&waiting).map_err(list_error)?;
    }
    scanner.finish().map_err(list_error)
}

fn open_root(path: &Path) -> Result<(OwnedFd, Facts), WalkError> {
    let error = |errno: Errno| WalkError::Root {
        path: path.to_owned(),
        source: errno.into(),
    };
    let root = open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(error)?;
    let facts = Facts::from(fstat(&root).map_err(error)?);
    if facts.file_type == FileType::Socket {
        return Err(WalkError::RootIsSocket {
            path: path.to_owned(),
        });
    }
    Ok((root, facts))
}

#[derive(Default)]
struct Sums {
    entry_count: u64,
    tar_bytes: u64,
    content_bytes: u64,
}

struct Scanner<'a> {
    filter: &'a mut dyn Filter,
    follow_symlinks: bool,
    one_file_system: bool,
    list_dir: &'a Path,
    prefix: &'a [u8],
    tree: Tree,
    pending: Pending,
    links: LinkTable,
    list: ListWriter,
    sums: Sums,
    troubles: Troubles,
    /// Scratch space, to measure an entry's headers.
    head: Vec<u8>,
}

/// A file that was looked at, on its way to the list.
struct Seen<'n> {
    name: &'n [u8],
    path: Vec<u8>,
    facts: Facts,
    /// Whether `facts` are those of what a symbolic link points to.
    through_link: bool,
}

impl<'a> Scanner<'a> {
    fn new(options: WalkOptions<'a>, root: OwnedFd, root_id: FileId) -> io::Result<Self> {
        let WalkOptions {
            filter,
            follow_symlinks,
            one_file_system,
            list_dir,
            prefix,
            ..
        } = options;
        Ok(Self {
            filter,
            follow_symlinks,
            one_file_system,
            list_dir,
            prefix,
            tree: Tree::new(root, root_id, follow_symlinks),
            pending: Pending::new(list_dir.to_owned(), PENDING_BYTES),
            links: LinkTable::new(list_dir.to_owned()),
            list: ListWriter::create(list_dir)?,
            sums: Sums {
                tar_bytes: tar::END.len() as u64,
                ..Sums::default()
            },
            troubles: Troubles::default(),
            head: Vec::new(),
        })
    }

    fn root(&mut self, facts: &Facts) -> io::Result<()> {
        let seen = Seen {
            name: b"",
            path: Vec::new(),
            facts: *facts,
            through_link: false,
        };
        self.record(&seen)?;
        if facts.file_type == FileType::Directory {
            self.list_children(&seen, true)
        } else {
            Ok(())
        }
    }

    fn visit(&mut self, waiting: &Waiting) -> io::Result<()> {
        self.tree.leave_to(waiting.depth as usize);
        let path = self.tree.path_of(&waiting.name);
        let looked = self.look(&waiting.name);
        let is_dir = looked
            .as_ref()
            .is_ok_and(|look| look.facts.file_type == FileType::Directory);
        let verdict = if waiting.ask {
            self.filter.decide(&path, is_dir)
        } else {
            Verdict::Take
        };
        if verdict == Verdict::Skip {
            return Ok(());
        }
        let Look {
            facts,
            through_link,
            note,
        } = match looked {
            Ok(look) => look,
            Err(errno) => {
                self.troubles.push(&path, gone_or_unreadable(errno));
                return Ok(());
            }
        };
        if let Some(note) = note {
            self.troubles.push(&path, note);
        }
        let seen = Seen {
            name: &waiting.name,
            path,
            facts,
            through_link,
        };
        if facts.file_type == FileType::Socket {
            self.troubles.push(&seen.path, TroubleKind::Socket);
            return Ok(());
        }
        self.record(&seen)?;
        if is_dir {
            self.descend(&seen, verdict == Verdict::Pass)
        } else {
            Ok(())
        }
    }

    fn look(&mut self, name: &[u8]) -> Result<Look, Errno> {
        let follow_symlinks = self.follow_symlinks;
        let dir = self.tree.dir()?;
        let link = Facts::from(statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?);
        let as_it_is = |note| Look {
            facts: link,
            through_link: false,
            note,
        };
        if !follow_symlinks || link.file_type != FileType::Symlink {
            return Ok(as_it_is(None));
        }
        let target = match statat(dir, name, AtFlags::empty()) {
            Ok(stat) => Facts::from(stat),
            Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => {
                return Ok(as_it_is(Some(TroubleKind::DanglingLink)));
            }
            Err(errno) => return Err(errno),
        };
        if self.tree.contains(target.id) {
            return Ok(as_it_is(Some(TroubleKind::LinkCycle)));
        }
        Ok(Look {
            facts: target,
            through_link: true,
            note: None,
        })
    }

    /// Goes into a directory, if it may.
    fn descend(&mut self, seen: &Seen<'_>, ask: bool) -> io::Result<()> {
        // A link that is followed leads where the user wants to go; what lies there is one place again.
        let parent_dev = self.tree.id().map(|id| id.dev);
        if self.one_file_system && !seen.through_link && parent_dev != Some(seen.facts.id.dev) {
            self.troubles.push(&seen.path, TroubleKind::OtherFileSystem);
            return Ok(());
        }
        self.list_children(seen, ask)
    }

    fn list_children(&mut self, seen: &Seen<'_>, ask: bool) -> io::Result<()> {
        let dir = match self.open_dir(seen) {
            Ok(dir) => dir,
            Err(errno) => {
                self.troubles.push(&seen.path, gone_or_unreadable(errno));
                return Ok(());
            }
        };
        let depth = self.tree.depth() + usize::from(!seen.name.is_empty());
        let depth = u32::try_from(depth).map_err(|_| io::ErrorKind::InvalidFilename)?;
        let pending = &mut self.pending;
        let mut push = |name: &[u8]| pending.push(depth, ask, name);
        match names_descending(&dir, self.list_dir, &mut push) {
            Ok(()) => {}
            Err(NamesError::Directory(errno)) => {
                self.troubles.push(
                    &seen.path,
                    TroubleKind::Unreadable {
                        os_error: errno.raw_os_error(),
                    },
                );
            }
            Err(NamesError::Temporary(error)) => return Err(error),
        }
        if !seen.name.is_empty() {
            self.tree.enter(seen.name, dir, seen.facts.id);
        }
        Ok(())
    }

    /// Opens the directory that was looked at, and nothing else that may have its name by now.
    fn open_dir(&mut self, seen: &Seen<'_>) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | self.tree.no_follow();
        let name: &[u8] = if seen.name.is_empty() {
            b"."
        } else {
            seen.name
        };
        let dir = open_quietly(self.tree.dir()?, name, flags)?;
        if Facts::from(fstat(&dir)?).id != seen.facts.id {
            return Err(Errno::STALE);
        }
        Ok(dir)
    }

    /// Makes the entry of a file and puts it on the list.
    fn record(&mut self, seen: &Seen<'_>) -> io::Result<()> {
        let kind = match self.kind_of(seen) {
            Ok(kind) => kind,
            Err(errno) => {
                self.troubles.push(&seen.path, gone_or_unreadable(errno));
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
            entry.xattrs = self.xattrs_of(seen);
        }
        if entry.kind == EntryKind::File {
            entry.size = seen.facts.size;
            entry.sparse = self.segments_of(seen);
        }
        self.count(&entry);
        self.list.push(&Item {
            entry,
            id: seen.facts.id,
            names,
        })
    }

    fn kind_of(&mut self, seen: &Seen<'_>) -> Result<EntryKind, Errno> {
        let rdev = seen.facts.rdev;
        let (major, minor) = (rustix::fs::major(rdev), rustix::fs::minor(rdev));
        Ok(match seen.facts.file_type {
            FileType::Directory => EntryKind::Directory,
            FileType::Symlink => EntryKind::Symlink {
                target: readlinkat(self.tree.dir()?, seen.name, Vec::new())?.into_bytes(),
            },
            FileType::Fifo => EntryKind::Fifo,
            FileType::CharacterDevice => EntryKind::CharDevice { major, minor },
            FileType::BlockDevice => EntryKind::BlockDevice { major, minor },
            FileType::RegularFile | FileType::Socket | FileType::Unknown => EntryKind::File,
        })
    }

    /// Makes a further name of a known file a hard link to its first name.
    fn tie_names(&mut self, seen: &Seen<'_>, entry: &mut Entry) -> io::Result<Names> {
        if seen.facts.link_count < 2 || entry.kind != EntryKind::File {
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

    fn xattrs_of(&mut self, seen: &Seen<'_>) -> Vec<Xattr> {
        let read = match self.tree.dir() {
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
        self.troubles.push(&seen.path, kind);
        Vec::new()
    }

    /// Where a file has data, if it has holes. A file that cannot be opened is taken for dense: the
    /// second pass reports it.
    fn segments_of(&mut self, seen: &Seen<'_>) -> Option<Vec<Segment>> {
        if seen.facts.allocated >= seen.facts.size {
            return None;
        }
        let no_follow = self.tree.no_follow();
        let file = open_file(self.tree.dir().ok()?, seen.name, no_follow).ok()?;
        let same = Facts::from(fstat(&file).ok()?).id == seen.facts.id;
        if same {
            data_segments(file.as_fd(), seen.facts.size).ok()?
        } else {
            None
        }
    }

    fn count(&mut self, entry: &Entry) {
        self.head.clear();
        tar::encode_head(entry, self.prefix, &mut self.head);
        let data_len = entry.data_len();
        self.sums.entry_count += 1;
        self.sums.content_bytes += data_len;
        self.sums.tar_bytes += self.head.len() as u64 + data_len + tar::padding(data_len) as u64;
    }

    fn finish(self) -> io::Result<Scan> {
        Ok(Scan {
            root: self.tree.into_root(),
            follow_symlinks: self.follow_symlinks,
            prefix: self.prefix.to_vec(),
            list: self.list.finish()?,
            entry_count: self.sums.entry_count,
            tar_bytes: self.sums.tar_bytes,
            content_bytes: self.sums.content_bytes,
            troubles: self.troubles,
        })
    }
}

struct Look {
    facts: Facts,
    through_link: bool,
    note: Option<TroubleKind>,
}

/// Opens a regular file to read it. A fifo or a device that has taken its name cannot block this,
/// nor become the controlling terminal. `name` is empty for a root that is a file.
pub(super) fn open_file(
    dir: rustix::fd::BorrowedFd<'_>,
    name: &[u8],
    no_follow: OFlags,
) -> Result<OwnedFd, Errno> {
    use rustix::fd::AsRawFd;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    if name.is_empty() {
        let path = PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd()));
        return open_quietly(CWD, path.as_os_str().as_encoded_bytes(), flags);
    }
    open_quietly(dir, name, flags | no_follow)
}

/// Opens without touching the access time, where that is allowed: to the owner and to root.
fn open_quietly(dir: impl AsFd, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::CLOEXEC;
    match openat(&dir, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => openat(&dir, name, flags, Mode::empty()),
        other => other,
    }
}

/// What an error on a name that was just listed means.
pub(super) fn gone_or_unreadable(errno: Errno) -> TroubleKind {
    match errno {
        Errno::NOENT => TroubleKind::Vanished,
        Errno::LOOP | Errno::NOTDIR | Errno::STALE => TroubleKind::Replaced,
        errno => TroubleKind::Unreadable {
            os_error: errno.raw_os_error(),
        },
    }
}
