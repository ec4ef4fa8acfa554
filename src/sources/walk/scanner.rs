//! The walk of a scan: every name in byte order, looked at once, and what is to be recorded of it handed on.

use std::io;
use std::path::Path;

use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, openat, statat};
use rustix::io::Errno;

use super::facts::{Facts, FileId};
use super::gather::Gather;
use super::names::{NamesError, names_descending};
use super::open::{gone_or_unreadable, open_quietly};
use super::pending::{Pending, Waiting};
use super::record::{Met, Seen};
use super::tree::Tree;
use super::trouble::{Trouble, TroubleKind};
use super::{Filter, Verdict, WalkOptions};

/// Bytes of names waiting to be visited that are kept in memory.
const PENDING_BYTES: usize = 4 << 20;

/// Walks below the root and gives it back; `None` when the walk was cancelled.
pub(super) fn walk(
    options: WalkOptions<'_>,
    root: OwnedFd,
    facts: &Facts,
    met: Gather<Met>,
) -> io::Result<Option<OwnedFd>> {
    let cancelled = options.cancelled;
    let mut scanner = Scanner::new(options, root, facts.id, met);
    scanner.root(facts)?;
    while let Some(waiting) = scanner.pending.pop()? {
        if cancelled() {
            return Ok(None);
        }
        scanner.visit(&waiting)?;
    }
    scanner.met.send()?;
    Ok(Some(scanner.tree.into_root()))
}

struct Scanner<'a> {
    filter: &'a mut dyn Filter,
    follow_symlinks: bool,
    never: &'a [(u64, u64)],
    one_file_system: bool,
    list_dir: &'a Path,
    tree: Tree,
    pending: Pending,
    met: Gather<Met>,
}

impl<'a> Scanner<'a> {
    fn new(options: WalkOptions<'a>, root: OwnedFd, root_id: FileId, met: Gather<Met>) -> Self {
        let WalkOptions {
            filter,
            follow_symlinks,
            never,
            one_file_system,
            list_dir,
            ..
        } = options;
        Self {
            filter,
            follow_symlinks,
            never,
            one_file_system,
            list_dir,
            tree: Tree::new(root, root_id, follow_symlinks),
            pending: Pending::new(list_dir.to_owned(), PENDING_BYTES),
            met,
        }
    }

    fn root(&mut self, facts: &Facts) -> io::Result<()> {
        self.file(&[], facts, false)?;
        if facts.file_type == FileType::Directory {
            self.list_children(&Folder::root(facts.id), true)
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
            Err(errno) => return self.trouble(&path, gone_or_unreadable(errno)),
        };
        if let Some(note) = note {
            self.trouble(&path, note)?;
        }
        if facts.file_type == FileType::Socket {
            return self.trouble(&path, TroubleKind::Socket);
        }
        self.file(&path, &facts, through_link)?;
        if is_dir {
            let folder = Folder {
                name: &waiting.name,
                path: &path,
                id: facts.id,
                through_link,
            };
            self.descend(&folder, verdict == Verdict::Pass)
        } else {
            Ok(())
        }
    }

    fn file(&mut self, path: &[u8], facts: &Facts, through_link: bool) -> io::Result<()> {
        self.put(Met::File(Seen {
            path: path.to_vec(),
            facts: *facts,
            through_link,
        }))
    }

    fn trouble(&mut self, path: &[u8], kind: TroubleKind) -> io::Result<()> {
        let path = path.to_vec();
        self.put(Met::Trouble(Trouble { path, kind }))
    }

    fn put(&mut self, met: Met) -> io::Result<()> {
        let bytes = met.weight();
        Ok(self.met.put(met, bytes)?)
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
    fn descend(&mut self, folder: &Folder<'_>, ask: bool) -> io::Result<()> {
        let id = (folder.id.dev, folder.id.ino);
        if self.tree.is_behind_link() && self.never.contains(&id) {
            return self.trouble(folder.path, TroubleKind::PlaceOfDumps);
        }
        // A link that is followed leads where the user wants to go.
        let parent_dev = self.tree.id().map(|id| id.dev);
        let other = !folder.through_link && parent_dev != Some(folder.id.dev);
        if self.one_file_system && other && !self.filter.wants_mount_point(folder.path) {
            return self.trouble(folder.path, TroubleKind::OtherFileSystem);
        }
        self.list_children(folder, ask)
    }

    fn list_children(&mut self, folder: &Folder<'_>, ask: bool) -> io::Result<()> {
        let dir = match self.open_dir(folder) {
            Ok(dir) => dir,
            Err(errno) => return self.trouble(folder.path, gone_or_unreadable(errno)),
        };
        let depth = self.tree.depth() + usize::from(!folder.name.is_empty());
        let depth = u32::try_from(depth).map_err(|_| io::ErrorKind::InvalidFilename)?;
        let pending = &mut self.pending;
        let mut push = |name: &[u8]| pending.push(depth, ask, name);
        match names_descending(&dir, self.list_dir, &mut push) {
            Ok(()) => {}
            Err(NamesError::Directory(errno)) => {
                self.trouble(folder.path, gone_or_unreadable(errno))?;
            }
            Err(NamesError::Temporary(error)) => return Err(error),
        }
        if !folder.name.is_empty() {
            self.tree
                .enter(folder.name, dir, folder.id, folder.through_link);
        }
        Ok(())
    }

    /// Opens the directory that was looked at, and nothing else that may have its name by now.
    fn open_dir(&mut self, folder: &Folder<'_>) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | self.tree.no_follow();
        let name: &[u8] = if folder.name.is_empty() {
            b"."
        } else {
            folder.name
        };
        let dir = open_quietly(self.tree.dir()?, name, flags)?;
        if Facts::from(fstat(&dir)?).id != folder.id {
            return Err(Errno::STALE);
        }
        Ok(dir)
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

/// A directory that was looked at. The root has no name.
struct Folder<'a> {
    name: &'a [u8],
    path: &'a [u8],
    id: FileId,
    through_link: bool,
}

impl Folder<'_> {
    fn root(id: FileId) -> Self {
        Self {
            name: b"",
            path: b"",
            id,
            through_link: false,
        }
    }
}
