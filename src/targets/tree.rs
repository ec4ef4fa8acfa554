//! Makes entries as plain files in a staging folder: written beneath it only, never through a link.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, linkat, makedev, mknodat, openat, symlinkat};
use rustix::io::Errno;

use super::TargetError;
use super::cursor::{Cursor, split};
use super::dumps::create_file;
use super::error::{Step, not_supported};
use super::losses::{Loss, Losses};
use super::metadata::Metadata;
use super::site::{OrFailed, Site};
use crate::archive::entry::{Entry, EntryKind, Segment};
use crate::archive::escape::escape;

/// A staging folder that is being filled.
#[derive(Debug)]
pub(super) struct Tree {
    site: Site,
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
    pub(super) fn new(site: Site, root: OwnedFd) -> Result<Self, TargetError> {
        let cursor = Cursor::new(root).or_failed(&site, Step::Create, b"")?;
        Ok(Self {
            site,
            cursor,
            losses: Losses::default(),
            open: None,
            data_bytes: 0,
        })
    }

    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.cursor.root()
    }

    /// Bytes of content in the tree's plain files so far.
    pub(super) fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// What could not be kept so far, one sentence each.
    pub(super) fn warnings(&self) -> Vec<String> {
        self.losses.sentences()
    }

    /// Makes an entry; a regular file then takes [`Tree::write`] and [`Tree::end`].
    pub(super) fn entry(&mut self, entry: &Entry) -> Result<(), TargetError> {
        check_path(&self.site, &entry.path)?;
        match &entry.kind {
            EntryKind::Directory => {
                let metadata = Metadata::of(entry);
                let made = self.cursor.make(&entry.path, metadata, &mut self.losses);
                made.or_failed(&self.site, Step::Write, &entry.path)
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
    pub(super) fn write(&mut self, data: &[u8]) -> Result<(), TargetError> {
        let Some(open) = &mut self.open else {
            return Err(self.site.out_of_order("write"));
        };
        open.written += data.len() as u64;
        if open.written > open.announced {
            return Err(open.wrong_length(&self.site));
        }
        let put = open.put(data);
        put.or_failed(&self.site, Step::Write, &open.path)?;
        self.data_bytes += data.len() as u64;
        Ok(())
    }

    /// Ends the entry begun last; for anything but a regular file there is nothing left to do.
    pub(super) fn end(&mut self) -> Result<(), TargetError> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        if open.written != open.announced {
            return Err(open.wrong_length(&self.site));
        }
        let ended = open.file.set_len(open.size);
        ended.or_failed(&self.site, Step::Write, &open.path)?;
        open.metadata
            .set(open.file.as_fd(), &open.path, &mut self.losses);
        if cfg!(not(target_os = "linux")) {
            // Nothing else syncs a whole file system and says how it went.
            open.file
                .sync_all()
                .or_failed(&self.site, Step::Sync, &open.path)?;
        }
        Ok(())
    }

    /// Makes a file (0600) for a stream member.
    pub(super) fn create(&mut self, path: &[u8]) -> Result<File, TargetError> {
        check_path(&self.site, path)?;
        let (folder, name) = split(path);
        let made = self
            .cursor
            .go_to(folder, &mut self.losses)
            .map_err(io::Error::from);
        let made = made.and_then(|dir| create_file(dir, OsStr::from_bytes(name)));
        made.or_failed(&self.site, Step::Write, path)
    }

    /// Removes the file of a stream member.
    pub(super) fn remove(&mut self, path: &[u8]) -> Result<(), TargetError> {
        let (folder, name) = split(path);
        let removed = self.cursor.go_to(folder, &mut self.losses);
        let removed = removed.and_then(|dir| rustix::fs::unlinkat(dir, name, AtFlags::empty()));
        removed.or_failed(&self.site, Step::Write, path)
    }

    /// Waits until the file of a stream member is on the disk.
    pub(super) fn sync_file(&mut self, path: &[u8]) -> Result<(), TargetError> {
        let (folder, name) = split(path);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let synced = self.cursor.go_to(folder, &mut self.losses);
        let synced = synced.and_then(|dir| openat(dir, name, flags, Mode::empty()));
        synced
            .and_then(rustix::fs::fsync)
            .or_failed(&self.site, Step::Sync, path)
    }

    /// Gives all folders their metadata.
    pub(super) fn close(&mut self) -> Result<(), TargetError> {
        self.cursor
            .leave_all(&mut self.losses)
            .or_failed(&self.site, Step::Write, b"")
    }

    fn begin_file(&mut self, entry: &Entry) -> Result<(), TargetError> {
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

    fn hard_link(&mut self, path: &[u8], target: &[u8]) -> Result<(), TargetError> {
        check_path(&self.site, target)?;
        let (target_folder, target_name) = split(target);
        let from = open_beneath(self.cursor.root(), target_folder);
        let from = from.or_failed(&self.site, Step::Write, target)?;
        let (folder, name) = split(path);
        let dir =
            self.cursor
                .go_to(folder, &mut self.losses)
                .or_failed(&self.site, Step::Write, path)?;
        let linked = linkat(&from, target_name, dir, name, AtFlags::empty());
        unless_unsupported(&self.site, linked, path, "a hard link")
    }

    fn make_special(&mut self, entry: &Entry) -> Result<(), TargetError> {
        let (folder, name) = split(&entry.path);
        let dir = self.cursor.go_to(folder, &mut self.losses).or_failed(
            &self.site,
            Step::Write,
            &entry.path,
        )?;
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
        unless_unsupported(&self.site, made, &entry.path, what)?;
        let place = (dir, OsStr::from_bytes(name));
        Metadata::of(entry).set_by_name(place, &entry.kind, &entry.path, &mut self.losses);
        Ok(())
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

    fn wrong_length(&self, site: &Site) -> TargetError {
        TargetError::Length {
            target: site.target.clone(),
            member: escape(&self.path),
            announced: self.announced,
            written: self.written,
        }
    }
}

/// Opens a folder beneath another, one component after the other, none of them a link.
fn open_beneath(root: BorrowedFd<'_>, folder: &[u8]) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut dir = openat(root, c".", flags, Mode::empty())?;
    for name in folder
        .split(|byte| *byte == b'/')
        .filter(|name| !name.is_empty())
    {
        dir = openat(&dir, name, flags, Mode::empty())?;
    }
    Ok(dir)
}

/// Tells an entry that the file system cannot hold from a failure.
fn unless_unsupported(
    site: &Site,
    made: rustix::io::Result<()>,
    path: &[u8],
    what: &'static str,
) -> Result<(), TargetError> {
    match made {
        Err(errno) if not_supported(errno) => Err(TargetError::Unsupported {
            target: site.target.clone(),
            path: site.path(path),
            what,
            source: errno.into(),
        }),
        other => other.or_failed(site, Step::Write, path),
    }
}

/// Refuses what is no path in a dump. Sources make none such; a bug there must not write elsewhere.
pub(super) fn check_path(site: &Site, path: &[u8]) -> Result<(), TargetError> {
    let bad = |name: &[u8]| name.is_empty() || name == b"." || name == b".." || name.contains(&0);
    if path.split(|byte| *byte == b'/').any(bad) {
        return Err(TargetError::BadPath {
            target: site.target.clone(),
            path: escape(path),
        });
    }
    debug_assert!(!Path::new(OsStr::from_bytes(path)).is_absolute());
    Ok(())
}
