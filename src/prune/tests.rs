//! Removing from a real S3 server when the network, the key or a clock fails: nothing is ever listed
//! half, and nothing that is none of ours goes.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use tokio::runtime::Runtime;

use super::{Keeping, Place, Pruned, Swept, plan};
use crate::archive::manifest::model::{ArchiveFile, Meta, Series};
use crate::archive::manifest::{Draft, Sha256Digest, StoredDump, samples};
use crate::retention::{Policy, Share};
use crate::store::tests::script::{Fault, Step};
use crate::store::tests::server::{PATIENCE, S3Server};
use crate::targets::TargetError;

/// What is at the target and no dump of the series, with names as near as can be.
const FOREIGN: [&str; 7] = [
    "p/notes.txt",
    "p/old-tree-of-mine/file",
    "p/old-tree.tar",
    "p/old-archive/unpacked",
    "p/old-archive.tar.gz",
    "p/old-archive.tar.bak",
    "q/old-tree/Manifest.yml",
];

struct Bench {
    server: S3Server,
    runtime: Runtime,
    place: Place,
}

impl Bench {
    /// A prefix with two old dumps, one of each format, a new one, one of another project, and foreign
    /// objects.
    fn new() -> Self {
        let server = S3Server::start();
        let place = Place::Store {
            target: "offsite".to_owned(),
            store: server.store("p", PATIENCE),
        };
        let this = Self {
            server,
            runtime: Runtime::new().unwrap(),
            place,
        };
        this.tree("old-tree", "2026-01-01T00:00:00Z", None);
        this.archive("old-archive", "2026-01-02T00:00:00Z");
        this.tree("new", "2026-01-03T00:00:00Z", None);
        this.tree("theirs", "2026-01-01T00:00:00Z", Some("db-1/shop/99"));
        for name in FOREIGN {
            this.server.place(name, b"mine");
        }
        this
    }

    fn draft(name: &str, time: &str, project: Option<&str>) -> Draft {
        let minimal = samples::minimal();
        let project = project.unwrap_or(&minimal.series.project).to_owned();
        Draft {
            id: name.to_owned(),
            series: Series {
                project,
                ..minimal.series
            },
            meta: Meta {
                invocation_time: time.parse().unwrap(),
                ..minimal.meta
            },
            ..minimal
        }
    }

    fn tree(&self, name: &str, time: &str, project: Option<&str>) {
        let draft = Self::draft(name, time, project);
        let manifest = draft.render(&StoredDump::default()).unwrap();
        let put = |path: &str, content: &[u8]| {
            let object = format!("p/{name}/{path}");
            self.server.place(&object, content);
        };
        put("Manifest.yml", &manifest);
        put("config.tar", b"config");
        put("volumes/project/db.tar", b"volume");
    }

    fn archive(&self, name: &str, time: &str) {
        let file = format!("{name}.tar");
        let stored = StoredDump {
            archive: Some(ArchiveFile {
                file: file.clone(),
                bytes: 7,
                sha256: Sha256Digest::of(b"archive"),
            }),
            ..StoredDump::default()
        };
        let marker = Self::draft(name, time, None).render(&stored).unwrap();
        self.server.place(&format!("p/{file}"), b"archive");
        self.server
            .place(&format!("p/{name}.manifest.yml"), &marker);
    }

    fn at<T>(&self, work: impl FnOnce(&Place) -> T) -> T {
        // As commands do it, on the thread that the runtime was started from.
        self.runtime.block_on(async { work(&self.place) })
    }

    fn listed(&self) -> Vec<String> {
        let listing = self.at(|place| place.list().unwrap());
        let names = listing.dumps.iter();
        names.map(|dump| dump.id.clone()).collect()
    }

    /// Keeps the newest dump of the series.
    fn prune(&self, now: Timestamp) -> Pruned {
        let keeping = Keeping {
            project: samples::minimal().series.project,
            jobs: vec![("default".to_owned(), Share::HALF)],
            policy: Policy {
                last: Some(1),
                ..Policy::default()
            },
        };
        self.at(|place| {
            let dumps = place.list().unwrap().dumps;
            place.prune(&plan(&dumps, &keeping, now)).unwrap()
        })
    }

    fn sweep(&self) -> Vec<Swept> {
        let swept = self.at(|place| place.sweep(place.leftovers().unwrap()).unwrap());
        swept.into_iter().map(|(_, swept)| swept).collect()
    }

    /// Objects of old dumps that are still there.
    fn old(&self) -> Vec<String> {
        let objects = self.objects();
        let is_ours = |name: &&String| !FOREIGN.contains(&name.as_str());
        let names = objects.keys().filter(is_ours);
        let is_old = |name: &&String| name.contains("old-");
        names.filter(is_old).cloned().collect()
    }

