//! The renames by which old and new content change places, as a list on the disk: written and synced before
//! the first of them is done, so that whoever finds a cut-off restore can undo it.
//!
//! A record is both paths below the folder, each behind its length (four bytes, little endian), and at its end the
//! length of the record, so that the list can be read from both ends. A rename was done if nothing is left at its
//! first path.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fsync, openat, renameat, statat};
use rustix::io::Errno;

use super::ContentError;
use super::folder_times::{self, FolderTimes};
use super::hidden::Hidden;
use super::newcomers::Newcomers;
use super::place::join;
use crate::archive::entry::Mtime;
use crate::files::{Kind, create_file, open_beneath, rename_new, split};

const PARTIAL: &str = "moves.partial";
const MOVES: &str = "moves";
/// What the list is called when nothing may be undone any more.
const KEPT: &str = "kept";
/// Longest record: two paths of any length that Linux has, and far below memory.
const MAX_RECORD: u64 = 1 << 20;

/// A list that grows.
pub(super) struct MovesWriter<'h> {
    hidden: &'h Hidden,
    out: BufWriter<File>,
    times: FolderTimes<'h>,
}

impl<'h> MovesWriter<'h> {
    pub(super) fn create(hidden: &'h Hidden) -> Result<Self, ContentError> {
        let file = create_file(hidden.inside.as_fd(), OsStr::new(PARTIAL));
        let file = file.map_err(|source| hidden.failed(PARTIAL.as_bytes(), source))?;
        let out = BufWriter::new(file);
        Ok(Self {
            hidden,
            out,
            times: FolderTimes::create(hidden)?,
        })
    }

    /// Adds that something in the folder at `path`, which is there and has that time, changes its place.
    pub(super) fn in_folder(&mut self, path: &[u8], mtime: Mtime) -> Result<(), ContentError> {
        // The folder of the attempt itself gets all its metadata back.
        if path.is_empty() {
            return Ok(());
        }
        self.times.add(path, mtime)
    }

    /// Adds that what is at `from` is to be at `to`, where nothing is then. Both are below the folder.
    pub(super) fn add(&mut self, from: &[u8], to: &[u8]) -> Result<(), ContentError> {
        let mut record = Vec::with_capacity(from.len() + to.len() + 12);
        for path in [from, to] {
            record.extend_from_slice(&(path.len() as u32).to_le_bytes());
            record.extend_from_slice(path);
        }
        let len = record.len() as u32 + 4;
        record.extend_from_slice(&len.to_le_bytes());
        let written = self.out.write_all(&record);
        written.map_err(|source| self.hidden.failed(PARTIAL.as_bytes(), source))
    }

    /// Puts the list on the disk: it counts from now on.
    pub(super) fn finish(self) -> Result<(), ContentError> {
        let hidden = self.hidden;
        self.times.finish()?;
        let finish = || -> io::Result<()> {
            let file = self
                .out
                .into_inner()
                .map_err(io::IntoInnerError::into_error)?;
            file.sync_all()?;
            renameat(&hidden.inside, PARTIAL, &hidden.inside, MOVES)?;
            fsync(&hidden.inside)?;
            Ok(())
        };
        finish().map_err(|source| hidden.failed(MOVES.as_bytes(), source))
    }
}

/// A list that is on the disk.
pub(super) struct Moves<'h> {
    hidden: &'h Hidden,
    file: File,
}

