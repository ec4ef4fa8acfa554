//! Names: none for what is not finished, a new one for each dump, nothing replaced.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use super::bench::{Bench, Case, Kind, NAME, finish, run};
use super::sample::{self, draft, streams};
use crate::archive::manifest::samples;
use crate::targets::TargetError;

#[test]
fn an_aborted_dump_leaves_nothing() {
    for case in Case::named() {
        let bench = Bench::new(case);
        let mut writer = bench.open().unwrap();
        sample::write(&mut *writer).unwrap();
        assert_eq!(bench.names().len(), 1);
        writer.abort();
        assert_eq!(bench.names(), [""; 0], "{case:?}");
    }
}

#[test]
fn a_dropped_writer_leaves_nothing() {
    for case in Case::named() {
        let bench = Bench::new(case);
        let mut writer = bench.open().unwrap();
        writer.begin(&streams()[0].head).unwrap();
        drop(writer);
        assert_eq!(bench.names(), [""; 0], "{case:?}");
    }
}

#[test]
fn a_taken_name_is_left_alone() {
    for case in Case::named() {
        let bench = Bench::new(case);
        let first = bench.place(&finish(bench.open().unwrap(), &samples::minimal()));
        let before = run(Command::new("ls").arg("-lR").arg(&bench.folder));
        if case.kind == Kind::Exact {
            assert!(
                matches!(bench.open().err().unwrap(), TargetError::Taken { path, .. } if path == first)
            );
            assert_eq!(
                run(Command::new("ls").arg("-lR").arg(&bench.folder)),
                before
            );
            continue;
        }
        for number in [2, 3] {
            let published = finish(bench.open().unwrap(), &samples::minimal());
            assert_eq!(published.name.unwrap(), format!("{NAME}_{number}"));
        }
        assert_eq!(
            bench.names().len(),
            if case.kind == Kind::Tree { 3 } else { 6 }
        );
    }
}

#[test]
fn a_name_is_taken_by_any_format_and_by_a_lone_marker() {
    for taken in [
        NAME.to_owned(),
        format!("{NAME}.tar.gz"),
        format!("{NAME}.manifest.yml"),
    ] {
        for case in &Case::named()[..2] {
            let bench = Bench::new(*case);
            fs::create_dir(&bench.folder).unwrap();
            fs::write(bench.folder.join(&taken), "mine").unwrap();
            let published = finish(bench.open().unwrap(), &samples::minimal());
            assert_eq!(
                published.name.unwrap(),
                format!("{NAME}_2"),
                "{case:?} {taken}"
            );
            assert_eq!(fs::read(bench.folder.join(&taken)).unwrap(), b"mine");
        }
    }
}

#[test]
fn writers_at_the_same_time_do_not_meet() {
    for case in Case::named() {
        let bench = Bench::new(case);
        let results: Vec<_> = std::thread::scope(|scope| {
            let writer = || {
                let mut writer = bench.open()?;
                sample::write(&mut *writer)?;
                writer.finish(&draft())
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(writer)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        let names: BTreeSet<_> = results
            .iter()
            .flatten()
            .map(|published| published.name.clone().unwrap())
            .collect();
        let hidden = bench
            .names()
            .into_iter()
            .filter(|name| name.starts_with('.'))
            .count();
        assert_eq!(hidden, 0, "{case:?}");
        if case.kind == Kind::Exact {
            assert_eq!(names.len(), 1);
            let failed = results
                .iter()
                .filter(|result| matches!(result, Err(TargetError::Taken { .. })));
            assert_eq!(failed.count(), 3);
        } else {
            assert_eq!(names.len(), 4, "{case:?}");
        }
    }
}
