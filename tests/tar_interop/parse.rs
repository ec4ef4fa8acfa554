//! Tars of other programs: our parser sees in them what Python's tarfile sees.

use std::ffi::OsStr;
use std::path::Path;

use compose_dump::archive::entry::{Entry, EntryKind, SinkClosed};
use compose_dump::archive::index::{DataAt, HEAD, IndexWriter};
use compose_dump::archive::tar::{TarError, TarParser, TarVisitor};

use crate::support::{Dumped, dump, python, run_any};
use crate::trees::{everything_for_anyone, files_with_holes};

/// Makes the index of a tar that comes by.
struct ToIndex(IndexWriter<Vec<u8>>);

impl TarVisitor for ToIndex {
    fn begin(&mut self, entry: &Entry, at: u64) -> Result<(), SinkClosed> {
        let at = if entry.kind == EntryKind::File {
            DataAt::Offset(at)
        } else {
            DataAt::None
        };
        self.0.entry(entry, at).map_err(|_| SinkClosed)
    }

    fn data(&mut self, _part: &[u8]) -> Result<(), SinkClosed> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        Ok(())
    }
}

fn index_of(tar: &[u8]) -> Result<String, TarError> {
    let mut parser = TarParser::new(ToIndex(IndexWriter::create(Vec::new()).unwrap()));
    parser.feed(tar)?;
    let (_, ToIndex(index)) = parser.finish()?;
    Ok(String::from_utf8(index.finish()).unwrap())
}

/// The same lines, made by Python's tarfile.
const PYTHON_INDEX: &str = r#"
import io, re, sys, tarfile
def escape(name):
    # What is no UTF-8 came in as lone surrogates.
    out = ""
    for c in name:
        if 0xdc80 <= ord(c) <= 0xdcff: out += "\\x%02x" % (ord(c) - 0xdc00)
        elif c == "\\": out += "\\\\"
        elif c == "\t": out += "\\t"
        elif c == "\n": out += "\\n"
        elif ord(c) < 32 or 127 <= ord(c) < 160: out += "".join("\\x%02x" % b for b in c.encode())
        else: out += c
    return out
def relative(name):
    name = name.removeprefix("./").rstrip("/")
    return name or "."
letters = {tarfile.REGTYPE: "f", tarfile.AREGTYPE: "f", tarfile.CONTTYPE: "f", tarfile.LNKTYPE: "h", tarfile.SYMTYPE: "l",
           tarfile.DIRTYPE: "d", tarfile.FIFOTYPE: "p", tarfile.CHRTYPE: "c", tarfile.BLKTYPE: "b"}
print(sys.argv[1])
tar = tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()), encoding="utf-8", errors="surrogateescape")
for m in tar:
    mtime = m.pax_headers.get("mtime", str(int(m.mtime)))
    if "." in mtime: mtime = re.sub(r"(\.\d{9})\d*", r"\1", mtime).rstrip("0").rstrip(".")
    letter = letters[m.type]
    size = f"{m.devmajor},{m.devminor}" if letter in "cb" else m.size
    target = relative(m.linkname) if letter == "h" else m.linkname if letter == "l" else ""
    data_at = m.offset_data if letter == "f" else "-"
    print(letter, oct(m.mode & 0o7777)[2:], m.uid, m.gid, mtime, size, data_at, escape(relative(m.name)), escape(target), sep="\t")
"#;

fn python_index(tar: &[u8]) -> String {
    python(PYTHON_INDEX, &[OsStr::new(HEAD)], tar)
}

fn agree(tar: &[u8], what: &str) {
    let (ours, theirs) = (
        index_of(tar).unwrap_or_else(|error| panic!("{what}: {error}")),
        python_index(tar),
    );
    assert!(ours.lines().count() > 8, "{what} holds what its format can");
    for (ours, theirs) in ours.lines().zip(theirs.lines()) {
        assert_eq!(ours, theirs, "{what}");
    }
    assert_eq!(ours.lines().count(), theirs.lines().count(), "{what}");
}

/// What a program prints when it is to make a tar. It may complain of names that the format cannot hold.
fn tar_of(root: &Path, program: &str, options: &str) -> Vec<u8> {
    let mut arguments: Vec<_> = options.split_whitespace().map(OsStr::new).collect();
    arguments.extend(["-cf", "-", "-C"].map(OsStr::new));
    arguments.extend([root.as_os_str(), OsStr::new(".")]);
    run_any(program, &arguments, b"").stdout
}

