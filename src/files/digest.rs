//! The digest of a file's content where it lies: only its data is read, however long its holes are.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use super::holes::data_segments;
use crate::archive::content::ContentHasher;
use crate::archive::entry::{Entry, Segment};

/// Bytes that are read at a time.
const PIECE_LEN: usize = 256 * 1024;

/// The digest that an index would have of a file, by the entry that it would be.
///
/// # Errors
/// When it cannot be read, or is shorter than the entry says.
pub(crate) fn content_digest(file: &File, entry: &Entry) -> io::Result<[u8; 32]> {
    let mut entry = entry.clone();
    entry.sparse = data_segments(file.as_fd(), entry.size)?;
    let whole = [Segment {
        offset: 0,
        len: entry.size,
    }];
    let mut content = ContentHasher::default();
    content.begin(&entry);
    let mut piece = vec![0; PIECE_LEN];
    for segment in entry.sparse.as_deref().unwrap_or(&whole) {
        let (mut at, end) = (segment.offset, segment.offset + segment.len);
        while at < end {
            let wanted = usize::try_from(end - at).map_or(PIECE_LEN, |left| left.min(PIECE_LEN));
            match file.read_at(&mut piece[..wanted], at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(len) => {
                    content.data(&piece[..len]);
                    at += len as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(content.finish(entry.size))
}
