//! Makes entries as plain files in a folder of which nobody else knows: beneath it only, never through a
//! link, and nothing twice.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::fs::{linkat, makedev, mknodat, openat, statat, symlinkat};
use rustix::io::Errno;

use super::beneath::{open_beneath, split};
use super::create::create_file;
use super::cursor::Cursor;
use super::error::{At, FileError, not_supported};
use super::losses::{Loss, Losses};
use super::metadata::Metadata;
use crate::archive::entry::{Entry, EntryKind, Segment};

/// A staging folder that is being filled.
#[derive(Debug)]
pub(crate) struct Tree {
    cursor: Cursor,
    losses: Losses,
    open: Option<OpenFile>,
    data_bytes: u64,
}

/// A regular file whose content comes.
#[derive(Debug)]
struct OpenFile {
    path: Vec<u8>,
    file: File,
    metadata: Metadata,
    size: u64,
    announced: u64,
    written: u64,
    /// What is left to be filled, the first one from its `offset` on.
    segments: VecDeque<Segment>,
}

impl Tree {
    /// In a folder that is empty.
    pub(crate) fn new(root: OwnedFd) -> Result<Self, FileError> {
        let cursor = Cursor::new(root).writing(b"")?;
        Ok(Self {
            cursor,
            losses: Losses::default(),
            open: None,
            data_bytes: 0,
        })
    }

    pub(crate) fn root(&self) -> BorrowedFd<'_> {
        self.cursor.root()
    }

    /// Bytes of content in the tree's plain files so far.
    pub(crate) fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// What could not be kept so far, one sentence each.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.losses.sentences()
    }

    /// Makes an entry; a regular file then takes [`Tree::write`] and [`Tree::end`].
    pub(crate) fn entry(&mut self, entry: &Entry) -> Result<(), FileError> {
        check_path(&entry.path)?;
        match &entry.kind {
            EntryKind::Directory => {
                let metadata = Metadata::of(entry);
                let made = self.cursor.make(&entry.path, metadata, &mut self.losses);
                made.writing(&entry.path)
            }
            EntryKind::File => self.begin_file(entry),
            EntryKind::HardLink { target } => self.hard_link(&entry.path, target),
            EntryKind::Symlink { .. }
            | EntryKind::Fifo
            | EntryKind::CharDevice { .. }
            | EntryKind::BlockDevice { .. } => self.make_special(entry),
        }
    }

    /// Content of the file begun last.
    pub(crate) fn write(&mut self, data: &[u8]) -> Result<(), FileError> {
        let Some(open) = &mut self.open else {
            return Err(FileError::OutOfOrder { call: "write" });
        };
        open.written += data.len() as u64;
        if open.written > open.announced {
            return Err(open.wrong_length());
        }
        let put = open.put(data);
        put.writing(&open.path)?;
        self.data_bytes += data.len() as u64;
        Ok(())
    }

    /// Ends the entry begun last; for anything but a regular file there is nothing left to do.
    pub(crate) fn end(&mut self) -> Result<(), FileError> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        if open.written != open.announced {
            return Err(open.wrong_length());
        }
        let ended = open.file.set_len(open.size);
        ended.writing(&open.path)?;
        let set = open
            .metadata
            .set(open.file.as_fd(), &open.path, &mut self.losses);
        set.writing(&open.path)?;
        if cfg!(not(target_os = "linux")) {
            // Nothing else syncs a whole file system and says how it went.
            open.file.sync_all().syncing(&open.path)?;
        }
        Ok(())
    }

    /// Makes a file (0600) for a stream member.
    pub(crate) fn create(&mut self, path: &[u8]) -> Result<File, FileError> {
        check_path(path)?;
        let (folder, name) = split(path);
        let made = self
            .cursor
            .go_to(folder, &mut self.losses)
            .map_err(io::Error::from);
        let made = made.and_then(|dir| create_file(dir, OsStr::from_bytes(name)));
        made.writing(path)
    }

    /// Removes the file of a stream member.
    pub(crate) fn remove(&mut self, path: &[u8]) -> Result<(), FileError> {
        let (folder, name) = split(path);
        let removed = self.cursor.go_to(folder, &mut self.losses);
        let removed = removed.and_then(|dir| rustix::fs::unlinkat(dir, name, AtFlags::empty()));
        removed.writing(path)
    }

    /// Waits until the file of a stream member is on the disk.
    pub(crate) fn sync_file(&mut self, path: &[u8]) -> Result<(), FileError> {
        let (folder, name) = split(path);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let synced = self.cursor.go_to(folder, &mut self.losses);
        let synced = synced.and_then(|dir| openat(dir, name, flags, Mode::empty()));
        synced.and_then(rustix::fs::fsync).syncing(path)
    }

    /// Gives all folders their metadata.
    pub(crate) fn close(&mut self) -> Result<(), FileError> {
        self.cursor.leave_all(&mut self.losses).writing(b"")
    }

    fn begin_file(&mut self, entry: &Entry) -> Result<(), FileError> {
        let file = self.create(&entry.path)?;
        let whole = || {
            vec![Segment {
                offset: 0,
                len: entry.size,
            }]
        };
        self.open = Some(OpenFile {
            path: entry.path.clone(),
            file,
            metadata: Metadata::of(entry),
            size: entry.size,
            announced: entry.data_len(),
            written: 0,
            segments: entry.sparse.clone().unwrap_or_else(whole).into(),
        });
        Ok(())
    }

    fn hard_link(&mut self, path: &[u8], target: &[u8]) -> Result<(), FileError> {
        check_path(target)?;
        let (target_folder, target_name) = split(target);
        let from = open_beneath(self.cursor.root(), target_folder).writing(target)?;
        let found = statat(&from, target_name, AtFlags::SYMLINK_NOFOLLOW).writing(target)?;
        // Of a link it becomes a further name of the link itself: nothing is followed.
        if FileType::from_raw_mode(found.st_mode) == FileType::Directory {
            let (path, target) = (path.to_vec(), target.to_vec());
            return Err(FileError::LinkTarget { path, target });
        }
        let (folder, name) = split(path);
        let dir = self.cursor.go_to(folder, &mut self.losses).writing(path)?;
        let linked = linkat(&from, target_name, dir, name, AtFlags::empty());
        unless_unsupported(linked, path, "a hard link")
    }

    fn make_special(&mut self, entry: &Entry) -> Result<(), FileError> {
        let (folder, name) = split(&entry.path);
        let dir = self.cursor.go_to(folder, &mut self.losses);
        let dir = dir.writing(&entry.path)?;
        let node = |kind, device| mknodat(dir, name, kind, Mode::RUSR | Mode::WUSR, device);
        let (made, what) = match &entry.kind {
            EntryKind::Symlink { target } => (symlinkat(&target[..], dir, name), "a symbolic link"),
            EntryKind::CharDevice { major, minor } => (
                node(FileType::CharacterDevice, makedev(*major, *minor)),
                "a device",
            ),
            EntryKind::BlockDevice { major, minor } => (
                node(FileType::BlockDevice, makedev(*major, *minor)),
                "a device",
            ),
            _ => (node(FileType::Fifo, 0), "a named pipe"),
        };
        if what == "a device" && made == Err(Errno::PERM) {
            self.losses.add(Loss::Device, &entry.path);
            return Ok(());
        }
        unless_unsupported(made, &entry.path, what)?;
        let place = (dir, OsStr::from_bytes(name));
        let metadata = Metadata::of(entry);
        let set = metadata.set_by_name(place, &entry.kind, &entry.path, &mut self.losses);
        set.writing(&entry.path)
    }
}

