//! A dump's whole way through an object store, which is one in memory: written, listed, read, removed.

use std::sync::Arc;

use futures_util::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::*;
use crate::bridge;
use crate::executor::draft::target_spec;
use crate::executor::samples::whole::{Shape, everything, target};
use crate::store::Store;
use crate::stored::dumps::Listed;
use crate::stored::objects::{Depth, archive_objects, list};
use crate::stored::{Dump, OpenError, Verdicts};
use crate::targets::Shared;
use crate::targets::open::{Format, open_in_store};
use crate::targets::remover::{RunState, StoreRemover};

struct There {
    client: Arc<InMemory>,
    store: Store,
    scratch: tempfile::TempDir,
}

impl There {
    fn new() -> Self {
        let client = Arc::new(InMemory::new());
        Self {
            store: Store::new(Arc::clone(&client), Path::from("host"), "s3://b/host"),
            client,
            scratch: tempfile::tempdir().expect("a folder"),
        }
    }

    /// Dumps everything under a name.
    async fn dump(&self, format: Format, codec: Codec, name: &'static str) {
        let mut stage = everything();
        stage.plan.targets = vec![target(self.scratch.path(), Shape::Archive, codec)];
        let world = stage.world();
        let plan = Arc::new(stage.plan.clone());
        let spec = target_spec(&plan, &plan.targets[0], &world.run);
        let shared = Shared::new(world.cancel.clone());
        let store = self.store.clone();
        let opened = bridge::blocking("opening", move || {
            open_in_store(&spec, store, (format, name), &shared)
        });
        let writer = opened.await.expect("it runs").expect("it can be written");
        let targets = Targets {
            open: vec![(plan.targets[0].name.clone(), writer)],
            ..Targets::default()
        };
        let report = dump_to(plan, world, targets).await;
        let place = report.targets[0].dump.as_deref().unwrap_or_default();
        assert!(
            place.starts_with(&format!("s3://b/host/{name}")),
            "{report:?}"
        );
    }

    fn verify(&self, name: &str) -> Result<Verdicts, OpenError> {
        let mut dump = Dump::open_in_store(&self.store, name, self.scratch.path())?;
        Ok(dump.verify(&mut |_| {})?)
    }

    fn listed(&self) -> Vec<Listed> {
        list(&self.store, Depth::Prefix)
            .expect("it can be listed")
            .dumps
    }

    async fn objects(&self) -> Vec<Path> {
        let objects = self.client.list(None).map_ok(|object| object.location);
        objects.try_collect().await.expect("it can be listed")
    }

    /// Each object with one bit of it changed, and each object gone, is found.
    async fn damage_is_found(&self, name: &str) {
        for path in self.objects().await {
            let got = self.client.get(&path).await.expect("it is there");
            let content = got.bytes().await.expect("it is there").to_vec();
            let mut flipped = content.clone();
            let middle = flipped.len() / 2;
            flipped[middle] ^= 4;
            self.client
                .put(&path, flipped.into())
                .await
                .expect("it is memory");
            let verdicts = self.verify(name);
            assert!(
                !verdicts.is_ok_and(|verdicts| verdicts.is_sound()),
                "{path}"
            );
            self.client.delete(&path).await.expect("it is there");
            let verdicts = self.verify(name);
            assert!(
                !verdicts.is_ok_and(|verdicts| verdicts.is_sound()),
                "{path}"
            );
            self.client
                .put(&path, content.into())
                .await
                .expect("it is memory");
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime")
}

#[test]
fn what_is_written_to_a_store_is_listed_read_and_removed() {
    for (format, codec) in [
        (Format::Directory, Codec::Zst),
        (Format::Directory, Codec::None),
        (Format::Archive, Codec::Zst),
    ] {
        let there = There::new();
        runtime().block_on(async {
            there.dump(format, codec, "first").await;
            there.dump(format, codec, "second").await;
            // Both were begun at the same moment, so that their ids alone say which comes first.
            let mut listed = there.listed();
            listed.sort_by(|one, other| one.name.cmp(&other.name));
            let names: Vec<_> = listed.iter().map(|dump| dump.name.clone()).collect();
            assert_eq!(names, ["first", "second"]);
            assert!(listed[0].raw_bytes > 100_000 && listed[0].bytes > 50_000);
            for name in ["first", "second"] {
                let verdicts = there.verify(name).expect("it can be opened");
                let faults: Vec<_> = verdicts.faults().collect();
                assert!(verdicts.is_sound(), "{format:?} {codec}: {faults:#?}");
            }

            let remover = StoreRemover::new("offsite", &there.store);
            let archive = archive_objects(&there.store, &listed[1]).expect("it can be read");
            let archive = archive.expect("it is the same");
            match format {
                Format::Directory => remover.directory("second"),
                Format::Archive => remover.archive("second", archive),
            }
            .expect("it can be removed");
            let left = there.objects().await;
            assert!(
                !left.iter().any(|path| path.as_ref().contains("second")),
                "{left:?}"
            );
            assert_eq!(there.listed(), listed[..1]);
            there.damage_is_found("first").await;
        });
    }
}

#[test]
fn what_nobody_names_is_found_and_an_unfinished_dump_is_a_leftover_when_it_is_old() {
    let there = There::new();
    runtime().block_on(async {
        there.dump(Format::Directory, Codec::Zst, "whole").await;
        let put = |name: &str| {
            let path = there.store.path(name).expect("a name");
            let client = Arc::clone(&there.client);
            async move { client.put(&path, "x".into()).await.expect("it is memory") }
        };
        put("whole/volumes/project/more.tar").await;
        let verdicts = there.verify("whole").expect("it can be opened");
        assert!(!verdicts.is_sound());
        put(".compose-dump-half.partial").await;
        put("half/volumes/project/db.tar").await;
        assert_eq!(there.listed().len(), 1);
        let remover = StoreRemover::new("offsite", &there.store);
        let leftovers = remover.leftovers().expect("it can be listed");
        assert_eq!(leftovers.len(), 1);
        assert_eq!(leftovers[0].state, RunState::Recent);
        assert!(
            !remover
                .leftover(&leftovers[0])
                .expect("it can be looked at")
        );
        assert!(
            there
                .objects()
                .await
                .iter()
                .any(|path| path.as_ref() == "host/half/volumes/project/db.tar")
        );
    });
}
