//! The index of a member: one line of text per entry, to list a dump without reading it.
//!
//! The first line is `#compose-dump-index 1` and the names of the columns. Every other line has
//! nine fields with a tab between them:
//!
//! | field | content |
//! | --- | --- |
//! | type | `f` file, `h` hard link, `d` directory, `l` symbolic link, `p` fifo, `c` and `b` devices |
//! | mode | permission, set-id and sticky bits, octal |
//! | uid, gid | decimal |
//! | mtime | decimal seconds since the epoch, with a fraction where there is one |
//! | size | length in bytes; `major,minor` of a device |
//! | at | where the data begins in the uncompressed tar; its sha256 where files are stored plainly; `-` |
//! | path | relative to the member's root, which is `.` |
//! | target | of links, else empty |
//!
//! Path and target are as [`super::escape`] writes them. Lines come in the order of the member.

use std::fmt;
use std::io::{self, Write};

use super::entry::{Entry, EntryKind, Mtime};
use super::escape::{display, unescape};
use super::tar::{format_time, parse_time};

/// The first line, without its newline.
pub const HEAD: &str = "#compose-dump-index 1 type mode uid gid mtime size at path target";

/// Where an entry's data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataAt {
    /// Nowhere: it has none.
    None,
    /// At this byte of the uncompressed tar.
    Offset(u64),
    /// In a plain file; this is the sha256 of the content.
    Sha256([u8; 32]),
}

/// Writes an index as plain text.
pub struct IndexWriter<W> {
    out: W,
    /// The line that is being put together: what hashes and compresses is called once for each.
    line: Vec<u8>,
}

impl<W: Write> IndexWriter<W> {
    /// Starts an index.
    ///
    /// # Errors
    /// What `out` says.
    pub fn create(mut out: W) -> io::Result<Self> {
        writeln!(out, "{HEAD}")?;
        Ok(Self::headless(out))
    }

    /// Goes on with an index, or with lines that are none but look like it.
    pub fn headless(out: W) -> Self {
        Self {
            out,
            line: Vec::new(),
        }
    }

    /// Adds a line. Extended attributes and holes are not in it.
    ///
    /// # Errors
    /// What the output says.
    pub fn entry(&mut self, entry: &Entry, at: DataAt) -> io::Result<()> {
        let Entry {
            kind,
            mode,
            uid,
            gid,
            ..
        } = entry;
        let (letter, target): (char, &[u8]) = match kind {
            EntryKind::File => ('f', b""),
            EntryKind::HardLink { target } => ('h', target),
            EntryKind::Directory => ('d', b""),
            EntryKind::Symlink { target } => ('l', target),
            EntryKind::Fifo => ('p', b""),
            EntryKind::CharDevice { .. } => ('c', b""),
            EntryKind::BlockDevice { .. } => ('b', b""),
        };
        let mtime = format_time(entry.mtime);
        let line = &mut self.line;
        line.clear();
        write!(line, "{letter}\t{mode:o}\t{uid}\t{gid}\t{mtime}\t")?;
        match kind {
            EntryKind::CharDevice { major, minor } | EntryKind::BlockDevice { major, minor } => {
                write!(line, "{major},{minor}")?;
            }
            _ => write!(line, "{}", entry.size)?,
        }
        let path: &[u8] = if entry.path.is_empty() {
            b"."
        } else {
            &entry.path
        };
        writeln!(line, "\t{at}\t{}\t{}", display(path), display(target))?;
        self.out.write_all(line)
    }

    /// Ends the index and gives the output back.
    pub fn finish(self) -> W {
        self.out
    }
}

impl fmt::Display for DataAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("-"),
            Self::Offset(offset) => write!(f, "{offset}"),
            Self::Sha256(digest) => digest.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

/// A line of an index that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad {field} in the index line `{}`", display(line))]
pub struct IndexError {
    /// The first field that cannot be understood.
    pub field: &'static str,
    /// The line.
    pub line: Vec<u8>,
}

