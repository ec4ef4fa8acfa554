//! The volumes of a restore at the engine: found, made, filled through a helper where we cannot write to them
//! ourselves, and all of that taken back.

use std::sync::Arc;
use std::time::Duration;

use super::goes::Goes;
use super::saved::{SaveError, Saved};
use super::upload::Filling;
use crate::engine::helper::{Helper, Helpers};
use crate::engine::{Engine, EngineError, HelperMount, NewVolume, Volume};
use crate::executor::chain;
use crate::restore::content::{StageOptions, VolumeUpload};
use crate::restore::facts::Standing;
use crate::restore::plan::model::{Does, Target, VolumePlan, Writer};
use crate::restore::probe;
use crate::restore::unfinished::{Record, UnfinishedError};

/// How long to wait at the end until every helper is removed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A volume cannot be made ready or filled.
#[derive(Debug, thiserror::Error)]
pub(super) enum VolumeError {
    /// There is no engine.
    #[error("no engine answers that could hold volumes")]
    NoEngine,
    /// The engine does not do what it was asked.
    #[error("cannot {what} the volume `{name}`")]
    Engine {
        /// What was asked: `make`, `find`.
        what: &'static str,
        /// Its name.
        name: String,
        /// What the engine says.
        source: EngineError,
    },
    /// Its content cannot be kept for the way back.
    #[error("cannot keep what is in the volume `{name}`")]
    Save {
        /// Its name.
        name: String,
        /// Why not.
        source: SaveError,
    },
    /// Somebody has made it, or removed it, since the plan was made.
    #[error("the volume `{name}` is not what it was when the restore was planned")]
    Changed {
        /// Its name.
        name: String,
    },
    /// It cannot be written down that it changes.
    #[error(transparent)]
    Record(#[from] UnfinishedError),
}

/// What can be done to take a volume back.
enum Undo {
    /// It did not exist.
    Remove(String),
    /// It was empty, and the engine has written to it.
    Empty(Volume),
    /// It had content, which is kept.
    PutBack(Volume, Saved),
}

/// The volumes that a restore writes to.
pub(super) struct Volumes {
    engine: Option<Arc<dyn Engine>>,
    helpers: Option<Helpers>,
    scratch: std::path::PathBuf,
    options: StageOptions,
    undo: Vec<Undo>,
    fillings: Vec<Filling>,
}

impl Volumes {
    /// Those of this engine; content that is kept for the way back goes to `scratch`.
    pub(super) fn new(
        engine: Option<Arc<dyn Engine>>,
        scratch: std::path::PathBuf,
        options: StageOptions,
    ) -> Self {
        Self {
            helpers: engine.clone().map(Helpers::new),
            engine,
            scratch,
            options,
            undo: Vec::new(),
            fillings: Vec::new(),
        }
    }

    /// Where the content of a volume goes, which is made if it does not exist. What the engine is about to
    /// write to is written down first.
    pub(super) async fn ready(
        &mut self,
        row: &VolumePlan,
        name: &str,
        record: &mut Record,
    ) -> Result<Goes, VolumeError> {
        let engine = self.engine()?;
        let through_engine = row.writer != Writer::Direct;
        let existing = engine.volume(name).await.map_err(failed("find", name))?;
        if through_engine {
            // Direct writing finds that out when content changes places; the engine takes nothing back.
            if let (Some(volume), Does::Fill) = (&existing, row.does)
                && probe::volume(&engine, volume, false).await != Standing::Empty
            {
                let name = name.to_owned();
                return Err(VolumeError::Changed { name });
            }
            record.add_volume(name)?;
        }
        let volume = match (existing, &row.volume) {
            (Some(volume), Target::OfContainer { .. }) => volume,
            (Some(volume), Target::Named(_)) if row.does != Does::Create => {
                if through_engine {
                    self.undo.push(Undo::Empty(volume.clone()));
                }
                volume
            }
            (None, Target::Named(new)) if row.does == Does::Create => self.make(new).await?,
            _ => {
                let name = name.to_owned();
                return Err(VolumeError::Changed { name });
            }
        };
        match volume.mountpoint {
            Some(mountpoint) if !through_engine => Ok(Goes::Folder(mountpoint)),
            _ => self.upload(name, row.bytes).await,
        }
    }