#[test]
fn our_own_tars_and_their_index() {
    let root = tempfile::tempdir().unwrap();
    everything_for_anyone(root.path());
    files_with_holes(root.path());
    let Dumped { tar, index, .. } = dump(root.path());
    agree(&tar, "ours");
    assert_eq!(
        index,
        index_of(&tar).unwrap(),
        "the index is written beside the tar as it is parsed from it"
    );
}

#[test]
fn tars_of_gnu_tar() {
    let root = tempfile::tempdir().unwrap();
    everything_for_anyone(root.path());
    for options in [
        "--format=gnu",
        "--format=pax",
        "--format=ustar",
        "--format=v7",
        "--format=pax --xattrs",
    ] {
        agree(&tar_of(root.path(), "tar", options), options);
    }
}

#[test]
fn sparse_files_of_gnu_tar() {
    let root = tempfile::tempdir().unwrap();
    everything_for_anyone(root.path());
    files_with_holes(root.path());
    let newest = tar_of(root.path(), "tar", "-S --format=pax --sparse-version=1.0");
    agree(&newest, "version 1.0");
    // Python takes the stand-in for the name of an older one: compare with what it saw in the newest.
    let without_offsets = |index: String| -> Vec<String> {
        let lines = index.lines().map(|line| line.split('\t').enumerate());
        lines
            .map(|fields| {
                fields
                    .filter(|&(i, _)| i != 6)
                    .map(|(_, field)| field)
                    .collect()
            })
            .collect()
    };
    for version in ["0.0", "0.1"] {
        let tar = tar_of(
            root.path(),
            "tar",
            &format!("-S --format=pax --sparse-version={version}"),
        );
        let (older, newest) = (index_of(&tar).unwrap(), index_of(&newest).unwrap());
        assert_eq!(
            without_offsets(older),
            without_offsets(newest),
            "version {version}"
        );
    }
    let old = tar_of(root.path(), "tar", "-S --format=gnu");
    assert!(matches!(
        index_of(&old),
        Err(TarError::UnknownType { typeflag: b'S', .. })
    ));
}

#[test]
fn tars_of_bsdtar() {
    let root = tempfile::tempdir().unwrap();
    everything_for_anyone(root.path());
    for options in ["--format=pax", "--format=gnutar", "--format=ustar"] {
        agree(&tar_of(root.path(), "bsdtar", options), options);
    }
}

#[test]
fn tars_of_python() {
    let root = tempfile::tempdir().unwrap();
    everything_for_anyone(root.path());
    let program = "
import os, sys, tarfile
with tarfile.open(sys.argv[2], 'w', format=getattr(tarfile, sys.argv[3]), encoding='utf-8', errors='surrogateescape') as tar:
    tar.add(sys.argv[1], '.')
";
    for format in ["PAX_FORMAT", "GNU_FORMAT"] {
        let out = tempfile::NamedTempFile::new().unwrap();
        let arguments = [
            root.path().as_os_str(),
            out.path().as_os_str(),
            OsStr::new(format),
        ];
        python(program, &arguments, b"");
        agree(&std::fs::read(out.path()).unwrap(), format);
    }
}

/// The tar crate is the third reader: it sees the same names, lengths and content in our tars.
#[test]
fn the_tar_crate_reads_ours() {
    let root = tempfile::tempdir().unwrap();
    everything_for_anyone(root.path());
    let Dumped { tar, index, .. } = dump(root.path());
    let mut archive = tar::Archive::new(&tar[..]);
    let mut lines = index.lines().skip(1);
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let (expected, at) =
            compose_dump::archive::index::parse_line(lines.next().unwrap().as_bytes()).unwrap();
        let path = [
            &b"./"[..],
            &expected.path,
            if expected.kind == EntryKind::Directory && !expected.path.is_empty() {
                b"/"
            } else {
                b""
            },
        ]
        .concat();
        assert_eq!(entry.path_bytes(), &path[..]);
        assert_eq!(entry.size(), expected.size);
        if let DataAt::Offset(offset) = at {
            assert_eq!(entry.raw_file_position(), offset);
        }
    }
    assert_eq!(lines.next(), None);
}
