//! The direct reader: what it takes, what it reports, and what happens when files change under it.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use compose_dump::archive::entry::{Entry, EntryKind, EntrySink, SinkClosed};
use compose_dump::archive::tar::{END, encoded_len};
use compose_dump::sources::walk::{
    Filter, ReadError, ReadReport, Scan, TakeAll, Trouble, TroubleKind, Verdict, WalkError,
    WalkOptions, read, scan,
};
use proptest::prelude::*;

/// Keeps everything, and checks the order of the calls.
#[derive(Default)]
struct Collected {
    entries: Vec<(Entry, Vec<u8>)>,
    open: bool,
}

impl EntrySink for Collected {
    fn begin(&mut self, entry: &Entry) -> Result<(), SinkClosed> {
        assert!(!std::mem::replace(&mut self.open, true));
        self.entries.push((entry.clone(), Vec::new()));
        Ok(())
    }

    fn data(&mut self, chunk: Bytes) -> Result<(), SinkClosed> {
        assert!(self.open && !chunk.is_empty());
        self.entries.last_mut().unwrap().1.extend_from_slice(&chunk);
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        assert!(std::mem::replace(&mut self.open, false));
        let (entry, data) = self.entries.last().unwrap();
        assert_eq!(entry.data_len(), data.len() as u64, "{entry:?}");
        Ok(())
    }
}

impl Collected {
    fn paths(&self) -> Vec<String> {
        self.entries
            .iter()
            .map(|(entry, _)| String::from_utf8_lossy(&entry.path).into_owned())
            .collect()
    }

    fn get(&self, path: &str) -> &(Entry, Vec<u8>) {
        self.entries
            .iter()
            .find(|(entry, _)| entry.path == path.as_bytes())
            .unwrap()
    }

    fn tar_bytes(&self) -> u64 {
        let entries = self
            .entries
            .iter()
            .map(|(entry, _)| encoded_len(entry, b"./"));
        entries.sum::<u64>() + END.len() as u64
    }
}

fn options<'a>(root: &'a Path, filter: &'a mut dyn Filter) -> WalkOptions<'a> {
    let list_dir = root.parent().unwrap();
    WalkOptions {
        root,
        filter,
        follow_symlinks: false,
        one_file_system: true,
        list_dir,
        cancelled: &|| false,
        prefix: b"./",
    }
}

fn scan_all(root: &Path) -> Scan {
    scan(options(root, &mut TakeAll)).unwrap()
}

fn read_all(scan: Scan) -> (Collected, ReadReport) {
    let mut collected = Collected::default();
    let (announced, entry_count) = (scan.tar_bytes(), scan.entry_count());
    let report = read(scan, &mut collected).unwrap();
    assert_eq!(collected.tar_bytes() + report.missing_tar_bytes, announced);
    assert_eq!(report.entry_count, collected.entries.len() as u64);
    assert!(report.entry_count <= entry_count);
    (collected, report)
}

fn trouble(path: &str, kind: TroubleKind) -> Trouble {
    Trouble {
        path: path.as_bytes().to_vec(),
        kind,
    }
}

fn write(root: &Path, files: &[&str]) {
    for file in files {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
}

#[test]
fn the_root_comes_first_and_names_in_byte_order() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), &["b/x", "b.c", "B", "a/z/1", "a/y", "b/w"]);
    let scan = scan_all(root.path());
    assert_eq!(scan.troubles().count(), 0);
    let (collected, report) = read_all(scan);
    assert_eq!(
        collected.paths(),
        [
            "", "B", "a", "a/y", "a/z", "a/z/1", "b", "b/w", "b/x", "b.c"
        ]
    );
    assert_eq!(collected.get("a/z/1").1, b"a/z/1");
    assert_eq!(report.troubles.count(), 0);
}

#[test]
fn a_single_file_can_be_the_root() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &["app.conf"]);
    let root = dir.path().join("app.conf");
    let scan = scan(WalkOptions {
        prefix: b"app.conf",
        ..options(&root, &mut TakeAll)
    })
    .unwrap();
    let mut collected = Collected::default();
    read(scan, &mut collected).unwrap();
    let (entry, data) = &collected.entries[0];
    assert_eq!(
        (&entry.path[..], &entry.kind, &data[..]),
        (&b""[..], &EntryKind::File, &b"app.conf"[..])
    );
}

