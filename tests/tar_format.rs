//! The tar format against itself and against damage: what is encoded is parsed, and what is not whole
//! is refused. `tests/tar_interop` has the same against other programs.

#![allow(clippy::unwrap_used)]

use compose_dump::archive::entry::{Entry, EntryKind, Mtime, Segment, SinkClosed, Xattr};
use compose_dump::archive::tar::{
    END, TarError, TarParser, TarSummary, TarVisitor, encode_head, encoded_len, padding,
};
use proptest::prelude::*;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Collected {
    /// Entry, offset of its data, and the data.
    entries: Vec<(Entry, u64, Vec<u8>)>,
    ended: usize,
}

impl TarVisitor for Collected {
    fn begin(&mut self, entry: &Entry, at: u64) -> Result<(), SinkClosed> {
        assert_eq!(self.ended, self.entries.len());
        self.entries.push((entry.clone(), at, Vec::new()));
        Ok(())
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        self.entries.last_mut().unwrap().2.extend_from_slice(part);
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        self.ended += 1;
        let (entry, _, data) = self.entries.last().unwrap();
        assert_eq!(entry.data_len(), data.len() as u64);
        Ok(())
    }
}

fn parse_pieces<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Result<(TarSummary, Collected), TarError> {
    let mut parser = TarParser::new(Collected::default());
    for piece in pieces {
        parser.feed(piece)?;
    }
    parser.finish()
}

fn parse(tar: &[u8]) -> Result<(TarSummary, Collected), TarError> {
    parse_pieces([tar].into_iter())
}

/// A tar of entries, each with data of the length that it says.
fn encode(entries: &[Entry], prefix: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    for entry in entries {
        let start = tar.len();
        encode_head(entry, prefix, &mut tar);
        assert_eq!(tar.len() % 512, 0);
        tar.extend((0..entry.data_len()).map(|i| i as u8));
        tar.resize(tar.len() + padding(entry.data_len()), 0);
        assert_eq!((tar.len() - start) as u64, encoded_len(entry, prefix));
    }
    tar.extend_from_slice(&END);
    tar
}

fn component() -> impl Strategy<Value = Vec<u8>> {
    let byte =
        prop_oneof![4 => b'a'..=b'z', 1 => 1..=255_u8].prop_filter("a slash", |&byte| byte != b'/');
    prop::collection::vec(byte, 1..120).prop_filter("a dot", |name| name != b"." && name != b"..")
}

fn path() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(component(), 1..6).prop_map(|parts| parts.join(&b'/'))
}

fn kind() -> impl Strategy<Value = EntryKind> {
    let text = prop::collection::vec(1..=255_u8, 1..300);
    prop_oneof![
        6 => Just(EntryKind::File),
        1 => path().prop_map(|target| EntryKind::HardLink { target }),
        1 => Just(EntryKind::Directory),
        1 => text.prop_map(|target| EntryKind::Symlink { target }),
        1 => Just(EntryKind::Fifo),
        1 => (0..4096_u32, 0..1_u32 << 20).prop_map(|(major, minor)| EntryKind::CharDevice { major, minor }),
        1 => (0..4096_u32, 0..1_u32 << 20).prop_map(|(major, minor)| EntryKind::BlockDevice { major, minor }),
    ]
}

fn xattrs() -> impl Strategy<Value = Vec<Xattr>> {
    let map = prop::collection::btree_map(
        prop::collection::vec(1..=255_u8, 1..40),
        any::<Vec<u8>>(),
        0..4,
    );
    map.prop_map(|map| {
        map.into_iter()
            .map(|(name, value)| Xattr { name, value })
            .collect()
    })
}

/// Gaps and lengths to segments, and the file's length.
fn holes(runs: &[(u64, u64)], tail: u64) -> (Vec<Segment>, u64) {
    let mut end = 0;
    let segments = runs.iter().map(|&(gap, len)| {
        let offset = end + gap;
        end = offset + len;
        Segment { offset, len }
    });
    (segments.collect(), end + tail)
}

