//! Sources, disks and callers that fail.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::backing::Backend;
use super::bench::{Bench, Case, Kind, decompressed, finish, manifest, names, run, shared};
use super::sample::{self, SampleStream, entries, noise, streams, write_stream};
use crate::archive::entry::EntryKind;
use crate::archive::manifest::{Draft, samples};
use crate::codecs::Codec;
use crate::targets::open::{SpoolMode, TargetKind, open, open_stdout};
use crate::targets::{Slot, StreamHead, TargetError};

fn stream(path: &str, announced: Option<u64>, data: Vec<u8>) -> SampleStream {
    SampleStream {
        head: StreamHead {
            path: path.to_owned(),
            raw_bytes: announced,
            compress: true,
        },
        data,
    }
}

/// The sample's draft with the members whose paths are given.
fn draft_of(paths: &[&str]) -> Draft {
    let mut draft = sample::draft();
    draft
        .members
        .retain(|member| paths.contains(&&member.path[..]));
    draft
}

#[test]
fn a_member_that_fails_spoils_no_other() {
    for case in Case::all() {
        let bench = Bench::new(case);
        let mut writer = bench.open().unwrap();
        let good = [0, 2].map(|index| streams().swap_remove(index));
        let bad = [
            ("volumes/project/sized.tar", Some(900_001)),
            ("exports/db/open", None),
        ];
        for ((path, announced), good) in bad.into_iter().zip(&good) {
            let bad = stream(path, announced, noise(500_000, 9));
            writer.begin(&bad.head).unwrap();
            writer.write(&bad.data).unwrap();
            writer.fail().unwrap();
            write_stream(&mut *writer, good).unwrap();
        }
        let beside = stream("exports/db/beside", Some(900_001), noise(500_000, 8));
        writer.turn_to(Slot(1)).unwrap();
        writer.begin(&beside.head).unwrap();
        writer.write(&beside.data).unwrap();
        writer.fail().unwrap();
        writer.turn_to(Slot::FIRST).unwrap();
        writer.released().unwrap();
        let draft = draft_of(&["volumes/project/db.tar", "exports/db/all.sql"]);
        let root = bench.unpack(&bench.place(&finish(writer, &draft)));
        let members = manifest(&root).members;
        assert_eq!(members.len(), 2);
        for (member, good) in members.iter().zip(&good) {
            assert_eq!(
                decompressed(&root.join(&member.path)),
                good.data,
                "{case:?}"
            );
        }
        check_failed(&root, case);
    }
}

/// What failed is not there. In an archive it had begun: filled up, so that the tar stays one.
fn check_failed(root: &Path, case: Case) {
    assert_eq!(names(&root.join("exports/db")).len(), 1, "{case:?}");
    if case.kind.is_tree() || case.spool == SpoolMode::All {
        assert_eq!(names(&root.join("volumes/project")).len(), 1, "{case:?}");
    } else {
        let found = fs::read(root.join("volumes/project/sized.tar")).unwrap();
        assert_eq!(found.len(), 900_001, "{case:?}");
        assert!(found[500_000..].iter().all(|byte| *byte == 0), "{case:?}");
    }
}

#[test]
fn a_wrong_length_is_an_error_before_it_spoils_the_dump() {
    for case in Case::named() {
        for written in [9, 11] {
            let bench = Bench::new(case);
            let mut writer = bench.open().unwrap();
            let wrong = stream("volumes/project/x.tar", Some(10), vec![1; written]);
            let error = write_stream(&mut *writer, &wrong).unwrap_err();
            let TargetError::Length {
                announced,
                written: found,
                ..
            } = error
            else {
                panic!("{case:?}: {error}");
            };
            assert_eq!((announced, found), (10, written as u64));
            writer.abort();
            assert_eq!(bench.names(), [""; 0]);
        }
    }
}

#[test]
fn a_member_that_is_missing_from_the_dump_stops_the_manifest() {
    for case in Case::named() {
        let bench = Bench::new(case);
        let error = bench.open().unwrap().finish(&sample::draft()).unwrap_err();
        assert!(
            matches!(error, TargetError::Manifest { .. }),
            "{case:?}: {error}"
        );
        assert_eq!(bench.names(), [""; 0], "{case:?}");
    }
}

#[test]
fn paths_that_lead_out_are_refused() {
    for case in Case::named() {
        for path in [
            "",
            "/etc/x",
            "config/../../x",
            "config//x",
            "./x",
            "config/",
        ] {
            let bench = Bench::new(case);
            let mut writer = bench.open().unwrap();
            let mut entry = entries().swap_remove(0).entry;
            for kind in [EntryKind::Directory, EntryKind::Fifo, EntryKind::File] {
                entry.kind = kind;
                entry.path = path.as_bytes().to_vec();
                let error = writer.entry(&entry).unwrap_err();
                assert!(
                    matches!(error, TargetError::BadPath { .. }),
                    "{case:?} {path}: {error}"
                );
            }
            writer.abort();
        }
    }
}

