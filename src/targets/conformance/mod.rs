//! What every target must do, as one list of checks over every kind and codec.
//!
//! What was written is read back by other programs: GNU tar, Python, `sha256sum` and the codecs' own.

#![allow(clippy::unwrap_used)]

mod backing;
mod bench;
mod by_hand;
mod crash;
mod fault_matrix;
mod faults;
mod faulty;
mod names;
mod sample;
mod stores;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use crate::archive::entry::EntryKind;
use crate::archive::manifest::{Manifest, samples};
use crate::codecs::Codec;

use bench::{Bench, Case, Kind, decompressed, finish, manifest, run, sha256sum};
use sample::{content, draft, entries, hex, place, streams};

#[test]
fn a_whole_dump_is_what_other_programs_find() {
    Case::all().into_iter().for_each(whole_dump);
}

fn whole_dump(case: Case) {
    let bench = Bench::new(case);
    let mut writer = bench.open().unwrap();
    sample::write(&mut *writer).unwrap();
    let published = finish(writer, &draft());
    assert_eq!(published.warnings, [""; 0], "{case:?}");
    let dump = bench.place(&published);
    let root = bench.unpack(&dump);
    check_tree(&root, case);
    check_streams(&root, case);
    check_layout(&root, case);
    check_outside(&bench, &dump);
}

fn check_tree(root: &Path, case: Case) {
    for sample in entries() {
        let entry = &sample.entry;
        let path = place(root, &entry.path);
        let found = fs::symlink_metadata(&path).unwrap();
        let kind = found.file_type();
        match &entry.kind {
            EntryKind::Directory => assert!(kind.is_dir()),
            EntryKind::Fifo => assert!(kind.is_fifo()),
            EntryKind::Symlink { target } => {
                assert_eq!(fs::read_link(&path).unwrap(), place(Path::new(""), target));
            }
            EntryKind::HardLink { target } => {
                assert_eq!(
                    found.ino(),
                    fs::metadata(place(root, target)).unwrap().ino()
                );
                continue;
            }
            _ => assert_eq!(
                hex(&fs::read(&path).unwrap()),
                hex(&content(&sample)),
                "{path:?}"
            ),
        }
        if !kind.is_symlink() {
            assert_eq!(found.mode() & 0o7777, entry.mode, "{case:?} {path:?}");
        }
        assert_eq!(
            (found.uid(), found.gid()),
            (entry.uid, entry.gid),
            "{case:?} {path:?}"
        );
        let mtime = (found.mtime(), found.mtime_nsec());
        assert_eq!(
            mtime,
            (entry.mtime.secs, entry.mtime.nanos.into()),
            "{case:?} {path:?}"
        );
        if entry.sparse.is_some() {
            assert!(
                found.blocks() * 512 < 100_000,
                "{case:?}: the holes were filled"
            );
        }
    }
    check_attribute(root, case);
}

fn check_attribute(root: &Path, case: Case) {
    let value = Command::new("getfattr")
        .args(["--only-values", "--absolute-names", "-n", "user.note"])
        .arg(root.join("config/note"))
        .output()
        .expect("install `attr` to run this test");
    assert_eq!(value.stdout, b"kept", "{case:?}");
}

fn check_streams(root: &Path, case: Case) {
    let manifest = manifest(root);
    for stream in streams().iter().filter(|stream| stream.head.compress) {
        let stem = &stream.head.path;
        let member = manifest
            .members
            .iter()
            .find(|member| member.path.starts_with(stem))
            .unwrap();
        let path = root.join(&member.path);
        let extension = if case.kind.is_tree() {
            case.codec.extension()
        } else {
            ""
        };
        assert_eq!(member.path, format!("{stem}{extension}"));
        assert_eq!(
            hex(&decompressed(&path)),
            hex(&stream.data),
            "{case:?} {stem}"
        );
        assert_eq!(
            member.bytes,
            fs::metadata(&path).unwrap().len(),
            "{case:?} {stem}"
        );
        assert_eq!(
            member.sha256.to_string(),
            sha256sum(&path),
            "{case:?} {stem}"
        );
        assert_eq!(
            member.raw_sha256.to_string(),
            hex(&stream.data),
            "{case:?} {stem}"
        );
    }
    let index = manifest.members[0].index.as_ref().unwrap();
    assert_eq!(
        index.sha256.to_string(),
        sha256sum(&root.join(&index.path)),
        "{case:?}"
    );
}

