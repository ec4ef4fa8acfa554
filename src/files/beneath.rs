//! Files below an open folder, reached through no link. What is no plain file is never opened: opening a
//! pipe waits, and opening a device does whatever the device does.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};
use rustix::io::Errno;

/// Why a file below a folder is not what is asked for.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// Nothing is there.
    Missing,
    /// A component of its path is a link, or no folder.
    NoFolder,
    /// It is of another kind.
    Kind {
        /// What is there.
        found: &'static str,
        /// What was asked for.
        expected: &'static str,
    },
    /// The system does not let it be read.
    Read(io::Error),
}

const FOLDER: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Opens a folder beneath another, one component after the other, none of them a link.
pub(crate) fn open_beneath(root: BorrowedFd<'_>, path: &[u8]) -> rustix::io::Result<OwnedFd> {
    let mut folder = openat(root, c".", FOLDER, Mode::empty())?;
    let names = path.split(|byte| *byte == b'/');
    for name in names.filter(|name| !name.is_empty()) {
        folder = openat(&folder, name, FOLDER, Mode::empty())?;
    }
    Ok(folder)
}

/// An open folder and the one below it that was used last.
pub(crate) struct Beneath {
    root: OwnedFd,
    /// Entries come folder by folder: the next one is mostly in the same.
    last: Option<(Vec<u8>, OwnedFd)>,
}

impl Beneath {
    /// Opens a folder; its own path may lead through links.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Self::of(root))
    }

    /// Below a folder that is open already.
    pub(crate) fn of(root: OwnedFd) -> Self {
        Self { root, last: None }
    }

    /// What the file at `path` is, links not followed.
    pub(crate) fn stat(&mut self, path: &[u8]) -> Result<Stat, Unfit> {
        let (folder, name) = split(path);
        let dir = self.folder(folder)?;
        statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map_err(unfit)
    }

    /// Opens a plain file, whatever else may stand there meanwhile.
    pub(crate) fn file(&mut self, path: &[u8]) -> Result<(File, Stat), Unfit> {
        let stat = self.stat(path)?;
        demand(&stat, FileType::RegularFile)?;
        let (folder, name) = split(path);
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fd = openat(self.folder(folder)?, name, flags, Mode::empty()).map_err(unfit)?;
        let stat = fstat(&fd).map_err(unfit)?;
        demand(&stat, FileType::RegularFile)?;
        Ok((fd.into(), stat))
    }

    /// What a symbolic link says.
    pub(crate) fn link(&mut self, path: &[u8]) -> Result<Vec<u8>, Unfit> {
        let (folder, name) = split(path);
        let dir = self.folder(folder)?;
        let target = readlinkat(dir, name, Vec::new()).map_err(unfit)?;
        Ok(target.into_bytes())
    }

    /// Opens a folder; the root for an empty path.
    pub(crate) fn folder(&mut self, path: &[u8]) -> Result<BorrowedFd<'_>, Unfit> {
        if path.is_empty() {
            return Ok(self.root.as_fd());
        }
        if self.last.as_ref().is_none_or(|(last, _)| last != path) {
            let fd = self.descend(path)?;
            self.last = Some((path.to_vec(), fd));
        }
        let (_, fd) = self.last.as_ref().expect("it was just set");
        Ok(fd.as_fd())
    }

    fn descend(&self, path: &[u8]) -> Result<OwnedFd, Unfit> {
        let below = self
            .last
            .as_ref()
            .and_then(|(last, fd)| Some((fd, path.strip_prefix(&last[..])?.strip_prefix(b"/")?)));
        let (from, rest) = below.map_or((&self.root, path), |(fd, rest)| (fd, rest));
        let mut names = rest.split(|byte| *byte == b'/');
        let first = names.next().unwrap_or_default();
        let mut fd = openat(from, first, FOLDER, Mode::empty()).map_err(unfit)?;
        for name in names {
            fd = openat(&fd, name, FOLDER, Mode::empty()).map_err(unfit)?;
        }
        Ok(fd)
    }
}

/// A path's folder and its last name.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// Demands that a file is of a kind.
pub(crate) fn demand(stat: &Stat, expected: FileType) -> Result<(), Unfit> {
    let found = FileType::from_raw_mode(stat.st_mode);
    if found == expected {
        return Ok(());
    }
    Err(Unfit::Kind {
        found: kind_name(found),
        expected: kind_name(expected),
    })
}

/// A kind of file in words.
pub(crate) fn kind_name(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "a file",
        FileType::Directory => "a folder",
        FileType::Symlink => "a link",
        FileType::Fifo => "a named pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice => "a character device",
        FileType::BlockDevice => "a block device",
        FileType::Unknown => "something unknown",
    }
}

fn unfit(errno: Errno) -> Unfit {
    match errno {
        Errno::NOENT => Unfit::Missing,
        Errno::NOTDIR | Errno::LOOP => Unfit::NoFolder,
        errno => Unfit::Read(errno.into()),
    }
}