/// Takes a line that [`IndexWriter::entry`] wrote apart, without its newline. The entry has no extended
/// attributes and no map of holes.
///
/// # Errors
/// Which field is wrong.
pub fn parse_line(line: &[u8]) -> Result<(Entry, DataAt), IndexError> {
    parse_fields(line).map_err(|field| IndexError {
        field,
        line: line.to_vec(),
    })
}

fn parse_fields(line: &[u8]) -> Result<(Entry, DataAt), &'static str> {
    let fields: Vec<&[u8]> = line.split(|&byte| byte == b'\t').collect();
    let Ok([letter, mode, uid, gid, mtime, size, at, path, target]) =
        <[&[u8]; 9]>::try_from(fields)
    else {
        return Err("number of fields");
    };
    let path = match path {
        b"." => Vec::new(),
        path => unescape(path)
            .filter(|path| !path.is_empty())
            .ok_or("path")?,
    };
    let target = unescape(target).ok_or("target")?;
    let device = || {
        text(size)
            .and_then(|size| size.split_once(','))
            .and_then(parse_device)
            .ok_or("size")
    };
    let kind = match (letter, target.is_empty()) {
        (b"f", true) => EntryKind::File,
        (b"h", false) => EntryKind::HardLink { target },
        (b"d", true) => EntryKind::Directory,
        (b"l", false) => EntryKind::Symlink { target },
        (b"p", true) => EntryKind::Fifo,
        (b"c", true) => device().map(|(major, minor)| EntryKind::CharDevice { major, minor })?,
        (b"b", true) => device().map(|(major, minor)| EntryKind::BlockDevice { major, minor })?,
        _ => return Err("type"),
    };
    let size = match kind {
        EntryKind::CharDevice { .. } | EntryKind::BlockDevice { .. } => 0,
        _ => number(size).ok_or("size")?,
    };
    let mode = text(mode)
        .and_then(|mode| u32::from_str_radix(mode, 8).ok())
        .ok_or("mode")?;
    let mtime: Mtime = parse_time(mtime).ok_or("mtime")?;
    let [uid, gid] = [number(uid).ok_or("uid")?, number(gid).ok_or("gid")?];
    let at = parse_at(at).ok_or("at")?;
    Ok((
        Entry {
            path,
            kind,
            mode,
            uid,
            gid,
            mtime,
            size,
            xattrs: Vec::new(),
            sparse: None,
        },
        at,
    ))
}

fn parse_at(field: &[u8]) -> Option<DataAt> {
    match field {
        b"-" => Some(DataAt::None),
        digest if digest.len() == 64 => {
            let mut bytes = [0; 32];
            for (byte, digits) in bytes.iter_mut().zip(text(digest)?.as_bytes().chunks(2)) {
                *byte = u8::from_str_radix(text(digits)?, 16).ok()?;
            }
            Some(DataAt::Sha256(bytes))
        }
        offset => number(offset).map(DataAt::Offset),
    }
}