impl OpenFile {
    /// Writes where the segments say. The caller has checked that they have room.
    fn put(&mut self, mut data: &[u8]) -> io::Result<()> {
        while let (Some(segment), false) = (self.segments.front_mut(), data.is_empty()) {
            let len = usize::try_from(segment.len).map_or(data.len(), |len| len.min(data.len()));
            self.file.write_all_at(&data[..len], segment.offset)?;
            data = &data[len..];
            segment.offset += len as u64;
            segment.len -= len as u64;
            if segment.len == 0 {
                self.segments.pop_front();
            }
        }
        Ok(())
    }

    fn wrong_length(&self) -> FileError {
        FileError::Length {
            path: self.path.clone(),
            announced: self.announced,
            written: self.written,
        }
    }
}

/// Tells an entry that the file system cannot hold from a failure.
fn unless_unsupported(
    made: rustix::io::Result<()>,
    path: &[u8],
    what: &'static str,
) -> Result<(), FileError> {
    match made {
        Err(errno) if not_supported(errno) => Err(FileError::Unsupported {
            path: path.to_vec(),
            what,
            source: errno.into(),
        }),
        other => other.writing(path),
    }
}

/// Refuses what is no path below a folder.
pub(crate) fn check_path(path: &[u8]) -> Result<(), FileError> {
    let bad = |name: &[u8]| name.is_empty() || name == b"." || name == b".." || name.contains(&0);
    if path.split(|byte| *byte == b'/').any(bad) {
        let path = path.to_vec();
        return Err(FileError::BadPath { path });
    }
    Ok(())
}