prop_compose! {
    fn entry()(
        path in path(), kind in kind(), xattrs in xattrs(),
        (mode, uid, gid) in (0..0o10000_u32, any::<u32>(), any::<u32>()),
        (secs, nanos) in (prop_oneof![0..1_i64 << 34, -(1_i64 << 40)..1 << 40], prop_oneof![Just(0), 0..1_000_000_000_u32]),
        size in 0..3000_u64,
        runs in prop::option::of(prop::collection::vec((1..1_u64 << 40, 1..600_u64), 0..40)), tail in 0..5_u64,
    ) -> Entry {
        let (sparse, size) = match (&kind, runs) {
            (EntryKind::File, Some(runs)) => {
                let (segments, size) = holes(&runs, tail);
                (Some(segments), size)
            }
            (EntryKind::File, None) => (None, size),
            _ => (None, 0),
        };
        Entry { path, kind, mode, uid, gid, mtime: Mtime { secs, nanos }, size, xattrs, sparse }
    }
}

proptest! {
    /// Whatever entries there are: encoded, cut into pieces anywhere, they come back.
    #[test]
    fn entries_come_back(entries in prop::collection::vec(entry(), 0..5), piece in 1..2000_usize, volume: bool) {
        let prefix: &[u8] = if volume { b"./" } else { b"" };
        let tar = encode(&entries, prefix);
        let (summary, collected) = parse_pieces(tar.chunks(piece)).unwrap();
        prop_assert_eq!(summary.entry_count, entries.len() as u64);
        prop_assert_eq!(summary.bytes, tar.len() as u64);
        for ((found, at, data), entry) in collected.entries.iter().zip(&entries) {
            prop_assert_eq!(found, entry);
            prop_assert_eq!(data, &tar[*at as usize..][..data.len()]);
        }
    }

    /// The same bytes come whatever machine and whatever time it is.
    #[test]
    fn encoding_is_a_function_of_the_entry(entry in entry()) {
        prop_assert_eq!(encode(std::slice::from_ref(&entry), b"x/"), encode(&[entry], b"x/"));
    }

    /// A tar that ends early says so, wherever that is.
    #[test]
    fn every_cut_is_found(entries in prop::collection::vec(entry(), 1..4), part in 0.0..1.0_f64) {
        let tar = encode(&entries, b"./");
        let cut = (tar.len() as f64 * part) as usize;
        prop_assert!(parse(&tar[..cut]).is_err(), "cut at {cut} of {}", tar.len());
    }

    /// Bytes of no tar at all, and tars with damage anywhere, are an answer and never a panic.
    #[test]
    fn any_bytes_are_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn any_damage_is_parsed_or_refused(
        entries in prop::collection::vec(entry(), 1..4),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        repair: bool,
    ) {
        let mut tar = encode(&entries, b"./");
        for (at, byte) in damage {
            let at = at.index(tar.len());
            tar[at] = byte;
        }
        if repair {
            tar.as_chunks_mut::<512>().0.iter_mut().for_each(set_checksum);
        }
        let whole = parse(&tar);
        prop_assert_eq!(parse_pieces(tar.chunks(7)), whole);
    }
}

fn set_checksum(block: &mut [u8; 512]) {
    if block.iter().all(|&byte| byte == 0) {
        return;
    }
    let sum: u32 = block[..148]
        .iter()
        .chain(&block[156..])
        .map(|&byte| u32::from(byte))
        .sum();
    block[148..156].copy_from_slice(format!("{:06o}\0 ", sum + 8 * 32).as_bytes());
}

fn file(path: &str, size: u64) -> Entry {
    Entry {
        path: path.as_bytes().to_vec(),
        kind: EntryKind::File,
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: Mtime {
            secs: 1_700_000_000,
            nanos: 0,
        },
        size,
        xattrs: Vec::new(),
        sparse: None,
    }
}

