//! Members that are missing, swapped, doubled or added: each is told by its name, and the others are still
//! checked.

use std::fs;
use std::path::Path;

use super::bench::{Bench, said};
use crate::archive::entry::{Entry, EntryKind, SinkClosed};
use crate::archive::tar::{self, TarParser, TarVisitor};
use crate::codecs::Codec;
use crate::executor::samples::whole::{Shape, dump_everything};
use crate::exit::Exit;

/// Demands that just this member is bad, and with these words.
#[track_caller]
fn only(bench: &Bench, member: &str, words: &str) {
    let verdicts = bench.verify().unwrap();
    assert_eq!(verdicts.exit(), Exit::Damaged);
    let bad = verdicts
        .members
        .iter()
        .filter(|member| !member.faults.is_sound());
    let bad: Vec<_> = bad.map(|member| &*member.path).collect();
    assert_eq!(bad, [member], "{}", bench.said());
    let said = bench.said();
    assert!(said.contains(words), "no `{words}` in: {said}");
}

/// Demands that no member is bad, and that the dump is, with these words.
#[track_caller]
fn rest(bench: &Bench, words: &str) {
    let verdicts = bench.verify().unwrap();
    assert!(
        verdicts
            .members
            .iter()
            .all(|member| member.faults.is_sound()),
        "{}",
        bench.said()
    );
    assert!(!verdicts.is_sound());
    let said = bench.said();
    assert!(said.contains(words), "no `{words}` in: {said}");
}

fn folder() -> Bench {
    Bench::new(Shape::Directory, Codec::Zst)
}

#[test]
fn a_missing_file_is_told() {
    for (path, member) in [
        ("volumes/project/db.tar.zst", "volumes/project/db.tar.zst"),
        (
            "index/volumes/project/db.tar.zst",
            "volumes/project/db.tar.zst",
        ),
        ("index/config.zst", "config"),
        ("config/compose.yaml", "config"),
        (
            "volumes/mounted/data/inner/picture",
            "volumes/mounted/data/inner",
        ),
        ("volumes/mounted/data/pipe", "volumes/mounted/data"),
        ("volumes/mounted/data/link", "volumes/mounted/data"),
        ("volumes/mounted/data/top2", "volumes/mounted/data"),
    ] {
        let bench = folder();
        fs::remove_file(bench.dump.join(path)).unwrap();
        only(&bench, member, &format!("{path} is missing"));
    }
}

#[test]
fn swapped_members_are_told() {
    let bench = folder();
    let [db, remote] =
        ["db", "remote"].map(|name| bench.dump.join(format!("volumes/project/{name}.tar.zst")));
    let aside = bench.dumps().join("aside");
    fs::rename(&db, &aside).unwrap();
    fs::rename(&remote, &db).unwrap();
    fs::rename(&aside, &remote).unwrap();
    let verdicts = bench.verify().unwrap();
    let bad = verdicts
        .members
        .iter()
        .filter(|member| !member.faults.is_sound());
    assert_eq!(bad.count(), 2, "{}", bench.said());
}

/// A member of another dump of the same project does not fit, though it is whole in itself.
#[test]
fn a_member_of_another_dump_is_told() {
    let bench = folder();
    fs::write(bench.dump.join("config/compose.yaml"), "services: []\n").unwrap();
    only(
        &bench,
        "config",
        "config/compose.yaml has other content than was stored",
    );
}

#[test]
fn what_nobody_names_is_told_wherever_it_is() {
    for path in [
        "new",
        "config/new",
        "config/conf/app/new",
        "volumes/new.tar",
        "volumes/project/new.tar.zst",
        "volumes/mounted/data/deep/new",
        "volumes/mounted/new",
        "index/new.zst",
        "exports",
        ".hidden",
    ] {
        let bench = folder();
        fs::write(bench.dump.join(path), "new").unwrap();
        rest(&bench, &format!("{path} is not named by the manifest"));
    }
    let bench = folder();
    fs::create_dir_all(bench.dump.join("config/empty/folder")).unwrap();
    rest(
        &bench,
        "config/empty is not named by the manifest; config/empty/folder is not named",
    );
}

