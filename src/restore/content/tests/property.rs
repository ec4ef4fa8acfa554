//! Any tree comes back as it was, through both writers and out of every form of a dump.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::Path;

use proptest::prelude::*;

use super::bench::{Bench, read_into, uploaded};
use crate::restore::content::{
    Kept, Listed, Listing, StageOptions, VolumeUpload, compare, read_back_folder, read_back_stream,
};

/// Kinds of files for random trees.
#[derive(Debug, Clone)]
enum Node {
    File(Vec<u8>, u32),
    Sparse(u32, u8),
    Link(Vec<u8>),
    /// A further name of the first file that was made.
    Twin,
    Folder(BTreeMap<Vec<u8>, Node>, u32),
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
        1 => (0..1_u32 << 24, any::<u8>()).prop_map(|(size, at)| Node::Sparse(size, at)),
        1 => prop::collection::vec(1_u8.., 1..200).prop_map(Node::Link),
        1 => Just(Node::Twin),
    ];
    leaf.prop_recursive(5, 30, 6, |node| {
        (
            prop::collection::btree_map(name(), node, 0..6),
            0..0o2000_u32,
        )
            .prop_map(|(children, mode)| Node::Folder(children, mode))
    })
}

fn make(path: &Path, node: &Node, first: &Path) {
    match node {
        Node::File(data, mode) => {
            fs::write(path, data).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode | 0o400)).unwrap();
        }
        Node::Sparse(size, at) => {
            let file = fs::File::create(path).unwrap();
            file.set_len(u64::from(*size)).unwrap();
            let at = u64::from(*size) * u64::from(*at) / 256;
            file.write_all_at(b"data", at).unwrap();
        }
        Node::Link(target) => symlink(OsStr::from_bytes(target), path).unwrap(),
        Node::Twin => fs::hard_link(first, path).unwrap(),
        Node::Folder(children, mode) => {
            fs::create_dir(path).unwrap();
            for (name, child) in children {
                make(&path.join(OsStr::from_bytes(name)), child, first);
            }
            fs::set_permissions(path, fs::Permissions::from_mode(mode | 0o500)).unwrap();
        }
    }
}

fn list(folder: &Path, kept: Kept) -> Listed {
    let mut listing = Listing::new(&std::env::temp_dir(), kept).unwrap();
    read_into(folder, &mut listing);
    listing.finish().unwrap()
}

fn deviations(stored: &Listed, restored: &Listed) -> Vec<String> {
    let mut told = Vec::new();
    let compared = compare(stored, restored, &mut |deviation| {
        let path = deviation.path.escape_ascii().to_string();
        told.push(format!("{path} {}", deviation.what));
    });
    compared.unwrap();
    told
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_tree_comes_back(children in prop::collection::btree_map(name(), node(), 0..6)) {
        let bench = Bench::new();
        let source = bench.root.path().join("source");
        let first = bench.root.path().join("source/\u{1}first");
        fs::create_dir(&source).unwrap();
        fs::write(&first, "the first").unwrap();
        for (name, child) in &children {
            let path = source.join(OsStr::from_bytes(name));
            if path != first {
                make(&path, child, &first);
            }
        }

        let mut stage = bench.stage();
        read_into(&source, &mut stage);
        let mut staged = stage.finish().unwrap();
        prop_assert_eq!(staged.losses(), &[""; 0]);
        staged.swap(&[]).unwrap();
        staged.keep().unwrap();
        let scratch = std::env::temp_dir();
        let restored = Listing::new(&scratch, Kept::All).unwrap();
        let restored = read_back_folder(&bench.path(), &scratch, restored).unwrap();
        prop_assert_eq!(deviations(&list(&source, Kept::All), &restored), [""; 0]);

        let tar = uploaded({
            let source = source.clone();
            move |to: &mut VolumeUpload| { read_into(&source, to); Ok(()) }
        }).unwrap();
        // What the engine makes of a tar of ours is what it has read of it, but for its first entry.
        let first_entry = 512;
        let sent = Listing::new(&scratch, Kept::ByEngine).unwrap();
        let chunks = [Ok(bytes::Bytes::from(tar).slice(first_entry..))];
        let sent = read_back_stream(chunks.into_iter(), sent).unwrap();
        prop_assert_eq!(deviations(&list(&source, Kept::ByEngine), &sent), [""; 0]);
    }
}

#[test]
fn an_upload_that_is_dropped_is_broken_off() {
    let (to, upload) = VolumeUpload::new(0, StageOptions::default());
    drop(to);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let pieces: Vec<std::io::Result<bytes::Bytes>> =
        runtime.block_on(futures_util::StreamExt::collect(upload));
    assert!(pieces.last().is_some_and(Result::is_err));
}
