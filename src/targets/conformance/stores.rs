//! What is of object stores alone: names that several want, and what a dump that is given up leaves.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::backing::Backend;
use super::bench::{Bench, Case, NAME, finish};
use super::{an_empty_dump, fault_matrix, sample, whole_dump};
use crate::archive::manifest::samples;
use crate::codecs::Codec;
use crate::targets::TargetError;

/// Both formats in the stores that are there always.
fn cases() -> impl Iterator<Item = Case> {
    let backends = [Backend::Memory, Backend::InProcess].into_iter();
    let cases = backends.flat_map(Case::in_stores);
    cases.filter(|case| case.codec == Codec::None)
}

#[test]
fn two_dumps_at_once_get_two_names_and_a_third_one_another() {
    cases().for_each(three_names);
}

fn three_names(case: Case) {
    let bench = Bench::new(case);
    let both = [bench.open().unwrap(), bench.open().unwrap()];
    let mut names = both
        .map(|writer| finish(writer, &samples::minimal()).name.unwrap())
        .to_vec();
    let third = finish(bench.open().unwrap(), &samples::minimal());
    names.extend(third.name);
    if case.backend == Backend::Outside {
        // It may be one without conditions, where random digits make names.
        assert!(names.iter().all(|name| name.starts_with(NAME)), "{names:?}");
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 3, "{names:?}");
    } else {
        let numbered = ["", "_2", "_3"].map(|number| format!("{NAME}{number}"));
        assert_eq!(names, numbered);
    }
    let left = bench.objects();
    let claims = left.keys().filter(|name| name.ends_with(".partial"));
    assert_eq!(claims.count(), 0, "{:?}", left.keys());
}

#[test]
fn a_dump_that_is_given_up_leaves_nothing() {
    cases().for_each(nothing_is_left);
}

fn nothing_is_left(case: Case) {
    let bench = Bench::new(case);
    let mut writer = bench.open().unwrap();
    sample::write(&mut *writer).unwrap();
    let has_uploads = bench.backing().open_uploads().is_none_or(|count| count > 0);
    assert!(has_uploads || !bench.objects().is_empty());
    writer.abort();
    let left = bench.objects();
    assert!(left.is_empty(), "{:?}", left.keys());
    assert_eq!(bench.backing().open_uploads().unwrap_or(0), 0);
}

/// So that each is several parts and several objects at a real server as well.
#[test]
fn a_long_member_is_parts_and_objects_that_are_one() {
    cases().for_each(long_member);
}

fn long_member(case: Case) {
    fault_matrix::whole_long_dump(&Bench::new(case)).unwrap();
}

#[test]
#[ignore = "needs an S3 server: tests/run.sh"]
fn an_s3_server_passes_the_same() {
    for case in Case::in_stores(Backend::Outside) {
        whole_dump(case);
        an_empty_dump(case);
        three_names(case);
        nothing_is_left(case);
        long_member(case);
    }
}

#[test]
fn a_store_whose_clock_is_an_hour_off_is_refused_and_gets_nothing() {
    for case in cases().filter(|case| case.backend == Backend::InProcess) {
        for hours in [1, -1] {
            let bench = Bench::new(case);
            bench.backing().set_ahead(SignedDuration::from_hours(hours));
            let error = bench.open().err().unwrap();
            assert!(matches!(error, TargetError::Clock { .. }), "{error}");
            assert!(bench.objects().is_empty());
        }
    }
}