#[test]
fn the_marker_of_another_archive_is_told() {
    let bench = Bench::new(Shape::Archive, Codec::Gz);
    let other = Bench::new(Shape::Archive, Codec::None);
    fs::copy(other.marker(), bench.marker()).unwrap();
    let said = bench.said();
    assert!(
        said.contains("has other bytes than were stored") || said.contains("bytes instead of"),
        "{said}"
    );
}

#[test]
fn an_archive_that_was_renamed_with_its_marker_is_sound() {
    let bench = Bench::new(Shape::Archive, Codec::Xz);
    let renamed = bench.dumps().join("renamed.tar.xz");
    fs::rename(bench.marker(), bench.dumps().join("renamed.manifest.yml")).unwrap();
    fs::rename(&bench.dump, &renamed).unwrap();
    let bench = Bench {
        dump: renamed,
        ..bench
    };
    let verdicts = bench.verify().unwrap();
    assert_eq!(verdicts.exit(), Exit::Done);
    assert_eq!(verdicts.rest.harmless.count, 1);
}

/// An archive's entries with their bytes.
fn pieces(archive: &Path) -> Vec<(Entry, Vec<u8>)> {
    let mut parser = TarParser::new(Pieces::default());
    parser.feed(&fs::read(archive).unwrap()).unwrap();
    parser.finish().unwrap().1.0
}

#[derive(Default)]
struct Pieces(Vec<(Entry, Vec<u8>)>);

impl TarVisitor for Pieces {
    fn begin(&mut self, entry: &Entry, _: u64) -> Result<(), SinkClosed> {
        self.0.push((entry.clone(), Vec::new()));
        Ok(())
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        self.0.last_mut().unwrap().1.extend_from_slice(part);
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        Ok(())
    }
}