#[test]
fn a_root_that_is_not_there_is_an_error() {
    let error = scan(options(Path::new("/nowhere/at/all"), &mut TakeAll))
        .err()
        .unwrap();
    assert!(matches!(&error, WalkError::Root { .. }), "{error:?}");
    assert_eq!(error.to_string(), "cannot open `/nowhere/at/all`");
}

struct Rules(Vec<String>);

impl Filter for Rules {
    fn decide(&mut self, path: &[u8], is_dir: bool) -> Verdict {
        let path = String::from_utf8(path.to_vec()).unwrap();
        self.0
            .push(format!("{path}{}", if is_dir { "/" } else { "" }));
        match path.as_str() {
            "whole" => Verdict::Take,
            _ if path.contains("skip") => Verdict::Skip,
            _ => Verdict::Pass,
        }
    }
}

#[test]
fn a_filter_is_asked_for_what_it_wants_to_be_asked() {
    let root = tempfile::tempdir().unwrap();
    write(
        root.path(),
        &["whole/skip", "part/skip", "part/take", "skip/inner"],
    );
    let mut rules = Rules(Vec::new());
    let (collected, _) = read_all(
        scan(WalkOptions {
            filter: &mut rules,
            ..options(root.path(), &mut TakeAll)
        })
        .unwrap(),
    );
    // The root is taken whole unless it says otherwise by its own rules.
    assert_eq!(
        collected.paths(),
        ["", "part", "part/take", "whole", "whole/skip"]
    );
    assert_eq!(
        rules.0,
        ["part/", "part/skip", "part/take", "skip/", "whole/"]
    );
}

#[test]
fn links_are_kept_or_followed_but_not_in_circles() {
    let root = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    write(root.path(), &["dir/file"]);
    write(outside.path(), &["there"]);
    let link = |target: &Path, name: &str| symlink(target, root.path().join(name)).unwrap();
    link(Path::new("dir/file"), "to file");
    link(Path::new("dir"), "to dir");
    link(Path::new(".."), "dir/up");
    link(Path::new("nowhere"), "dangling");
    link(Path::new("itself"), "itself");
    link(outside.path(), "outside");

    let (kept, report) = read_all(scan_all(root.path()));
    assert_eq!(
        kept.get("to dir").0.kind,
        EntryKind::Symlink {
            target: b"dir".to_vec()
        }
    );
    assert_eq!(report.troubles.count(), 0);

    let scan = scan(WalkOptions {
        follow_symlinks: true,
        ..options(root.path(), &mut TakeAll)
    })
    .unwrap();
    let expected = [
        trouble("dangling", TroubleKind::DanglingLink),
        trouble("dir/up", TroubleKind::LinkCycle),
        trouble("itself", TroubleKind::DanglingLink),
        trouble("to dir/up", TroubleKind::LinkCycle),
    ];
    assert_eq!(scan.troubles().kept(), expected);
    assert_eq!(scan.troubles().losing_count(), 0);
    let (followed, report) = read_all(scan);
    assert_eq!(report.troubles.count(), 0);
    assert_eq!(
        followed.get("to file"),
        &(
            Entry {
                path: b"to file".to_vec(),
                ..kept.get("dir/file").0.clone()
            },
            b"dir/file".to_vec()
        )
    );
    assert_eq!(followed.get("to dir/file").1, b"dir/file");
    assert_eq!(followed.get("outside/there").1, b"there");
    assert_eq!(
        followed.get("dir/up").0.kind,
        EntryKind::Symlink {
            target: b"..".to_vec()
        }
    );
}

