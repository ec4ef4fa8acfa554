//! Content that changes places with what was there: all of it or nothing.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::bench::{Bench, entries, entry, give, names, write};
use crate::restore::content::{ContentError, Place, PlaceState, Stage, StageOptions, Swapped};

const NEW: [&str; 6] = ["/", "both/", "both/x", "file", "link > file", "twin = file"];

/// The root's own entry has no name.
fn new_entries() -> Vec<crate::archive::entry::Entry> {
    let mut all = entries(&NEW);
    (all[0].path, all[0].mode) = (Vec::new(), 0o2770);
    all
}

#[test]
fn a_folder_gets_its_new_content_as_a_whole_and_can_go_back() {
    let bench = Bench::new();
    fs::set_permissions(bench.path(), fs::Permissions::from_mode(0o751)).unwrap();
    let before = bench.look();
    for is_kept in [false, true] {
        let mut stage = bench.stage();
        give(&mut stage, &new_entries()).unwrap();
        let mut staged = stage.finish().unwrap();
        assert_eq!(staged.losses(), [""; 0]);
        staged.swap(&[]).unwrap();
        let root = fs::metadata(bench.path()).unwrap();
        assert_eq!(root.mode() & 0o7777, 0o2770);
        assert!(!bench.path().join("sub").exists());
        if is_kept {
            staged.keep().unwrap();
        } else {
            staged.undo().unwrap();
            assert_eq!(bench.look(), before);
        }
    }
    assert_eq!(
        names(&super::bench::look(&bench.path())),
        ["both", "both/x", "file", "link", "twin"]
    );
    let at = |name: &str| fs::symlink_metadata(bench.path().join(name)).unwrap();
    assert_eq!(at("file").ino(), at("twin").ino());
    for name in ["file", "both", "link"] {
        assert_eq!(
            (at(name).mtime(), at(name).mtime_nsec()),
            (1000, 5),
            "{name}"
        );
    }
    let root = fs::metadata(bench.path()).unwrap();
    assert_eq!((root.mtime(), root.mtime_nsec()), (1000, 5));
}

#[test]
fn what_belongs_to_others_stays_in_a_folder_that_is_replaced() {
    let bench = Bench::new();
    write(&bench.path().join("kept/deep/config"), "theirs");
    write(&bench.path().join("kept/not"), "old");
    let before = bench.look();
    let carried: Vec<Vec<u8>> = ["kept/deep/config", "sub", "both", "not/there"]
        .map(|path| path.as_bytes().to_vec())
        .into();
    for is_kept in [false, true] {
        let mut stage = bench.stage();
        give(&mut stage, &new_entries()).unwrap();
        let mut staged = stage.finish().unwrap();
        staged.swap(&carried).unwrap();
        let read = |path: &str| fs::read_to_string(bench.path().join(path)).ok();
        assert_eq!(read("kept/deep/config").unwrap(), "theirs");
        assert_eq!(read("sub/old").unwrap(), "old in sub");
        assert_eq!(read("kept/not"), None);
        assert_eq!(
            read("both/x").unwrap(),
            "new",
            "what the dump has is the dump's"
        );
        if is_kept {
            staged.keep().unwrap();
        } else {
            staged.undo().unwrap();
            assert_eq!(bench.look(), before);
        }
    }
}

#[test]
fn files_among_others_are_added_or_replaced_and_the_rest_stays() {
    let bench = Bench::new();
    write(&bench.path().join("same"), "new");
    // A folder stands in the place of a file, as Docker makes one where a mounted file is missing.
    fs::create_dir_all(bench.path().join("folder-here/in")).unwrap();
    let before = bench.look();
    let new = entries(&[
        "both",
        "same",
        "sub/",
        "sub/added",
        "fresh/",
        "fresh/in/",
        "fresh/in/file",
        "folder-here",
        "old/",
        "old/file",
        "link > both",
    ]);
    for is_kept in [false, true] {
        let mut stage = bench.stage();
        give(&mut stage, &new).unwrap();
        let mut staged = stage.finish_among().unwrap();
        assert_eq!(
            staged.swap().unwrap(),
            Swapped {
                added: 3,
                replaced: 3,
                same: 1
            }
        );
        let read = |path: &str| fs::read_to_string(bench.path().join(path)).unwrap();
        for path in [
            "both",
            "sub/added",
            "fresh/in/file",
            "folder-here",
            "old/file",
            "link",
        ] {
            assert_eq!(read(path), "new", "{path}");
        }
        assert_eq!(read("sub/old"), "old in sub");
        if is_kept {
            staged.keep().unwrap();
        } else {
            staged.undo().unwrap();
            assert_eq!(bench.look(), before);
        }
    }
    assert!(!bench.has_leftovers());
}

#[test]
fn a_folder_with_content_makes_no_room_for_a_file() {
    let bench = Bench::new();
    write(&bench.path().join("media/photo"), "precious");
    let before = bench.look();
    let mut stage = bench.stage();
    give(&mut stage, &entries(&["fresh", "media > /mnt/disk"])).unwrap();
    let mut staged = stage.finish_among().unwrap();
    let error = staged.swap().unwrap_err().to_string();
    assert!(
        error.ends_with("is a folder with content, and the dump has a link in its place"),
        "{error}"
    );
    staged.undo().unwrap();
    assert_eq!(bench.look(), before);
}

