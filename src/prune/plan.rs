//! Which dumps of a target go, as a value. Pure.

use jiff::Timestamp;

use crate::retention::{self, Candidate, Policy, Rule, Share, Shrunk, shrunk};
use crate::stored::dumps::Listed;

/// What is kept at a target, and whose dumps that is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeping {
    /// The project's id.
    pub project: String,
    /// Its jobs, each with its `shrink_guard`. Dumps of other jobs are left alone, those of a `backup` by
    /// hand among them.
    pub jobs: Vec<(String, Share)>,
    /// Which of their dumps stay.
    pub policy: Policy,
}

/// What is to be done at a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrunePlan {
    /// The series that have dumps there, in the order of the jobs.
    pub series: Vec<SeriesPlan>,
}

/// What is to be done with the dumps of one series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesPlan {
    /// The job.
    pub job: String,
    /// The newest dump holds too little for others to be removed: then all stay.
    pub shrunk: Option<Shrunk>,
    /// Volumes that the newest dump was to hold and that were not there, although an older dump holds them. That one
    /// stays.
    pub lost: Vec<String>,
    /// Every dump, the oldest first.
    pub dumps: Vec<Judged>,
}

/// A dump and what keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The dump.
    pub dump: Listed,
    /// What keeps it; nothing for one that goes.
    pub rules: Vec<Rule>,
}

impl PrunePlan {
    /// The dumps that go.
    pub fn going(&self) -> impl Iterator<Item = &Listed> {
        let open = self.series.iter().filter(|series| series.shrunk.is_none());
        let dumps = open.flat_map(|series| &series.dumps);
        dumps
            .filter(|judged| judged.rules.is_empty())
            .map(|judged| &judged.dump)
    }

    /// Whether a series has dumps that stay because something seems to be lost.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        let is_guarded = |series: &SeriesPlan| series.shrunk.is_some() || !series.lost.is_empty();
        self.series.iter().any(is_guarded)
    }
}

/// Judges the dumps of a target, listed the oldest first, at the time `now`.
#[must_use]
pub fn plan(dumps: &[Listed], keeping: &Keeping, now: Timestamp) -> PrunePlan {
    let series = keeping.jobs.iter().filter_map(|(job, guard)| {
        let is_of_series =
            |dump: &&Listed| dump.series.project == keeping.project && dump.series.job == *job;
        let dumps: Vec<&Listed> = dumps.iter().filter(is_of_series).collect();
        (!dumps.is_empty()).then(|| SeriesPlan::new(job, &dumps, (&keeping.policy, *guard), now))
    });
    PrunePlan {
        series: series.collect(),
    }
}

impl SeriesPlan {
    fn new(job: &str, dumps: &[&Listed], keep: (&Policy, Share), now: Timestamp) -> Self {
        let (policy, guard) = keep;
        let mut candidates: Vec<Candidate> = dumps.iter().map(|dump| candidate(dump)).collect();
        if guard.is_off() {
            for candidate in &mut candidates {
                candidate.missing.clear();
            }
        }
        let rules = retention::judge(&candidates, policy, now);
        let past = candidates
            .iter()
            .zip(dumps)
            .filter(|(dump, _)| dump.time <= now);
        let sizes = past.map(|(candidate, dump)| (candidate, dump.raw_bytes));
        let judged = dumps.iter().zip(rules).map(|(dump, rules)| Judged {
            dump: (*dump).clone(),
            rules,
        });
        Self {
            job: job.to_owned(),
            shrunk: shrunk(sizes, guard),
            lost: retention::lost(&candidates, now).into_iter().collect(),
            dumps: judged.collect(),
        }
    }
}

fn candidate(dump: &Listed) -> Candidate {
    Candidate {
        id: dump.id.clone(),
        time: dump.invoked,
        is_complete: dump.is_complete,
        volumes: dump.volumes.clone(),
        missing: dump.missing_volumes.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::archive::manifest::model::Series;
    use crate::stored::Form;

    fn listed(name: &str, series: (&str, &str), second: i64, raw_bytes: u64) -> Listed {
        Listed {
            name: name.into(),
            path: name.into(),
            form: Form::Directory,
            id: name.to_owned(),
            project: String::new(),
            series: Series {
                project: series.0.to_owned(),
                job: series.1.to_owned(),
            },
            invoked: Timestamp::from_second(second).expect("a second"),
            bytes: 0,
            raw_bytes,
            members: 0,
            is_complete: true,
            volumes: BTreeSet::new(),
            missing_volumes: BTreeSet::new(),
        }
    }

    fn keeping() -> Keeping {
        Keeping {
            project: "p".to_owned(),
            jobs: ["default", "hourly"]
                .map(|job| (job.to_owned(), Share::HALF))
                .to_vec(),
            policy: Policy {
                last: Some(1),
                ..Policy::default()
            },
        }
    }

    fn going(dumps: &[Listed]) -> Vec<String> {
        let now = Timestamp::from_second(100).expect("a second");
        let plan = plan(dumps, &keeping(), now);
        let names = plan.going().map(|dump| dump.id.clone());
        names.collect()
    }

    #[test]
    fn each_series_is_judged_by_itself_and_no_other_ones_dumps_go() {
        let dumps = [
            listed("a", ("p", "default"), 1, 10),
            listed("b", ("p", "hourly"), 2, 1),
            listed("c", ("p", "default"), 3, 10),
            listed("d", ("p", "hourly"), 4, 1),
            listed("by hand", ("p", "manual"), 5, 1),
            listed("by hand too", ("p", "manual"), 6, 1),
            listed("another project's", ("q", "default"), 7, 1),
            listed("its newest", ("q", "default"), 8, 1),
        ];
        assert_eq!(going(&dumps), ["a", "b"]);
    }

    #[test]
    fn a_series_whose_newest_dump_has_shrunk_loses_nothing_and_others_do() {
        let dumps = [
            listed("a", ("p", "default"), 1, 10),
            listed("b", ("p", "default"), 2, 10),
            listed("shrunk", ("p", "default"), 3, 4),
            // One of the future shrinks nothing.
            listed("later", ("p", "default"), 101, 1),
            listed("c", ("p", "hourly"), 1, 1),
            listed("d", ("p", "hourly"), 2, 1),
        ];
        assert_eq!(going(&dumps), ["c"]);
        let grown = listed("grown", ("p", "default"), 4, 10);
        let dumps: Vec<Listed> = dumps.into_iter().chain([grown]).collect();
        assert_eq!(going(&dumps), ["a", "b", "shrunk", "c"]);
    }

    #[test]
    fn the_last_dump_with_a_lost_volume_stays_until_the_guard_is_switched_off() {
        let mut dumps = [1, 2, 3].map(|second| {
            let name = format!("{second}");
            listed(&name, ("p", "default"), second, 10)
        });
        dumps[0].volumes.insert("db".to_owned());
        dumps[2].missing_volumes.insert("db".to_owned());
        assert_eq!(going(&dumps), ["2"]);
        let now = Timestamp::from_second(100).expect("a second");
        let mut keeping = keeping();
        let guarded = plan(&dumps, &keeping, now);
        assert!(guarded.is_guarded());
        assert_eq!(guarded.series[0].lost, ["db"]);
        keeping.jobs[0].1 = Share::parse("0%").expect("a share");
        let open = plan(&dumps, &keeping, now);
        assert!(!open.is_guarded());
        assert_eq!(open.going().count(), 2);
    }
}