#[test]
fn sockets_are_noted_and_cannot_block() {
    let root = tempfile::tempdir().unwrap();
    let _listener = UnixListener::bind(root.path().join("socket")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.path().join("fifo"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let scan = scan_all(root.path());
    assert_eq!(
        scan.troubles().kept(),
        [trouble("socket", TroubleKind::Socket)]
    );
    assert_eq!(scan.troubles().losing_count(), 0);
    let (collected, _) = read_all(scan);
    assert_eq!(collected.paths(), ["", "fifo"]);
}

/// A thousand levels: the path is longer than any system call takes.
#[test]
fn depth_costs_neither_stack_nor_descriptors() {
    let root = tempfile::tempdir().unwrap();
    let name = "d".repeat(30);
    let mut dir = rustix::fs::openat(
        rustix::fs::CWD,
        root.path(),
        rustix::fs::OFlags::RDONLY,
        0.into(),
    )
    .unwrap();
    for _ in 0..1000 {
        rustix::fs::mkdirat(&dir, name.as_str(), 0o755.into()).unwrap();
        // One that comes after the directory, when the way down is closed again.
        for file in ["a", "z"] {
            let flags = rustix::fs::OFlags::CREATE | rustix::fs::OFlags::WRONLY;
            let file = rustix::fs::openat(&dir, file, flags, 0o644.into()).unwrap();
            rustix::io::write(&file, b"deep").unwrap();
        }
        dir =
            rustix::fs::openat(&dir, name.as_str(), rustix::fs::OFlags::RDONLY, 0.into()).unwrap();
    }
    drop(dir);
    let scan = scan_all(root.path());
    assert_eq!((scan.troubles().count(), scan.entry_count()), (0, 3001));
    let (collected, report) = read_all(scan);
    assert_eq!(report.troubles.count(), 0);
    assert_eq!(
        collected
            .entries
            .iter()
            .filter(|(_, data)| data == b"deep")
            .count(),
        2000
    );
    // The standard library removes trees level by level, too.
    root.close().unwrap();
}

/// Scans, changes something, and reads.
fn change_between(root: &Path, change: impl FnOnce()) -> (Collected, Vec<Trouble>, u64) {
    let scan = scan_all(root);
    assert_eq!(scan.troubles().count(), 0);
    change();
    let (collected, report) = read_all(scan);
    assert_eq!(report.troubles.count(), report.troubles.kept().len() as u64);
    (
        collected,
        report.troubles.kept().to_vec(),
        report.missing_tar_bytes,
    )
}

#[test]
fn a_file_that_vanished_is_absent_and_leaves_room() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), &["a", "dir/b", "dir/c", "z"]);
    let (collected, troubles, missing) = change_between(root.path(), || {
        fs::remove_file(root.path().join("a")).unwrap();
        fs::remove_dir_all(root.path().join("dir")).unwrap();
    });
    assert_eq!(collected.paths(), ["", "dir", "z"]);
    let expected = ["a", "dir/b", "dir/c"].map(|path| trouble(path, TroubleKind::Vanished));
    assert_eq!(troubles, expected);
    assert!(missing >= 3 * 1024);
}

#[test]
fn a_file_that_shrank_is_filled_up_and_one_that_grew_is_cut() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("shrank"), vec![1; 2_000_000]).unwrap();
    fs::write(root.path().join("emptied"), vec![1; 10]).unwrap();
    fs::write(root.path().join("grew"), vec![1; 1000]).unwrap();
    fs::write(root.path().join("filled"), b"").unwrap();
    let (collected, troubles, missing) = change_between(root.path(), || {
        fs::OpenOptions::new()
            .write(true)
            .open(root.path().join("shrank"))
            .unwrap()
            .set_len(700_001)
            .unwrap();
        fs::write(root.path().join("emptied"), b"").unwrap();
        fs::write(root.path().join("grew"), vec![2; 3000]).unwrap();
        fs::write(root.path().join("filled"), b"x").unwrap();
    });
    assert_eq!(missing, 0);
    let expected = [
        trouble(
            "emptied",
            TroubleKind::Shrunk {
                expected: 10,
                found: 0,
            },
        ),
        trouble(
            "filled",
            TroubleKind::Grown {
                expected: 0,
                found: 1,
            },
        ),
        trouble(
            "grew",
            TroubleKind::Grown {
                expected: 1000,
                found: 3000,
            },
        ),
        trouble(
            "shrank",
            TroubleKind::Shrunk {
                expected: 2_000_000,
                found: 700_001,
            },
        ),
    ];
    assert_eq!(troubles, expected);
    assert_eq!(collected.get("grew").1, [2; 1000]);
    let shrank = &collected.get("shrank").1;
    assert!(
        shrank[..700_001].iter().all(|&byte| byte == 1)
            && shrank[700_001..].iter().all(|&byte| byte == 0)
    );
}

