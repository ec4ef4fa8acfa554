//! Where an archive in a store gets its name, its segments and its marker.

use std::sync::Arc;

use super::super::dumps::MARKER_EXTENSION;
use super::super::error::TargetError;
use super::super::site::Site;
use super::claim::Claim;
use super::marker;
use super::session::Session;
use super::upload::Upload;
use crate::archive::manifest::model::Segment;
use crate::store::StoreError;

/// An archive on its way to a store.
#[derive(Debug)]
pub(crate) struct StoreArchive {
    session: Arc<Session>,
    site: Site,
    claim: Claim,
    /// The object's name.
    file: String,
}

impl StoreArchive {
    /// The place, and what takes the archive's bytes.
    pub(super) fn new(
        session: Arc<Session>,
        site: Site,
        claim: Claim,
        extension: &str,
    ) -> (Self, Upload) {
        let file = format!("{}{extension}", claim.dump);
        let upload = Upload::new(Arc::clone(&session), &file);
        let place = Self {
            session,
            site,
            claim,
            file,
        };
        (place, upload)
    }

    /// The object's name, beside the marker.
    pub(in super::super) fn file(&self) -> &str {
        &self.file
    }

    /// Puts the archive's last parts in place, unless its name was taken meanwhile.
    ///
    /// # Errors
    /// [`TargetError::Taken`], and those of the store.
    pub(in super::super) fn complete(&self, upload: Upload) -> Result<Vec<Segment>, TargetError> {
        let failed = |error| TargetError::store(&self.site.target, error);
        let is_taken = async {
            let archive = self.session.store.pin(&self.file).await?;
            let marker = self.session.store.pin(&self.marker()).await?;
            Ok::<_, StoreError>(archive.or(marker).is_some())
        };
        // A store would replace it without a word. Of our own segments the first bears this name.
        if !upload.has_segments() && self.session.wait(is_taken).map_err(failed)? {
            return Err(TargetError::Taken {
                target: self.site.target.clone(),
                path: self.session.store.place(&self.file).into(),
            });
        }
        upload.finish().map_err(failed)
    }

    /// Writes the marker. Returns the dump's name and the archive's URL.
    ///
    /// # Errors
    /// As [`marker::publish`].
    pub(in super::super) fn publish(
        &self,
        manifest: &[u8],
    ) -> Result<(String, String), TargetError> {
        marker::publish(&self.session, &self.site, &self.marker(), manifest)?;
        self.claim.release(&self.session);
        Ok((
            self.claim.dump.clone(),
            self.session.store.place(&self.file),
        ))
    }

    /// Removes what was written, unless a marker may stand for it.
    pub(in super::super) fn give_up(&self, error: &TargetError) {
        marker::give_up(&self.session, error);
    }

    /// Removes what was written.
    pub(in super::super) fn discard(&self) {
        self.session.discard();
    }

    fn marker(&self) -> String {
        format!("{}{MARKER_EXTENSION}", self.claim.dump)
    }
}
