//! What a spool file holds: the calls of a dump writer as bytes, in a form of our own.
//!
//! A frame is a tag and its fields; numbers are little-endian, byte strings have their length (8
//! bytes) before them. The file lives no longer than the process and is read by what wrote it, so that
//! there is no version; reading still trusts nothing and fails where a frame makes no sense.

use std::io::{self, Read};

use super::StreamHead;
use crate::archive::entry::{Entry, EntryKind, Mtime, Segment, Xattr};

/// Length in bytes beyond which a field other than data makes no sense.
const MAX_FIELD: u64 = 64 * 1024 * 1024;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    Entry(Entry),
    Begin(StreamHead),
    /// So many bytes of content follow.
    Data(u64),
    End,
}

/// Offset of the stream's length from the beginning of its frame: the length is known at its end.
pub(super) const BEGIN_LENGTH_OFFSET: u64 = 1;

/// What stands for a length that is not known.
const UNKNOWN: u64 = u64::MAX;

impl Frame {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Entry(entry) => {
                out.push(b'e');
                put_entry(out, entry);
            }
            Self::Begin(head) => {
                out.push(b'b');
                put_number(out, head.raw_bytes.unwrap_or(UNKNOWN));
                put_bytes(out, head.path.as_bytes());
                out.push(head.compress.into());
            }
            Self::Data(len) => {
                out.push(b'd');
                put_number(out, *len);
            }
            Self::End => out.push(b'.'),
        }
    }

    /// Reads the next frame; `None` at the end.
    pub(super) fn decode(reader: &mut impl Read) -> io::Result<Option<Self>> {
        let mut tag = [0];
        if reader.read(&mut tag)? == 0 {
            return Ok(None);
        }
        Ok(Some(match tag[0] {
            b'e' => Self::Entry(take_entry(reader)?),
            b'b' => Self::Begin(take_head(reader)?),
            b'd' => Self::Data(take_number(reader)?),
            b'.' => Self::End,
            _ => return Err(senseless()),
        }))
    }
}

fn put_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_entry(out: &mut Vec<u8>, entry: &Entry) {
    put_bytes(out, &entry.path);
    put_kind(out, &entry.kind);
    for number in [entry.mode, entry.uid, entry.gid, entry.mtime.nanos] {
        put_number(out, number.into());
    }
    out.extend_from_slice(&entry.mtime.secs.to_le_bytes());
    put_number(out, entry.size);
    put_number(out, entry.xattrs.len() as u64);
    for xattr in &entry.xattrs {
        put_bytes(out, &xattr.name);
        put_bytes(out, &xattr.value);
    }
    let segments = entry.sparse.as_ref();
    put_number(
        out,
        segments.map_or(UNKNOWN, |segments| segments.len() as u64),
    );
    for segment in segments.into_iter().flatten() {
        put_number(out, segment.offset);
        put_number(out, segment.len);
    }
}

fn put_kind(out: &mut Vec<u8>, kind: &EntryKind) {
    let (tag, target, major, minor): (u8, &[u8], u32, u32) = match kind {
        EntryKind::File => (b'f', b"", 0, 0),
        EntryKind::HardLink { target } => (b'h', target, 0, 0),
        EntryKind::Directory => (b'd', b"", 0, 0),
        EntryKind::Symlink { target } => (b'l', target, 0, 0),
        EntryKind::Fifo => (b'p', b"", 0, 0),
        EntryKind::CharDevice { major, minor } => (b'c', b"", *major, *minor),
        EntryKind::BlockDevice { major, minor } => (b'b', b"", *major, *minor),
    };
    out.push(tag);
    put_bytes(out, target);
    put_number(out, major.into());
    put_number(out, minor.into());
}

fn senseless() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the spool file was changed")
}