fn parse_device((major, minor): (&str, &str)) -> Option<(u32, u32)> {
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn number<T: std::str::FromStr>(field: &[u8]) -> Option<T> {
    text(field)?.parse().ok()
}

fn text(field: &[u8]) -> Option<&str> {
    std::str::from_utf8(field).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_what_the_table_says() {
        let mut entry = Entry {
            path: b"a\tb".to_vec(),
            kind: EntryKind::File,
            mode: 0o4755,
            uid: 7,
            gid: 4_000_000_000,
            mtime: Mtime {
                secs: -2,
                nanos: 500_000_000,
            },
            size: 12,
            xattrs: Vec::new(),
            sparse: None,
        };
        let mut index = IndexWriter::create(Vec::new()).unwrap();
        index.entry(&entry, DataAt::Offset(1536)).unwrap();
        entry.path = Vec::new();
        entry.kind = EntryKind::BlockDevice { major: 8, minor: 1 };
        index.entry(&entry, DataAt::None).unwrap();
        let text = String::from_utf8(index.finish()).unwrap();
        let expected = "f\t4755\t7\t4000000000\t-1.5\t12\t1536\ta\\tb\t\nb\t4755\t7\t4000000000\t-1.5\t8,1\t-\t.\t\n";
        assert_eq!(text, format!("{HEAD}\n{expected}"));
    }

    #[test]
    fn broken_lines_name_the_field() {
        let good = "f\t644\t0\t0\t1\t12\t-\tname\t";
        assert!(parse_line(good.as_bytes()).is_ok());
        for (bad, field) in [
            ("f\t644\t0\t0\t1\t12\t-\tname", "number of fields"),
            ("x\t644\t0\t0\t1\t12\t-\tname\t", "type"),
            ("l\t644\t0\t0\t1\t12\t-\tname\t", "type"),
            ("f\t649\t0\t0\t1\t12\t-\tname\t", "mode"),
            ("f\t644\t-1\t0\t1\t12\t-\tname\t", "uid"),
            ("f\t644\t0\t0\t1e3\t12\t-\tname\t", "mtime"),
            ("f\t644\t0\t0\t1\t\t-\tname\t", "size"),
            ("c\t644\t0\t0\t1\t8\t-\tname\t", "size"),
            ("f\t644\t0\t0\t1\t12\tx\tname\t", "at"),
            ("f\t644\t0\t0\t1\t12\t-\t\t", "path"),
            ("f\t644\t0\t0\t1\t12\t-\ta\\\t", "path"),
        ] {
            assert_eq!(
                parse_line(bad.as_bytes()).unwrap_err().field,
                field,
                "{bad}"
            );
        }
    }

    fn path() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(1_u8.., 1..30).prop_filter("the root", |path| path != b".")
    }

    fn kind() -> impl Strategy<Value = EntryKind> {
        prop_oneof![
            Just(EntryKind::File),
            Just(EntryKind::Directory),
            Just(EntryKind::Fifo),
            path().prop_map(|target| EntryKind::HardLink { target }),
            path().prop_map(|target| EntryKind::Symlink { target }),
            any::<(u32, u32)>().prop_map(|(major, minor)| EntryKind::CharDevice { major, minor }),
            any::<(u32, u32)>().prop_map(|(major, minor)| EntryKind::BlockDevice { major, minor }),
        ]
    }

    fn data_at() -> impl Strategy<Value = DataAt> {
        prop_oneof![
            Just(DataAt::None),
            any::<u64>().prop_map(DataAt::Offset),
            any::<[u8; 32]>().prop_map(DataAt::Sha256),
        ]
    }

    proptest! {
        #[test]
        fn lines_come_back(
            (path, kind, at) in (prop_oneof![path(), Just(Vec::new())], kind(), data_at()),
            (mode, uid, gid, size) in (0..0o10000_u32, any::<u32>(), any::<u32>(), any::<u64>()),
            (secs, nanos) in (-(1_i64 << 62)..1 << 62, 0..1_000_000_000_u32),
        ) {
            let has_size = !matches!(kind, EntryKind::CharDevice { .. } | EntryKind::BlockDevice { .. });
            let size = if has_size { size } else { 0 };
            let mtime = Mtime { secs, nanos };
            let entry = Entry { path, kind, mode, uid, gid, mtime, size, xattrs: Vec::new(), sparse: None };
            let mut index = IndexWriter::create(Vec::new()).unwrap();
            index.entry(&entry, at).unwrap();
            let text = index.finish();
            let lines: Vec<_> = text.split(|&byte| byte == b'\n').collect();
            prop_assert_eq!(lines.len(), 3);
            prop_assert_eq!(parse_line(lines[1]), Ok((entry, at)));
        }

        #[test]
        fn any_line_is_parsed_or_refused(line: Vec<u8>) {
            let _ = parse_line(&line);
        }
    }
}
