//! Dumps in an object store: listed, opened, read and checked.
//!
//! Below a prefix a dump is `<name>/Manifest.yml` with objects below `<name>/`, or an archive with
//! `<name>.manifest.yml`. What is longer than one object may be is several, which the manifest lists. An archive is
//! checked as one on a disk is; of a dump of objects, trees are tars, which `check` shows to the same check,
//! and every other member is an object of its own. All of it blocks, by [`crate::store::Waiter`].

mod check;
mod list;
mod open;

pub use list::{Depth, archive_objects, list};

use std::io;
use std::sync::Arc;

use super::Fault;
use super::section::{Section, Whole};
use crate::archive::manifest::Manifest;
use crate::archive::manifest::model::Segment;
use crate::store::{Joined, ObjectReader, Pinned, Store, StoreError, Waiter};

pub(super) use check::check;

/// A dump of objects.
pub(super) struct Objects {
    store: Store,
    waiter: Waiter,
    /// Its name below the prefix.
    dump: String,
}

impl Objects {
    /// The content that is stored under a path of the dump, and its length.
    pub(super) fn content(
        &self,
        manifest: &Manifest,
        path: &str,
    ) -> Result<(ObjectReader, u64), Fault> {
        let joined = self.joined(manifest, path)?;
        Ok((joined.reader(0), joined.bytes()))
    }

    /// What is stored under a path of the dump, to be read in pieces.
    pub(super) fn section(&self, manifest: &Manifest, path: &str) -> Result<Section, Fault> {
        let joined = self.joined(manifest, path)?;
        let bytes = joined.bytes();
        Ok(Section::of(&Whole::Objects(Arc::new(joined)), 0, bytes))
    }

    fn joined(&self, manifest: &Manifest, path: &str) -> Result<Joined, Fault> {
        let segments = manifest.segments.get(path);
        let in_dump = |path: &str| format!("{}/{path}", self.dump);
        let pinned = pin_all(&self.store, &self.waiter, &in_dump(path), segments, in_dump)?;
        Ok(Joined::new(&self.store, &self.waiter, pinned))
    }
}

/// Looks at an object, or at the segments that it is made of.
fn pin_all(
    store: &Store,
    waiter: &Waiter,
    whole: &str,
    segments: Option<&Vec<Segment>>,
    name: impl Fn(&str) -> String,
) -> Result<Vec<Pinned>, Fault> {
    let pin = |name: String| -> Result<Pinned, Fault> {
        let store = store.clone();
        let found = waiter.wait(async move { store.pin(&name).await });
        found.map_err(read_fault)?.ok_or(Fault::Missing)
    };
    let Some(segments) = segments else {
        return Ok(vec![pin(whole.to_owned())?]);
    };
    let mut pinned = Vec::new();
    for segment in segments {
        let found = pin(name(&segment.path))?;
        if found.bytes != segment.bytes {
            let (found, expected) = (found.bytes, segment.bytes);
            return Err(Fault::Length { found, expected });
        }
        pinned.push(found);
    }
    Ok(pinned)
}

fn read_fault(error: StoreError) -> Fault {
    Fault::Read(io::Error::other(error))
}
