//! What was not damaged is sound, whatever its form, also when it was copied or its marker is gone.

use std::fs;

use super::bench::{Bench, copy, forms, said};
use crate::codecs::Codec;
use crate::executor::samples::whole::{Shape, dump_with_gaps};
use crate::exit::Exit;
use crate::stored::Dump;

#[test]
fn every_form_is_sound() {
    for (shape, codec) in forms() {
        let bench = Bench::new(shape, codec);
        let verdicts = bench.verify().unwrap();
        assert_eq!(bench.said(), "sound", "{shape:?} {codec}");
        assert_eq!(verdicts.faults().count(), 0, "{shape:?} {codec}");
        assert_eq!(verdicts.exit(), Exit::Done);
        let paths: Vec<_> = verdicts
            .members
            .iter()
            .map(|member| &*member.path)
            .collect();
        assert_eq!(paths.len(), 5);
        assert_eq!(
            paths[..3],
            [
                "config",
                "volumes/mounted/data",
                "volumes/mounted/data/inner"
            ]
        );
        if shape == Shape::Archive {
            assert_eq!(said(bench.verify_stream()), "sound", "{codec}");
            fs::remove_file(bench.marker()).unwrap();
            assert_eq!(bench.said(), "sound", "{codec}");
        }
    }
}

#[test]
fn a_copy_that_lost_owners_times_and_links_has_all_content() {
    let bench = Bench::new(Shape::Directory, Codec::Zst);
    let copied = bench.dumps().join("copied");
    copy(&bench.dump, &copied, "-r");
    let mut dump = Dump::open(&copied, bench.dumps()).unwrap();
    let verdicts = dump.verify(&mut |_| {}).unwrap();
    assert_eq!(verdicts.exit(), Exit::Done, "{}", said(Ok(verdicts)));
    let harmless: u64 = verdicts
        .members
        .iter()
        .map(|member| member.faults.harmless.count)
        .sum();
    assert!(harmless > 5, "{harmless}");
    let text: Vec<_> = verdicts
        .faults()
        .map(|found| found.fault.to_string())
        .collect();
    for what in [
        "has another modification time than when it was dumped",
        "is a file of its own now, and was a further name of `volumes/mounted/data/top`",
    ] {
        assert!(text.iter().any(|text| text == what), "{what} in {text:#?}");
    }
}

#[test]
fn a_dump_with_gaps_is_what_it_says_it_is() {
    for (shape, codec) in forms() {
        let bench = Bench::made(|dumps| dump_with_gaps(dumps, shape, codec));
        let verdicts = bench.verify().unwrap();
        assert!(verdicts.is_sound(), "{shape:?} {codec}: {}", bench.said());
        assert_eq!(verdicts.exit(), Exit::Partial);
    }
}
