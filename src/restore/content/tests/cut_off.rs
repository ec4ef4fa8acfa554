//! An attempt that is killed after each of its renames, settled by the next run.

use std::fs;
use std::path::Path;

use super::bench::{Bench, entries, give, names, write};
use crate::restore::content::{Settle, settle};

/// What the folder has while an attempt is under way, beside its hidden folder.
fn carried() -> Vec<Vec<u8>> {
    vec![b"sub".to_vec()]
}

/// Does the first renames of a list as a program does that is killed then. `false` if there are not so many.
fn moved_partly(bench: &Bench, count: usize) -> bool {
    let hidden = bench.path().join(bench.token.hidden_name());
    let list = fs::read(hidden.join("moves")).unwrap();
    let mut rest = &list[..];
    for _ in 0..count {
        if rest.is_empty() {
            return false;
        }
        let mut path = || {
            let (len, after) = rest.split_at(4);
            let len = u32::from_le_bytes(len.try_into().unwrap()) as usize;
            let (path, after) = after.split_at(len);
            rest = after;
            std::str::from_utf8(path).unwrap().to_owned()
        };
        let (from, to) = (path(), path());
        rest = &rest[4..];
        fs::rename(bench.path().join(from), bench.path().join(to)).unwrap();
    }
    true
}

/// A bench in which everything is staged and listed, and nothing has moved.
fn listed(among: bool) -> Bench {
    let bench = Bench::new();
    write(&bench.path().join("same"), "new");
    let mut stage = bench.stage();
    give(
        &mut stage,
        &entries(&["both", "fresh/", "fresh/x", "same", "sub/", "sub/added"]),
    )
    .unwrap();
    // Leaving the place without settling is what being killed does.
    if among {
        let staged = stage.finish_among().unwrap();
        staged.list().unwrap();
        std::mem::forget(staged);
    } else {
        let staged = stage.finish().unwrap();
        staged.list(&carried()).unwrap();
        std::mem::forget(staged);
    }
    bench
}

fn has_new(root: &Path) -> bool {
    fs::read_to_string(root.join("both")).is_ok_and(|text| text == "new")
}

#[test]
fn whenever_it_is_killed_everything_comes_back() {
    for among in [false, true] {
        let mut count = 0;
        loop {
            let bench = Bench::new();
            write(&bench.path().join("same"), "new");
            let before = bench.look();
            drop(bench);
            let bench = listed(among);
            let is_there = moved_partly(&bench, count);
            // A second attempt to settle finds nothing, and one that was cut off itself goes on.
            for _ in 0..2 {
                settle(&bench.place(), &bench.token, Settle::Undo).unwrap();
            }
            assert!(!bench.has_leftovers());
            assert_eq!(names(&bench.look()), names(&before), "after {count}");
            assert!(!has_new(&bench.path()));
            if !is_there {
                break;
            }
            count += 1;
        }
        assert!(count > 2, "the list has {count} renames");
    }
}

#[test]
fn when_all_had_changed_places_the_new_content_is_kept() {
    for among in [false, true] {
        let bench = listed(among);
        let mut count = 0;
        while moved_partly(&listed(among), count + 1) {
            count += 1;
        }
        assert!(moved_partly(&bench, count));
        for how in [Settle::Keep, Settle::Keep, Settle::Undo] {
            settle(&bench.place(), &bench.token, how).unwrap();
            assert!(has_new(&bench.path()));
        }
        assert!(!bench.has_leftovers());
    }
}

/// The old content was being removed when it was killed.
#[test]
fn what_was_kept_once_is_not_undone() {
    let bench = Bench::new();
    let mut stage = bench.stage();
    give(&mut stage, &entries(&["both"])).unwrap();
    let mut staged = stage.finish().unwrap();
    staged.swap(&[]).unwrap();
    let hidden = bench.path().join(bench.token.hidden_name());
    fs::rename(hidden.join("moves"), hidden.join("kept")).unwrap();
    fs::remove_file(hidden.join("old/old")).unwrap();
    std::mem::forget(staged);
    settle(&bench.place(), &bench.token, Settle::Undo).unwrap();
    assert_eq!(names(&super::bench::look(&bench.path())), ["both"]);
    assert!(has_new(&bench.path()));
}

#[test]
fn an_attempt_that_only_staged_leaves_nothing() {
    let bench = Bench::new();
    let before = bench.look();
    let mut stage = bench.stage();
    give(&mut stage, &entries(&["both"])).unwrap();
    std::mem::forget(stage);
    assert_eq!(
        bench.place().leftovers().unwrap(),
        std::slice::from_ref(&bench.token)
    );
    settle(&bench.place(), &bench.token, Settle::Undo).unwrap();
    assert_eq!(bench.look(), before);
}

/// Services that start by themselves after a power cut find a folder that is half changed.
#[test]
fn what_came_meanwhile_never_costs_old_content_and_never_mixes_with_it() {
    let mut count = 0;
    loop {
        let bench = listed(false);
        let before = ["both", "old", "same", "sub", "sub/old"];
        let is_there = moved_partly(&bench, count);
        let old = bench.path().join(bench.token.hidden_name()).join("old");
        let mut moved = ["old", "same", "both", "sub"].iter();
        let all_old_moved = moved.all(|name| old.join(name).exists());
        for name in ["old", "both", "wal"] {
            if !bench.path().join(name).exists() {
                write(&bench.path().join(name), "newcomer");
            }
        }
        for _ in 0..2 {
            settle(&bench.place(), &bench.token, Settle::Undo).unwrap();
        }
        assert!(is_old(&bench.path().join("old")) && is_old(&bench.path().join("both")));
        let found = names(&super::bench::look(&bench.path()));
        let aside = |name: &String| name.starts_with("came-during-restore-");
        let rest: Vec<&String> = found.iter().filter(|name| !aside(name)).collect();
        if all_old_moved {
            assert_eq!(rest, before, "after {count}");
        } else {
            assert!(rest.len() <= before.len() + 1, "after {count}: {rest:?}");
        }
        let kept = found.iter().filter(|name| name.ends_with("/wal"));
        assert!(kept.count() == usize::from(all_old_moved), "after {count}");
        if !is_there {
            break;
        }
        count += 1;
    }
    assert!(count > 2, "the list has {count} renames");
}

fn is_old(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.starts_with("old"))
}

#[test]
fn old_content_whose_place_is_not_known_is_never_removed() {
    let bench = listed(false);
    assert!(moved_partly(&bench, 1));
    let hidden = bench.path().join(bench.token.hidden_name());
    fs::remove_file(hidden.join("moves")).unwrap();
    write(&hidden.join("old/old"), "old");
    let error = settle(&bench.place(), &bench.token, Settle::Undo).unwrap_err();
    assert!(error.to_string().contains("had to make room"), "{error}");
    assert!(is_old(&hidden.join("old/old")));
}

#[test]
fn who_was_taken_back_by_another_process_does_not_call_it_done() {
    let bench = Bench::new();
    let mut stage = bench.stage();
    give(&mut stage, &entries(&["both"])).unwrap();
    let mut staged = stage.finish().unwrap();
    staged.swap(&[]).unwrap();
    let hidden = bench.path().join(bench.token.hidden_name());
    fs::remove_file(hidden.join("moves")).unwrap();
    let error = staged.keep().unwrap_err();
    assert!(error.to_string().contains("by another process"), "{error}");
}
