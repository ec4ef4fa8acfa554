//! Removes dumps from an object store, and what killed runs have left in it.
//!
//! The marker goes first, so that nothing half removed is ever listed. Before it, the object that stands for an
//! unfinished dump is written once more, with what is to go: whoever is killed in between leaves what
//! [`StoreRemover::leftovers`] finds. A leftover of another run is told from a run that goes on by its age
//! alone.

use std::path::PathBuf;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use object_store::{ObjectMeta, ObjectStore};

use super::super::dumps::MARKER_EXTENSION;
use super::super::error::TargetError;
use super::super::hidden::{hidden, unhidden};
use super::super::remover::{Leftover, RunState};
use crate::archive::manifest::FILE_NAME;
use crate::codecs::Codec;
use crate::store::{Action, Store, StoreError, Waiter};

/// How long nothing of an unfinished dump may have changed before its run is taken for over. An upload shows
/// nothing until it is complete, and a slow one takes days.
const OVER_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// More than any object has that stands for an unfinished dump: names of a thousand segments.
const CLAIM_BYTES: u64 = 1 << 20;

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
        self.remove(dump.to_owned(), marker, Removal::Below)
    }

    /// Removes an archive of these objects, its marker first.
    ///
    /// # Errors
    /// As [`Self::directory`].
    pub fn archive(&self, dump: &str, objects: Vec<String>) -> Result<(), TargetError> {
        let marker = format!("{dump}{MARKER_EXTENSION}");
        self.remove(dump.to_owned(), marker, Removal::Objects(objects))
    }

    fn remove(&self, dump: String, marker: String, removal: Removal) -> Result<(), TargetError> {
        let store = self.store.clone();
        let is_gone = self.waiter.wait(async move {
            let claim = hidden(&dump);
            store.put(&claim, &removal.to_text().into()).await?;
            let unmarked = store.delete(&marker).await;
            if unmarked.is_err() || store.pin(&marker).await?.is_some() {
                // Where nothing can be removed, it stays; it does no harm.
                let _ = store.delete(&claim).await;
                return unmarked.map(|()| false);
            }
            let names = match removal {
                Removal::Objects(names) => names,
                Removal::Below => names(below(&store, &dump).await?),
            };
            delete_all(&store, names).await?;
            store.delete(&claim).await?;
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
                let parts = parts(&store, dump, &there).await?;
                delete_all(&store, names(parts)).await?;
            }
            store.delete(&name).await?;
            Ok(true)
        });
        swept.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: StoreError) -> TargetError {
        TargetError::store(&self.target, error)
    }
}

/// Which objects a dump that is removed has, as its claim says it to whoever takes the removal up again.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Removal {
    /// All below its name.
    Below,
    /// These, right below the prefix.
    Objects(Vec<String>),
}

impl Removal {
    /// The first line, which no run writes.
    const TITLE: &str = "removal";
    /// The second line, where all below the name is meant.
    const BELOW: &str = "/";

    fn to_text(&self) -> String {
        let names = match self {
            Self::Below => Self::BELOW.to_owned(),
            Self::Objects(names) => names.join("\n"),
        };
        format!("{}\n{names}\n", Self::TITLE)
    }

    /// `None` for the claim of a run.
    fn of_text(text: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(text);
        let names = text.strip_prefix(Self::TITLE)?.strip_prefix('\n')?;
        let names: Vec<String> = names.lines().map(str::to_owned).collect();
        let is_below = matches!(&names[..], [only] if only == Self::BELOW);
        Some(match is_below {
            true => Self::Below,
            false => Self::Objects(names),
        })
    }
}

/// A name below the prefix, and when the object was written.
type Found = (String, Timestamp);

fn names(found: Vec<Found>) -> Vec<String> {
    found.into_iter().map(|(name, _)| name).collect()
}

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

/// What is there of an unfinished dump, or of one that is half removed. Of the first, whose format nobody
/// has written down, it is everything of its name: nothing was called so when its run began.
async fn parts(store: &Store, dump: &str, there: &[Found]) -> Result<Vec<Found>, StoreError> {
    let claim = store.whole(&hidden(dump), CLAIM_BYTES).await?;
    let removal = claim.and_then(|text| Removal::of_text(&text));
    let archive = there.iter().filter(|(name, _)| is_part(dump, name));
    match removal {
        Some(Removal::Below) => below(store, dump).await,
        Some(Removal::Objects(names)) => {
            let listed = archive.filter(|(name, _)| names.contains(name));
            Ok(listed.cloned().collect())
        }
        None => {
            let below = below(store, dump).await?;
            Ok(archive.cloned().chain(below).collect())
        }
    }
}

/// Whether an object right below the prefix is called as an archive of that name is, or a segment of one.
fn is_part(dump: &str, name: &str) -> bool {
    let rest = name.strip_prefix(dump);
    rest.is_some_and(|rest| {
        Codec::tar_extensions().any(|extension| {
            let segment = rest.strip_prefix(extension);
            segment.is_some_and(|segment| segment.is_empty() || is_segment(segment))
        })
    })
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
    let of_claim = there.iter().filter(|(name, _)| *name == claim);
    let parts = parts(store, dump, there).await?;
    let written = of_claim.chain(&parts).map(|(_, written)| *written).max();
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

async fn delete_all(store: &Store, names: Vec<String>) -> Result<(), StoreError> {
    let requests = stream::iter(names).map(|name| async move { store.delete(&name).await });
    requests.buffer_unordered(AT_ONCE).try_collect().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removal_is_read_as_it_was_written_and_a_runs_claim_is_none() {
        let names = ["x.tar", "x.tar.0001"].map(str::to_owned).to_vec();
        for removal in [Removal::Below, Removal::Objects(names)] {
            let text = removal.to_text();
            assert_eq!(Removal::of_text(text.as_bytes()), Some(removal));
        }
        let claim = b"2026-11-23T01:42:05Z 0123456789abcdef\n";
        assert_eq!(Removal::of_text(claim), None);
    }

    #[test]
    fn parts_are_archives_of_that_very_name_and_their_segments() {
        for (name, expected) in [
            ("x.tar", true),
            ("x.tar.zst", true),
            ("x.tar.zst.0001", true),
            ("x.tar.zst.12345", true),
            ("x.tar.bak", false),
            ("x.tar.zst.1", false),
            ("x_2.tar", false),
            ("x", false),
        ] {
            assert_eq!(is_part("x", name), expected, "{name}");
        }
    }
}
