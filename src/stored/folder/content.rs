//! Reads what an entry of a tree has beyond its line in the index, checks the content of files, and hands
//! all of it on.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::AsFd;

use rustix::fs::Stat;

use super::super::hashing::{Wanted, each_piece};
use super::super::takers::Hand;
use super::{Fault, demand_length};
use crate::archive::content::ContentHasher;
use crate::archive::entry::{Entry, Segment, Xattr};
use crate::archive::index::DataAt;
use crate::files::{Beneath, XattrsMissing, data_segments, read_xattrs, split};

/// Checks a file against its line. Only the data of a file with holes is read.
pub(in crate::stored) fn check_file(
    beneath: &mut Beneath,
    path: &[u8],
    (entry, at): (&Entry, DataAt),
    hand: Option<&Hand<'_>>,
) -> Result<Stat, Fault> {
    let DataAt::Sha256(expected) = at else {
        let what = "its index has no sha256 of it".to_owned();
        return Err(Fault::Contract { what });
    };
    let (file, stat) = beneath.file(path)?;
    demand_length(stat.st_size, entry.size)?;
    let mut entry = entry.clone();
    entry.sparse =
        data_segments(file.as_fd(), entry.size).map_err(|errno| Fault::Read(errno.into()))?;
    if let Some(hand) = hand {
        entry.xattrs = xattrs(beneath, path)?;
        if hand.begin(&entry, 0).is_err() {
            return Ok(stat);
        }
    }
    let found = read_data(file, &entry, hand)?;
    if found != expected {
        return Err(Fault::FileSha256);
    }
    if let Some(hand) = hand {
        // The pass asks whether they are closed.
        let _ = hand.end();
    }
    Ok(stat)
}

/// Reads the data of a file, and gives the digest of its whole content.
fn read_data(mut file: File, entry: &Entry, hand: Option<&Hand<'_>>) -> Result<[u8; 32], Fault> {
    let whole = [Segment {
        offset: 0,
        len: entry.size,
    }];
    let mut content = ContentHasher::default();
    content.begin(entry);
    for segment in entry.sparse.as_deref().unwrap_or(&whole) {
        let mut left = segment.len;
        file.seek(SeekFrom::Start(segment.offset))
            .map_err(Fault::Read)?;
        each_piece(&mut (&mut file).take(segment.len), |piece| {
            left -= piece.len() as u64;
            content.data(piece);
            match hand.map_or(Ok(()), |hand| hand.data(piece)) {
                Ok(()) => Wanted::More,
                Err(_) => Wanted::Nothing,
            }
        })
        .map_err(Fault::Read)?;
        if left > 0 && !hand.is_some_and(Hand::is_closed) {
            let found = segment.offset + segment.len - left;
            let expected = entry.size;
            return Err(Fault::Length { found, expected });
        }
    }
    Ok(content.finish(entry.size))
}

/// Hands on an entry that has no data.
pub(in crate::stored) fn hand_on(
    beneath: &mut Beneath,
    path: &[u8],
    entry: &Entry,
    hand: &Hand<'_>,
) -> Result<(), Fault> {
    let mut entry = entry.clone();
    entry.xattrs = xattrs(beneath, path)?;
    // The pass asks whether they are closed.
    let _ = hand.begin(&entry, 0).and_then(|()| hand.end());
    Ok(())
}

/// The extended attributes of what lies at `path`; of what is not there, none.
fn xattrs(beneath: &mut Beneath, path: &[u8]) -> Result<Vec<Xattr>, Fault> {
    let (folder, name) = split(path);
    match read_xattrs(beneath.folder(folder)?, name, false) {
        Ok(xattrs) => Ok(xattrs),
        Err(XattrsMissing::Unreadable(rustix::io::Errno::NOENT)) => Ok(Vec::new()),
        Err(XattrsMissing::Unreadable(errno)) => Err(Fault::Read(errno.into())),
        Err(XattrsMissing::TooLong { .. }) => Err(Fault::Contract {
            what: "it has more extended attributes than any dump has".to_owned(),
        }),
    }
}
