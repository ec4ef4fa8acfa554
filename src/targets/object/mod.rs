//! Dumps in an object store: who has a name, how streams become objects, and when a dump counts.
//!
//! `claim` takes a name and proves that the store can be written; `upload` makes objects of streams;
//! `directory` and `archive_place` are the two formats; `marker` publishes; `create` writes what must not
//! replace anything. `session` is what they have in common: it waits, and removes what a dump that is
//! given up has left.

mod archive_place;
mod claim;
mod create;
mod directory;
mod limits;
mod marker;
mod remover;
mod session;
mod upload;

use std::path::Path;
use std::sync::Arc;

use super::TargetError;
use super::site::Site;
use crate::archive::entry::Mtime;
use crate::codecs::Compression;
use crate::store::Store;

pub(super) use archive_place::StoreArchive;
pub(super) use directory::DirectoryWriter;
pub use limits::{Limits, Shared};
pub use remover::StoreRemover;
pub(super) use upload::Upload;

use claim::Claim;
use session::Session;

/// A claimed name in a store, before its format is known.
pub(super) struct Claimed {
    session: Arc<Session>,
    pub(super) site: Site,
    claim: Claim,
}

/// Takes a name for a dump. The store was asked to list, to read and to write then.
///
/// # Errors
/// When the store refuses any of that.
pub(super) fn claim(
    store: Store,
    target: &str,
    dump: &str,
    shared: &Shared,
) -> Result<Claimed, TargetError> {
    let site = Site::new(target, Path::new(&store.place("")));
    let mut session = Session::new(store, shared);
    let claim = match Claim::take(&session, target, dump) {
        Ok(claim) => claim,
        Err(error) => {
            session.discard();
            return Err(error);
        }
    };
    session.has_started();
    Ok(Claimed {
        session: Arc::new(session),
        site,
        claim,
    })
}

/// Whether the time here is that of a store, as it was told when it was asked last.
///
/// # Errors
/// [`TargetError::Clock`].
pub(crate) fn check_clock(target: &str, store: &Store) -> Result<(), TargetError> {
    match store.clock().off() {
        None => Ok(()),
        Some(ahead) => Err(TargetError::Clock {
            target: target.to_owned(),
            ahead,
        }),
    }
}

impl Claimed {
    pub(super) fn directory(self, compression: Compression, mtime: Mtime) -> DirectoryWriter {
        DirectoryWriter::new(self.session, self.site, self.claim, compression, mtime)
    }

    pub(super) fn archive(self, extension: &str) -> (StoreArchive, Upload) {
        StoreArchive::new(self.session, self.site, self.claim, extension)
    }
}
