//! Random trees, compared with what the standard library sees.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use compose_dump::archive::entry::{Entry, EntryKind, Segment};
use proptest::prelude::*;

use crate::support::{read_all, scan_all};

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
            let dense = [Segment {
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