#[test]
fn what_takes_a_files_name_is_never_read() {
    let root = tempfile::tempdir().unwrap();
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::write(secret.path(), b"secret").unwrap();
    write(root.path(), &["dir/file", "fifo", "file", "link", "socket"]);
    let in_root = |name: &str| root.path().join(name);
    let mut listener = None;
    let (collected, troubles, _) = change_between(root.path(), || {
        // As editors and databases do it; a file that is deleted first may hand its number on.
        fs::write(in_root("new"), b"another").unwrap();
        fs::rename(in_root("new"), in_root("file")).unwrap();
        for name in ["fifo", "link", "socket"] {
            fs::remove_file(in_root(name)).unwrap();
        }
        rustix::fs::mknodat(
            rustix::fs::CWD,
            in_root("fifo"),
            rustix::fs::FileType::Fifo,
            0o600.into(),
            0,
        )
        .unwrap();
        symlink(secret.path(), in_root("link")).unwrap();
        listener = Some(UnixListener::bind(in_root("socket")).unwrap());
        // A directory on the way that has become a link to one with the same names.
        fs::rename(in_root("dir"), in_root("moved")).unwrap();
        symlink("moved", in_root("dir")).unwrap();
    });
    assert_eq!(collected.paths(), ["", "dir"]);
    let expected = ["dir/file", "fifo", "file", "link", "socket"]
        .map(|path| trouble(path, TroubleKind::Replaced));
    assert_eq!(troubles, expected);
    assert!(troubles.iter().all(|trouble| trouble.kind.loses_bytes()));
}

#[test]
fn a_file_that_was_written_to_is_reported() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("dense"), vec![1; 1000]).unwrap();
    let sparse = fs::File::create(root.path().join("sparse")).unwrap();
    sparse.set_len(10 << 20).unwrap();
    sparse.write_all_at(&[1; 4096], 1 << 20).unwrap();
    let (collected, troubles, _) = change_between(root.path(), || {
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(root.path().join("dense"), vec![2; 1000]).unwrap();
        sparse.write_all_at(&[2; 4096], 5 << 20).unwrap();
    });
    assert_eq!(
        troubles,
        [
            trouble("dense", TroubleKind::Modified),
            trouble("sparse", TroubleKind::HolesModified)
        ]
    );
    assert_eq!(collected.get("sparse").1, [1; 4096]);
}

/// The content of a file whose first name is gone comes under the next one, and the others link to that.
#[test]
fn a_further_name_stands_in_for_the_first() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), &["a"]);
    for name in ["b", "c", "d"] {
        fs::hard_link(root.path().join("a"), root.path().join(name)).unwrap();
    }
    let kinds = |collected: &Collected| -> Vec<(String, EntryKind)> {
        let entries = collected.entries.iter().skip(1);
        entries
            .map(|(entry, _)| {
                (
                    String::from_utf8(entry.path.clone()).unwrap(),
                    entry.kind.clone(),
                )
            })
            .collect()
    };
    let link_to = |target: &str| EntryKind::HardLink {
        target: target.as_bytes().to_vec(),
    };

    let (collected, _) = read_all(scan_all(root.path()));
    let expected = [("b", "a"), ("c", "a"), ("d", "a")]
        .map(|(name, target)| (name.to_owned(), link_to(target)));
    assert_eq!(kinds(&collected)[1..], expected);

    let (collected, troubles, _) = change_between(root.path(), || {
        fs::remove_file(root.path().join("a")).unwrap();
        fs::remove_file(root.path().join("b")).unwrap();
    });
    assert_eq!(
        troubles,
        ["a", "b"].map(|path| trouble(path, TroubleKind::Vanished))
    );
    assert_eq!(
        kinds(&collected),
        [
            ("c".to_owned(), EntryKind::File),
            ("d".to_owned(), link_to("c"))
        ]
    );
    assert_eq!(collected.get("c").1, b"a");
}

