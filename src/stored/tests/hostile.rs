//! Dumps that somebody made to harm whoever reads them. Each is told as what it is, nothing outside is
//! opened, nothing waits, and nothing takes memory by the gigabyte.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

use super::bench::{Bench, reseal, said};
use crate::archive::entry::{Entry, EntryKind};
use crate::archive::manifest::ManifestError;
use crate::archive::tar;
use crate::codecs::{Codec, Compression, Encoder};
use crate::executor::samples::whole::Shape;
use crate::stored::{Dump, OpenError};

/// Demands that a damage is told with these words.
#[track_caller]
fn says(bench: &Bench, words: &[&str]) {
    let said = bench.said();
    for word in words {
        assert!(said.contains(word), "no `{word}` in: {said}");
    }
}

fn folder() -> Bench {
    Bench::new(Shape::Directory, Codec::None)
}

#[test]
fn a_manifest_of_a_gigabyte_is_refused_unread() {
    let bench = folder();
    let file = File::options()
        .write(true)
        .open(bench.dump.join("Manifest.yml"))
        .unwrap();
    file.set_len(1 << 30).unwrap();
    let began = Instant::now();
    let refused = Dump::open(&bench.dump, bench.dumps());
    assert!(matches!(
        refused,
        Err(OpenError::Manifest {
            source: ManifestError::TooLarge {
                bytes: 1_073_741_824
            },
            ..
        })
    ));
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[test]
fn manifests_of_other_versions_or_no_manifests_are_refused() {
    let bench = folder();
    let path = bench.dump.join("Manifest.yml");
    for (text, words) in [
        ("format: 2\n", "has format 2"),
        ("a: [\n", "cannot be understood"),
        ("just words\n", "cannot be understood"),
        ("", "cannot be understood"),
    ] {
        reseal(&path, |_| text.to_owned());
        says(&bench, &[words]);
    }
    fs::write(&path, "format: 1\n").unwrap();
    says(&bench, &["does not end in a `sha256` line"]);
    fs::remove_file(&path).unwrap();
    says(&bench, &["is no dump: no file `Manifest.yml` is in it"]);
    symlink("/etc/hostname", &path).unwrap();
    says(&bench, &["is no dump: no file `Manifest.yml` is in it"]);
}

/// A manifest that promises what cannot be.
#[test]
fn manifests_that_contradict_themselves_promise_nothing() {
    for (from, to, words) in [
        (
            "path: volumes/project/db.tar\n",
            "path: volumes/project/../../db.tar\n",
            "is no place of such a member",
        ),
        (
            "path: volumes/project/db.tar\n",
            "path: /etc/passwd\n",
            "is no place of such a member",
        ),
        (
            "path: volumes/project/db.tar\n",
            "path: config/compose.yaml\n",
            "is no place of such a member",
        ),
        (
            "path: volumes/project/db.tar\n",
            "path: volumes/project/remote.tar\n",
            "is there twice",
        ),
        (
            "path: index/config.zst\n",
            "path: index/../config/compose.yaml\n",
            "has its index in no place of one",
        ),
        (
            "path: index/config.zst\n",
            "path: index/volumes/project/db.tar.zst\n",
            "has the index of another member",
        ),
        (
            "path: volumes/mounted/data\n",
            "path: volumes/mounted/../data\n",
            "is no place of a tree",
        ),
        (
            "path: volumes/mounted/data\n",
            "path: elsewhere\n",
            "is no place of a tree",
        ),
        (
            "path: volumes/project/db.tar\n",
            "path: volumes/project/remote.tar/x\n",
            "is a file and a folder",
        ),
        (
            "path: volumes/project/db.tar\n",
            "path: \"volumes/project/a\\0b\"\n",
            "is no place of such a member",
        ),
    ] {
        let bench = folder();
        reseal(&bench.dump.join("Manifest.yml"), |text| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        });
        says(&bench, &["Manifest.yml contradicts itself", words]);
    }
    let bench = folder();
    let deep = format!("path: volumes/project/{}\n", "a/".repeat(20_000) + "x");
    reseal(&bench.dump.join("Manifest.yml"), |text| {
        text.replacen("path: volumes/project/db.tar\n", &deep, 1)
    });
    says(&bench, &["its paths have too many folders"]);
}

#[test]
fn what_stands_in_the_place_of_a_file_is_not_opened() {
    let member = "volumes/project/db.tar";
    type Put = fn(&Path);
    let put: [(&str, Put); 4] = [
        ("is a link and should be a file", |path| {
            symlink("/dev/zero", path).unwrap()
        }),
        ("is a named pipe and should be a file", |path| {
            mknodat(CWD, path, FileType::Fifo, Mode::RUSR, 0).unwrap();
        }),
        ("is a folder and should be a file", |path| {
            fs::create_dir(path).unwrap()
        }),
        ("is a socket and should be a file", |path| {
            std::os::unix::net::UnixListener::bind(path)
                .map(drop)
                .unwrap();
        }),
    ];
    for path in [
        member,
        "index/config.zst",
        "config/compose.yaml",
        "volumes/mounted/data/top",
    ] {
        for (words, make) in &put {
            let bench = folder();
            let place = bench.dump.join(path);
            fs::remove_file(&place).unwrap();
            make(&place);
            says(&bench, &[&format!("{path} {words}")]);
        }
    }
    if rustix::process::geteuid().is_root() {
        let bench = folder();
        let place = bench.dump.join(member);
        fs::remove_file(&place).unwrap();
        mknodat(
            CWD,
            &place,
            FileType::CharacterDevice,
            Mode::RUSR,
            makedev(1, 5),
        )
        .unwrap();
        says(&bench, &["is a character device and should be a file"]);
    }
}

