//! One item of the list, and its bytes. Numbers take as many bytes as they need.

use std::io::{self, Read};

use super::facts::FileId;
use crate::archive::entry::{Entry, EntryKind, Mtime, Segment, Xattr};

/// Byte offset of an item in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ListPosition(pub(super) u64);

/// What the scan saw of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) entry: Entry,
    pub(super) id: FileId,
    /// What ties several names of one file together.
    pub(super) names: Names,
}

/// Whether a file has several names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// One, as far as it matters.
    One,
    /// Several, and this is the first.
    First,
    /// Several; the first is at this position. The entry is a hard link to it.
    Further(ListPosition),
}

/// Appends an item whose path begins with the `shared` first bytes of the path before it.
pub(super) fn put_item(out: &mut Vec<u8>, item: &Item, shared: usize) {
    let Entry {
        path,
        kind,
        mode,
        uid,
        gid,
        mtime,
        size,
        xattrs,
        sparse,
    } = &item.entry;
    put_number(out, shared as u64);
    put_bytes(out, &path[shared..]);
    put_kind(out, kind);
    for number in [u64::from(*mode), u64::from(*uid), u64::from(*gid)] {
        put_number(out, number);
    }
    out.extend_from_slice(&mtime.secs.to_le_bytes());
    out.extend_from_slice(&mtime.nanos.to_le_bytes());
    for number in [*size, item.id.dev, item.id.ino] {
        put_number(out, number);
    }
    match item.names {
        Names::One => put_number(out, 0),
        Names::First => put_number(out, 1),
        Names::Further(first) => put_number(out, first.0 + 2),
    }
    put_number(out, xattrs.len() as u64);
    for Xattr { name, value } in xattrs {
        put_bytes(out, name);
        put_bytes(out, value);
    }
    put_number(
        out,
        sparse
            .as_ref()
            .map_or(0, |segments| segments.len() as u64 + 1),
    );
    for segment in sparse.iter().flatten() {
        put_number(out, segment.offset);
        put_number(out, segment.len);
    }
}

/// Takes an item that comes after one with the path `last_path`.
pub(super) fn get_item(input: &mut impl Read, last_path: &[u8]) -> io::Result<Item> {
    let shared = get_len(input)?;
    let mut path = last_path
        .get(..shared)
        .ok_or(io::ErrorKind::InvalidData)?
        .to_vec();
    path.append(&mut get_bytes(input)?);
    let kind = get_kind(input)?;
    let [mode, uid, gid] = [get_u32(input)?, get_u32(input)?, get_u32(input)?];
    let secs = i64::from_le_bytes(get_array(input)?);
    let nanos = u32::from_le_bytes(get_array(input)?);
    let [size, dev, ino] = [get_number(input)?, get_number(input)?, get_number(input)?];
    let names = match get_number(input)? {
        0 => Names::One,
        1 => Names::First,
        position => Names::Further(ListPosition(position - 2)),
    };
    let mut xattrs = Vec::new();
    for _ in 0..get_number(input)? {
        xattrs.push(Xattr {
            name: get_bytes(input)?,
            value: get_bytes(input)?,
        });
    }
    let mut sparse = None;
    if let Some(count) = get_number(input)?.checked_sub(1) {
        let segments = sparse.insert(Vec::new());
        for _ in 0..count {
            segments.push(Segment {
                offset: get_number(input)?,
                len: get_number(input)?,
            });
        }
    }
    let mtime = Mtime { secs, nanos };
    let entry = Entry {
        path,
        kind,
        mode,
        uid,
        gid,
        mtime,
        size,
        xattrs,
        sparse,
    };
    Ok(Item {
        entry,
        id: FileId { dev, ino },
        names,
    })
}

fn put_kind(out: &mut Vec<u8>, kind: &EntryKind) {
    match kind {
        EntryKind::File => out.push(0),
        EntryKind::Directory => out.push(1),
        EntryKind::Fifo => out.push(2),
        EntryKind::HardLink { target } => {
            out.push(3);
            put_bytes(out, target);
        }
        EntryKind::Symlink { target } => {
            out.push(4);
            put_bytes(out, target);
        }
        EntryKind::CharDevice { major, minor } => put_device(out, 5, *major, *minor),
        EntryKind::BlockDevice { major, minor } => put_device(out, 6, *major, *minor),
    }
}

fn get_kind(input: &mut impl Read) -> io::Result<EntryKind> {
    let [tag] = get_array(input)?;
    Ok(match tag {
        0 => EntryKind::File,
        1 => EntryKind::Directory,
        2 => EntryKind::Fifo,
        3 => EntryKind::HardLink {
            target: get_bytes(input)?,
        },
        4 => EntryKind::Symlink {
            target: get_bytes(input)?,
        },
        5 => EntryKind::CharDevice {
            major: get_u32(input)?,
            minor: get_u32(input)?,
        },
        6 => EntryKind::BlockDevice {
            major: get_u32(input)?,
            minor: get_u32(input)?,
        },
        _ => return Err(io::ErrorKind::InvalidData.into()),
    })
}

fn put_device(out: &mut Vec<u8>, tag: u8, major: u32, minor: u32) {
    out.push(tag);
    put_number(out, u64::from(major));
    put_number(out, u64::from(minor));
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn get_bytes(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; get_len(input)?];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Seven bits per byte, the lowest first; the highest bit says that more follow (LEB128).
fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn get_number(input: &mut impl Read) -> io::Result<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let [byte] = get_array(input)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

fn get_u32(input: &mut impl Read) -> io::Result<u32> {
    u32::try_from(get_number(input)?).map_err(|_| io::ErrorKind::InvalidData.into())
}

fn get_len(input: &mut impl Read) -> io::Result<usize> {
    usize::try_from(get_number(input)?).map_err(|_| io::ErrorKind::InvalidData.into())
}

fn get_array<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}