#[test]
fn nothing_is_written_through_a_link_of_the_tree() {
    let outside = tempfile::tempdir().unwrap();
    let bench = Bench::new(Case::named()[0]);
    let mut writer = bench.open().unwrap();
    let mut entry = entries().swap_remove(0).entry;
    entry.path = b"config/out".to_vec();
    entry.kind = EntryKind::Symlink {
        target: outside.path().to_str().unwrap().into(),
    };
    writer.entry(&entry).unwrap();
    writer.end().unwrap();
    entry.path = b"config/out/file".to_vec();
    entry.kind = EntryKind::File;
    assert!(writer.entry(&entry).is_err());
    writer.abort();
    assert_eq!(names(outside.path()), [""; 0]);
}

#[test]
fn a_folder_that_cannot_be_written_is_known_at_once() {
    for case in Case::named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for folder in ["/proc/dumps".into(), file.path().join("dumps")] {
            let bench = Bench::at(case, folder);
            let error = bench.open().err().unwrap();
            assert!(
                matches!(error, TargetError::Create { .. }),
                "{case:?}: {error}"
            );
        }
    }
}

#[test]
fn a_folder_that_goes_away_gets_no_dump() {
    for case in Case::named() {
        let bench = Bench::new(case);
        let mut writer = bench.open().unwrap();
        sample::write(&mut *writer).unwrap();
        let moved = bench.folder.with_extension("moved");
        fs::rename(&bench.folder, &moved).unwrap();
        fs::create_dir(&bench.folder).unwrap();
        let error = writer.finish(&sample::draft()).unwrap_err();
        assert!(
            matches!(error, TargetError::Gone { .. }),
            "{case:?}: {error}"
        );
        assert_eq!((bench.names(), names(&moved)), (vec![], vec![]), "{case:?}");
    }
}

#[test]
fn a_name_that_cannot_be_one_is_refused() {
    let bench = Bench::new(Case::named()[0]);
    for name in ["", ".", "..", ".hidden", "a/b", "a\0"] {
        let mut spec = bench.spec();
        let TargetKind::Folder { dump_name, .. } = &mut spec.kind else {
            unreachable!("the first case is a folder");
        };
        *dump_name = name.to_owned();
        assert!(
            matches!(
                open(&spec, &shared()).err().unwrap(),
                TargetError::BadName { .. }
            ),
            "{name}"
        );
    }
}

#[test]
fn a_closed_pipe_is_told_as_one() {
    for codec in Codec::ALL {
        let bench = Bench::new(Case {
            spool: SpoolMode::Beside,
            ..Case::of(Kind::Stdout, codec, Backend::Memory)
        });
        let mut reader = Command::new("head")
            .args(["-c", "1000"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let pipe = std::os::fd::OwnedFd::from(reader.stdin.take().unwrap());
        let mut writer = open_stdout(&bench.spec(), pipe.into()).unwrap();
        let long = stream("volumes/project/long.tar", Some(2 << 20), noise(2 << 20, 1));
        let written = write_stream(&mut *writer, &long);
        let error = match written {
            Ok(()) => writer.finish(&samples::minimal()).unwrap_err(),
            Err(error) => {
                writer.abort();
                error
            }
        };
        assert!(
            matches!(error, TargetError::BrokenPipe { .. }),
            "{codec}: {error}"
        );
        reader.wait().unwrap();
    }
}

#[test]
fn calls_out_of_order_are_errors_not_panics() {
    for case in Case::named() {
        let bench = Bench::new(case);
        let mut writer = bench.open().unwrap();
        assert!(matches!(
            writer.write(b"x"),
            Err(TargetError::OutOfOrder { .. })
        ));
        assert!(matches!(writer.fail(), Err(TargetError::OutOfOrder { .. })));
        writer.begin(&streams()[0].head).unwrap();
        let error = writer.finish(&samples::minimal()).unwrap_err();
        assert!(
            matches!(error, TargetError::OutOfOrder { .. }),
            "{case:?}: {error}"
        );
        assert_eq!(bench.names(), [""; 0]);
    }
}

#[test]
fn devices_are_made_by_root_and_reported_by_others() {
    let bench = Bench::new(Case::named()[0]);
    let mut writer = bench.open().unwrap();
    let mut entry = entries().swap_remove(0).entry;
    entry.path = b"config/null".to_vec();
    entry.mode = 0o666;
    entry.kind = EntryKind::CharDevice { major: 1, minor: 3 };
    writer.entry(&entry).unwrap();
    writer.end().unwrap();
    let published = finish(writer, &samples::minimal());
    let made = bench.place(&published).join("config/null");
    if published.warnings.is_empty() {
        let output = run(Command::new("stat").args(["-c", "%t:%T %a %F"]).arg(made));
        assert_eq!(output, b"1:3 666 character special file\n");
    } else {
        assert!(!made.exists());
        assert!(
            published.warnings[0].contains("`config/null`"),
            "{:?}",
            published.warnings
        );
    }
}

#[test]
fn the_spool_folder_is_made_and_its_file_has_no_name() {
    let bench = Bench::new(Case {
        spool: SpoolMode::All,
        ..Case::of(Kind::Stdout, Codec::None, Backend::Memory)
    });
    let mut writer = bench.open().unwrap();
    sample::write(&mut *writer).unwrap();
    assert_eq!(names(&bench.spec().spool.dir), [""; 0]);
    writer.abort();
}
