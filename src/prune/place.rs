//! Carries a plan out where the dumps are.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::PrunePlan;
use crate::store::{AnswerKind, Store};
use crate::stored::dumps::{self, Listed, Listing};
use crate::stored::objects::{self, Depth};
use crate::stored::{Form, OpenError};
use crate::targets::remover::{Leftover, Remover, StoreRemover};
use crate::targets::{self, TargetError};

/// Where the dumps of a target are. Every call blocks, and those about a store must be made inside of a runtime.
#[derive(Debug, Clone)]
pub enum Place {
    /// A folder of dumps.
    Folder {
        /// What messages call the target.
        target: String,
        /// The folder.
        folder: PathBuf,
    },
    /// A prefix in an object store.
    Store {
        /// What messages call the target.
        target: String,
        /// The prefix.
        store: Store,
    },
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
    /// It is not known what it is made of.
    #[error("target `{target}`: it is not known what is to be removed")]
    Unread {
        /// The target.
        target: String,
        /// Why not.
        source: OpenError,
    },
    /// The store has refused to remove another one.
    #[error(
        "target `{target}`: `{}` stays as well, nothing may be removed there",
        crate::text::path(.path)
    )]
    NotTried {
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
    /// What messages call the target.
    #[must_use]
    pub fn target(&self) -> &str {
        match self {
            Self::Folder { target, .. } | Self::Store { target, .. } => target,
        }
    }

    /// The dumps that are there; none where nothing was written yet.
    ///
    /// # Errors
    /// When it cannot be looked into.
    pub fn list(&self) -> Result<Listing, OpenError> {
        match self {
            Self::Store { store, .. } => objects::list(store, Depth::Prefix),
            Self::Folder { folder, .. } => match dumps::list(folder) {
                Err(OpenError::NoFolder { .. }) => Ok(Listing::default()),
                listed => listed,
            },
        }
    }

    /// Whether the time here is that of the target, as it was told when it was asked last: what stays is
    /// about times, which several machines write.
    ///
    /// # Errors
    /// [`TargetError::Clock`].
    pub fn check_clock(&self) -> Result<(), TargetError> {
        match self {
            Self::Folder { .. } => Ok(()),
            Self::Store { target, store } => targets::check_clock(target, store),
        }
    }

    /// Removes the dumps that go, the oldest first. One that cannot be removed does not keep the others.
    ///
    /// # Errors
    /// When the folder cannot be opened.
    pub fn prune(&self, plan: &PrunePlan) -> Result<Pruned, TargetError> {
        let mut pruned = Pruned::default();
        let remover = match self {
            Self::Folder { target, folder } => Remover::open(target, folder)?,
            Self::Store { .. } => None,
        };
        let mut is_refused = false;
        for dump in plan.going() {
            let removed = match self {
                Self::Folder { folder, .. } => match &remover {
                    Some(remover) => self.remove_here(remover, folder, dump),
                    None => Ok(()),
                },
                Self::Store { .. } if is_refused => Err(PruneError::NotTried {
                    target: self.target().to_owned(),
                    path: dump.path.clone(),
                }),
                Self::Store { store, .. } => self.remove_there(store, dump),
            };
            match removed {
                Ok(()) => pruned.removed.push(dump.clone()),
                Err(error) => {
                    is_refused |= is_denied(&error);
                    pruned.failed.push((dump.clone(), error));
                }
            }
        }
        Ok(pruned)
    }

    fn remove_here(
        &self,
        remover: &Remover,
        folder: &Path,
        dump: &Listed,
    ) -> Result<(), PruneError> {
        if !dumps::is_still(folder, dump) {
            return Err(self.changed(dump));
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

    fn remove_there(&self, store: &Store, dump: &Listed) -> Result<(), PruneError> {
        let archive = objects::archive_objects(store, dump);
        let archive = archive.map_err(|source| PruneError::Unread {
            target: self.target().to_owned(),
            source,
        })?;
        let archive = archive.ok_or_else(|| self.changed(dump))?;
        let remover = StoreRemover::new(self.target(), store);
        let name = dump.name.to_string_lossy();
        match dump.form {
            Form::Directory => remover.directory(&name)?,
            Form::Archive(_) => remover.archive(&name, archive)?,
        }
        Ok(())
    }

    fn changed(&self, dump: &Listed) -> PruneError {
        PruneError::Changed {
            target: self.target().to_owned(),
            path: dump.path.clone(),
        }
    }

    /// What runs have left behind, or are writing.
    ///
    /// # Errors
    /// When it cannot be looked into.
    pub fn leftovers(&self) -> Result<Vec<Leftover>, TargetError> {
        match self {
            Self::Store { target, store } => StoreRemover::new(target, store).leftovers(),
            Self::Folder { target, folder } => match Remover::open(target, folder)? {
                Some(remover) => remover.leftovers(),
                None => Ok(Vec::new()),
            },
        }
    }

    /// Removes those leftovers whose run is over.
    ///
    /// # Errors
    /// When the folder cannot be opened.
    pub fn sweep(&self, leftovers: Vec<Leftover>) -> Result<Vec<(Leftover, Swept)>, TargetError> {
        type Sweep<'s> = Box<dyn Fn(&Leftover) -> Result<bool, TargetError> + 's>;
        let sweep: Sweep<'_> = match self {
            Self::Store { target, store } => {
                let remover = StoreRemover::new(target, store);
                Box::new(move |leftover| remover.leftover(leftover))
            }
            Self::Folder { target, folder } => match Remover::open(target, folder)? {
                Some(remover) => Box::new(move |leftover| remover.leftover(leftover)),
                None => return Ok(Vec::new()),
            },
        };
        let swept = leftovers.into_iter().map(|leftover| {
            let swept = match sweep(&leftover) {
                Ok(true) => Swept::Removed,
                Ok(false) => Swept::Left,
                Err(error) => Swept::Failed(error),
            };
            (leftover, swept)
        });
        Ok(swept.collect())
    }
}

/// Whether the store does not let anything be removed.
fn is_denied(error: &PruneError) -> bool {
    let PruneError::Target(TargetError::Store { source, .. }) = error else {
        return false;
    };
    source
        .answer()
        .is_some_and(|answer| answer.kind == AnswerKind::Denied)
}