fn joined(pieces: &[(Entry, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (entry, data) in pieces {
        tar::encode_head(entry, b"", &mut bytes);
        bytes.extend_from_slice(data);
        bytes.resize(bytes.len() + tar::padding(data.len() as u64), 0);
    }
    bytes.extend_from_slice(&tar::END);
    bytes
}

/// Changes the entries of an archive without a marker; nothing but the manifest in it says what it held.
#[track_caller]
fn rewritten(words: &str, change: impl FnOnce(&mut Vec<(Entry, Vec<u8>)>)) {
    let bench = Bench::made(|dumps| dump_everything(dumps, Shape::Archive, Codec::None));
    fs::remove_file(bench.marker()).unwrap();
    let mut pieces = pieces(&bench.dump);
    assert_eq!(
        joined(&pieces),
        fs::read(&bench.dump).unwrap(),
        "taken apart and joined again"
    );
    change(&mut pieces);
    fs::write(&bench.dump, joined(&pieces)).unwrap();
    let said = bench.said();
    assert!(said.contains(words), "no `{words}` in: {said}");
    assert_eq!(
        super::bench::said(bench.verify_stream()),
        said.replace(bench.dump.to_str().unwrap(), "-")
    );
}

fn place(pieces: &[(Entry, Vec<u8>)], path: &str) -> usize {
    pieces
        .iter()
        .position(|(entry, _)| entry.path == path.as_bytes())
        .unwrap()
}

#[test]
fn doubled_entries_are_told() {
    for path in [
        "volumes/project/db.tar",
        "index/config.zst",
        "volumes",
        "volumes/mounted",
    ] {
        rewritten(&format!("{path} is there twice"), |pieces| {
            let at = place(pieces, path);
            pieces.insert(at, pieces[at].clone());
        });
    }
    rewritten(
        "config/compose.yaml comes where the index has `config/conf`",
        |pieces| {
            let at = place(pieces, "config/compose.yaml");
            pieces.insert(at, pieces[at].clone());
        },
    );
    rewritten("comes in the middle of other members", |pieces| {
        let at = place(pieces, "config/compose.yaml");
        let again = pieces[at].clone();
        let later = place(pieces, "volumes/project/db.tar");
        pieces.insert(later, again);
    });
}

#[test]
fn missing_entries_are_told() {
    for path in [
        "volumes/project/db.tar",
        "index/config.zst",
        "volumes/mounted",
    ] {
        rewritten(&format!("{path} is missing"), |pieces| {
            pieces.remove(place(pieces, path));
        });
    }
    rewritten(
        "comes where the index has `volumes/mounted/data/deep`",
        |pieces| {
            pieces.remove(place(pieces, "volumes/mounted/data/deep"));
        },
    );
    rewritten("volumes/mounted/data/inner/picture is missing", |pieces| {
        pieces.remove(place(pieces, "volumes/mounted/data/inner/picture"));
    });
}

#[test]
fn added_and_exchanged_entries_are_told() {
    rewritten(
        "volumes/project/new.tar is not named by the manifest",
        |pieces| {
            let at = place(pieces, "volumes/project/db.tar");
            let mut added = pieces[at].clone();
            added.0.path = b"volumes/project/new.tar".to_vec();
            pieces.insert(at, added);
        },
    );
    rewritten("volumes/new comes behind the manifest", |pieces| {
        let mut added = pieces[0].clone();
        added.0.path = b"volumes/new".to_vec();
        pieces.push(added);
    });
    rewritten("volumes/project/db.tar has", |pieces| {
        let (one, other) = (
            place(pieces, "volumes/project/db.tar"),
            place(pieces, "volumes/project/remote.tar"),
        );
        let path = pieces[one].0.path.clone();
        pieces[one].0.path = pieces[other].0.path.clone();
        pieces[other].0.path = path;
    });
}

#[test]
fn changed_metadata_of_entries_is_told() {
    for (what, change) in [
        (
            "mode",
            (|entry: &mut Entry| entry.mode ^= 1) as fn(&mut Entry),
        ),
        ("owner", |entry| entry.uid += 1),
        ("owner", |entry| entry.gid += 1),
        ("modification time", |entry| entry.mtime.nanos ^= 1),
    ] {
        for path in [
            "config/compose.yaml",
            "volumes/mounted",
            "volumes",
            "index/config.zst",
            "Manifest.yml",
        ] {
            rewritten(
                &format!("{path} has another {what} than its index says"),
                |pieces| {
                    let at = place(pieces, path);
                    change(&mut pieces[at].0);
                },
            );
        }
    }
    rewritten(
        "leads to `elsewhere` instead of `../somewhere/else`",
        |pieces| {
            let at = place(pieces, "volumes/mounted/data/link");
            pieces[at].0.kind = EntryKind::Symlink {
                target: b"elsewhere".to_vec(),
            };
        },
    );
    rewritten(
        "config/compose.yaml has other content than was stored",
        |pieces| {
            let at = place(pieces, "config/compose.yaml");
            pieces[at].1[0] ^= 1;
        },
    );
}

#[test]
fn a_broken_archive_still_tells_of_every_member() {
    let bench = Bench::new(Shape::Archive, Codec::None);
    let bytes = fs::read(&bench.dump).unwrap();
    fs::write(&bench.dump, &bytes[..bytes.len() / 2]).unwrap();
    let verdicts = bench.verify().unwrap();
    let states: Vec<_> = verdicts
        .members
        .iter()
        .map(|member| member.faults.is_sound())
        .collect();
    assert_eq!(states, [false; 5], "{}", bench.said());
    let said = said(Ok(verdicts));
    assert!(
        said.contains("was not read to its end, the archive breaks off before"),
        "{said}"
    );
}
