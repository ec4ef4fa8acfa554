//! Members out of every form of a dump: read once for whoever wants them, single paths of them, and dumps
//! that changed after they were checked.

use std::fs;
use std::path::Path;

use super::bench::look;
use crate::archive::entry::{Entry, SinkClosed};
use crate::archive::manifest::model::Member;
use crate::archive::tar::TarVisitor;
use crate::codecs::Codec;
use crate::executor::samples::whole::{Shape, dump_everything};
use crate::restore::content::{Place, Stage, StageOptions, Token};
use crate::stored::{Dump, ExtractError, Takers, Wish};

fn forms() -> impl Iterator<Item = (Shape, Codec)> {
    let with = |shape| [Codec::None, Codec::Zst].map(move |codec| (shape, codec));
    with(Shape::Directory)
        .into_iter()
        .chain(with(Shape::Archive))
}

/// Takes one member, and notes what was said of it.
struct One<'a> {
    path: &'a str,
    to: &'a mut dyn TarVisitor,
    is_open: bool,
    judged: Option<bool>,
}

impl Takers for One<'_> {
    fn offer(&mut self, member: &Member) -> Result<Wish, SinkClosed> {
        assert!(!self.is_open, "members do not mix");
        let is_wanted =
            member.path == self.path || member.path.starts_with(&format!("{}.", self.path));
        Ok(if is_wanted { Wish::Take } else { Wish::Pass })
    }

    fn judged(&mut self, _: &Member, is_whole: bool) -> Result<(), SinkClosed> {
        assert!(self.judged.replace(is_whole).is_none(), "judged once");
        Ok(())
    }
}

impl TarVisitor for One<'_> {
    fn begin(&mut self, entry: &Entry, at: u64) -> Result<(), SinkClosed> {
        assert!(!std::mem::replace(&mut self.is_open, true));
        self.to.begin(entry, at)
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        self.to.data(part)
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        self.is_open = false;
        self.to.end()
    }
}

/// Restores one member of a dump into a folder.
fn restore(dump: &Path, member: &str, folder: &Path) {
    let scratch = std::env::temp_dir();
    let mut dump = Dump::open(dump, &scratch).unwrap();
    let place = Place::new(folder);
    let mut stage = Stage::create(&place, &Token::random(), StageOptions::default()).unwrap();
    let mut one = One {
        path: member,
        to: &mut stage,
        is_open: false,
        judged: None,
    };
    let verdicts = dump.read_members(&mut one, &mut |_| {}).unwrap();
    assert!(verdicts.is_sound());
    assert_eq!(one.judged, Some(true), "{member}");
    let mut staged = stage.finish().unwrap();
    assert_eq!(staged.losses(), [""; 0]);
    staged.swap(&[]).unwrap();
    staged.keep().unwrap();
}

#[test]
fn every_form_gives_the_same_members() {
    for member in [
        "config",
        "volumes/mounted/data",
        "volumes/mounted/data/inner",
        "volumes/project/db.tar",
        "volumes/project/remote.tar",
    ] {
        let mut seen = Vec::new();
        for (shape, codec) in forms() {
            let folder = tempfile::tempdir().unwrap();
            let dump = dump_everything(&folder.path().join("dumps"), shape, codec);
            let place = folder.path().join("place");
            restore(&dump, member, &place);
            let mut found = look(&place);
            // Made at another time in each dump.
            let since = |line: &mut String| *line = line.split_once(' ').unwrap().0.to_owned();
            found.values_mut().for_each(|line| {
                let content = line.splitn(3, ' ').nth(2).unwrap().to_owned();
                since(line);
                line.push_str(&content);
            });
            assert!(!found.is_empty(), "{member}");
            seen.push(found);
        }
        assert!(
            seen.windows(2).all(|pair| pair[0] == pair[1]),
            "{member}: {seen:#?}"
        );
    }
}

#[derive(Default)]
struct Kept(Vec<(String, Vec<u8>)>);

impl TarVisitor for Kept {
    fn begin(&mut self, entry: &Entry, _: u64) -> Result<(), SinkClosed> {
        let path = String::from_utf8_lossy(&entry.path).into_owned();
        self.0.push((path, Vec::new()));
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

#[test]
fn single_paths_come_out_of_every_form() {
    for (shape, codec) in forms() {
        let folder = tempfile::tempdir().unwrap();
        let path = dump_everything(&folder.path().join("dumps"), shape, codec);
        let mut dump = Dump::open(&path, folder.path()).unwrap();
        for (member, wanted, found, content_len) in [
            ("db", "rows", &["rows"][..], Some(40_000)),
            ("db", "sub", &["sub", "sub/more"], None),
            ("db", "link", &["link"], Some(0)),
            ("remote", "y", &["y"], Some(2000)),
            (
                "data",
                "data/deep",
                &["data/deep", "data/deep/er", "data/deep/er/file"],
                None,
            ),
            ("data", "data/top", &["data/top"], Some(3000)),
            // A further name alone is the file itself.
            ("data", "data/top2", &["data/top2"], Some(3000)),
            (
                "data/inner",
                "data/inner/picture",
                &["data/inner/picture"],
                Some(9000),
            ),
            ("config", "conf/app/key", &["conf/app/key"], Some(6)),
        ] {
            let member = dump.member(member).unwrap().clone();
            let mut kept = Kept::default();
            dump.extract(&member, wanted.as_bytes(), &mut kept).unwrap();
            let names: Vec<&str> = kept.0.iter().map(|(path, _)| &**path).collect();
            assert_eq!(names, found, "{shape:?} {codec} {wanted}");
            if let Some(len) = content_len {
                assert_eq!(kept.0[0].1.len(), len, "{shape:?} {codec} {wanted}");
            }
        }
        let member = dump.member("db").unwrap().clone();
        for absent in ["row", "rows/x", "../rows", "nothing"] {
            let refused = dump.extract(&member, absent.as_bytes(), &mut Kept::default());
            assert!(
                matches!(refused, Err(ExtractError::NotThere { .. })),
                "{absent}"
            );
        }
    }
}

/// Somebody changes a dump between its check and its use.
#[test]
fn a_dump_that_changed_since_it_was_checked_is_found() {
    for (shape, codec) in forms() {
        let folder = tempfile::tempdir().unwrap();
        let path = dump_everything(&folder.path().join("dumps"), shape, codec);
        let mut dump = Dump::open(&path, folder.path()).unwrap();
        assert!(dump.verify(&mut |_| {}).unwrap().is_sound());
        let changed = match shape {
            Shape::Directory => path.join(format!("volumes/project/db.tar{}", codec.extension())),
            Shape::Archive => path.clone(),
        };
        let mut bytes = fs::read(&changed).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&changed, bytes).unwrap();
        let mut kept = Kept::default();
        let mut one = One {
            path: "volumes/project/db.tar",
            to: &mut kept,
            is_open: false,
            judged: None,
        };
        let verdicts = dump.read_members(&mut one, &mut |_| {}).unwrap();
        let judged = one.judged;
        assert!(!verdicts.is_sound(), "{shape:?} {codec}");
        if shape == Shape::Directory {
            assert_eq!(judged, Some(false), "{shape:?} {codec}");
        }
    }
}
