//! The direct reader: what it takes, what it reports, and what happens when files change under it.

#![allow(clippy::unwrap_used)]

mod changes;
mod property;
mod support;

use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use bytes::Bytes;
use compose_dump::archive::entry::{Entry, EntryKind, EntrySink, SinkClosed};
use compose_dump::sources::walk::{
    Filter, ReadError, TakeAll, TroubleKind, Verdict, WalkError, WalkOptions, read, scan,
};

use support::{Collected, options, read_all, scan_all, trouble, write};

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

#[test]
fn further_names_of_links_and_pipes_are_hard_links_too() {
    let root = tempfile::tempdir().unwrap();
    let place = |name: &str| root.path().join(name);
    symlink("nowhere", place("link")).unwrap();
    let (file_type, mode) = (rustix::fs::FileType::Fifo, 0o600.into());
    rustix::fs::mknodat(rustix::fs::CWD, place("pipe"), file_type, mode, 0).unwrap();
    for (first, again) in [("link", "link2"), ("pipe", "pipe2")] {
        std::fs::hard_link(place(first), place(again)).unwrap();
    }
    let (collected, _) = read_all(scan_all(root.path()));
    for (first, again) in [("link", "link2"), ("pipe", "pipe2")] {
        let target = first.as_bytes().to_vec();
        let expected = EntryKind::HardLink { target };
        assert_eq!(collected.get(again).0.kind, expected);
    }
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

#[test]
fn no_link_leads_to_where_dumps_go() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("root");
    let files = ["root/conf/own", "out/dumps/first/data/x", "out/shared/y"];
    write(place.path(), &files);
    for (name, target) in [
        ("to place", "../../out/dumps"),
        ("into it", "../../out/dumps/first/data"),
        ("around it", "../../out"),
    ] {
        symlink(target, root.join("conf").join(name)).unwrap();
    }
    let metadata = std::fs::metadata(place.path().join("out/dumps")).unwrap();
    let never = [(metadata.dev(), metadata.ino())];
    let scan = scan(WalkOptions {
        follow_symlinks: true,
        never: &never,
        ..options(&root, &mut TakeAll)
    })
    .unwrap();
    let expected = [
        trouble("conf/around it/dumps", TroubleKind::PlaceOfDumps),
        trouble("conf/into it", TroubleKind::PlaceOfDumps),
        trouble("conf/to place", TroubleKind::PlaceOfDumps),
    ];
    assert_eq!(scan.troubles().kept(), expected);
    assert_eq!(scan.troubles().losing_count(), 0);
    let (kept, _) = read_all(scan);
    assert_eq!(
        kept.paths(),
        [
            "",
            "conf",
            "conf/around it",
            "conf/around it/dumps",
            "conf/around it/shared",
            "conf/around it/shared/y",
            "conf/into it",
            "conf/own",
            "conf/to place",
        ]
    );
}
