//! What is of object stores alone: names that several want, and what a dump that is given up leaves.

use super::bench::{Bench, Case, Kind, NAME, finish};
use super::fault_matrix::objects;
use super::sample;
use crate::archive::manifest::samples;
use crate::codecs::Codec;
use crate::targets::open::SpoolMode;

fn benches() -> [Bench; 2] {
    [Kind::StoreTree, Kind::StoreArchive].map(|kind| {
        Bench::new(Case {
            kind,
            codec: Codec::None,
            spool: SpoolMode::UnknownSize,
        })
    })
}

#[test]
fn two_dumps_at_once_get_two_names_and_a_third_one_another() {
    for bench in benches() {
        let both = [bench.open().unwrap(), bench.open().unwrap()];
        let names = both.map(|writer| finish(writer, &samples::minimal()).name.unwrap());
        assert_eq!(names, [NAME.to_owned(), format!("{NAME}_2")]);
        let third = finish(bench.open().unwrap(), &samples::minimal());
        assert_eq!(third.name, Some(format!("{NAME}_3")));
        let left = bench.block_on(objects(&bench.store()));
        let claims = left.keys().filter(|name| name.ends_with(".partial"));
        assert_eq!(claims.count(), 0, "{:?}", left.keys());
    }
}

#[test]
fn a_dump_that_is_given_up_leaves_nothing() {
    for bench in benches() {
        let mut writer = bench.open().unwrap();
        sample::write(&mut *writer).unwrap();
        let store = bench.store();
        assert!(store.open_uploads() > 0 || !bench.block_on(objects(&store)).is_empty());
        writer.abort();
        let left = bench.block_on(objects(&store));
        assert!(left.is_empty(), "{:?}", left.keys());
        assert_eq!(store.open_uploads(), 0);
    }
}
