//! A place in the tree: the directories from the root to here, of which only the last few are open,
//! so that a path of a thousand levels needs neither a long path nor a thousand open files.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags, fstat, openat};
use rustix::io::Errno;

use super::facts::{Facts, FileId};

/// Most directories that are kept open, the root not counted.
const MAX_OPEN: usize = 32;

/// Opens one directory by its name in another one, only as a place to start from.
const PLACE: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The root and where we are below it.
pub(super) struct Tree {
    root: OwnedFd,
    root_id: Option<FileId>,
    follow_symlinks: bool,
    levels: Vec<Level>,
    /// Path of the current directory relative to the root.
    path: Vec<u8>,
    open_count: usize,
}

struct Level {
    /// Length of the path of the directory that this one is in.
    parent_len: usize,
    fd: Option<OwnedFd>,
    /// What has to be found when it is opened again; `None` if it was never opened.
    id: Option<FileId>,
    /// Whether a link was followed to here or on the way.
    behind_link: bool,
}

impl Tree {
    /// At the root, to look at everything once.
    pub(super) fn new(root: OwnedFd, root_id: FileId, follow_symlinks: bool) -> Self {
        Self {
            root_id: Some(root_id),
            ..Self::again(root, follow_symlinks)
        }
    }

    /// At the root, to come back to what was looked at. Directories are not checked then: each file
    /// that is opened in them is.
    pub(super) fn again(root: OwnedFd, follow_symlinks: bool) -> Self {
        Self {
            root,
            root_id: None,
            follow_symlinks,
            levels: Vec::new(),
            path: Vec::new(),
            open_count: 0,
        }
    }

    /// The root, to start once more.
    pub(super) fn into_root(self) -> OwnedFd {
        self.root
    }

    /// Number of directories between the root and here.
    pub(super) fn depth(&self) -> usize {
        self.levels.len()
    }

    /// Flag that keeps the last name of a path from being followed, unless links are to be.
    pub(super) fn no_follow(&self) -> OFlags {
        if self.follow_symlinks {
            OFlags::empty()
        } else {
            OFlags::NOFOLLOW
        }
    }

    /// Path of `name` in the current directory, relative to the root.
    pub(super) fn path_of(&self, name: &[u8]) -> Vec<u8> {
        let mut path = Vec::with_capacity(self.path.len() + 1 + name.len());
        path.extend_from_slice(&self.path);
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name);
        path
    }

    /// Which directory this is, if it was looked at.
    pub(super) fn id(&self) -> Option<FileId> {
        self.levels.last().map_or(self.root_id, |level| level.id)
    }

    /// Whether the file is one of the directories from the root to here.
    pub(super) fn contains(&self, id: FileId) -> bool {
        self.root_id == Some(id) || self.levels.iter().any(|level| level.id == Some(id))
    }

    /// Goes down into an open directory.
    pub(super) fn enter(&mut self, name: &[u8], fd: OwnedFd, id: FileId, through_link: bool) {
        let behind_link = through_link || self.is_behind_link();
        self.descend(name, Some(id), behind_link);
        self.keep(self.levels.len() - 1, fd);
    }

    /// Goes down into a directory of which only the number is known. Opens nothing yet.
    pub(super) fn go_down(&mut self, name: &[u8], id: FileId) {
        self.descend(name, Some(id), false);
    }

    /// Whether a link was followed on the way from the root to here.
    pub(super) fn is_behind_link(&self) -> bool {
        self.levels.last().is_some_and(|level| level.behind_link)
    }

    /// Goes up until `depth` directories are left.
    pub(super) fn leave_to(&mut self, depth: usize) {
        while self.levels.len() > depth {
            let level = self.levels.pop().expect("longer than depth");
            self.open_count -= usize::from(level.fd.is_some());
            self.path.truncate(level.parent_len);
        }
    }

    /// Goes to the directory of `path` and returns the last name of it. Opens nothing yet.
    pub(super) fn go_to_parent<'p>(&mut self, path: &'p [u8]) -> &'p [u8] {
        let (parent, name) = match path.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&path[..0], path),
        };
        if parent == self.path {
            return name;
        }
        let kept = self.shared_levels(parent);
        self.leave_to(kept);
        let rest = parent[self.path.len()..].split(|&byte| byte == b'/');
        rest.filter(|name| !name.is_empty())
            .for_each(|name| self.descend(name, None, false));
        name
    }

    /// The current directory, opened again if it was closed meanwhile.
    ///
    /// Fails with `ESTALE` if another directory has taken its name.
    pub(super) fn dir(&mut self) -> Result<BorrowedFd<'_>, Errno> {
        let first_closed = self
            .levels
            .iter()
            .rposition(|level| level.fd.is_some())
            .map_or(0, |open| open + 1);
        for index in first_closed..self.levels.len() {
            self.reopen(index)?;
        }
        Ok(self
            .levels
            .last()
            .and_then(|level| level.fd.as_ref())
            .unwrap_or(&self.root)
            .as_fd())
    }

    fn reopen(&mut self, index: usize) -> Result<(), Errno> {
        let end = self
            .levels
            .get(index + 1)
            .map_or(self.path.len(), |level| level.parent_len);
        let name = &self.path[self.levels[index].parent_len..end];
        let name = name.strip_prefix(b"/").unwrap_or(name);
        let parent = match index.checked_sub(1) {
            Some(parent) => self.levels[parent].fd.as_ref().expect("opened just before"),
            None => &self.root,
        };
        let fd = openat(parent, name, PLACE | self.no_follow(), Mode::empty())?;
        if let Some(expected) = self.levels[index].id
            && Facts::from(fstat(&fd)?).id != expected
        {
            return Err(Errno::STALE);
        }
        self.keep(index, fd);
        Ok(())
    }

    fn descend(&mut self, name: &[u8], id: Option<FileId>, behind_link: bool) {
        let parent_len = self.path.len();
        if parent_len > 0 {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name);
        self.levels.push(Level {
            parent_len,
            fd: None,
            id,
            behind_link,
        });
    }

    /// Keeps a level open and, if there are too many, closes the one that is nearest to the root.
    fn keep(&mut self, index: usize, fd: OwnedFd) {
        self.levels[index].fd = Some(fd);
        self.open_count += 1;
        if self.open_count > MAX_OPEN
            && let Some(level) = self.levels.iter_mut().find(|level| level.fd.is_some())
        {
            level.fd = None;
            self.open_count -= 1;
        }
    }

    /// How many of the directories from the root to here also lead to `other`.
    fn shared_levels(&self, other: &[u8]) -> usize {
        let ends = self
            .levels
            .iter()
            .skip(1)
            .map(|level| level.parent_len)
            .chain([self.path.len()]);
        let leads_there = |&end: &usize| {
            other.get(..end) == Some(&self.path[..end])
                && other.get(end).is_none_or(|&byte| byte == b'/')
        };
        ends.take(self.levels.len()).take_while(leads_there).count()
    }
}
