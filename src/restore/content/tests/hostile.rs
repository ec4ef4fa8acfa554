//! Entries that somebody made to write elsewhere, twice, or through something: rows 71 to 77 of what can go wrong.
//! Both writers refuse them, and nothing outside of the hidden folder changes.

use super::bench::{Bench, entries, entry, give, uploaded};
use crate::archive::entry::{Entry, EntryKind, Segment};
use crate::archive::tar::{END, TarParser, encode_head, padding};
use crate::restore::content::{Below, ContentError};

/// Sequences of which the last entry must be refused by whoever makes files.
const REFUSED: [&[&str]; 18] = [
    // Names that lead elsewhere, or are none.
    &["../canary/file"],
    &["/etc/passwd"],
    &["sub/", "sub/../../canary/file"],
    &["./x"],
    &["a//b"],
    &["a\0b"],
    &[""],
    // Twice.
    &["a", "a"],
    &["a > b", "a"],
    &["a", "a > b"],
    &["a", "a/"],
    &["a/", "a"],
    // Through a link, or something that is no folder.
    &["out > ../canary", "out/file"],
    &["f", "f/x"],
    // Further names of what is no earlier file.
    &["h = ../canary/file"],
    &["out > ../canary/file", "h = out", "h"],
    &["out > ../canary", "h = out", "h/file"],
    &["d/", "h = d"],
];

#[test]
fn nothing_is_written_outside_twice_or_through_anything() {
    for texts in REFUSED {
        let bench = Bench::new();
        let before = bench.look();
        let mut stage = bench.stage();
        let (last, first) = texts.split_last().unwrap();
        give(&mut stage, &entries(first)).unwrap();
        let outcome = give(&mut stage, &[entry(last)]);
        let error = stage.take_error();
        assert!(outcome.is_err(), "{texts:?}");
        assert!(
            matches!(error, Some(ContentError::Refused { .. })),
            "{texts:?}: {error:?}"
        );
        drop(stage);
        assert_eq!(bench.look(), before, "{texts:?}");
        assert!(!bench.has_leftovers());
    }
}

#[test]
fn the_engine_gets_nothing_that_leads_elsewhere_comes_twice_or_lies_in_no_folder() {
    for texts in REFUSED {
        let all = entries(texts);
        let refused = uploaded(move |to| give(to, &all)).unwrap_err();
        assert!(
            matches!(refused, Some(ContentError::Refused { .. })),
            "{texts:?}: {refused:?}"
        );
    }
    for texts in [&["b", "a"][..], &["a/x"], &["a/", "a/x", "b", "a/y"]] {
        let all = entries(texts);
        let refused = uploaded(move |to| give(to, &all)).unwrap_err();
        assert!(
            matches!(refused, Some(ContentError::Refused { .. })),
            "{texts:?}"
        );
    }
}

#[test]
fn devices_are_made_only_if_they_are_asked_for() {
    let mut device = entry("zero");
    (device.kind, device.size) = (EntryKind::CharDevice { major: 1, minor: 5 }, 0);
    let bench = Bench::new();
    let mut stage = bench.stage();
    assert!(give(&mut stage, std::slice::from_ref(&device)).is_err());
    assert!(matches!(
        stage.take_error(),
        Some(ContentError::Device { .. })
    ));
    let refused = uploaded(move |to| give(to, &[device])).unwrap_err();
    assert!(matches!(refused, Some(ContentError::Device { .. })));
}

/// A link leads where it says, in the new content; nothing goes through it.
#[test]
fn links_that_leave_are_content_like_any_other() {
    let bench = Bench::new();
    let mut stage = bench.stage();
    give(
        &mut stage,
        &entries(&["abs > /etc/passwd", "out > ../canary"]),
    )
    .unwrap();
    let mut staged = stage.finish().unwrap();
    staged.swap(&[]).unwrap();
    staged.keep().unwrap();
    let canary = std::fs::read_to_string(bench.root.path().join("canary/file")).unwrap();
    assert_eq!(canary, "untouched");
    let link = std::fs::read_link(bench.path().join("out")).unwrap();
    assert_eq!(link, std::path::Path::new("../canary"));
}

/// A part of a tree whose further names lead out of it.
#[test]
fn a_further_name_of_something_beside_the_folder_is_refused() {
    let bench = Bench::new();
    let mut to = Below::new(b"data", bench.stage());
    let outcome = give(&mut to, &entries(&["secret", "data/", "data/h = secret"]));
    assert!(outcome.is_err());
    let error = to.inner_mut().take_error();
    assert!(
        matches!(error, Some(ContentError::Refused { .. })),
        "{error:?}"
    );
}

/// A few bytes that stand for more than any disk holds.
#[test]
fn holes_are_not_written_for_the_engine_beyond_measure() {
    let mut holes: Entry = entry("holes");
    holes.size = 1 << 60;
    holes.sparse = Some(vec![Segment { offset: 0, len: 3 }]);
    let bench = Bench::new();
    let mut stage = bench.stage();
    // As a file with holes it takes no room, as far as the file system has such long files.
    let _ = give(&mut stage, std::slice::from_ref(&holes));
    drop(stage);
    let refused = uploaded(move |to| give(to, &[holes])).unwrap_err();
    assert!(matches!(refused, Some(ContentError::Holes { .. })));
}

/// Two readers that could see different entries in the same bytes: what the one parser has seen is what is
/// written, for both writers.
#[test]
fn what_was_parsed_is_what_is_written() {
    let mut bytes = Vec::new();
    for text in ["a/", "a/file", "a/link > file"] {
        encode_head(&entry(text), b"./", &mut bytes);
        if text == "a/file" {
            bytes.extend_from_slice(b"new");
            bytes.resize(bytes.len() + padding(3), 0);
        }
    }
    bytes.extend_from_slice(&END);
    let tar = uploaded(move |to| {
        let mut parser = TarParser::new(&mut *to);
        parser.feed(&bytes).unwrap();
        parser.finish().map(drop).unwrap();
        Ok(())
    });
    let mut seen = Seen::default();
    let mut parser = TarParser::strict(&mut seen);
    parser.feed(&tar.unwrap()).unwrap();
    parser.finish().map(|_| ()).unwrap();
    assert_eq!(seen.0, ["data", "data/a", "data/a/file", "data/a/link"]);
}

#[derive(Default)]
struct Seen(Vec<String>);

impl crate::archive::tar::TarVisitor for Seen {
    fn begin(&mut self, entry: &Entry, _: u64) -> Result<(), crate::archive::entry::SinkClosed> {
        self.0.push(String::from_utf8(entry.path.clone()).unwrap());
        Ok(())
    }

    fn data(&mut self, _: &[u8]) -> Result<(), crate::archive::entry::SinkClosed> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), crate::archive::entry::SinkClosed> {
        Ok(())
    }
}