impl<'h> Moves<'h> {
    /// The list of a cut-off attempt; `None` if it did not get so far, or was kept.
    pub(super) fn open(hidden: &'h Hidden) -> Result<Option<Self>, ContentError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&hidden.inside, MOVES, flags, Mode::empty()) {
            Ok(file) => Ok(Some(Self {
                hidden,
                file: file.into(),
            })),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(hidden.failed(MOVES.as_bytes(), errno.into())),
        }
    }

    /// Does all renames, from the first to the last.
    pub(super) fn execute(&self) -> Result<(), ContentError> {
        let mut reader = BufReader::new(Positioned {
            file: &self.file,
            at: 0,
        });
        while let Some((from, to)) = self.list(next(&mut reader))? {
            self.rename(&from, &to)?;
        }
        Ok(())
    }

    /// Takes back those that were done, from the last to the first, and what they did to the times of folders. What
    /// has come meanwhile to where old content was moves aside.
    pub(super) fn undo(&self) -> Result<(), ContentError> {
        let mut newcomers = Newcomers::of(self.hidden);
        let mut is_swept = !self.hidden.is_whole();
        let mut end = self.list(self.file.metadata())?.len();
        while end > 0 {
            let (from, to, begins) = self.list(last(&self.file, end))?;
            end = begins;
            let is_of_old = self.hidden.is_within(&to);
            let (stays, is_done) = (self.is_there(&from)?, self.is_there(&to)?);
            if is_of_old && !is_swept {
                is_swept = true;
                // If the last of the old content had moved, all of it had, and the new has just moved back.
                if is_done {
                    newcomers.all_aside()?;
                    self.rename(&to, &from)?;
                    continue;
                }
            }
            match (stays, is_done) {
                (false, true) => self.rename(&to, &from)?,
                (true, true) if is_of_old => {
                    newcomers.aside(&from)?;
                    self.rename(&to, &from)?;
                }
                // Still where it was, or taken back before; of new content, what is in its place comes later.
                (true, _) | (false, false) => {}
            }
        }
        folder_times::give_back(self.hidden)
    }

    /// Says for good that the new content counts.
    pub(super) fn keep(self) -> Result<(), ContentError> {
        let inside = &self.hidden.inside;
        let kept = renameat(inside, MOVES, inside, KEPT).and_then(|()| fsync(inside));
        kept.map_err(|errno| self.hidden.failed(MOVES.as_bytes(), errno.into()))
    }

    /// Whether an attempt was kept.
    pub(super) fn were_kept(hidden: &Hidden) -> bool {
        statat(&hidden.inside, KEPT, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    fn is_there(&self, path: &[u8]) -> Result<bool, ContentError> {
        let (folder, name) = split(path);
        let found = open_beneath(self.hidden.folder.as_fd(), folder)
            .and_then(|folder| statat(folder, name, AtFlags::SYMLINK_NOFOLLOW));
        match found {
            Ok(_) => Ok(true),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(false),
            Err(errno) => Err(ContentError::Read {
                path: join(&self.hidden.path, path),
                source: errno.into(),
            }),
        }
    }

    fn rename(&self, from: &[u8], to: &[u8]) -> Result<(), ContentError> {
        let root = self.hidden.folder.as_fd();
        let ((from_folder, from_name), (to_folder, to_name)) = (split(from), split(to));
        let renamed = || -> rustix::io::Result<()> {
            let from_folder = open_beneath(root, from_folder)?;
            let to_folder = open_beneath(root, to_folder)?;
            let found = statat(&from_folder, from_name, AtFlags::SYMLINK_NOFOLLOW)?;
            let kind = match FileType::from_raw_mode(found.st_mode) {
                FileType::Directory => Kind::Folder,
                _ => Kind::File,
            };
            rename_new(
                (from_folder.as_fd(), OsStr::from_bytes(from_name)),
                (to_folder.as_fd(), OsStr::from_bytes(to_name)),
                kind,
            )
        };
        renamed().map_err(|errno| ContentError::Move {
            from: join(&self.hidden.path, from),
            to: join(&self.hidden.path, to),
            source: errno.into(),
        })
    }

    fn list<T>(&self, read: io::Result<T>) -> Result<T, ContentError> {
        read.map_err(|source| ContentError::Read {
            path: self
                .hidden
                .path
                .join(OsStr::from_bytes(&self.hidden.within(MOVES, b""))),
            source,
        })
    }
}

/// Reads a file without a place of its own, so that the list can be read again.
struct Positioned<'f> {
    file: &'f File,
    at: u64,
}

impl Read for Positioned<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read_at(buffer, self.at)?;
        self.at += len as u64;
        Ok(len)
    }
}

type Paths = (Vec<u8>, Vec<u8>);

/// The next record.
fn next(reader: &mut impl Read) -> io::Result<Option<Paths>> {
    let Some(from) = read_path(reader)? else {
        return Ok(None);
    };
    let to = read_path(reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    reader.read_exact(&mut [0; 4])?;
    Ok(Some((from, to)))
}

/// A path behind its length; `None` where the list ends before it.
pub(super) fn read_path(reader: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut len = [0; 4];
    if reader.read(&mut len[..1])? == 0 {
        return Ok(None);
    }
    reader.read_exact(&mut len[1..])?;
    let len = u32::from_le_bytes(len);
    if u64::from(len) > MAX_RECORD {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut path = vec![0; len as usize];
    reader.read_exact(&mut path)?;
    Ok(Some(path))
}

/// The record that ends there, and where it begins.
fn last(file: &File, end: u64) -> io::Result<(Vec<u8>, Vec<u8>, u64)> {
    let broken = || io::Error::from(io::ErrorKind::InvalidData);
    let mut len = [0; 4];
    file.read_exact_at(&mut len, end.checked_sub(4).ok_or_else(broken)?)?;
    let len = u64::from(u32::from_le_bytes(len));
    let begins = end.checked_sub(len).ok_or_else(broken)?;
    let mut reader = Positioned { file, at: begins }.take(len);
    let (from, to) = next(&mut reader)?.ok_or_else(broken)?;
    if reader.limit() > 0 {
        return Err(broken());
    }
    Ok((from, to, begins))
}
