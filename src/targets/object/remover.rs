//! Removes dumps from an object store, and what killed runs have left in it.
//!
//! The marker goes first, so that nothing half removed is ever listed. Before it, the object that stands for an
//! unfinished dump is written once more: whoever is killed in between leaves what [`StoreRemover::leftovers`]
//! finds. A leftover of another run is told from a run that goes on by its age alone.

use std::path::PathBuf;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};

use super::super::dumps::MARKER_EXTENSION;
use super::super::error::TargetError;
use super::super::hidden::{hidden, unhidden};
use super::super::remover::{Leftover, RunState};
use crate::archive::manifest::FILE_NAME;
use crate::codecs::Codec;
use crate::store::{Action, AnswerKind, Store, StoreError, Waiter};

/// How long nothing of an unfinished dump may have changed before its run is taken for over. An upload shows
/// nothing until it is complete, and a slow one takes days.
const OVER_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Objects that are removed at once.
const AT_ONCE: usize = 8;

/// A prefix from which something is to go. Every call blocks.
#[derive(Debug)]
pub struct StoreRemover {
    target: String,
    store: Store,
    waiter: Waiter,
}

impl StoreRemover {
    /// Must be made inside of a runtime.
    #[must_use]
    pub fn new(target: &str, store: &Store) -> Self {
        Self {
            target: target.to_owned(),
            store: store.clone(),
            waiter: Waiter::here(),
        }
    }

    /// Removes a dump: its marker, then everything below its name.
    ///
    /// # Errors
    /// When the marker cannot be removed, or is still there, which changes nothing; or other objects
    /// cannot: then it is no dump any more.
    pub fn directory(&self, dump: &str) -> Result<(), TargetError> {
        let marker = format!("{dump}/{FILE_NAME}");
        self.remove(dump.to_owned(), marker, Vec::new())
    }

    /// Removes an archive of these objects, its marker first.
    ///
    /// # Errors
    /// As [`Self::directory`].
    pub fn archive(&self, dump: &str, objects: Vec<String>) -> Result<(), TargetError> {
        let marker = format!("{dump}{MARKER_EXTENSION}");
        self.remove(dump.to_owned(), marker, objects)
    }

    fn remove(
        &self,
        dump: String,
        marker: String,
        objects: Vec<String>,
    ) -> Result<(), TargetError> {
        let store = self.store.clone();
        let is_gone = self.waiter.wait(async move {
            let claim = hidden(&dump);
            put(&store, &claim).await?;
            let unmarked = delete(&store, &marker).await;
            if unmarked.is_err() || store.pin(&marker).await?.is_some() {
                // Where nothing can be removed, it stays; it does no harm.
                let _ = delete(&store, &claim).await;
                return unmarked.map(|()| false);
            }
            let mut names: Vec<String> = below(&store, &dump)
                .await?
                .into_iter()
                .map(|(name, _)| name)
                .collect();
            names.extend(objects);
            delete_all(&store, names).await?;
            delete(&store, &claim).await?;
            Ok(true)
        });
        match is_gone {
            Ok(true) => Ok(()),
            Ok(false) => Err(TargetError::Retained {
                target: self.target.clone(),
            }),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// What runs have left behind or are writing.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub fn leftovers(&self) -> Result<Vec<Leftover>, TargetError> {
        let store = self.store.clone();
        let found = self.waiter.wait(async move {
            let there = top_level(&store).await?;
            let claims = there.iter().filter_map(|(name, _)| unhidden(name));
            let mut leftovers = Vec::new();
            for dump in claims {
                leftovers.push(look(&store, dump, &there).await?);
            }
            Ok(leftovers)
        });
        found.map_err(|error| self.failed(error))
    }

    /// Removes a leftover, unless its run may go on: then it is `false`.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn leftover(&self, leftover: &Leftover) -> Result<bool, TargetError> {
        let name = leftover.name.to_string_lossy().into_owned();
        let store = self.store.clone();
        let swept = self.waiter.wait(async move {
            let there = top_level(&store).await?;
            let Some(dump) = unhidden(&name) else {
                return Ok(false);
            };
            if look(&store, dump, &there).await?.state != RunState::Over {
                return Ok(false);
            }
            if !is_published(&store, dump, &there).await? {
                let mut names = archive_parts(dump, &there);
                names.extend(below(&store, dump).await?.into_iter().map(|(name, _)| name));
                delete_all(&store, names).await?;
            }
            delete(&store, &name).await?;
            Ok(true)
        });
        swept.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: StoreError) -> TargetError {
        TargetError::store(&self.target, error)
    }
}

