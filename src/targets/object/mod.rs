//! Dumps in an object store: who has a name, how streams become objects, and when a dump counts.
//!
//! `claim` takes a name and proves that the store can be written; `upload` makes objects of streams;
//! `directory` and `archive_place` are the two formats; `marker` publishes. `session` is what they
//! have in common: it waits, tries again, and removes what a dump that is given up has left.

mod archive_place;
mod claim;
mod directory;
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
pub use remover::StoreRemover;
pub use session::{Limits, Shared};
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
    let session = Arc::new(Session::new(store, shared));
    let claim = match Claim::take(&session, target, dump) {
        Ok(claim) => claim,
        Err(error) => {
            session.discard();
            return Err(error);
        }
    };
    Ok(Claimed {
        session,
        site,
        claim,
    })
}

impl Claimed {
    pub(super) fn directory(self, compression: Compression, mtime: Mtime) -> DirectoryWriter {
        DirectoryWriter::new(self.session, self.site, self.claim, compression, mtime)
    }

    pub(super) fn archive(self, extension: &str) -> (StoreArchive, Upload) {
        StoreArchive::new(self.session, self.site, self.claim, extension)
    }
}