    /// All objects; foreign ones, the new dump and that of others are all there.
    fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let objects = self.server.objects();
        for name in FOREIGN {
            assert!(objects.contains_key(name), "{name}");
        }
        for dump in ["new", "theirs"] {
            let below = format!("p/{dump}/");
            let count = objects
                .keys()
                .filter(|name| name.starts_with(&below))
                .count();
            assert_eq!(count, 3, "{dump}");
        }
        objects
    }
}

fn in_time() -> Timestamp {
    "2026-02-01T00:00:00Z".parse().unwrap()
}

#[test]
fn what_passes_costs_nothing_and_foreign_objects_stay() {
    for fault in [Fault::Busy, Fault::TooMany, Fault::Reset, Fault::LostAnswer] {
        for (step, nth) in [
            (Step::List, 2),
            (Step::Claim, 1),
            (Step::Look, 1),
            (Step::Remove, 1),
            (Step::Remove, 3),
        ] {
            let bench = Bench::new();
            bench.server.script.set(step, fault, nth);
            let pruned = bench.prune(in_time());
            let what = format!("{fault:?} {step:?} {nth}");
            assert!(bench.server.script.has_struck(), "{what}");
            assert_eq!(pruned.failed.len(), 0, "{what}: {:?}", pruned.failed);
            assert_eq!(pruned.removed.len(), 2, "{what}");
            assert_eq!(bench.old(), [""; 0], "{what}");
            assert_eq!(bench.listed(), ["theirs", "new"], "{what}");
        }
    }
}

#[test]
fn a_removal_that_ends_behind_the_marker_leaves_no_half_dump_and_is_taken_up_again() {
    for (nth, listed) in [
        // The first marker goes, what it was the marker of does not.
        (2, &["theirs", "old-archive", "new"][..]),
        // The marker itself does not.
        (1, &["old-tree", "theirs", "old-archive", "new"]),
    ] {
        let bench = Bench::new();
        bench.server.script.set(Step::Remove, Fault::Down, nth);
        let pruned = bench.prune(in_time());
        assert_eq!(pruned.removed.len(), 0);
        assert_eq!(pruned.failed.len(), 2);
        let mut found = bench.listed();
        found.sort();
        let mut listed = listed.to_vec();
        listed.sort_unstable();
        assert_eq!(found, listed);
        assert!(!bench.old().is_empty());

        // Nobody can tell yet that whoever removes is not at it.
        bench.server.script.clear();
        let swept = bench.sweep();
        assert!(swept.iter().all(|swept| matches!(swept, Swept::Left)));
        assert!(!swept.is_empty());
        // A week later by the store's clock, which wrote the times.
        bench.server.is_ahead(SignedDuration::from_hours(8 * 24));
        let swept = bench.sweep();
        assert!(swept.iter().all(|swept| matches!(swept, Swept::Removed)));
        let claims = bench.objects();
        let claims = claims.keys().filter(|name| name.ends_with(".partial"));
        assert_eq!(claims.count(), 0);
        let rest = bench.prune(in_time());
        assert_eq!(rest.failed.len(), 0, "{:?}", rest.failed);
        assert_eq!(bench.old(), [""; 0]);
        assert_eq!(bench.listed(), ["theirs", "new"]);
    }
}

#[test]
fn a_key_that_may_not_remove_changes_nothing() {
    for fault in [Fault::Denied, Fault::Expired] {
        let bench = Bench::new();
        let before = bench.objects();
        bench.server.script.set(Step::Remove, fault, 1);
        let pruned = bench.prune(in_time());
        assert_eq!((pruned.removed.len(), pruned.failed.len()), (0, 2));
        bench.server.script.clear();
        assert_eq!(bench.listed().len(), 4, "{fault:?}");
        let after = bench.objects();
        let still = |(name, content): (&String, &Vec<u8>)| after.get(name) == Some(content);
        assert!(before.iter().all(still), "{fault:?}");
    }
}

#[test]
fn a_dump_of_the_future_stays_and_keeps_no_other_one_from_staying() {
    let bench = Bench::new();
    bench.tree("future", "2200-01-01T00:00:00Z", None);
    let pruned = bench.prune(in_time());
    assert_eq!(pruned.failed.len(), 0, "{:?}", pruned.failed);
    assert_eq!(bench.listed(), ["theirs", "new", "future"]);
    // Our clock is behind: all but the first dump are of the future.
    let bench = Bench::new();
    let behind = "2026-01-01T12:00:00Z".parse().unwrap();
    assert_eq!(bench.prune(behind).removed.len(), 0);
    assert_eq!(bench.listed().len(), 4);
}

#[test]
fn a_clock_that_is_an_hour_off_the_stores_is_told() {
    let bench = Bench::new();
    let check = || {
        bench.at(|place| {
            place.list().unwrap();
            place.check_clock()
        })
    };
    check().unwrap();
    for hours in [1, -1] {
        bench.server.is_ahead(SignedDuration::from_hours(hours));
        let error = check().unwrap_err();
        assert!(matches!(error, TargetError::Clock { .. }), "{error}");
    }
    bench.server.is_ahead(SignedDuration::from_mins(10));
    check().unwrap();
}
