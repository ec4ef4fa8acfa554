//! A file that may be an archive: opened, and what its name and its beginning say.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags, fstat};

use super::archive::Archive;
use super::codec::codec_of_archive;
use super::error::ArchiveError;
use super::section::Whole;
use crate::archive::tar::TarError;
use crate::codecs::Codec;

/// Opens a plain file without waiting for anything that took its place meanwhile.
pub(super) fn open_plain(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let fd = rustix::fs::open(path, flags, Mode::empty())?;
    let found = fstat(fd.as_fd())?;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("it is no plain file any more"));
    }
    Ok(fd.into())
}

/// The archive in a file of that path.
pub(super) fn archive_of(file: File, path: &Path) -> io::Result<Archive> {
    let bytes = file.metadata()?.len();
    let mut beginning = [0; 6];
    let len = file.read_at(&mut beginning, 0)?;
    let name = path.file_name().unwrap_or(OsStr::new("-")).as_bytes();
    Ok(Archive {
        codec: codec_of_archive(name, &beginning[..len]),
        source: Whole::File(Arc::new(file)),
        bytes,
        name: name.to_vec(),
    })
}

/// Whether a file was never an archive. Of a stream, which has no name, that is never said: one whose beginning
/// is damaged looks the same.
pub(super) fn is_something_else(path: &Path, error: &ArchiveError) -> bool {
    let name = path.file_name().unwrap_or_default().as_bytes();
    let first_block = matches!(
        error,
        ArchiveError::Tar(
            TarError::NotAHeader { last: None, .. } | TarError::EndedInHeader { last: None, .. }
        )
    );
    first_block && name != b"-" && Codec::split_archive_name(name).is_none()
}