/// Everything but `config` and `mounted` is for its owner only.
fn check_layout(root: &Path, case: Case) {
    let mut found = BTreeSet::new();
    let listed = run(Command::new("find")
        .arg(root)
        .args(["-printf", "%m %y /%P\\0"]));
    for line in listed
        .split(|byte| *byte == 0)
        .filter(|line| !line.is_empty())
    {
        let line = String::from_utf8_lossy(line).into_owned();
        let of_project = line.contains("/config") || line.contains("/media");
        if !of_project || line.contains("/index") {
            found.insert(line);
        }
    }
    if !case.kind.is_tree() {
        // The folder into which the test unpacked.
        found.retain(|line| !line.ends_with(" d /"));
        found.insert("700 d /".to_owned());
    }
    let suffix = if case.kind.is_tree() {
        case.codec.extension()
    } else {
        ""
    };
    let mut expected: BTreeSet<String> = ["600 f /Manifest.yml", "600 f /index/config.zst"]
        .map(str::to_owned)
        .into();
    for folder in [
        "",
        "exports",
        "exports/db",
        "index",
        "volumes",
        "volumes/mounted",
        "volumes/project",
        "volumes/services",
        "volumes/services/web",
    ] {
        expected.insert(format!("700 d /{folder}"));
    }
    for stream in streams().iter().filter(|stream| stream.head.compress) {
        expected.insert(format!("600 f /{}{suffix}", stream.head.path));
    }
    assert_eq!(found, expected, "{case:?}");
}

/// What is beside the dump: nothing, or an archive's marker with its length and digest.
fn check_outside(bench: &Bench, dump: &Path) {
    let extension = bench.case.codec.tar_extension();
    let file = dump.file_name().unwrap().to_str().unwrap();
    let name = file.strip_suffix(extension).unwrap_or(file);
    assert!(bench.case.kind == Kind::Stdout || bench.is_first_name(name));
    match bench.case.kind {
        Kind::Tree | Kind::StoreTree => assert_eq!(bench.names(), [name]),
        Kind::Stdout => assert!(!bench.folder.exists()),
        Kind::Archive | Kind::Exact | Kind::StoreArchive => {
            let marker = format!("{name}.manifest.yml");
            assert_eq!(bench.names(), [marker.clone(), file.to_owned()]);
            let marker = bench.folder.join(marker);
            for path in [dump, &marker] {
                assert_eq!(
                    fs::metadata(path).unwrap().permissions().mode() & 0o7777,
                    0o600
                );
            }
            let manifest = Manifest::parse(&fs::read(&marker).unwrap()).unwrap();
            let archive = manifest.archive.unwrap();
            assert_eq!(archive.file, file);
            assert_eq!(archive.bytes, fs::metadata(dump).unwrap().len());
            assert_eq!(archive.sha256.to_string(), sha256sum(dump));
        }
    }
}

#[test]
fn the_last_line_of_the_manifest_is_what_a_shell_computes() {
    let bench = Bench::new(Case::named()[0]);
    let published = finish(bench.open().unwrap(), &samples::minimal());
    let script = "test \"sha256: $(head -n -1 Manifest.yml | sha256sum | cut -c-64)\" = \"$(tail -n 1 Manifest.yml)\"";
    run(Command::new("sh")
        .args(["-c", script])
        .current_dir(bench.place(&published)));
}

#[test]
fn python_reads_an_archive_and_finds_every_name_once() {
    let [_, case, _] = Case::named();
    let bench = Bench::new(Case {
        codec: Codec::Xz,
        ..case
    });
    let mut writer = bench.open().unwrap();
    sample::write(&mut *writer).unwrap();
    let dump = bench.place(&finish(writer, &draft()));
    let script = "import sys, tarfile\nnames = tarfile.open(sys.argv[1]).getnames()\n\
                  assert len(names) == len(set(names)), names\n\
                  assert names[-1] == 'Manifest.yml', names\nprint(len(names))";
    let output = run(Command::new("python3").args(["-c", script]).arg(&dump));
    // Folders of the layout: volumes, mounted, project, services, web, exports, db, index.
    let expected = entries().len() + streams().len() + 8 + 1;
    assert_eq!(
        String::from_utf8(output).unwrap().trim(),
        expected.to_string()
    );
}

#[test]
fn an_empty_dump_is_a_dump() {
    Case::all().into_iter().for_each(an_empty_dump);
}

fn an_empty_dump(case: Case) {
    let bench = Bench::new(case);
    let published = finish(bench.open().unwrap(), &samples::minimal());
    let root = bench.unpack(&bench.place(&published));
    assert!(manifest(&root).members.is_empty());
    assert_eq!(bench::names(&root), ["Manifest.yml"]);
}