#[test]
fn a_place_that_is_missing_is_made_and_taken_away_again() {
    let bench = Bench::new();
    let before = bench.look();
    let place = Place {
        root: bench.root.path().join("fresh"),
        below: b"a/b".to_vec(),
    };
    assert_eq!(place.look().unwrap(), PlaceState::Missing);
    let stage = || Stage::create(&place, &bench.token, StageOptions::default()).unwrap();
    drop(stage());
    assert_eq!(names(&bench.look()), names(&before));
    let mut stage = stage();
    assert_eq!(place.look().unwrap(), PlaceState::Empty);
    give(&mut stage, &[entry("file")]).unwrap();
    let mut staged = stage.finish().unwrap();
    staged.swap(&[]).unwrap();
    staged.keep().unwrap();
    assert_eq!(place.look().unwrap(), PlaceState::Filled);
}

#[test]
fn a_place_behind_a_link_is_none() {
    let bench = Bench::new();
    let canary = bench.root.path().join("canary");
    std::os::unix::fs::symlink(&canary, bench.path().join("link")).unwrap();
    let before = bench.look();
    for below in ["link", "link/folder", "old", "../canary"] {
        let place = Place {
            root: bench.path(),
            below: below.as_bytes().to_vec(),
        };
        let made = Stage::create(&place, &bench.token, StageOptions::default());
        assert!(made.is_err(), "{below}");
    }
    assert_eq!(bench.look(), before);
}

#[test]
fn unprivileged_losses_are_told() {
    if rustix::process::geteuid().is_root() {
        // Root may set everything; `tests/e2e/permissions.rs` runs the program as somebody else.
        return;
    }
    let bench = Bench::new();
    let mut foreign = entry("file");
    foreign.uid = 12345;
    let mut stage = bench.stage();
    give(&mut stage, &[foreign]).unwrap();
    let staged = stage.finish().unwrap();
    assert_eq!(
        staged.losses(),
        ["the owner could not be set on 1 entry, `file` the first"]
    );
}

/// A default ACL of the old folder is not handed down to the new content, and goes with the old one.
#[test]
fn what_a_folder_hands_down_does_not_reach_new_content() {
    let bench = Bench::new();
    // Version 2; the owner, a user, the group, the mask and the others.
    let mut acl = vec![2, 0, 0, 0];
    let none = u32::MAX;
    for (tag, permissions, id) in [
        (1, 7, none),
        (2, 7, 12),
        (4, 5, none),
        (16, 7, none),
        (32, 0, none),
    ] {
        acl.extend_from_slice(&u16::to_le_bytes(tag));
        acl.extend_from_slice(&u16::to_le_bytes(permissions));
        acl.extend_from_slice(&u32::to_le_bytes(id));
    }
    let name = "system.posix_acl_default";
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(bench.path(), name, &acl, flags)
        .expect("a file system with ACLs in TMPDIR");
    let has_acl = |path: &std::path::Path, name: &str| {
        rustix::fs::getxattr(path, name, &mut [0_u8; 256]).is_ok()
    };
    for is_kept in [false, true] {
        let mut stage = bench.stage();
        give(&mut stage, &new_entries()).unwrap();
        let mut staged = stage.finish().unwrap();
        staged.swap(&[]).unwrap();
        assert!(!has_acl(&bench.path(), name));
        for file in ["file", "both"] {
            assert!(
                !has_acl(&bench.path().join(file), "system.posix_acl_access"),
                "{file}"
            );
        }
        if is_kept {
            staged.keep().unwrap();
        } else {
            staged.undo().unwrap();
            assert!(has_acl(&bench.path(), name));
        }
    }
}

#[test]
fn a_place_that_cannot_be_made_leaves_nothing_on_the_way_to_it() {
    let bench = Bench::new();
    let before = bench.look();
    let place = Place {
        root: bench.root.path().join("fresh/project"),
        below: format!("a/b/{}", "x".repeat(256)).into(),
    };
    let made = Stage::create(&place, &bench.token, StageOptions::default());
    assert!(made.unwrap_err().to_string().contains("fresh/project/a/b"));
    assert_eq!(names(&bench.look()), names(&before));
}

/// What came to be between the look and the swap is nobody's to remove.
#[test]
fn what_was_planned_to_be_empty_and_is_not_stays() {
    let bench = Bench::new();
    let place = bench.path();
    for theirs in ["old", "sub/old", "both"] {
        fs::remove_file(place.join(theirs)).unwrap();
    }
    write(&place.join("kept/config"), "carried");
    let carried = [b"kept/config".to_vec()];
    let staged = || {
        let mut stage = bench.stage();
        give(&mut stage, &new_entries()).unwrap();
        stage.finish().unwrap().into_empty()
    };
    let mut empty = staged();
    empty.swap(&carried).expect("folders and what is carried");
    empty.undo().unwrap();
    for late in ["late", "sub/late", "kept/late"] {
        write(&place.join(late), "somebody's");
        let before = bench.look();
        let mut staged = staged();
        let refused = staged.swap(&carried).unwrap_err();
        let is_told =
            matches!(&refused, ContentError::Changed { path } if *path == place.join(late));
        assert!(is_told, "{refused:?}");
        drop(staged);
        assert_eq!(bench.look(), before);
        fs::remove_file(place.join(late)).unwrap();
    }
}

#[test]
fn files_that_are_only_added_take_no_place_of_what_differs() {
    let bench = Bench::new();
    write(&bench.path().join("same"), "new");
    let swapped = |names: &[&str]| {
        let mut stage = bench.stage();
        give(&mut stage, &entries(names)).unwrap();
        let mut staged = stage.finish_among().unwrap().adding_only();
        staged.swap()
    };
    let before = bench.look();
    let added = swapped(&["same", "sub/", "sub/added"]).unwrap();
    assert_eq!((added.added, added.replaced, added.same), (1, 0, 1));
    let refused = swapped(&["added", "sub/", "sub/added", "both"]).unwrap_err();
    let both = bench.path().join("both");
    let is_told = matches!(&refused, ContentError::Changed { path } if *path == both);
    assert!(is_told, "{refused:?}");
    assert_eq!(bench.look(), before);
}
