//! Trees that become tars and trees again by the hands of GNU tar, bsdtar and Python.

use std::ffi::OsStr;
use std::os::unix::fs::FileExt;
use std::path::Path;

use compose_dump::archive::entry::{Entry, EntryKind, Mtime, Segment};
use compose_dump::archive::tar::{encode_head, encode_head_of_any_size, encoded_len};

use crate::support::{describe, describe_without, dump, python, run};
use crate::trees::{everything_for_anyone, everything_for_root, files_with_holes};

#[test]
fn gnu_tar_makes_the_same_tree() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    everything_for_anyone(from.path());
    files_with_holes(from.path());
    let dumped = dump(from.path());
    extract_with_gnu_tar(&dumped.tar, to.path(), &[]);
    similar(&describe(from.path()), &describe(to.path()));
}

#[test]
fn bsdtar_makes_the_same_tree() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    everything_for_anyone(from.path());
    files_with_holes(from.path());
    let dumped = dump(from.path());
    let options = ["-xpf", "-", "--numeric-owner", "-C"];
    let arguments: Vec<_> = options
        .map(OsStr::new)
        .into_iter()
        .chain([to.path().as_os_str()])
        .collect();
    run("bsdtar", &arguments, &dumped.tar);
    // It does not set the time of the folder that it extracts into, and mixes up signs near the epoch.
    let comparable = |root: &Path| {
        let description = describe_without(root, "early");
        description.split_once('\n').unwrap().1.to_owned()
    };
    similar(&comparable(from.path()), &comparable(to.path()));
}

#[test]
fn python_makes_the_same_tree() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    everything_for_anyone(from.path());
    files_with_holes(from.path());
    let dumped = dump(from.path());
    let program = "import sys, tarfile; tarfile.open(fileobj=sys.stdin.buffer, mode='r|').extractall(sys.argv[1], numeric_owner=True)";
    python(program, &[to.path().as_os_str()], &dumped.tar);
    // It keeps no attributes, and times as floating point numbers.
    let without = "xattrs,mtime";
    similar(
        &describe_without(from.path(), without),
        &describe_without(to.path(), without),
    );
}

#[test]
#[ignore = "needs root: tests/run.sh"]
fn root_gets_owners_devices_and_attributes_back() {
    let from = tempfile::tempdir().unwrap();
    everything_for_anyone(from.path());
    files_with_holes(from.path());
    everything_for_root(from.path());
    let dumped = dump(from.path());
    // Asked for ACLs, it takes them from records of their own, and without one it removes an ACL.
    for more in [&[][..], &["--acls"]] {
        let to = tempfile::tempdir().unwrap();
        extract_with_gnu_tar(&dumped.tar, to.path(), more);
        similar(&describe(from.path()), &describe(to.path()));
    }
}

fn file(path: &str, size: u64) -> Entry {
    Entry {
        path: path.as_bytes().to_vec(),
        kind: EntryKind::File,
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: Mtime::default(),
        size,
        xattrs: Vec::new(),
        sparse: None,
    }
}

/// Lengths beyond eleven octal digits, in a tar whose data is a hole.
#[test]
fn everyone_reads_files_of_nine_gibibytes() {
    const DATA_LEN: u64 = 9 << 30;
    let tar = tempfile::NamedTempFile::new().unwrap();
    let mut len = 0;
    let mut put = |path: &str, size: u64, sparse: Option<Vec<Segment>>| {
        let entry = Entry {
            sparse,
            ..file(path, size)
        };
        let mut head = Vec::new();
        encode_head(&entry, b"./", &mut head);
        tar.as_file().write_all_at(&head, len).unwrap();
        len += encoded_len(&entry, b"./");
    };
    put("dense", DATA_LEN, None);
    put(
        "sparse",
        20 << 30,
        Some(vec![Segment {
            offset: 4096,
            len: DATA_LEN,
        }]),
    );
    put("last", 5, None);
    tar.as_file().set_len(len + 1024).unwrap();
    everyone_lists(
        tar.path(),
        &["9663676416 ./dense", "21474836480 ./sparse", "5 ./last"],
    );
}

/// Heads that were as long before their files' lengths were known.
#[test]
fn everyone_reads_heads_of_any_size() {
    const LARGE: u64 = 9 << 30;
    let tar = tempfile::NamedTempFile::new().unwrap();
    let deep = format!("{}/deep", "x".repeat(200));
    let mut len = 0;
    for (path, size) in [("none", 0), ("few", 5), ("large", LARGE), (&deep, 7)] {
        let head = |size| {
            let mut head = Vec::new();
            encode_head_of_any_size(&file(path, size), &mut head);
            head
        };
        let own = head(size);
        assert_eq!(own.len(), head(u64::MAX).len());
        tar.as_file().write_all_at(&own, len).unwrap();
        len += own.len() as u64 + size.next_multiple_of(512);
    }
    tar.as_file().set_len(len + 1024).unwrap();
    let deep = format!("7 {deep}");
    everyone_lists(tar.path(), &["0 none", "5 few", "9663676416 large", &deep]);
}

/// Python, GNU tar and bsdtar find these files, each as its size, a space and its name.
fn everyone_lists(tar: &Path, expected: &[&str]) {
    let sizes = "import sys, tarfile\nfor m in tarfile.open(sys.argv[1]): print(m.size, m.name)";
    let lines = python(sizes, &[tar.as_os_str()], b"");
    assert_eq!(lines.lines().collect::<Vec<_>>(), expected);
    for program in ["tar", "bsdtar"] {
        let listing = run(program, &[OsStr::new("-tvf"), tar.as_os_str()], b"");
        let listing = String::from_utf8(listing).unwrap();
        assert_eq!(listing.lines().count(), expected.len(), "{program}");
        for (line, expected) in listing.lines().zip(expected) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (size, name) = expected.split_once(' ').unwrap();
            assert!(
                words.contains(&size) && words.contains(&name),
                "{program}: {line}"
            );
        }
    }
}

fn extract_with_gnu_tar(tar: &[u8], to: &Path, more: &[&str]) {
    let options = [
        "--xattrs",
        "--xattrs-include=*",
        "--numeric-owner",
        "--warning=no-timestamp",
        "-xpf",
        "-",
        "-C",
    ];
    let arguments: Vec<_> = options
        .map(OsStr::new)
        .into_iter()
        .chain([to.as_os_str()])
        .chain(more.iter().map(OsStr::new))
        .collect();
    run("tar", &arguments, tar);
}

fn similar(left: &str, right: &str) {
    for (left, right) in left.lines().zip(right.lines()) {
        assert_eq!(left, right);
    }
    assert_eq!(left.lines().count(), right.lines().count());
}