/// A name below the prefix, and when the object was written.
type Found = (String, Timestamp);

fn found(store: &Store, object: &ObjectMeta) -> Found {
    let written = object.last_modified.timestamp();
    let written = Timestamp::from_second(written).unwrap_or(Timestamp::MAX);
    (store.below(&object.location), written)
}

/// The objects right below the prefix.
async fn top_level(store: &Store) -> Result<Vec<Found>, StoreError> {
    let root = Some(store.root()).filter(|root| !root.as_ref().is_empty());
    let request = || store.objects().list_with_delimiter(root);
    let listed = store.again(Action::List, "", request).await?;
    Ok(listed
        .objects
        .iter()
        .map(|object| found(store, object))
        .collect())
}

/// The objects below a dump's name.
async fn below(store: &Store, dump: &str) -> Result<Vec<Found>, StoreError> {
    let path = store.path(dump)?;
    let request = || async {
        let objects = store.objects().list(Some(&path));
        objects
            .map_ok(|object| found(store, &object))
            .try_collect()
            .await
    };
    store.again(Action::List, dump, request).await
}

/// Objects right below the prefix that are an archive of that name, or segments of one.
fn archive_parts(dump: &str, there: &[Found]) -> Vec<String> {
    let is_part = |name: &&String| {
        let rest = name.strip_prefix(dump);
        rest.is_some_and(|rest| {
            let mut extensions = Codec::tar_extensions();
            extensions.any(|extension| {
                let segment = rest.strip_prefix(extension);
                segment.is_some_and(|segment| segment.is_empty() || is_segment(segment))
            })
        })
    };
    there
        .iter()
        .map(|(name, _)| name)
        .filter(is_part)
        .cloned()
        .collect()
}

/// `.0001` and on.
fn is_segment(extension: &str) -> bool {
    let digits = extension.strip_prefix('.');
    digits.is_some_and(|digits| {
        digits.len() >= 4 && digits.bytes().all(|digit| digit.is_ascii_digit())
    })
}

async fn is_published(store: &Store, dump: &str, there: &[Found]) -> Result<bool, StoreError> {
    let marker = format!("{dump}{MARKER_EXTENSION}");
    if there.iter().any(|(name, _)| *name == marker) {
        return Ok(true);
    }
    let manifest = format!("{dump}/{FILE_NAME}");
    Ok(store.pin(&manifest).await?.is_some())
}

async fn look(store: &Store, dump: &str, there: &[Found]) -> Result<Leftover, StoreError> {
    let claim = hidden(dump);
    let parts = archive_parts(dump, there);
    let of_top = there
        .iter()
        .filter(|(name, _)| *name == claim || parts.contains(name));
    let below = below(store, dump).await?;
    let written = of_top.chain(&below).map(|(_, written)| *written).max();
    // By the store's clock: it wrote the times.
    let now = Timestamp::now()
        .saturating_sub(store.clock().ahead())
        .unwrap_or(Timestamp::MIN);
    let is_over = written.is_none_or(|written| now.duration_since(written) > OVER_AFTER);
    Ok(Leftover {
        path: PathBuf::from(store.place(&claim)),
        archive: None,
        state: if is_over {
            RunState::Over
        } else {
            RunState::Recent
        },
        name: claim.into(),
    })
}

async fn put(store: &Store, name: &str) -> Result<(), StoreError> {
    let path = store.path(name)?;
    let request = || {
        store
            .objects()
            .put(&path, PutPayload::from_static(b"removal\n"))
    };
    store.again(Action::Write, name, request).await.map(drop)
}

/// Removes an object; one that is not there is fine.
async fn delete(store: &Store, name: &str) -> Result<(), StoreError> {
    let path = store.path(name)?;
    let request = || store.objects().delete(&path);
    match store.again(Action::Delete, name, request).await {
        Err(error)
            if error
                .answer()
                .is_none_or(|answer| answer.kind != AnswerKind::Missing) =>
        {
            Err(error)
        }
        _ => Ok(()),
    }
}

async fn delete_all(store: &Store, names: Vec<String>) -> Result<(), StoreError> {
    let requests = stream::iter(names).map(|name| async move { delete(store, &name).await });
    requests.buffer_unordered(AT_ONCE).try_collect().await
}
