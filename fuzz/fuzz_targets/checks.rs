//! What must be true of any bytes that the parser of tars is given. The fuzzer looks for bytes of which it is not,
//! and `tests/fuzz_corpus.rs` tries those that it has found interesting.

use std::io::Read;

use compose_dump::archive::entry::{Entry, EntryKind, SinkClosed};
use compose_dump::archive::tar::{END, TarError, TarParser, TarSummary, TarVisitor};
use compose_dump::archive::tar::{encode_head, padding};

/// What the parser has seen, checked on the way.
#[derive(Default)]
struct Seen {
    entries: Vec<(Entry, Vec<u8>)>,
    is_open: bool,
}

impl TarVisitor for Seen {
    fn begin(&mut self, entry: &Entry, at: u64) -> Result<(), SinkClosed> {
        assert!(
            !std::mem::replace(&mut self.is_open, true),
            "one after the other"
        );
        assert_eq!(at % 512, 0, "data begins at a block");
        check_entry(entry);
        self.entries.push((entry.clone(), Vec::new()));
        Ok(())
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        assert!(self.is_open && !part.is_empty());
        let (_, data) = self.entries.last_mut().expect("one was begun");
        data.extend_from_slice(part);
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        assert!(std::mem::replace(&mut self.is_open, false));
        let (entry, data) = self.entries.last().expect("one was begun");
        assert_eq!(data.len() as u64, entry.data_len());
        Ok(())
    }
}

/// An entry can be written below a folder, and says nothing impossible.
fn check_entry(entry: &Entry) {
    let is_path = |path: &[u8]| {
        let is_name =
            |name: &[u8]| !(name.is_empty() || name == b"." || name == b".." || name.contains(&0));
        path.split(|byte| *byte == b'/').all(is_name)
    };
    let is_root = entry.path.is_empty() && entry.kind == EntryKind::Directory;
    assert!(is_root || is_path(&entry.path), "{:?}", entry.path);
    match &entry.kind {
        EntryKind::HardLink { target } => assert!(is_path(target), "{target:?}"),
        EntryKind::Symlink { target } => assert!(!target.is_empty() && !target.contains(&0)),
        _ => {}
    }
    assert_eq!(entry.mode & !0o7777, 0);
    assert!(entry.mtime.nanos < 1_000_000_000);
    if entry.kind != EntryKind::File {
        assert_eq!((entry.size, &entry.sparse), (0, &None));
    }
    let mut end = 0;
    for segment in entry.sparse.iter().flatten() {
        assert!(segment.len > 0 && segment.offset >= end);
        end = segment
            .offset
            .checked_add(segment.len)
            .expect("within the file");
    }
    assert!(end <= entry.size);
}

type Parsed = Result<(TarSummary, Vec<(Entry, Vec<u8>)>), TarError>;

fn run(data: &[u8], piece_len: usize) -> Parsed {
    let mut parser = TarParser::new(Seen::default());
    for piece in data.chunks(piece_len.max(1)) {
        parser.feed(piece)?;
    }
    let (summary, seen) = parser.finish()?;
    assert!(!seen.is_open, "every entry has ended");
    Ok((summary, seen.entries))
}

/// Parses any bytes. The first one says in which pieces.
pub(crate) fn parse(data: &[u8]) {
    let Some((piece_len, data)) = data.split_first() else {
        return;
    };
    let whole = run(data, data.len());
    let pieces = run(data, usize::from(*piece_len));
    assert_eq!(
        verdict(&whole),
        verdict(&pieces),
        "in one piece or in several"
    );
    let Ok((summary, entries)) = whole else {
        return;
    };
    assert_eq!(summary.entry_count, entries.len() as u64);
    again(&entries);
    other_reader(data, &entries);
}

/// What came of it. How much is shown of what should not be there depends on the pieces.
fn verdict(parsed: &Parsed) -> String {
    match parsed {
        Err(TarError::AfterEnd { at, .. }) => format!("something after the end at {at}"),
        parsed => format!("{parsed:?}"),
    }
}

/// What was read can be written, and is read as the same.
fn again(entries: &[(Entry, Vec<u8>)]) {
    let mut bytes = Vec::new();
    for (entry, data) in entries {
        encode_head(entry, b"./", &mut bytes);
        bytes.extend_from_slice(data);
        bytes.resize(bytes.len() + padding(data.len() as u64), 0);
    }
    bytes.extend_from_slice(&END);
    let (_, found) = run(&bytes, bytes.len()).expect("a tar of ours");
    assert_eq!(found, entries);
}

/// Another reader sees the same names and content in what this one takes: nobody can show one thing to the check and
/// another to somebody else. Holes are left out, of which that reader knows only the old form, global headers,
/// which it ignores, what comes behind a checksum of signed bytes, which it refuses and GNU tar takes, and records
/// with a line break inside, which it takes for two.
fn other_reader(data: &[u8], entries: &[(Entry, Vec<u8>)]) {
    let has_global = data.chunks(512).any(|block| block.get(156) == Some(&b'g'));
    if has_global
        || has_broken_record(data)
        || entries.iter().any(|(entry, _)| entry.sparse.is_some())
    {
        return;
    }
    let mut archive = tar::Archive::new(data);
    let read = archive.entries().expect("a tar");
    let mut count = 0;
    for (found, (entry, content)) in read.zip(entries) {
        let mut found = match found {
            Ok(found) => found,
            Err(error) if error.to_string().contains("checksum") => return,
            Err(error) => panic!("an entry that this parser has taken: {error}"),
        };
        let path = found.path_bytes().into_owned();
        assert_eq!(trimmed(&path), entry.path, "{entry:?}");
        let mut data = Vec::new();
        found
            .read_to_end(&mut data)
            .expect("the data that this parser has seen");
        assert_eq!(&data, content, "{entry:?}");
        count += 1;
    }
    assert_eq!(count, entries.len(), "as many entries");
}

/// Whether something that may be a PAX header has a record that is not one line.
fn has_broken_record(data: &[u8]) -> bool {
    let is_line = |line: &[u8]| {
        let digits = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        let len = std::str::from_utf8(digits)
            .ok()
            .and_then(|text| text.parse().ok());
        len == Some(line.len() + 1)
    };
    let blocks = data.chunks(512).enumerate();
    let mut headers = blocks.filter(|(_, block)| block.get(156) == Some(&b'x'));
    headers.any(|(number, block)| {
        let Ok(len) = tar::Header::from_byte_slice(&padded(block)).entry_size() else {
            return false;
        };
        let records = data.get((number + 1) * 512..).unwrap_or_default();
        let records = &records[..records.len().min(len as usize)];
        let mut lines = records.split(|byte| *byte == b'\n');
        lines.any(|line| !line.is_empty() && !is_line(line))
    })
}

fn padded(block: &[u8]) -> [u8; 512] {
    let mut whole = [0; 512];
    whole[..block.len()].copy_from_slice(block);
    whole
}

/// Without what says nothing; that reader takes but one NUL off a long name.
fn trimmed(mut path: &[u8]) -> &[u8] {
    while let Some(rest) = path.strip_suffix(b"\0") {
        path = rest;
    }
    while let Some(rest) = path.strip_prefix(b"./") {
        path = rest;
    }
    while let Some(rest) = path.strip_suffix(b"/") {
        path = rest;
    }
    if path == b"." { b"" } else { path }
}
