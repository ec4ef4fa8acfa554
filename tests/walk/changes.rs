//! Files that change between the scan and the reading.

use std::fs;
use std::os::unix::fs::{FileExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use compose_dump::archive::entry::EntryKind;
use compose_dump::sources::walk::{Trouble, TroubleKind};

use crate::support::{Collected, read_all, scan_all, trouble, write};

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
