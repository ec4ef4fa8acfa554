//! The rows of `hostile.rs`, made block by block.

use tar::{EntryType, Header};

use crate::hostile::Row;
use crate::hostile::Verdict::{self, Accepted, Refused};

/// A header with its checksum, after `change`.
fn header(name: &str, kind: u8, size: u64, change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::new(kind));
    header.as_ustar_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_device_major(0).unwrap();
    header.set_device_minor(0).unwrap();
    change(&mut header);
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn plain(name: &str, kind: u8, size: u64) -> Vec<u8> {
    header(name, kind, size, |_| ())
}

fn data(bytes: &[u8]) -> Vec<u8> {
    let mut data = bytes.to_vec();
    data.resize(bytes.len().next_multiple_of(512), 0);
    data
}

fn extended(kind: u8, records: &[&str]) -> Vec<u8> {
    let mut text = String::new();
    for record in records {
        let len = (1..)
            .find(|len| format!("{len} {record}\n").len() == *len)
            .unwrap();
        text += &format!("{len} {record}\n");
    }
    [plain("x", kind, text.len() as u64), data(text.as_bytes())].concat()
}

fn tar(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), vec![0; 1024]].concat()
}

fn row(what: &'static str, parts: &[Vec<u8>], ours: Verdict, gnu: Verdict) -> Row {
    Row {
        what,
        tar: tar(parts),
        ours,
        gnu,
    }
}

fn raw(what: &'static str, parts: &[Vec<u8>], ours: Verdict, gnu: Verdict) -> Row {
    Row {
        what,
        tar: parts.concat(),
        ours,
        gnu,
    }
}

pub(crate) fn broken_streams() -> Vec<Row> {
    let file = || [plain("a", b'0', 3), data(b"abc")].concat();
    vec![
        row("a whole tar", &[file()], Accepted, Accepted),
        row("an empty tar", &[], Accepted, Accepted),
        raw("nothing at all", &[], Refused, Refused),
        raw("no end marker", &[file()], Refused, Accepted),
        raw("one zero block", &[file(), vec![0; 512]], Refused, Accepted),
        raw(
            "data cut",
            &[plain("a", b'0', 3), vec![b'a'; 2]],
            Refused,
            Refused,
        ),
        raw(
            "padding cut",
            &[plain("a", b'0', 3), vec![b'a'; 100]],
            Refused,
            Refused,
        ),
        raw("header cut", &[file(), vec![b'a'; 100]], Refused, Accepted),
        raw(
            "text after the end",
            &[tar(&[file()]), b"{\"message\":\"EOF\"}".to_vec()],
            Refused,
            Accepted,
        ),
        raw(
            "an entry after the end",
            &[tar(&[file()]), tar(&[file()])],
            Refused,
            Accepted,
        ),
        row(
            "an entry after one zero block",
            &[file(), vec![0; 512], file()],
            Refused,
            Accepted,
        ),
        row(
            "a block of text",
            &[file(), data(b"text"), file()],
            Refused,
            Refused,
        ),
    ]
}

pub(crate) fn bad_names() -> Vec<Row> {
    let linked = |name: &'static str, target: &'static str| {
        header(name, b'1', 0, move |header| {
            header.set_link_name_literal(target).unwrap()
        })
    };
    vec![
        // GNU tar strips or refuses these only when it extracts.
        row(
            "an absolute name",
            &[plain("/etc/passwd", b'0', 0)],
            Refused,
            Accepted,
        ),
        row(
            "a name with ..",
            &[plain("a/../../b", b'0', 0)],
            Refused,
            Accepted,
        ),
        row("an empty name", &[plain("", b'0', 0)], Refused, Accepted),
        row(
            "an empty component",
            &[plain("a//b", b'0', 0)],
            Refused,
            Accepted,
        ),
        row(
            "a component .",
            &[plain("a/./b", b'0', 0)],
            Refused,
            Accepted,
        ),
        row(
            "a file with the name of the root",
            &[plain("./", b'0', 0)],
            Refused,
            Accepted,
        ),
        row(
            "a file with a slash at its end",
            &[plain("a/", b'0', 0)],
            Refused,
            Accepted,
        ),
        row(
            "names that start with ./",
            &[plain("././a", b'0', 0)],
            Accepted,
            Accepted,
        ),
        row(
            "a NUL in a name",
            &[extended(b'x', &["path=a\0b"]), plain("a", b'0', 0)],
            Refused,
            Accepted,
        ),
        row(
            "a hard link outside",
            &[linked("a", "../b")],
            Refused,
            Accepted,
        ),
        row(
            "a hard link to an absolute name",
            &[linked("a", "/b")],
            Refused,
            Accepted,
        ),
        row(
            "a hard link to nothing",
            &[linked("a", "")],
            Refused,
            Accepted,
        ),
    ]
}

