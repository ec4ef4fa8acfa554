//! The dump that the suite writes: every kind of entry, every kind of stream.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::archive::entry::{Entry, EntryKind, Mtime, Segment, Xattr};
use crate::archive::manifest::model::{IndexFile, MemberKind, Source};
use crate::archive::manifest::{Draft, DraftMember, Sha256Digest, samples};
use crate::targets::{DumpWriter, Slot, StreamHead, TargetError};

/// An entry of a tree with its data.
pub(super) struct SampleEntry {
    pub(super) entry: Entry,
    pub(super) data: Vec<u8>,
}

/// A stream member with its content.
pub(super) struct SampleStream {
    pub(super) head: StreamHead,
    pub(super) data: Vec<u8>,
}

/// Numbers that compress to about a half.
pub(super) fn noise(len: usize, mut state: u32) -> Vec<u8> {
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 28) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn entry(path: &[u8], kind: EntryKind, mode: u32) -> Entry {
    let (uid, gid) = match rustix::process::geteuid().as_raw() {
        0 => (1234, 5678),
        own => (own, rustix::process::getegid().as_raw()),
    };
    Entry {
        path: path.to_vec(),
        kind,
        mode,
        uid,
        gid,
        mtime: Mtime {
            secs: 1_000_000_000 + path.len() as i64,
            nanos: 123_456_700,
        },
        size: 0,
        xattrs: Vec::new(),
        sparse: None,
    }
}

fn file(path: &[u8], mode: u32, data: Vec<u8>) -> SampleEntry {
    let mut entry = entry(path, EntryKind::File, mode);
    entry.size = data.len() as u64;
    SampleEntry { entry, data }
}

fn other(path: &[u8], kind: EntryKind, mode: u32) -> SampleEntry {
    SampleEntry {
        entry: entry(path, kind, mode),
        data: Vec::new(),
    }
}

fn sparse(path: &[u8]) -> SampleEntry {
    let mut sample = file(path, 0o600, noise(10_000, 3));
    sample.entry.size = 4 << 20;
    sample.entry.sparse = Some(vec![
        Segment {
            offset: 1 << 20,
            len: 4096,
        },
        Segment {
            offset: 3 << 20,
            len: 5904,
        },
    ]);
    sample
}

/// The tree members.
pub(super) fn entries() -> Vec<SampleEntry> {
    let mut note = file(b"config/note", 0o640, b"noted".to_vec());
    note.entry.xattrs = vec![Xattr {
        name: b"user.note".to_vec(),
        value: b"kept".to_vec(),
    }];
    let again = EntryKind::HardLink {
        target: b"config/bin/run.sh".to_vec(),
    };
    let link = EntryKind::Symlink {
        target: b"/outside/../nowhere".to_vec(),
    };
    vec![
        other(b"config", EntryKind::Directory, 0o755),
        other(b"config/bin", EntryKind::Directory, 0o2750),
        file(b"config/bin/run.sh", 0o755, b"#!/bin/sh\n".to_vec()),
        other(b"config/closed", EntryKind::Directory, 0o500),
        file(b"config/closed/file", 0o400, b"x".to_vec()),
        file(b"config/compose.yaml", 0o644, b"services: {}\n".to_vec()),
        file(b"config/empty", 0o600, Vec::new()),
        other(b"config/again", again, 0o755),
        other(b"config/link", link, 0o777),
        file(b"config/n\xf6n\n", 0o644, b"a name in no encoding".to_vec()),
        note,
        other(b"config/pipe", EntryKind::Fifo, 0o622),
        sparse(b"config/sparse"),
        other(b"volumes/mounted/media", EntryKind::Directory, 0o777),
        file(b"volumes/mounted/media/big", 0o664, noise(700_000, 2)),
    ]
}

