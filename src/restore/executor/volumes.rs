//! The volumes of a restore at the engine: made, found, and removed again.

use std::sync::Arc;

use super::stager::Goes;
use crate::engine::{Engine, EngineError};
use crate::restore::plan::model::{Does, Target, VolumePlan, Writer};
use crate::restore::unfinished::{Record, UnfinishedError};

/// A volume cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub(super) enum VolumeError {
    /// There is no engine.
    #[error("no engine answers that could hold volumes")]
    NoEngine,
    /// It cannot be made.
    #[error("cannot make the volume `{name}`")]
    Make {
        /// Its name.
        name: String,
        /// What the engine says.
        source: EngineError,
    },
    /// It cannot be looked at.
    #[error("cannot find the volume `{name}`")]
    Find {
        /// Its name.
        name: String,
        /// What the engine says.
        source: EngineError,
    },
    /// Somebody has made it, or put something into it, since the plan was made.
    #[error("the volume `{name}` is not what it was when the restore was planned")]
    Changed {
        /// Its name.
        name: String,
    },
    /// The engine names no folder for it.
    #[error("the engine names no folder for the volume `{name}`")]
    NoFolder {
        /// Its name.
        name: String,
    },
    /// It cannot be written down that it changes.
    #[error(transparent)]
    Record(#[from] UnfinishedError),
}

/// The volumes that a restore writes to.
pub(super) struct Volumes {
    engine: Option<Arc<dyn Engine>>,
    /// Those that did not exist before.
    made: Vec<String>,
}

impl Volumes {
    pub(super) fn new(engine: Option<Arc<dyn Engine>>) -> Self {
        Self {
            engine,
            made: Vec::new(),
        }
    }

    /// Where the content of a volume goes, which is made if it does not exist. What is about to change is
    /// written down first.
    pub(super) async fn ready(
        &mut self,
        row: &VolumePlan,
        name: &str,
        record: &mut Record,
    ) -> Result<Goes, VolumeError> {
        let engine = self.engine.clone().ok_or(VolumeError::NoEngine)?;
        let existing = find(&*engine, name).await?;
        let is_new = existing.is_none();
        if is_new != (row.does == Does::Create) && matches!(row.volume, Target::Named(_)) {
            return Err(VolumeError::Changed {
                name: name.to_owned(),
            });
        }
        if row.writer != Writer::Direct {
            record.add_volume(name)?;
        }
        let volume = match (existing, &row.volume) {
            (Some(volume), _) => volume,
            (None, Target::Named(new)) => {
                self.made.push(name.to_owned());
                let made = engine.create_volume(new).await;
                made.map_err(|source| VolumeError::Make {
                    name: name.to_owned(),
                    source,
                })?
            }
            (None, Target::OfContainer { .. }) => {
                return Err(VolumeError::Changed {
                    name: name.to_owned(),
                });
            }
        };
        match volume.mountpoint {
            Some(mountpoint) => Ok(Goes::Folder(mountpoint)),
            None => Err(VolumeError::NoFolder {
                name: name.to_owned(),
            }),
        }
    }

    /// Removes the volumes that were made. Those that stay are given.
    pub(super) async fn remove_made(&mut self) -> Vec<String> {
        let Some(engine) = &self.engine else {
            return Vec::new();
        };
        let mut left = Vec::new();
        for name in self.made.drain(..) {
            if let Err(error) = engine.remove_volume(&name).await {
                let cause: &dyn std::error::Error = &error;
                tracing::warn!(volume = name, cause, "a volume that was made is left over");
                left.push(name);
            }
        }
        left
    }
}

async fn find(
    engine: &dyn Engine,
    name: &str,
) -> Result<Option<crate::engine::Volume>, VolumeError> {
    engine
        .volume(name)
        .await
        .map_err(|source| VolumeError::Find {
            name: name.to_owned(),
            source,
        })
}
