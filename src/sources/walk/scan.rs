//! The first pass: look at everything once and write down what is there.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, open, openat, statat};
use rustix::io::Errno;

use super::facts::{Facts, FileId};
use super::names::{NamesError, names_descending};
use super::open::{gone_or_unreadable, open_quietly};
use super::pending::{Pending, Waiting};
use super::record::{Recorder, Seen, Sums};
use super::tree::Tree;
use super::trouble::{TroubleKind, Troubles};
use super::{Filter, Verdict, WalkError, WalkOptions};

/// Bytes of names waiting to be visited that are kept in memory.
const PENDING_BYTES: usize = 4 << 20;

/// What [`scan()`] found: everything that [`super::read()`] needs, and the sums.
pub struct Scan {
    pub(super) root: OwnedFd,
    pub(super) follow_symlinks: bool,
    pub(super) prefix: Vec<u8>,
    pub(super) list: File,
    sums: Sums,
    troubles: Troubles,
}

impl Scan {
    /// Entries that will be read.
    #[must_use]
    pub fn entry_count(&self) -> u64 {
        self.sums.entry_count
    }

    /// Length of the tar that these entries make under [`WalkOptions::prefix`], end marker included.
    #[must_use]
    pub fn tar_bytes(&self) -> u64 {
        self.sums.tar_bytes
    }

    /// Bytes of content that will be read; holes do not count.
    #[must_use]
    pub fn content_bytes(&self) -> u64 {
        self.sums.content_bytes
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
        prefix,
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
    scanner.finish(prefix).map_err(list_error)
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

struct Scanner<'a> {
    filter: &'a mut dyn Filter,
    follow_symlinks: bool,
    never: &'a [(u64, u64)],
    one_file_system: bool,
    list_dir: &'a Path,
    tree: Tree,
    pending: Pending,
    recorder: Recorder<'a>,
    troubles: Troubles,
}

impl<'a> Scanner<'a> {
    fn new(options: WalkOptions<'a>, root: OwnedFd, root_id: FileId) -> io::Result<Self> {
        let WalkOptions {
            filter,
            follow_symlinks,
            never,
            one_file_system,
            list_dir,
            prefix,
            ..
        } = options;
        Ok(Self {
            filter,
            follow_symlinks,
            never,
            one_file_system,
            list_dir,
            tree: Tree::new(root, root_id, follow_symlinks),
            pending: Pending::new(list_dir.to_owned(), PENDING_BYTES),
            recorder: Recorder::create(list_dir, prefix)?,
            troubles: Troubles::default(),
        })
    }

    fn root(&mut self, facts: &Facts) -> io::Result<()> {
        let seen = Seen {
            name: b"",
            path: Vec::new(),
            facts: *facts,
            through_link: false,
        };
        self.recorder
            .record(&seen, &mut self.tree, &mut self.troubles)?;
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
        self.recorder
            .record(&seen, &mut self.tree, &mut self.troubles)?;
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
        if target.file_type == FileType::Directory && lies_in(self.tree.dir()?, name, self.never)? {
            return Ok(as_it_is(Some(TroubleKind::PlaceOfDumps)));
        }
        Ok(Look {
            facts: target,
            through_link: true,
            note: None,
        })
    }

    /// Goes into a directory, if it may.
    fn descend(&mut self, seen: &Seen<'_>, ask: bool) -> io::Result<()> {
        let id = (seen.facts.id.dev, seen.facts.id.ino);
        if self.tree.is_behind_link() && self.never.contains(&id) {
            self.troubles.push(&seen.path, TroubleKind::PlaceOfDumps);
            return Ok(());
        }
        // A link that is followed leads where the user wants to go.
        let parent_dev = self.tree.id().map(|id| id.dev);
        let other = !seen.through_link && parent_dev != Some(seen.facts.id.dev);
        if self.one_file_system && other && !self.filter.wants_mount_point(&seen.path) {
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
            self.tree
                .enter(seen.name, dir, seen.facts.id, seen.through_link);
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

    fn finish(self, prefix: &[u8]) -> io::Result<Scan> {
        let (list, sums) = self.recorder.finish()?;
        Ok(Scan {
            root: self.tree.into_root(),
            follow_symlinks: self.follow_symlinks,
            prefix: prefix.to_vec(),
            list,
            sums,
            troubles: self.troubles,
        })
    }
}

/// Whether the folder that a link leads to is one of these, or lies in one.
fn lies_in(dir: BorrowedFd<'_>, link: &[u8], places: &[(u64, u64)]) -> Result<bool, Errno> {
    if places.is_empty() {
        return Ok(false);
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut folder = openat(dir, link, flags, Mode::empty())?;
    let mut id = Facts::from(fstat(&folder)?).id;
    loop {
        if places.contains(&(id.dev, id.ino)) {
            return Ok(true);
        }
        folder = openat(&folder, "..", flags, Mode::empty())?;
        let above = Facts::from(fstat(&folder)?).id;
        // The root is its own parent.
        if above == id {
            return Ok(false);
        }
        id = above;
    }
}

struct Look {
    facts: Facts,
    through_link: bool,
    note: Option<TroubleKind>,
}
