//! Files of a dump's folder, reached from its open root and through no link. What is no plain file is
//! never opened: opening a pipe waits, and opening a device does whatever the device does.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};
use rustix::io::Errno;

use super::Fault;

const FOLDER: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// An open folder and the one below it that was used last.
pub(super) struct Beneath {
    root: OwnedFd,
    /// Entries come folder by folder: the next one is mostly in the same.
    last: Option<(Vec<u8>, OwnedFd)>,
}

impl Beneath {
    /// Opens a folder; its own path may lead through links.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Self { root, last: None })
    }

    /// What the file at `path` is, links not followed.
    pub(super) fn stat(&mut self, path: &[u8]) -> Result<Stat, Fault> {
        let (folder, name) = split(path);
        let dir = self.folder(folder)?;
        statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map_err(fault)
    }

    /// Opens a plain file, whatever else may stand there meanwhile.
    pub(super) fn file(&mut self, path: &[u8]) -> Result<(File, Stat), Fault> {
        let stat = self.stat(path)?;
        demand(&stat, FileType::RegularFile)?;
        let (folder, name) = split(path);
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fd = openat(self.folder(folder)?, name, flags, Mode::empty()).map_err(fault)?;
        let stat = fstat(&fd).map_err(fault)?;
        demand(&stat, FileType::RegularFile)?;
        Ok((fd.into(), stat))
    }

    /// What a symbolic link says.
    pub(super) fn link(&mut self, path: &[u8]) -> Result<Vec<u8>, Fault> {
        let (folder, name) = split(path);
        let dir = self.folder(folder)?;
        let target = readlinkat(dir, name, Vec::new()).map_err(fault)?;
        Ok(target.into_bytes())
    }

    /// Opens a folder; the root for an empty path.
    pub(super) fn folder(&mut self, path: &[u8]) -> Result<BorrowedFd<'_>, Fault> {
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

    fn descend(&self, path: &[u8]) -> Result<OwnedFd, Fault> {
        let below = self
            .last
            .as_ref()
            .and_then(|(last, fd)| Some((fd, path.strip_prefix(&last[..])?.strip_prefix(b"/")?)));
        let (from, rest) = below.map_or((&self.root, path), |(fd, rest)| (fd, rest));
        let mut names = rest.split(|byte| *byte == b'/');
        let first = names.next().unwrap_or_default();
        let mut fd = openat(from, first, FOLDER, Mode::empty()).map_err(fault)?;
        for name in names {
            fd = openat(&fd, name, FOLDER, Mode::empty()).map_err(fault)?;
        }
        Ok(fd)
    }
}

/// A path's folder and its last name.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// Demands that a file is of a kind.
pub(super) fn demand(stat: &Stat, expected: FileType) -> Result<(), Fault> {
    let found = FileType::from_raw_mode(stat.st_mode);
    if found == expected {
        return Ok(());
    }
    Err(Fault::Kind {
        found: kind_name(found),
        expected: kind_name(expected),
    })
}

/// A kind of file in words.
pub(super) fn kind_name(kind: FileType) -> &'static str {
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

fn fault(errno: Errno) -> Fault {
    match errno {
        Errno::NOENT => Fault::Missing,
        Errno::NOTDIR | Errno::LOOP => Fault::NoFolder,
        errno => Fault::Read(errno.into()),
    }
}
