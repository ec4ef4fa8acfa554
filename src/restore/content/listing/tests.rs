//! Lists of made entries, compared.

use super::*;
use crate::archive::entry::{Mtime, Xattr};

fn entry(path: &str, kind: EntryKind, data: &str) -> (Entry, String) {
    let entry = Entry {
        path: path.into(),
        kind,
        mode: 0o644,
        uid: 5,
        gid: 6,
        mtime: Mtime {
            secs: 100,
            nanos: 7,
        },
        size: data.len() as u64,
        xattrs: Vec::new(),
        sparse: None,
    };
    (entry, data.to_owned())
}

fn tree() -> Vec<(Entry, String)> {
    vec![
        entry("", EntryKind::Directory, ""),
        entry("a", EntryKind::Directory, ""),
        entry("a/x", EntryKind::File, "text"),
        entry("a-b", EntryKind::File, "more"),
    ]
}

fn list(entries: &[(Entry, String)], kept: Kept) -> Listed {
    let scratch = std::env::temp_dir();
    let mut listing = Listing::new(&scratch, kept).unwrap();
    for (entry, data) in entries {
        TarVisitor::begin(&mut listing, entry, 0).unwrap();
        TarVisitor::data(&mut listing, data.as_bytes()).unwrap();
        TarVisitor::end(&mut listing).unwrap();
    }
    listing.finish().unwrap()
}

fn deviations(one: &[(Entry, String)], other: &[(Entry, String)], kept: Kept) -> Vec<String> {
    let mut told = Vec::new();
    let count = compare(&list(one, kept), &list(other, kept), &mut |deviation| {
        let path = String::from_utf8(deviation.path).unwrap();
        told.push(format!("{path} {}", deviation.what));
    });
    assert_eq!(count.unwrap(), one.len() as u64);
    told
}

#[test]
fn the_same_entries_are_the_same() {
    assert_eq!(deviations(&tree(), &tree(), Kept::All), [""; 0]);
    assert_eq!(deviations(&[], &[], Kept::All), [""; 0]);
}

#[test]
fn every_difference_is_told() {
    type Change = fn(&mut Vec<(Entry, String)>);
    let changes: [(Change, &str); 9] = [
        (|tree| drop(tree.remove(2)), "a/x is missing"),
        (
            |tree| tree.insert(3, entry("a/y", EntryKind::Fifo, "")),
            "a/y was not stored",
        ),
        (|tree| drop(tree.pop()), "a-b is missing"),
        (|tree| tree[2].1 = "tExt".into(), "a/x has other content"),
        (|tree| tree[2].0.mode = 0o600, "a/x has other permissions"),
        (|tree| tree[2].0.gid = 0, "a/x has another owner"),
        (
            |tree| tree[2].0.mtime.nanos = 0,
            "a/x has another modification time",
        ),
        (
            |tree| {
                tree[2].0.xattrs.push(Xattr {
                    name: b"user.a".to_vec(),
                    value: Vec::new(),
                })
            },
            "a/x has other attributes",
        ),
        (
            |tree| tree[3] = entry("a-b", EntryKind::Fifo, ""),
            "a-b is something else",
        ),
    ];
    for (change, told) in changes {
        let mut changed = tree();
        change(&mut changed);
        assert_eq!(deviations(&tree(), &changed, Kept::All), [told]);
    }
}

#[test]
fn what_the_engine_cannot_keep_is_no_difference() {
    let mut kept = tree();
    kept.iter_mut().for_each(|(entry, _)| {
        entry.mtime.nanos = 0;
        entry.xattrs.push(Xattr {
            name: b"user.a".to_vec(),
            value: Vec::new(),
        });
    });
    assert_eq!(deviations(&tree(), &kept, Kept::ByEngine), [""; 0]);
}
