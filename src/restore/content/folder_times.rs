//! Modification times of folders that are there and in which something changes its place, as a list on the
//! disk: whoever takes the renames back sets them again.
//!
//! A record is the path below the folder behind its length (four bytes, little endian), the seconds (eight
//! bytes) and the nanoseconds (four).

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, Mode, OFlags, openat, utimensat};
use rustix::io::Errno;

use super::ContentError;
use super::hidden::Hidden;
use super::moves::read_path;
use crate::archive::entry::Mtime;
use crate::files::{create_file, open_beneath, split, times};

const TIMES: &str = "times";

/// A list that grows.
pub(super) struct FolderTimes<'h> {
    hidden: &'h Hidden,
    out: BufWriter<File>,
}

impl<'h> FolderTimes<'h> {
    pub(super) fn create(hidden: &'h Hidden) -> Result<Self, ContentError> {
        let file = create_file(hidden.inside.as_fd(), OsStr::new(TIMES));
        let file = file.map_err(|source| hidden.failed(TIMES.as_bytes(), source))?;
        let out = BufWriter::new(file);
        Ok(Self { hidden, out })
    }

    /// Adds the time that the folder at `path` has.
    pub(super) fn add(&mut self, path: &[u8], mtime: Mtime) -> Result<(), ContentError> {
        let mut record = Vec::with_capacity(path.len() + 16);
        record.extend_from_slice(&(path.len() as u32).to_le_bytes());
        record.extend_from_slice(path);
        record.extend_from_slice(&mtime.secs.to_le_bytes());
        record.extend_from_slice(&mtime.nanos.to_le_bytes());
        let written = self.out.write_all(&record);
        written.map_err(|source| self.hidden.failed(TIMES.as_bytes(), source))
    }

    /// Puts the list on the disk.
    pub(super) fn finish(self) -> Result<(), ContentError> {
        let file = self.out.into_inner();
        let file = file.map_err(io::IntoInnerError::into_error);
        let synced = file.and_then(|file| file.sync_all());
        synced.map_err(|source| self.hidden.failed(TIMES.as_bytes(), source))
    }
}

/// Sets the times of a list again, where there is one. A folder that is not there any more is somebody else's doing.
pub(super) fn give_back(hidden: &Hidden) -> Result<(), ContentError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = match openat(&hidden.inside, TIMES, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(hidden.failed(TIMES.as_bytes(), errno.into())),
    };
    let mut reader = BufReader::new(file);
    loop {
        let record = next(&mut reader);
        let record = record.map_err(|source| ContentError::Read {
            path: hidden
                .path
                .join(OsStr::from_bytes(&hidden.within(TIMES, b""))),
            source,
        })?;
        let Some((path, mtime)) = record else {
            return Ok(());
        };
        let (folder, name) = split(&path);
        let set = open_beneath(hidden.folder.as_fd(), folder).and_then(|folder| {
            let nofollow = AtFlags::SYMLINK_NOFOLLOW;
            utimensat(folder, name, &times(mtime), nofollow)
        });
        if let Err(errno) = set {
            tracing::debug!(%errno, "the time of a folder could not be set back");
        }
    }
}

fn next(reader: &mut impl Read) -> io::Result<Option<(Vec<u8>, Mtime)>> {
    let Some(path) = read_path(reader)? else {
        return Ok(None);
    };
    let (mut secs, mut nanos) = ([0; 8], [0; 4]);
    reader.read_exact(&mut secs)?;
    reader.read_exact(&mut nanos)?;
    let mtime = Mtime {
        secs: i64::from_le_bytes(secs),
        nanos: u32::from_le_bytes(nanos),
    };
    Ok(Some((path, mtime)))
}