    /// Keeps what is in a volume, removes it and makes it anew: the engine cannot take content away
    /// otherwise. No container may refer to it any more.
    pub(super) async fn make_anew(
        &mut self,
        new: &NewVolume,
        bytes: u64,
        record: &mut Record,
    ) -> Result<Goes, VolumeError> {
        let engine = self.engine()?;
        let name = &new.name;
        record.add_volume(name)?;
        let old = engine.volume(name).await.map_err(failed("find", name))?;
        let old = old.ok_or_else(|| VolumeError::Changed { name: name.clone() })?;
        let helper = self.helper(name, false).await?;
        let saved = Saved::take(&helper, &self.scratch).await;
        let removed = helper.remove().await;
        let saved = saved.map_err(|source| VolumeError::Save {
            name: name.clone(),
            source,
        })?;
        removed.map_err(failed("leave", name))?;
        self.undo.push(Undo::PutBack(old, saved));
        engine
            .remove_volume(name)
            .await
            .map_err(failed("remove", name))?;
        engine
            .create_volume(new)
            .await
            .map_err(failed("make", name))?;
        self.upload(name, bytes).await
    }

    /// Waits for the engine to have unpacked everything that was sent to it since the last time.
    pub(super) async fn uploaded(&mut self) -> Result<(), VolumeError> {
        let mut outcome = Ok(());
        for filling in self.fillings.drain(..) {
            let name = filling.volume.clone();
            let ended = filling.end().await;
            if outcome.is_ok() {
                outcome = ended.map_err(failed("fill", &name));
            }
        }
        outcome
    }

    /// Puts every volume back, the last first. Those that are not as they were are given.
    pub(super) async fn take_back(&mut self) -> Vec<String> {
        // Whatever is still being sent has lost its source, and ends.
        let _ = self.uploaded().await;
        let mut left = Vec::new();
        while let Some(undo) = self.undo.pop() {
            let name = match &undo {
                Undo::Remove(name) => name.clone(),
                Undo::Empty(volume) | Undo::PutBack(volume, _) => volume.name.clone(),
            };
            if let Err(error) = self.undo(undo).await {
                let why = chain(&error);
                tracing::error!(volume = name, why, "a volume could not be put back");
                left.push(name);
            }
        }
        left
    }

    /// Waits until every helper is removed.
    pub(super) async fn settle(&self) {
        if let Some(helpers) = &self.helpers
            && !helpers.settle(PATIENCE).await
        {
            tracing::warn!("a helper container is left over");
        }
    }

    async fn undo(&self, undo: Undo) -> Result<(), VolumeError> {
        let engine = self.engine()?;
        let (old, saved) = match undo {
            Undo::Remove(name) => {
                let removed = engine.remove_volume(&name).await;
                return removed.map_err(failed("remove", &name));
            }
            Undo::Empty(volume) => (volume, None),
            Undo::PutBack(volume, saved) => (volume, Some(saved)),
        };
        let name = old.name.clone();
        engine
            .remove_volume(&name)
            .await
            .map_err(failed("remove", &name))?;
        let again = NewVolume {
            name: old.name,
            driver: old.driver,
            options: old.options,
            labels: old.labels,
        };
        engine
            .create_volume(&again)
            .await
            .map_err(failed("make", &name))?;
        let Some(saved) = saved else {
            return Ok(());
        };
        let helper = self.helper(&name, true).await?;
        let filled = helper.unpack(saved.content()).await;
        let removed = helper.remove().await;
        filled.and(removed).map_err(failed("fill", &name))
    }

    async fn make(&mut self, new: &NewVolume) -> Result<Volume, VolumeError> {
        let engine = self.engine()?;
        self.undo.push(Undo::Remove(new.name.clone()));
        engine
            .create_volume(new)
            .await
            .map_err(failed("make", &new.name))
    }

    /// Begins to fill a volume through a helper, as soon as something is sent of its bytes.
    async fn upload(&mut self, name: &str, bytes: u64) -> Result<Goes, VolumeError> {
        let helpers = self.helpers.as_ref().ok_or(VolumeError::NoEngine)?;
        let (upload, content) = VolumeUpload::new(bytes, self.options);
        let begun = Filling::begin(helpers, name, content).await;
        self.fillings.push(begun.map_err(failed("reach", name))?);
        Ok(Goes::Engine {
            name: name.to_owned(),
            upload: Box::new(upload),
        })
    }

    async fn helper(&self, name: &str, writable: bool) -> Result<Helper, VolumeError> {
        let helpers = self.helpers.as_ref().ok_or(VolumeError::NoEngine)?;
        let mount = HelperMount::Volume(name.to_owned());
        let helper = if writable {
            helpers.create_writable(mount).await
        } else {
            helpers.create(mount).await
        };
        helper.map_err(failed("reach", name))
    }

    fn engine(&self) -> Result<Arc<dyn Engine>, VolumeError> {
        self.engine.clone().ok_or(VolumeError::NoEngine)
    }
}

fn failed(what: &'static str, name: &str) -> impl FnOnce(EngineError) -> VolumeError {
    let name = name.to_owned();
    move |source| VolumeError::Engine { what, name, source }
}
