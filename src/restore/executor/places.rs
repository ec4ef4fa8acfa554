//! Content that has changed places, and the way back until the old content is removed.

use super::goes::Staged;
use crate::restore::content::{ContentError, StagedFiles, StagedFolder};

/// What has changed places, in that order. Dropped, it leaves everything as it was.
#[derive(Default)]
pub(super) struct InPlace {
    files: Vec<StagedFiles>,
    folders: Vec<StagedFolder>,
}

/// Content could not change places.
#[derive(Debug, thiserror::Error)]
#[error("cannot put the new content into its place")]
pub(super) struct SwapError {
    #[from]
    source: ContentError,
}

impl SwapError {
    /// Why not.
    pub(super) fn content(&self) -> &ContentError {
        &self.source
    }
}

impl InPlace {
    /// Lets staged content change places: files among others first, for folders that are filled as a whole
    /// keep those in them. Blocks.
    ///
    /// # Errors
    /// The first rename that fails; what was moved by then is in here.
    pub(super) fn swap(&mut self, staged: Staged) -> Result<(), SwapError> {
        if let Some(mut files) = staged.files {
            let swapped = files.swap();
            self.files.push(files);
            swapped?;
        }
        for (mut folder, carried) in staged.folders {
            let swapped = folder.swap(&carried);
            self.folders.push(folder);
            swapped?;
        }
        Ok(())
    }

    /// Puts everything back, the last first, and goes on where that fails. Blocks.
    pub(super) fn undo(self) -> Vec<ContentError> {
        let folders = self.folders.into_iter().rev().map(StagedFolder::undo);
        let mut failed: Vec<ContentError> = folders.filter_map(Result::err).collect();
        let files = self.files.into_iter().rev().map(StagedFiles::undo);
        failed.extend(files.filter_map(Result::err));
        failed
    }

    /// Removes what is old, and goes on where that fails: the new content counts all the same. Blocks.
    pub(super) fn keep(self) -> Vec<ContentError> {
        let files = self.files.into_iter().map(StagedFiles::keep);
        let mut failed: Vec<ContentError> = files.filter_map(Result::err).collect();
        let folders = self.folders.into_iter().map(StagedFolder::keep);
        failed.extend(folders.filter_map(Result::err));
        failed
    }
}