#[test]
fn a_closed_sink_stops_the_reader() {
    struct Closed;
    impl EntrySink for Closed {
        fn begin(&mut self, _entry: &Entry) -> Result<(), SinkClosed> {
            Err(SinkClosed)
        }
        fn data(&mut self, _chunk: Bytes) -> Result<(), SinkClosed> {
            Err(SinkClosed)
        }
        fn end(&mut self) -> Result<(), SinkClosed> {
            Err(SinkClosed)
        }
    }
    let root = tempfile::tempdir().unwrap();
    assert!(matches!(
        read(scan_all(root.path()), &mut Closed),
        Err(ReadError::Closed(SinkClosed))
    ));
}

#[test]
fn a_scan_can_be_cancelled() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), &["a", "b"]);
    let asked = std::cell::Cell::new(0);
    let cancelled = || asked.replace(asked.get() + 1) == 1;
    let result = scan(WalkOptions {
        cancelled: &cancelled,
        ..options(root.path(), &mut TakeAll)
    });
    assert!(matches!(result, Err(WalkError::Cancelled)));
}

/// Some files of the kernel have a length and cannot be opened, not even by root.
#[test]
fn a_file_that_cannot_be_opened_is_reported() {
    struct Only;
    impl Filter for Only {
        fn decide(&mut self, path: &[u8], _is_dir: bool) -> Verdict {
            if path == b"uevent" {
                Verdict::Take
            } else {
                Verdict::Skip
            }
        }
    }
    let list_dir = &std::env::temp_dir();
    let scan = scan(WalkOptions {
        list_dir,
        ..options(Path::new("/sys/bus/cpu"), &mut Only)
    })
    .unwrap();
    assert_eq!(scan.entry_count(), 2, "sysfs is mounted on /sys");
    let (collected, report) = read_all(scan);
    assert_eq!(collected.paths(), [""]);
    let os_error = rustix::io::Errno::ACCESS.raw_os_error();
    assert_eq!(
        report.troubles.kept(),
        [trouble("uevent", TroubleKind::Unreadable { os_error })]
    );
    assert_eq!(report.troubles.losing_count(), 1);
    let text = report.troubles.kept()[0].to_string();
    assert_eq!(
        text,
        "`uevent` cannot be read: Permission denied (os error 13)"
    );
}

#[test]
#[ignore = "needs root: tests/run.sh"]
fn other_file_systems_are_left_out_and_reported() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), &["a", "mount/hidden", "z"]);
    let run = |program: &str, arguments: &[&str]| {
        let status = std::process::Command::new(program)
            .args(arguments)
            .arg(root.path().join("mount"))
            .status();
        assert!(status.unwrap().success(), "{program} needs root");
    };
    run("mount", &["-t", "tmpfs", "tmpfs"]);
    write(root.path(), &["mount/file"]);
    let one = scan_all(root.path());
    let all = scan(WalkOptions {
        one_file_system: false,
        ..options(root.path(), &mut TakeAll)
    })
    .unwrap();
    run("umount", &["--lazy"]);
    assert_eq!(
        one.troubles().kept(),
        [trouble("mount", TroubleKind::OtherFileSystem)]
    );
    assert_eq!(one.troubles().losing_count(), 1);
    assert_eq!(read_all(one).0.paths(), ["", "a", "mount", "z"]);
    assert_eq!((all.troubles().count(), all.entry_count()), (0, 5));
}

/// Kinds of files for random trees.
#[derive(Debug, Clone)]
enum Node {
    File(Vec<u8>, u32),
    Sparse(u32, u8),
    Link(Vec<u8>),
    Dir(BTreeMap<Vec<u8>, Node>),
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = any::<u8>().prop_filter("not in a name", |&byte| byte != 0 && byte != b'/');
    let short = prop::collection::vec(byte, 1..12)
        .prop_filter("a dot", |name| name != b"." && name != b"..");
    prop_oneof![4 => short, 1 => "[a-z]{90,255}".prop_map(String::into_bytes)]
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        3 => (prop::collection::vec(any::<u8>(), 0..2000), 0..0o10000_u32).prop_map(|(data, mode)| Node::File(data, mode)),
        1 => (0..1_u32 << 30, any::<u8>()).prop_map(|(size, at)| Node::Sparse(size, at)),
        1 => prop::collection::vec(1_u8.., 1..200).prop_map(Node::Link),
    ];
    leaf.prop_recursive(6, 40, 8, |node| {
        prop::collection::btree_map(name(), node, 0..8).prop_map(Node::Dir)
    })
}