fn take_array<const N: usize>(reader: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn take_number(reader: &mut impl Read) -> io::Result<u64> {
    take_array(reader).map(u64::from_le_bytes)
}

fn take_small(reader: &mut impl Read) -> io::Result<u32> {
    take_number(reader)?.try_into().map_err(|_| senseless())
}

fn take_bytes(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let len = take_number(reader)?;
    let mut bytes = Vec::new();
    if len > MAX_FIELD || reader.take(len).read_to_end(&mut bytes)? as u64 != len {
        return Err(senseless());
    }
    Ok(bytes)
}

fn take_head(reader: &mut impl Read) -> io::Result<StreamHead> {
    let raw_bytes = Some(take_number(reader)?).filter(|len| *len != UNKNOWN);
    Ok(StreamHead {
        raw_bytes,
        path: String::from_utf8(take_bytes(reader)?).map_err(|_| senseless())?,
        compress: take_array::<1>(reader)? != [0],
    })
}

fn take_entry(reader: &mut impl Read) -> io::Result<Entry> {
    let path = take_bytes(reader)?;
    let kind = take_kind(reader)?;
    let [mode, uid, gid, nanos] = [(); 4].map(|()| take_small(reader));
    let mtime = Mtime {
        secs: i64::from_le_bytes(take_array(reader)?),
        nanos: nanos?,
    };
    let size = take_number(reader)?;
    let xattrs = (0..take_number(reader)?).map(|_| {
        Ok(Xattr {
            name: take_bytes(reader)?,
            value: take_bytes(reader)?,
        })
    });
    let xattrs = xattrs.collect::<io::Result<_>>()?;
    let sparse = match take_number(reader)? {
        UNKNOWN => None,
        count => Some(
            (0..count)
                .map(|_| take_segment(reader))
                .collect::<io::Result<_>>()?,
        ),
    };
    Ok(Entry {
        path,
        kind,
        mode: mode?,
        uid: uid?,
        gid: gid?,
        mtime,
        size,
        xattrs,
        sparse,
    })
}

fn take_segment(reader: &mut impl Read) -> io::Result<Segment> {
    Ok(Segment {
        offset: take_number(reader)?,
        len: take_number(reader)?,
    })
}

fn take_kind(reader: &mut impl Read) -> io::Result<EntryKind> {
    let [tag] = take_array(reader)?;
    let target = take_bytes(reader)?;
    let (major, minor) = (take_small(reader)?, take_small(reader)?);
    Ok(match tag {
        b'f' => EntryKind::File,
        b'h' => EntryKind::HardLink { target },
        b'd' => EntryKind::Directory,
        b'l' => EntryKind::Symlink { target },
        b'p' => EntryKind::Fifo,
        b'c' => EntryKind::CharDevice { major, minor },
        b'b' => EntryKind::BlockDevice { major, minor },
        _ => return Err(senseless()),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<u8>(), 0..20)
    }

    fn kind() -> impl Strategy<Value = EntryKind> {
        prop_oneof![
            Just(EntryKind::File),
            Just(EntryKind::Directory),
            Just(EntryKind::Fifo),
            bytes().prop_map(|target| EntryKind::HardLink { target }),
            bytes().prop_map(|target| EntryKind::Symlink { target }),
            any::<(u32, u32)>().prop_map(|(major, minor)| EntryKind::CharDevice { major, minor }),
            any::<(u32, u32)>().prop_map(|(major, minor)| EntryKind::BlockDevice { major, minor }),
        ]
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let xattr = (bytes(), bytes()).prop_map(|(name, value)| Xattr { name, value });
        let segment = any::<(u64, u64)>().prop_map(|(offset, len)| Segment { offset, len });
        let numbers = any::<(u32, u32, u32, i64, u32, u64)>();
        let xattrs = prop::collection::vec(xattr, 0..3);
        let sparse = prop::option::of(prop::collection::vec(segment, 0..3));
        (bytes(), kind(), numbers, xattrs, sparse).prop_map(|(path, kind, n, xattrs, sparse)| {
            Entry {
                path,
                kind,
                mode: n.0,
                uid: n.1,
                gid: n.2,
                mtime: Mtime {
                    secs: n.3,
                    nanos: n.4,
                },
                size: n.5,
                xattrs,
                sparse,
            }
        })
    }

    fn frame() -> impl Strategy<Value = Frame> {
        let head = (".*", prop::option::of(0..UNKNOWN), any::<bool>());
        prop_oneof![
            entry().prop_map(Frame::Entry),
            head.prop_map(|(path, raw_bytes, compress)| Frame::Begin(StreamHead {
                path,
                raw_bytes,
                compress,
            })),
            any::<u64>().prop_map(Frame::Data),
            Just(Frame::End),
        ]
    }

    proptest! {
        #[test]
        fn frames_read_back_as_they_were_written(frames in prop::collection::vec(frame(), 0..5)) {
            let mut bytes = Vec::new();
            frames.iter().for_each(|frame| frame.encode(&mut bytes));
            let mut reader = &bytes[..];
            let mut found = Vec::new();
            while let Some(frame) = Frame::decode(&mut reader).unwrap() {
                found.push(frame);
            }
            prop_assert_eq!(found, frames);
        }

        #[test]
        fn a_changed_file_is_an_error_or_other_frames_but_no_panic(
            frame in frame(),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut bytes = Vec::new();
            frame.encode(&mut bytes);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let mut reader = &bytes[..];
            while let Ok(Some(_)) = Frame::decode(&mut reader) {}
        }
    }
}
