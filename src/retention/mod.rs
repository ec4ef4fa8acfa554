//! Which dumps of a series stay: pure, from what their manifests say, a policy, and the time.
//!
//! Nothing here knows targets, files or configuration. [`judge`] gives each dump the rules that keep
//! it, the same for a dry run and a real one; whoever has none is removed. Some things hold for any policy:
//! the newest complete dump stays, and the last one with what it misses; a dump that is dated in the future stays; and
//! only complete dumps fill places. All periods are those of UTC.

mod period;
mod policy;
mod shrink;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;

pub use period::Period;
pub use policy::{Policy, Within, WithinError};
pub use shrink::{Share, Shrunk, shrunk};

/// What counts of a dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its unique id.
    pub id: String,
    /// When it was begun, as its manifest says.
    pub time: Timestamp,
    /// Whether everything that was planned is in it.
    pub is_complete: bool,
    /// The volumes that it holds.
    pub volumes: BTreeSet<String>,
    /// Those that it was to hold, and that were not there.
    pub missing: BTreeSet<String>,
}

/// What keeps a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// It is the newest complete one.
    Newest,
    /// It is dated in the future: nobody can say how old it is.
    Future,
    /// It is not complete, and no later one is.
    NothingNewer,
    /// It is the newest complete one that holds a volume which the newest complete one was to hold, too.
    HoldsMissing,
    /// `last`: the how manieth of the newest, from 1.
    Last(u32),
    /// `within`.
    Within,
    /// The newest of its hour, day, week, month or year: of which, counted from the newest, from 1.
    Newer(Period, u32),
    /// The oldest, while a period has places that no dump fills yet.
    Oldest(Period),
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newest => formatter.write_str("newest complete"),
            Self::Future => formatter.write_str("dated in the future"),
            Self::NothingNewer => formatter.write_str("no complete one is newer"),
            Self::HoldsMissing => {
                formatter.write_str("the last one with a volume that is missing now")
            }
            Self::Last(number) => write!(formatter, "last {number}"),
            Self::Within => formatter.write_str("within"),
            Self::Newer(period, number) => write!(formatter, "{period} {number}"),
            Self::Oldest(period) => write!(formatter, "oldest, {period} has room"),
        }
    }
}

/// The rules that keep each dump of one series, in the order of `dumps`; none for one that goes.
#[must_use]
pub fn judge(dumps: &[Candidate], policy: &Policy, now: Timestamp) -> Vec<Vec<Rule>> {
    let mut rules = vec![Vec::new(); dumps.len()];
    let (future, past): (Vec<usize>, Vec<usize>) = newest_first(dumps)
        .into_iter()
        .partition(|&at| dumps[at].time > now);
    for at in future {
        rules[at].push(Rule::Future);
    }
    let complete: Vec<usize> = past
        .iter()
        .copied()
        .filter(|&at| dumps[at].is_complete)
        .collect();
    let newest = complete.first().copied();
    for &at in past.iter().take_while(|&&at| Some(at) != newest) {
        rules[at].push(Rule::NothingNewer);
    }
    let Some(newest) = newest else { return rules };
    rules[newest].push(Rule::Newest);
    for (at, _) in holders(dumps, &complete) {
        rules[at].push(Rule::HoldsMissing);
    }
    for (number, &at) in (1..=policy.last.unwrap_or(0)).zip(&complete) {
        rules[at].push(Rule::Last(number));
    }
    if let Some(within) = &policy.within {
        // Counted from the newest dump and not from now: a series that has come to a stop, or a clock
        // that has jumped ahead, costs no dump.
        let begins = within.before(dumps[newest].time);
        for &at in past.iter().filter(|&&at| dumps[at].time >= begins) {
            rules[at].push(Rule::Within);
        }
    }
    for period in Period::ALL {
        let Some(places) = policy.places(period) else {
            continue;
        };
        for (at, rule) in of_period(dumps, &complete, period, places) {
            rules[at].push(rule);
        }
    }
    rules
}

/// The volumes that the newest complete dump was to hold and that an older complete one holds: they were there once. Of
/// dumps of the past, as [`judge`] sees them.
#[must_use]
pub fn lost(dumps: &[Candidate], now: Timestamp) -> BTreeSet<String> {
    let mut complete = newest_first(dumps);
    complete.retain(|&at| dumps[at].is_complete && dumps[at].time <= now);
    let lost = holders(dumps, &complete).into_iter();
    lost.flat_map(|(_, volumes)| volumes).cloned().collect()
}

fn newest_first(dumps: &[Candidate]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..dumps.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse((dumps[at].time, &dumps[at].id)));
    order
}

/// Who holds last what the newest complete dump misses, and what that is, in the order of `complete`: the newest first.
fn holders<'d>(dumps: &'d [Candidate], complete: &[usize]) -> Vec<(usize, Vec<&'d String>)> {
    let Some((&newest, older)) = complete.split_first() else {
        return Vec::new();
    };
    let newest = &dumps[newest];
    let mut missing: BTreeSet<&String> = newest.missing.difference(&newest.volumes).collect();
    let mut holders = Vec::new();
    for &at in older {
        let held = dumps[at].volumes.iter();
        let held: Vec<&String> = held.filter(|volume| missing.remove(volume)).collect();
        if !held.is_empty() {
            holders.push((at, held));
        }
    }
    holders
}

/// The newest complete dump of each of the newest periods that have one. While there are fewer periods
/// than places, the oldest dump stays as well: else the first of many would be gone before the
/// second month begins.
fn of_period(
    dumps: &[Candidate],
    complete: &[usize],
    period: Period,
    places: u32,
) -> Vec<(usize, Rule)> {
    let mut kept = Vec::new();
    let mut last = None;
    let mut filled = 0;
    for &at in complete {
        let this = period.of(dumps[at].time);
        if filled < places && last != Some(this) {
            filled += 1;
            last = Some(this);
            kept.push((at, Rule::Newer(period, filled)));
        }
    }
    if let Some(&oldest) = complete.last()
        && filled < places
        && kept.last().is_none_or(|&(at, _)| at != oldest)
    {
        kept.push((oldest, Rule::Oldest(period)));
    }
    kept
}