fn make(path: &Path, node: &Node) {
    match node {
        Node::File(data, mode) => {
            fs::write(path, data).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode | 0o400)).unwrap();
        }
        Node::Sparse(size, at) => {
            let file = fs::File::create(path).unwrap();
            file.set_len(u64::from(*size)).unwrap();
            file.write_all_at(b"data", u64::from(*size) * u64::from(*at) / 256)
                .unwrap();
        }
        Node::Link(target) => symlink(OsStr::from_bytes(target), path).unwrap(),
        Node::Dir(children) => {
            fs::create_dir(path).unwrap();
            children
                .iter()
                .for_each(|(name, child)| make(&path.join(OsStr::from_bytes(name)), child));
        }
    }
}

/// The same tree as the standard library sees it, in the order that the reader promises.
fn look(root: &Path, path: &Path, found: &mut Vec<PathBuf>) {
    found.push(path.to_owned());
    if fs::symlink_metadata(root.join(path)).unwrap().is_dir() {
        let mut names: Vec<_> = fs::read_dir(root.join(path))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
            .iter()
            .for_each(|name| look(root, &path.join(name), found));
    }
}

fn check(root: &Path, path: &Path, entry: &Entry, data: &[u8]) {
    let path = root.join(path);
    let metadata = fs::symlink_metadata(&path).unwrap();
    assert_eq!(entry.mode, metadata.mode() & 0o7777);
    assert_eq!((entry.uid, entry.gid), (metadata.uid(), metadata.gid()));
    assert_eq!(
        (entry.mtime.secs, i64::from(entry.mtime.nanos)),
        (metadata.mtime(), metadata.mtime_nsec())
    );
    match &entry.kind {
        EntryKind::File => {
            assert_eq!(entry.size, metadata.len());
            let mut whole = fs::File::open(&path).unwrap();
            let mut rest = data;
            let dense = [compose_dump::archive::entry::Segment {
                offset: 0,
                len: entry.size,
            }];
            let mut end = 0;
            for segment in entry.sparse.as_deref().unwrap_or(&dense) {
                assert!(is_zero(&mut whole, end, segment.offset));
                let (part, others) = rest.split_at(segment.len as usize);
                let mut content = vec![0; part.len()];
                whole.read_exact_at(&mut content, segment.offset).unwrap();
                assert_eq!(content, part);
                (rest, end) = (others, segment.offset + segment.len);
            }
            assert!(is_zero(&mut whole, end, entry.size));
        }
        EntryKind::Symlink { target } => {
            assert_eq!(fs::read_link(&path).unwrap().as_os_str().as_bytes(), target)
        }
        EntryKind::Directory => assert!(metadata.is_dir()),
        other => panic!("{other:?}"),
    }
}

/// Looks at both ends of what is said to be a hole: it may be long.
fn is_zero(file: &mut fs::File, start: u64, end: u64) -> bool {
    let mut part = vec![0; (end - start).min(8192) as usize];
    let both = [start, end - part.len() as u64];
    both.iter().all(|&at| {
        file.read_exact_at(&mut part, at).unwrap();
        part.iter().all(|&byte| byte == 0)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_tree_is_read_as_it_is(children in prop::collection::btree_map(name(), node(), 0..8)) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        make(&root, &Node::Dir(children));
        let scan = scan_all(&root);
        prop_assert_eq!(scan.troubles().count(), 0);
        let (collected, report) = read_all(scan);
        prop_assert_eq!(report.troubles.count(), 0);
        let mut expected = Vec::new();
        look(&root, Path::new(""), &mut expected);
        let found: Vec<_> = collected.entries.iter().map(|(entry, _)| PathBuf::from(OsStr::from_bytes(&entry.path))).collect();
        prop_assert_eq!(&found, &expected);
        for ((entry, data), path) in collected.entries.iter().zip(&expected) {
            check(&root, path, entry, data);
        }
    }
}