pub(crate) fn readers_disagree() -> Vec<Row> {
    let long = |kind: u8, name: &str| {
        [
            plain("././@LongLink", kind, name.len() as u64),
            data(name.as_bytes()),
        ]
        .concat()
    };
    let file = || [plain("a", b'0', 3), data(b"abc")].concat();
    vec![
        row(
            "a size in a record",
            &[
                extended(b'x', &["size=3"]),
                plain("a", b'0', 0),
                data(b"abc"),
            ],
            Accepted,
            Accepted,
        ),
        row(
            "a symbolic link with data",
            &[
                header("a", b'2', 3, |h| h.set_link_name_literal("b").unwrap()),
                data(b"abc"),
            ],
            Refused,
            Accepted,
        ),
        row(
            "a directory with data",
            &[plain("a/", b'5', 3), data(b"abc")],
            Refused,
            Refused,
        ),
        row(
            "a hard link with a size",
            &[header("a", b'1', 3, |h| {
                h.set_link_name_literal("b").unwrap()
            })],
            Refused,
            Accepted,
        ),
        row("an unknown type", &[plain("a", b'Z', 0)], Refused, Accepted),
        row(
            "a long name and a record",
            &[long(b'L', "other"), extended(b'x', &["path=b"]), file()],
            Refused,
            Accepted,
        ),
        row(
            "two extended headers",
            &[
                extended(b'x', &["path=b"]),
                extended(b'x', &["path=c"]),
                file(),
            ],
            Refused,
            Accepted,
        ),
        row(
            "a long name alone",
            &[long(b'L', "other"), file()],
            Accepted,
            Accepted,
        ),
        row(
            "two long names",
            &[long(b'L', "other"), long(b'L', "another"), file()],
            Refused,
            Accepted,
        ),
        row(
            "a long name that ends with a NUL",
            &[long(b'L', "other\0"), file()],
            Accepted,
            Accepted,
        ),
        row(
            "a long name with a NUL inside",
            &[long(b'L', "ot\0her\0"), file()],
            Refused,
            Accepted,
        ),
        row(
            "an extended header without magic",
            &[
                header("x", b'x', 10, |h| h.as_old_mut().pad.fill(0)),
                data(b"10 path=b\n"),
                file(),
            ],
            Refused,
            Accepted,
        ),
        row(
            "an extended header for nothing",
            &[file(), extended(b'x', &["path=b"])],
            Refused,
            Accepted,
        ),
        row(
            "a global path",
            &[extended(b'g', &["path=b"]), file()],
            Refused,
            Accepted,
        ),
        row(
            "a global comment",
            &[extended(b'g', &["comment=b"]), file()],
            Accepted,
            Accepted,
        ),
        row(
            "a global time",
            &[extended(b'g', &["mtime=12.5"]), file()],
            Accepted,
            Accepted,
        ),
    ]
}

pub(crate) fn bad_values() -> Vec<Row> {
    let file = || [plain("a", b'0', 3), data(b"abc")].concat();
    let with = |record: &str| vec![extended(b'x', &[record]), file()];
    let field = |change: fn(&mut Header)| vec![header("a", b'0', 0, change)];
    let length = |text: &str| {
        vec![
            plain("x", b'x', text.len() as u64),
            data(text.as_bytes()),
            file(),
        ]
    };
    vec![
        row(
            "a size that is no number",
            &with("size=x"),
            Refused,
            Refused,
        ),
        row("a size with a sign", &with("size=-3"), Refused, Refused),
        row(
            "an id that is too great",
            &with("uid=4294967296"),
            Refused,
            Refused,
        ),
        row("a time in words", &with("mtime=now"), Refused, Refused),
        row(
            "a record that is too long",
            &length("30 path=b\n"),
            Refused,
            Refused,
        ),
        row(
            "a record without a length",
            &length("path=b\n"),
            Refused,
            Refused,
        ),
        row(
            "a record without a newline",
            &length("9 path=bc"),
            Refused,
            Refused,
        ),
        row(
            "a mode that is no number",
            &field(|h| h.as_ustar_mut().unwrap().mode = *b"abcdefg\0"),
            Refused,
            Refused,
        ),
        row(
            "a negative owner",
            &field(|h| h.as_ustar_mut().unwrap().uid = [0xff; 8]),
            Refused,
            Refused,
        ),
        row(
            "a size of base 256",
            &[
                header("a", b'0', 0, |h| {
                    h.as_ustar_mut().unwrap().size = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]
                }),
                data(b"abc"),
            ],
            Accepted,
            Accepted,
        ),
        row(
            "a negative size",
            &field(|h| h.as_ustar_mut().unwrap().size = [0xff; 12]),
            Refused,
            Refused,
        ),
        row(
            "a size beyond all files",
            &field(|h| h.as_ustar_mut().unwrap().size = [0x80, 0, 0, 0, 0xff, 0, 0, 0, 0, 0, 0, 0]),
            Refused,
            Refused,
        ),
    ]
}

pub(crate) fn bad_maps() -> Vec<Row> {
    let sparse = |real_size: &'static str, map: &'static [u8], stored: u64| {
        let records = [
            "GNU.sparse.major=1",
            "GNU.sparse.minor=0",
            "GNU.sparse.name=a",
            real_size,
        ];
        vec![
            extended(b'x', &records),
            plain("a", b'0', 512 + stored),
            data(map),
            data(&vec![b'a'; stored as usize]),
        ]
    };
    vec![
        row(
            "a map",
            &sparse("GNU.sparse.realsize=100", b"1\n10\n20\n", 20),
            Accepted,
            Accepted,
        ),
        row(
            "a map that is no map",
            &sparse("GNU.sparse.realsize=100", b"none\n", 20),
            Refused,
            Refused,
        ),
        row(
            "a map longer than the data",
            &sparse("GNU.sparse.realsize=100", b"9999999999\n1\n", 20),
            Refused,
            Refused,
        ),
        row(
            "segments that overlap",
            &sparse("GNU.sparse.realsize=100", b"2\n10\n10\n5\n10\n", 20),
            Refused,
            Accepted,
        ),
        row(
            "a segment behind the end",
            &sparse("GNU.sparse.realsize=100", b"1\n90\n20\n", 20),
            Refused,
            Accepted,
        ),
        row(
            "less data than the map says",
            &sparse("GNU.sparse.realsize=100", b"1\n10\n30\n", 20),
            Refused,
            Accepted,
        ),
    ]
}
