//! Retention against a model that was written the other way round: it asks of each dump by itself, by
//! counting, whether it stays, and does its calendar by hand.

use std::collections::BTreeSet;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

const DAY: i64 = 24 * 60 * 60;
/// 2026-11-25T22:40:00Z.
const NOW: i64 = 1_795_646_400;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a second of these years")
}

/// The civil date of a day since 1970, by the method of Howard Hinnant.
fn civil(day: i64) -> (i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month)
}

/// A number that is the same for the same period only.
fn number(period: Period, second: i64) -> i64 {
    let day = second.div_euclid(DAY);
    let (year, month) = civil(day);
    match period {
        Period::Hourly => second.div_euclid(60 * 60),
        Period::Daily => day,
        // 1970-01-01 was a Thursday.
        Period::Weekly => (day + 3).div_euclid(7),
        Period::Monthly => year * 12 + month,
        Period::Yearly => year,
    }
}

/// A dump of the model: second, id, complete, the volumes that it holds and those that it misses.
type Dump = (i64, String, bool, &'static str, &'static str);

/// Whether the dump at `index` stays.
fn stays(dumps: &[Dump], index: usize, policy: &Policy) -> bool {
    let (second, id, is_complete, volumes, _) = &dumps[index];
    if *second > NOW {
        return true;
    }
    let is_later = |other: &&Dump| (other.0, &other.1) > (*second, id);
    let is_earlier = |other: &&Dump| (other.0, &other.1) < (*second, id);
    let complete: Vec<&Dump> = dumps
        .iter()
        .filter(|dump| dump.2 && dump.0 <= NOW)
        .collect();
    let newer: Vec<&Dump> = complete.iter().copied().filter(is_later).collect();
    if newer.is_empty() {
        return true;
    }
    let newest = newer.iter().map(|dump| dump.0).max().unwrap_or_default();
    let is_within = |within: &Within| at(*second) >= within.before(at(newest));
    if policy.within.as_ref().is_some_and(is_within) {
        return true;
    }
    if !is_complete {
        return false;
    }
    if newer.len() < policy.last.unwrap_or(0) as usize {
        return true;
    }
    let newest = newer.iter().max_by_key(|dump| (dump.0, &dump.1));
    let missing = newest.map_or("", |dump| dump.4);
    let is_last = |volume: char| !newer.iter().any(|dump| dump.3.contains(volume));
    if volumes
        .chars()
        .any(|volume| missing.contains(volume) && is_last(volume))
    {
        return true;
    }
    Period::ALL.into_iter().any(|period| {
        let Some(places) = policy.places(period) else {
            return false;
        };
        let this = number(period, *second);
        let numbers = |dumps: &[&Dump]| -> BTreeSet<i64> {
            dumps.iter().map(|dump| number(period, dump.0)).collect()
        };
        let later_periods = numbers(&newer);
        let is_first = !later_periods.contains(&this) && later_periods.len() < places as usize;
        let is_oldest = !complete.iter().any(is_earlier);
        is_first || is_oldest && numbers(&complete).len() < places as usize
    })
}

/// Moments that fall together: the same second, hour or day, years apart, or in the future.
fn second() -> impl Strategy<Value = i64> {
    let near = (0..40_i64, 0..3_i64).prop_map(|(hours, odd)| NOW - hours * 1800 - odd);
    let far = (0..1500_i64, 0..DAY).prop_map(|(days, rest)| NOW - days * DAY - rest);
    let future = (1..DAY).prop_map(|ahead| NOW + ahead);
    prop_oneof![4 => near, 8 => far, 1 => future, 1 => Just(NOW)]
}

