//! What a drill does with a dump: fills its volumes, reads them back, compares both.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::check::demand_sound;
use super::drill_fill::{Filler, Goes, Staged};
use super::stager::StageError;
use super::upload::Filling;
use crate::bridge::{self, WorkLost};
use crate::engine::helper::Helpers;
use crate::engine::{EngineError, HelperMount};
use crate::restore::content::{
    ContentError, Deviation, Kept, Listed, Listing, ReadBackError, StageOptions, VolumeUpload,
    compare, read_back_stream,
};
use crate::restore::drill::{DrillWorld, TOLD};
use crate::stored::{self, Dump, ScratchError};

/// The volume that a member is restored into.
pub(crate) struct Into {
    /// The engine's name of it.
    pub(crate) name: String,
    /// Its folder, where it is ours to write to.
    pub(crate) folder: Option<PathBuf>,
    /// Bytes of the member.
    pub(crate) bytes: u64,
}

/// What is made is removed again, devices as well.
pub(super) const OPTIONS: StageOptions = StageOptions { devices: true };

/// What became of one member.
pub(crate) struct Drilled {
    /// Its path in the dump.
    pub(crate) member: String,
    /// Its entries.
    pub(crate) entries: u64,
    /// Entries that did not come back as they were stored.
    pub(crate) differ: u64,
    /// The first of them.
    pub(crate) first: Vec<Deviation>,
    /// What could not be kept as the dump has it.
    pub(crate) warnings: Vec<String>,
}

/// Content cannot be restored or read back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PassError {
    /// It cannot be written.
    #[error("cannot write the content of `{member}`")]
    Content {
        /// The member.
        member: String,
        /// Why not.
        source: ContentError,
    },
    /// It cannot be read back.
    #[error("cannot read back the content of `{member}`")]
    ReadBack {
        /// The member.
        member: String,
        /// Why not.
        source: ReadBackError,
    },
    /// The engine does not take it or give it back.
    #[error("the engine does not take the content of `{member}`")]
    Engine {
        /// The member.
        member: String,
        /// What it says.
        source: EngineError,
    },
    /// The dump is damaged, or temporary files cannot be written.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// Blocking work ended by a bug.
    #[error(transparent)]
    Lost(#[from] WorkLost),
}

impl From<ScratchError> for PassError {
    fn from(error: ScratchError) -> Self {
        Self::Stage(error.into())
    }
}

/// Restores members into volumes and compares what came of it.
pub(crate) async fn pass(
    mut dump: Dump,
    into: Vec<(String, Into)>,
    world: &DrillWorld,
) -> Result<Vec<Drilled>, PassError> {
    let helpers = Helpers::new(std::sync::Arc::clone(&world.engine));
    let mut goes = BTreeMap::new();
    let mut fillings = Vec::new();
    for (member, into) in into {
        let place = match into.folder {
            Some(folder) => Goes::Folder(folder),
            None => {
                let (upload, content) = VolumeUpload::new(into.bytes, OPTIONS);
                let begun = Filling::begin(&helpers, &into.name, content).await;
                fillings.push((member.clone(), begun.map_err(engine_error(&member))?));
                Goes::Engine(Box::new(upload))
            }
        };
        goes.insert(member, place);
    }
    let mut filler = Filler {
        scratch: world.scratch.clone(),
        cancel: world.cancel.clone(),
        goes,
        open: None,
        stored: BTreeMap::new(),
        folders: Vec::new(),
        warnings: BTreeMap::new(),
        error: None,
    };
    let (filled, read) = bridge::blocking("filling volumes", move || {
        let read = dump.read_members(&mut filler, &mut |_| {});
        (filler, read)
    })
    .await?;
    let Filler {
        stored,
        folders,
        mut warnings,
        error,
        ..
    } = filled;
    let mut named = Vec::new();
    for (member, filling) in fillings {
        let volume = filling.volume.clone();
        filling.end().await.map_err(engine_error(&member))?;
        named.push((member, volume));
    }
    match (error, read) {
        (Some(error), _) => return Err(error),
        (None, Err(stored::PassError::Scratch(error))) => return Err(error.into()),
        (None, Err(stored::PassError::Closed(_))) => return Err(StageError::Interrupted.into()),
        (None, Ok(verdicts)) => demand_sound(&verdicts)?,
    }
    let looked = look_at_folders(folders, stored, world.scratch.clone()).await;
    let (mut drilled, stored) = looked?;
    for (member, volume) in named {
        if let Some(stored) = stored.get(&member) {
            let restored = read_volume(&helpers, &member, &volume, world).await?;
            drilled.push(compared(&member, stored, &restored)?);
        }
    }
    for row in &mut drilled {
        row.warnings = warnings.remove(&row.member).unwrap_or_default();
    }
    Ok(drilled)
}

/// Has staged content take its place in its volume and compares it there.
async fn look_at_folders(
    folders: Vec<Staged>,
    stored: BTreeMap<String, Listed>,
    scratch: PathBuf,
) -> Result<(Vec<Drilled>, BTreeMap<String, Listed>), PassError> {
    bridge::blocking("reading back volumes", move || {
        let mut drilled = Vec::new();
        for staged in folders {
            if let Some(stored) = stored.get(&staged.member) {
                let member = staged.member.clone();
                let restored = staged.read_back(&scratch)?;
                drilled.push(compared(&member, stored, &restored)?);
            }
        }
        Ok((drilled, stored))
    })
    .await?
}

/// Lists what the engine has of a volume.
async fn read_volume(
    helpers: &Helpers,
    member: &str,
    volume: &str,
    world: &DrillWorld,
) -> Result<Listed, PassError> {
    let mount = HelperMount::Volume(volume.to_owned());
    let helper = helpers.create(mount).await.map_err(engine_error(member))?;
    let stream = helper.archive().await.map_err(engine_error(member))?;
    let chunks = bridge::chunks(stream, world.cancel.clone());
    let listing = Listing::new(&world.scratch, Kept::ByEngine)?;
    let listed = bridge::blocking("reading back a volume", move || {
        read_back_stream(chunks, listing)
    })
    .await?;
    helper.remove().await.map_err(engine_error(member))?;
    listed.map_err(|source| PassError::ReadBack {
        member: member.to_owned(),
        source,
    })
}

fn compared(member: &str, stored: &Listed, restored: &Listed) -> Result<Drilled, PassError> {
    let (mut differ, mut first) = (0, Vec::new());
    let entries = compare(stored, restored, &mut |deviation| {
        differ += 1;
        if first.len() < TOLD {
            first.push(deviation);
        }
    })?;
    Ok(Drilled {
        member: member.to_owned(),
        entries,
        differ,
        first,
        warnings: Vec::new(),
    })
}

fn engine_error(member: &str) -> impl FnOnce(EngineError) -> PassError {
    let member = member.to_owned();
    move |source| PassError::Engine { member, source }
}