/// The stream members, of known and unknown length, empty and long.
pub(super) fn streams() -> Vec<SampleStream> {
    let stream = |path: &str, known, compress, data: Vec<u8>| SampleStream {
        head: StreamHead {
            path: path.to_owned(),
            raw_bytes: Some(data.len() as u64).filter(|_| known),
            compress,
        },
        data,
    };
    vec![
        stream("volumes/project/db.tar", true, true, noise(1_200_001, 1)),
        stream(
            "volumes/services/web/1-data-0123abcd.tar",
            false,
            true,
            noise(600_000, 4),
        ),
        stream(
            "exports/db/all.sql",
            false,
            true,
            b"CREATE TABLE t;\n".to_vec(),
        ),
        stream("exports/db/nothing", false, true, Vec::new()),
        stream("volumes/project/nothing.tar", true, true, Vec::new()),
        stream("index/config.zst", true, false, noise(777, 5)),
    ]
}

/// Writes the whole sample, in the order of a run.
pub(super) fn write(writer: &mut dyn DumpWriter) -> Result<(), TargetError> {
    for sample in entries() {
        writer.entry(&sample.entry)?;
        // In pieces: borders of segments and of pieces differ.
        for piece in sample.data.chunks(3000) {
            writer.write(piece)?;
        }
        writer.end()?;
    }
    let streams = streams();
    let (beside, alone) = streams.split_at(3);
    write_side_by_side(writer, beside)?;
    for stream in alone {
        write_stream(writer, stream)?;
    }
    writer.released()
}

/// Each stream by a slot of its own, a piece of each in turn. The first one ends last.
fn write_side_by_side(
    writer: &mut dyn DumpWriter,
    streams: &[SampleStream],
) -> Result<(), TargetError> {
    let slots = || (0..3).map(Slot).zip(streams);
    for (slot, stream) in slots() {
        writer.turn_to(slot)?;
        writer.begin(&stream.head)?;
    }
    let mut pieces: Vec<_> = slots()
        .map(|(slot, stream)| (slot, stream.data.chunks(300_000)))
        .collect();
    while !pieces.is_empty() {
        for (slot, pieces) in &mut pieces {
            if let Some(piece) = pieces.next() {
                writer.turn_to(*slot)?;
                writer.write(piece)?;
            }
        }
        pieces.retain(|(_, pieces)| pieces.len() > 0);
    }
    for slot in [2, 1, 0].map(Slot) {
        writer.turn_to(slot)?;
        writer.end()?;
    }
    Ok(())
}

pub(super) fn write_stream(
    writer: &mut dyn DumpWriter,
    stream: &SampleStream,
) -> Result<(), TargetError> {
    writer.begin(&stream.head)?;
    for piece in stream.data.chunks(300_000) {
        writer.write(piece)?;
    }
    writer.end()
}

/// The draft that fits to the sample.
pub(super) fn draft() -> Draft {
    let index = IndexFile {
        path: "index/config.zst".to_owned(),
        bytes: 777,
        sha256: Sha256Digest::of(&noise(777, 5)),
    };
    let mut config = samples::member("config", MemberKind::Tree, Source::Config, b"index text");
    config.index = Some(index);
    let streams = streams();
    let streams = streams.iter().filter(|stream| stream.head.compress);
    Draft {
        members: std::iter::once(config).chain(streams.map(member)).collect(),
        ..samples::minimal()
    }
}

fn member(stream: &SampleStream) -> DraftMember {
    let source = Source::ProjectVolume {
        name: stream.head.path.clone(),
    };
    samples::member(&stream.head.path, MemberKind::Bytes, source, &stream.data)
}

/// What a sparse or dense file's content is, holes filled.
pub(super) fn content(sample: &SampleEntry) -> Vec<u8> {
    let Some(segments) = &sample.entry.sparse else {
        return sample.data.clone();
    };
    let mut whole = vec![0; sample.entry.size as usize];
    let mut data = &sample.data[..];
    for segment in segments {
        let (piece, rest) = data.split_at(segment.len as usize);
        whole[segment.offset as usize..][..piece.len()].copy_from_slice(piece);
        data = rest;
    }
    whole
}

/// Where an entry or member is in an unpacked dump.
pub(super) fn place(root: &Path, path: &[u8]) -> std::path::PathBuf {
    root.join(std::ffi::OsStr::from_bytes(path))
}

/// The digest in hex as `sha256sum` prints it, made without our own type.
pub(super) fn hex(data: &[u8]) -> String {
    Sha256::digest(data)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
