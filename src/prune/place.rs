//! Carries a plan out where the dumps are.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::PrunePlan;
use crate::stored::dumps::{Listed, Listing, list};
use crate::stored::{Form, OpenError};
use crate::targets::TargetError;
use crate::targets::remover::{Leftover, Remover};

/// Where the dumps of a target are. Every call blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What messages call the target.
    pub target: String,
    /// The folder of dumps.
    pub folder: PathBuf,
}

/// Why a dump was not removed.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// What is there is another dump than the one that was judged.
    #[error(
        "target `{target}`: `{}` was changed meanwhile, and left alone",
        crate::text::path(.path)
    )]
    Changed {
        /// The target.
        target: String,
        /// The dump.
        path: PathBuf,
    },
    /// It cannot be removed.
    #[error(transparent)]
    Target(#[from] TargetError),
}

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Pruned {
    /// The dumps that are gone.
    pub removed: Vec<Listed>,
    /// Those that were to go, and why they are still there, wholly or in part.
    pub failed: Vec<(Listed, PruneError)>,
}

/// What became of a leftover.
#[derive(Debug)]
pub enum Swept {
    /// It is gone.
    Removed,
    /// It belongs to a run that goes on, or may do so.
    Left,
    /// It cannot be removed.
    Failed(TargetError),
}

impl Place {
    /// The dumps that are there; none where nothing was written yet.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self) -> Result<Listing, OpenError> {
        match list(&self.folder) {
            Err(OpenError::NotFound { .. }) => Ok(Listing::default()),
            listed => listed,
        }
    }

    /// Removes the dumps that go, the oldest first. One that cannot be removed does not keep the others.
    ///
    /// # Errors
    /// When the folder cannot be opened.
    pub fn prune(&self, plan: &PrunePlan) -> Result<Pruned, TargetError> {
        let mut pruned = Pruned::default();
        let Some(remover) = Remover::open(&self.target, &self.folder)? else {
            return Ok(pruned);
        };
        for dump in plan.going() {
            match self.remove(&remover, dump) {
                Ok(()) => pruned.removed.push(dump.clone()),
                Err(error) => pruned.failed.push((dump.clone(), error)),
            }
        }
        Ok(pruned)
    }

    fn remove(&self, remover: &Remover, dump: &Listed) -> Result<(), PruneError> {
        if !crate::stored::dumps::is_still(&self.folder, dump) {
            return Err(PruneError::Changed {
                target: self.target.clone(),
                path: dump.path.clone(),
            });
        }
        match dump.form {
            Form::Directory => remover.folder(&dump.name)?,
            Form::Archive(_) => {
                let file = dump.path.file_name().unwrap_or(OsStr::new(""));
                remover.archive(&dump.name, file)?;
            }
        }
        Ok(())
    }

    /// What runs have left behind, or are writing.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn leftovers(&self) -> Result<Vec<Leftover>, TargetError> {
        match Remover::open(&self.target, &self.folder)? {
            Some(remover) => remover.leftovers(),
            None => Ok(Vec::new()),
        }
    }

    /// Removes those leftovers whose run is over.
    ///
    /// # Errors
    /// When the folder cannot be opened.
    pub fn sweep(&self, leftovers: Vec<Leftover>) -> Result<Vec<(Leftover, Swept)>, TargetError> {
        let Some(remover) = Remover::open(&self.target, &self.folder)? else {
            return Ok(Vec::new());
        };
        let swept = leftovers.into_iter().map(|leftover| {
            let swept = match remover.leftover(&leftover) {
                Ok(true) => Swept::Removed,
                Ok(false) => Swept::Left,
                Err(error) => Swept::Failed(error),
            };
            (leftover, swept)
        });
        Ok(swept.collect())
    }
}