#[test]
fn a_cut_names_the_entry_and_what_is_missing() {
    let tar = encode(&[file("first", 10), file("second", 1000)], b"");
    let in_second = TarError::EndedInEntry {
        path: b"second".to_vec(),
        missing: 924,
    };
    assert_eq!(parse(&tar[..512 + 512 + 512 + 100]), Err(in_second));
    assert_eq!(
        parse(&tar[..1024]),
        Err(TarError::NoEndMarker {
            last: Some(b"first".to_vec())
        })
    );
    assert_eq!(
        parse(&tar[..1030]),
        Err(TarError::EndedInHeader {
            at: 1024,
            last: Some(b"first".to_vec())
        })
    );
    assert_eq!(
        parse(&tar[..tar.len() - 512]),
        Err(TarError::NoEndMarker {
            last: Some(b"second".to_vec())
        })
    );
    assert_eq!(parse(b""), Err(TarError::NoEndMarker { last: None }));
}

#[test]
fn only_zeros_may_follow_the_end() {
    let mut tar = encode(&[file("first", 10)], b"");
    tar.resize(tar.len() + 700, 0);
    assert_eq!(parse(&tar).unwrap().0.bytes, tar.len() as u64);
    let at = tar.len() as u64;
    tar.extend_from_slice(b"{\"message\":\"unexpected EOF\"}");
    let error = parse(&tar).unwrap_err();
    assert_eq!(
        error,
        TarError::AfterEnd {
            at,
            beginning: b"{\"message\":\"unexpected EOF\"}".to_vec()
        }
    );
    assert_eq!(
        error.to_string(),
        format!("followed by something else at byte {at}: `{{\"message\":\"unexpected EOF\"}}`")
    );
}

#[test]
fn text_in_place_of_a_header_is_shown() {
    let mut tar = encode(&[file("first", 10)], b"");
    tar.truncate(1024);
    tar.extend_from_slice(format!("{:512}", "{\"message\":\"no such volume\"}").as_bytes());
    let error = parse(&tar).unwrap_err();
    assert!(
        matches!(&error, TarError::NotAHeader { at: 1024, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("no such volume"), "{error}");
}

/// Every single bit of every header counts: a flipped one is found, or changes nothing that is read.
#[test]
fn each_flipped_bit_of_a_header_is_found_or_harmless() {
    let mut long = file(&"x".repeat(150), 5);
    long.mtime.nanos = 7;
    long.xattrs = vec![Xattr {
        name: b"user.a".to_vec(),
        value: b"b".to_vec(),
    }];
    let tar = encode(&[long], b"./");
    let expected = parse(&tar).unwrap();
    // The extended header and its block, then the entry's own.
    for byte in (0..512).chain(1024..1536) {
        for bit in 0..8 {
            let mut flipped = tar.clone();
            flipped[byte] ^= 1 << bit;
            if let Ok(found) = parse(&flipped) {
                assert_eq!(found, expected, "bit {bit} of byte {byte}");
            }
        }
    }
}

#[test]
fn headers_without_end_are_refused_before_they_fill_the_memory() {
    for typeflag in [b'x', b'g', b'L', b'K'] {
        let mut tar = encode(&[file("first", (1 << 20) + 1)], b"");
        tar[156] = typeflag;
        set_checksum(tar.first_chunk_mut().unwrap());
        let error = parse(&tar).unwrap_err();
        assert!(
            matches!(error, TarError::HeaderTooLong { at: 0, .. }),
            "{error:?}"
        );
    }
}

#[test]
fn the_first_error_stays() {
    let mut parser = TarParser::new(Collected::default());
    let error = parser.feed(&[1; 512]).unwrap_err();
    assert_eq!(parser.feed(&[0; 1024]), Err(error.clone()));
    assert_eq!(parser.finish(), Err(error));
}
