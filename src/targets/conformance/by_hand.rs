//! The commands of `docs/format.md`, run on real dumps as they stand there.

use std::fs;
use std::process::Command;

use super::backing::Backend;
use super::bench::{Bench, Case, Kind, finish, run};
use super::sample::{self, SampleStream, draft, write_stream};
use crate::archive::entry::{Entry, EntryKind, Mtime};
use crate::archive::manifest::Sha256Digest;
use crate::archive::tar;
use crate::codecs::Codec;

const DOCUMENT: &str = include_str!("../../../docs/format.md");

/// The blocks of shell that are marked as tested for a format.
fn blocks(format: &str) -> Vec<&'static str> {
    let mark = format!("<!-- tested: {format} -->\n```sh\n");
    let parts = DOCUMENT.split(&mark[..]).skip(1);
    parts
        .map(|part| part.split("```").next().unwrap())
        .collect()
}

/// A tar of one file, as a volume is.
fn volume() -> SampleStream {
    let entry = Entry {
        path: b"table".to_vec(),
        kind: EntryKind::File,
        mode: 0o640,
        uid: 0,
        gid: 0,
        mtime: Mtime::default(),
        size: 4,
        xattrs: Vec::new(),
        sparse: None,
    };
    let mut data = Vec::new();
    tar::encode_head(&entry, b"./", &mut data);
    data.extend_from_slice(b"rows");
    data.resize(data.len() + tar::padding(4), 0);
    data.extend_from_slice(&tar::END);
    let mut stream = sample::streams().swap_remove(0);
    stream.head.raw_bytes = Some(data.len() as u64);
    SampleStream { data, ..stream }
}

/// Writes the sample with a real tar in place of its first stream.
fn dump(kind: Kind) -> (Bench, std::path::PathBuf) {
    let bench = Bench::new(Case::of(kind, Codec::Zst, Backend::Memory));
    let mut writer = bench.open().unwrap();
    for sample in sample::entries() {
        writer.entry(&sample.entry).unwrap();
        if sample.entry.kind == EntryKind::File {
            writer.write(&sample.data).unwrap();
        }
        writer.end().unwrap();
    }
    let volume = volume();
    write_stream(&mut *writer, &volume).unwrap();
    let mut index = sample::streams().pop().unwrap();
    index.data = zstd::encode_all(&b"#compose-dump-index 1\n"[..], 3).unwrap();
    index.head.raw_bytes = Some(index.data.len() as u64);
    write_stream(&mut *writer, &index).unwrap();
    let mut draft = draft();
    draft.members.truncate(2);
    draft.members[0].index.as_mut().unwrap().bytes = index.data.len() as u64;
    draft.members[1].raw_bytes = volume.data.len() as u64;
    draft.members[1].raw_sha256 = Sha256Digest::of(&volume.data);
    let published = finish(writer, &draft);
    let place = bench.place(&published);
    (bench, place)
}

#[test]
fn the_commands_for_a_directory_work() {
    let (_bench, dump) = dump(Kind::Tree);
    let scratch = tempfile::tempdir().unwrap();
    let blocks = blocks("directory");
    assert_eq!(blocks.len(), 5);
    for block in blocks {
        let mut shell = Command::new("bash");
        shell
            .args(["-euo", "pipefail", "-c", block])
            .current_dir(&dump);
        shell.env("PROJECT", scratch.path().join("project"));
        run(shell.env("VOLUME", scratch.path().join("volume")));
    }
    assert_eq!(
        fs::read(scratch.path().join("volume/table")).unwrap(),
        b"rows"
    );
    assert_eq!(
        fs::read(scratch.path().join("project/compose.yaml")).unwrap(),
        b"services: {}\n"
    );
    assert!(scratch.path().join("project/media/big").exists());
}

#[test]
fn the_commands_for_an_archive_work() {
    let (_bench, dump) = dump(Kind::Archive);
    let blocks = blocks("archive");
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let scratch = tempfile::tempdir().unwrap();
        let mut shell = Command::new("bash");
        shell
            .args(["-euo", "pipefail", "-c", block])
            .current_dir(scratch.path());
        shell.env("ARCHIVE", &dump);
        run(shell.env("VOLUME", scratch.path().join("volume")));
        let unpacked = scratch.path().join("Manifest.yml").exists();
        assert_ne!(unpacked, scratch.path().join("volume/table").exists());
    }
}