/// The same files behind a link to a folder are not the dump's.
#[test]
fn folders_that_are_links_are_not_entered() {
    for folder_name in [
        "volumes/project",
        "config",
        "volumes/mounted/data",
        "index",
        "config/conf",
    ] {
        let bench = folder();
        let place = bench.dump.join(folder_name);
        let away = bench.dumps().join("away");
        fs::rename(&place, &away).unwrap();
        symlink(&away, &place).unwrap();
        let said = bench.said();
        let told = said.contains("lies behind something that is no folder")
            || said.contains("is a link and should be a folder");
        assert!(told, "{folder_name}: {said}");
    }
}

/// Bytes of a codec that decompress to far more than the manifest says.
#[test]
fn a_small_file_that_decompresses_without_end_is_stopped() {
    for codec in [Codec::Gz, Codec::Bz2, Codec::Xz, Codec::Zst] {
        let bench = Bench::new(Shape::Directory, codec);
        let extension = codec.extension();
        let mut encoder = Encoder::new(Vec::new(), &Compression::new(codec)).unwrap();
        (0..64).for_each(|_| encoder.write_all(&[0; 1 << 20]).unwrap());
        let bomb = encoder.finish().unwrap();
        let path = format!("volumes/project/db.tar{extension}");
        fs::write(bench.dump.join(&path), &bomb).unwrap();
        let digest = crate::archive::manifest::Sha256Digest::of(&bomb);
        // Its stored bytes are as the manifest says: only what comes out of it is not.
        reseal(&bench.dump.join("Manifest.yml"), |text| {
            let at = text.find(&format!("path: {path}\n")).unwrap();
            let (before, member) = text.split_at(at);
            let mut seen = [false; 2];
            let lines = member
                .lines()
                .map(|line| match line.trim_start().split(':').next() {
                    Some("bytes") if !std::mem::replace(&mut seen[0], true) => {
                        format!("  bytes: {}\n", bomb.len())
                    }
                    Some("sha256") if !std::mem::replace(&mut seen[1], true) => {
                        format!("  sha256: {digest}\n")
                    }
                    _ => format!("{line}\n"),
                });
            format!("{before}{}", lines.collect::<String>())
        });
        says(&bench, &[&format!("{path} decompresses to more than the")]);
    }
}

/// An archive of entries that somebody chose.
fn archive(entries: &[(Entry, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (entry, data) in entries {
        tar::encode_head(entry, b"", &mut bytes);
        bytes.extend_from_slice(data);
        bytes.resize(bytes.len() + tar::padding(data.len() as u64), 0);
    }
    bytes.extend_from_slice(&tar::END);
    bytes
}

fn entry(path: &str, kind: EntryKind, size: usize) -> Entry {
    Entry {
        size: size as u64,
        ..Entry::plain(path.as_bytes(), kind, 0o600)
    }
}

fn opened(bytes: &[u8]) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let dump = Dump::open_stream(&mut &bytes[..], scratch.path());
    said(dump.and_then(|mut dump| Ok(dump.verify(&mut |_| {})?)))
}

#[test]
fn a_file_that_was_never_an_archive_is_no_dump_and_one_that_is_called_so_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    let text = "services:\n  web: {image: nginx}\n".repeat(40);
    for (name, expected) in [
        ("compose.yaml", "is no dump: it is no archive"),
        ("blog.tar", "cannot be read as far as its manifest"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, &text).unwrap();
        let error = Dump::open(&path, folder.path()).err().unwrap();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn archives_that_are_no_dumps_are_told_from_broken_ones() {
    let file = || entry("a", EntryKind::File, 3);
    assert!(opened(b"").contains("cannot be read as far as its manifest"));
    assert!(opened(&tar::END).contains("no `Manifest.yml` is in it"));
    assert!(opened(&archive(&[(file(), b"abc")])).contains("no `Manifest.yml` is in it"));
    let whole = archive(&[(file(), b"abc")]);
    assert!(opened(&whole[..600]).contains("ended early in `a`"));
    for path in ["../a", "/a", "a/../../b"] {
        let outside = archive(&[(entry(path, EntryKind::File, 3), b"abc")]);
        assert!(
            opened(&outside).contains("is not a path below the root"),
            "{path}"
        );
    }
    let manifest = || entry("Manifest.yml", EntryKind::File, 3);
    let twice = archive(&[(manifest(), b"a: "), (manifest(), b"b: ")]);
    assert!(opened(&twice).contains("is there twice, or is no file, or too long"));
    let link = EntryKind::Symlink {
        target: b"/etc/passwd".to_vec(),
    };
    let linked = archive(&[(entry("Manifest.yml", link, 0), b"")]);
    assert!(opened(&linked).contains("is there twice, or is no file, or too long"));
    let long = entry("Manifest.yml", EntryKind::File, 1 << 33);
    assert!(
        opened(&archive(&[(long, b"")])).contains("is there twice, or is no file, or too long")
    );
}