fn history() -> impl Strategy<Value = Vec<Dump>> {
    let volumes = || prop::sample::select(vec!["", "a", "b", "ab"]);
    let dump = (second(), prop::bool::weighted(0.8), volumes(), volumes());
    prop::collection::vec(dump, 0..60).prop_map(|dumps| {
        let numbered = dumps.into_iter().enumerate();
        let dump = |(number, (second, is_complete, holds, misses))| {
            (second, format!("{number:04}"), is_complete, holds, misses)
        };
        numbered.map(dump).collect()
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    let count = || prop::option::of(1..15_u32);
    let within = prop::option::of(
        (1..800_i64).prop_map(|days| Within::parse(&format!("{days}d")).expect("a length of time")),
    );
    (count(), within, count(), count(), count(), count(), count()).prop_map(
        |(last, within, hourly, daily, weekly, monthly, yearly)| Policy {
            last,
            within,
            hourly,
            daily,
            weekly,
            monthly,
            yearly,
        },
    )
}

fn candidates(dumps: &[Dump]) -> Vec<Candidate> {
    let names = |letters: &str| letters.chars().map(String::from).collect();
    let candidate = |(second, id, is_complete, volumes, missing): &Dump| Candidate {
        id: id.clone(),
        time: at(*second),
        is_complete: *is_complete,
        volumes: names(volumes),
        missing: names(missing),
    };
    dumps.iter().map(candidate).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_stays_is_what_the_model_says(dumps in history(), policy in policy()) {
        let rules = judge(&candidates(&dumps), &policy, at(NOW));
        for (index, dump) in dumps.iter().enumerate() {
            let stays = stays(&dumps, index, &policy);
            prop_assert_eq!(stays, !rules[index].is_empty(), "{:?}: {:?}", dump, rules[index]);
        }
    }

    #[test]
    fn nothing_more_goes_when_it_is_done_again_and_the_newest_complete_one_stays(
        dumps in history(), policy in policy(), day in 0..4000_i64,
    ) {
        let now = at(NOW - 2000 * DAY + day * DAY);
        let all = candidates(&dumps);
        let left = |dumps: &[Candidate]| -> Vec<Candidate> {
            let rules = judge(dumps, &policy, now);
            let kept = dumps.iter().zip(rules).filter(|(_, rules)| !rules.is_empty());
            kept.map(|(dump, _)| dump.clone()).collect()
        };
        let once = left(&all);
        prop_assert_eq!(&left(&once), &once);
        for dump in all.iter().filter(|dump| dump.time > now) {
            prop_assert!(once.contains(dump));
        }
        let past = all.iter().filter(|dump| dump.is_complete && dump.time <= now);
        if let Some(newest) = past.max_by_key(|dump| (dump.time, &dump.id)) {
            prop_assert!(once.contains(newest));
        }
    }
}

fn kept(dumps: &[(&str, bool)], policy: &Policy) -> Vec<String> {
    let dumps = dumps.iter().map(|(time, is_complete)| Candidate {
        id: (*time).to_owned(),
        time: time.parse().expect("a time"),
        is_complete: *is_complete,
        volumes: BTreeSet::new(),
        missing: BTreeSet::new(),
    });
    let dumps: Vec<Candidate> = dumps.collect();
    let told = dumps.iter().zip(judge(&dumps, policy, at(NOW)));
    told.map(|(dump, rules)| {
        let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
        format!("{} {}", &dump.id[..13], rules.join("; "))
    })
    .collect()
}

#[test]
fn each_dump_is_told_with_every_rule_that_keeps_it() {
    let dumps = [
        ("2026-12-01T00:00:00Z", true),
        ("2026-11-25T03:00:00Z", false),
        ("2026-11-24T23:00:00Z", true),
        ("2026-11-24T03:00:00Z", true),
        ("2026-11-23T03:00:00Z", false),
        ("2026-11-22T03:00:00Z", true),
        ("2026-10-03T03:00:00Z", true),
        ("2026-10-02T03:00:00Z", true),
    ];
    let policy = Policy {
        last: Some(1),
        daily: Some(2),
        monthly: Some(12),
        ..Policy::default()
    };
    assert_eq!(
        kept(&dumps, &policy),
        [
            "2026-12-01T00 dated in the future",
            "2026-11-25T03 no complete one is newer",
            "2026-11-24T23 newest complete; last 1; daily 1; monthly 1",
            "2026-11-24T03 ",
            "2026-11-23T03 ",
            "2026-11-22T03 daily 2",
            "2026-10-03T03 monthly 2",
            "2026-10-02T03 oldest, monthly has room",
        ]
    );
}

/// Each of the volumes that are missing now has a last dump of its own, in the future or not complete is none.
#[test]
fn the_last_dump_with_a_volume_that_is_missing_now_stays() {
    let history: [Dump; 7] = [
        (10, "1".to_owned(), true, "abc", ""),
        (20, "2".to_owned(), true, "abc", ""),
        (30, "3".to_owned(), true, "ac", ""),
        (40, "4".to_owned(), false, "ab", ""),
        (50, "5".to_owned(), true, "c", ""),
        (60, "6".to_owned(), true, "c", "ab"),
        (NOW + 1, "7".to_owned(), true, "abc", ""),
    ];
    let policy = Policy {
        last: Some(1),
        ..Policy::default()
    };
    let dumps = candidates(&history);
    let kept = dumps.iter().zip(judge(&dumps, &policy, at(NOW)));
    let kept = kept.filter(|(_, rules)| rules.contains(&Rule::HoldsMissing));
    let kept: Vec<&str> = kept.map(|(dump, _)| &dump.id[..]).collect();
    assert_eq!(kept, ["2", "3"]);
    assert_eq!(Vec::from_iter(lost(&dumps, at(NOW))), ["a", "b"]);
    // Back again, even if they are empty: the guard against what has shrunk is another one.
    assert!(lost(&dumps, at(NOW + 1)).is_empty());
}

#[test]
fn weeks_begin_on_monday_and_belong_to_the_year_of_their_thursday() {
    let week = |time: &str| Period::Weekly.of(time.parse().expect("a time"));
    assert_eq!(week("2026-12-28T00:00:00Z"), week("2027-01-03T23:59:59Z"));
    assert_ne!(week("2027-01-03T23:59:59Z"), week("2027-01-04T00:00:00Z"));
}

#[test]
fn a_series_without_a_complete_dump_loses_nothing() {
    let dumps = [
        ("2026-11-25T03:00:00Z", false),
        ("2020-01-01T03:00:00Z", false),
    ];
    let policy = Policy {
        last: Some(1),
        ..Policy::default()
    };
    assert!(
        kept(&dumps, &policy)
            .iter()
            .all(|told| told.ends_with("newer"))
    );
}
