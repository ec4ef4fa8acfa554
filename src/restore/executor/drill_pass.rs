//! The pass over a dump in which a drill fills its volumes and lists what was stored, and the look at what came
//! of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::stager::{StageError, demand_sound};
use super::upload::Filling;
use crate::archive::entry::{Entry, SinkClosed};
use crate::archive::manifest::model::Member;
use crate::archive::tar::TarVisitor;
use crate::bridge::{self, WorkLost};
use crate::engine::helper::Helpers;
use crate::engine::{EngineError, HelperMount};
use crate::restore::content::{
    ContentError, Deviation, Kept, Listed, Listing, Place, ReadBackError, Stage, StageOptions,
    StagedFolder, Token, VolumeUpload, compare, read_back_folder, read_back_stream,
};
use crate::restore::drill::{DrillWorld, TOLD};
use crate::stored::{self, Dump, ScratchError, Takers, Wish};

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
const OPTIONS: StageOptions = StageOptions { devices: true };

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

/// Where a member goes.
enum Goes {
    Folder(PathBuf),
    Engine(Box<VolumeUpload>),
}

/// Who takes the entries of the member that comes.
enum To {
    Folder(Box<Stage>, PathBuf),
    Engine(Box<VolumeUpload>),
}

/// Content that is staged in a volume's folder.
struct Staged {
    member: String,
    folder: PathBuf,
    content: StagedFolder,
}

impl Staged {
    /// Puts it into its place and lists what is there then.
    fn read_back(mut self, scratch: &Path) -> Result<Listed, PassError> {
        let member = self.member;
        let failed = |source| PassError::Content {
            member: member.clone(),
            source,
        };
        self.content.swap(&[]).map_err(failed)?;
        self.content.keep().map_err(failed)?;
        let listing = Listing::new(scratch, Kept::All)?;
        read_back_folder(&self.folder, scratch, listing)
            .map_err(|source| PassError::ReadBack { member, source })
    }
}

/// Sends what comes into its volume, and lists it.
struct Filler {
    scratch: PathBuf,
    cancel: CancellationToken,
    goes: BTreeMap<String, Goes>,
    open: Option<(String, To, Listing)>,
    stored: BTreeMap<String, Listed>,
    folders: Vec<Staged>,
    warnings: BTreeMap<String, Vec<String>>,
    error: Option<PassError>,
}

impl Filler {
    fn keep<T>(&mut self, done: Result<T, PassError>) -> Result<T, SinkClosed> {
        done.map_err(|error| {
            self.error.get_or_insert(error);
            SinkClosed
        })
    }

    fn begin_member(&mut self, member: &Member, goes: Goes) -> Result<(), PassError> {
        let (to, kept) = match goes {
            Goes::Folder(folder) => {
                let place = Place::new(&folder);
                let stage = Stage::create(&place, &Token::random(), OPTIONS);
                let stage = stage.map_err(|source| PassError::Content {
                    member: member.path.clone(),
                    source,
                })?;
                (To::Folder(Box::new(stage), folder), Kept::All)
            }
            Goes::Engine(upload) => (To::Engine(upload), Kept::ByEngine),
        };
        let listing = Listing::new(&self.scratch, kept)?;
        self.open = Some((member.path.clone(), to, listing));
        Ok(())
    }

    fn end_member(&mut self, is_whole: bool) -> Result<(), PassError> {
        let Some((member, to, listing)) = self.open.take() else {
            return Ok(());
        };
        let warnings = match to {
            To::Folder(stage, folder) => {
                let content = stage.finish().map_err(|source| PassError::Content {
                    member: member.clone(),
                    source,
                })?;
                let warnings = content.losses().to_vec();
                self.folders.push(Staged {
                    member: member.clone(),
                    folder,
                    content,
                });
                warnings
            }
            // Where the engine takes nothing more it says itself why.
            To::Engine(upload) => upload.finish(is_whole).unwrap_or_default(),
        };
        self.warnings.insert(member.clone(), warnings);
        self.stored.insert(member, listing.finish()?);
        Ok(())
    }

    /// Calls both, whoever fills the volume and the list.
    fn give(
        &mut self,
        call: impl Fn(&mut dyn TarVisitor) -> Result<(), SinkClosed>,
    ) -> Result<(), SinkClosed> {
        if self.cancel.is_cancelled() {
            return Err(SinkClosed);
        }
        let Some((member, to, listing)) = &mut self.open else {
            return Ok(());
        };
        if call(listing).is_err() {
            let error = listing.take_error().map(PassError::from);
            self.error = self.error.take().or(error);
            return Err(SinkClosed);
        }
        let (given, error) = match to {
            To::Folder(stage, _) => (call(&mut **stage), stage.take_error()),
            To::Engine(upload) => (call(&mut **upload), upload.take_error()),
        };
        if given.is_err() {
            let member = member.clone();
            let error = error.map(|source| PassError::Content { member, source });
            self.error = self.error.take().or(error);
        }
        given
    }
}

impl Takers for Filler {
    fn offer(&mut self, member: &Member) -> Result<Wish, SinkClosed> {
        let Some(goes) = self.goes.remove(&member.path) else {
            return Ok(Wish::Pass);
        };
        let begun = self.begin_member(member, goes);
        self.keep(begun)?;
        Ok(Wish::Take)
    }

    fn judged(&mut self, _: &Member, is_whole: bool) -> Result<(), SinkClosed> {
        let ended = self.end_member(is_whole);
        self.keep(ended)
    }
}

impl TarVisitor for Filler {
    fn begin(&mut self, entry: &Entry, at: u64) -> Result<(), SinkClosed> {
        self.give(|to| to.begin(entry, at))
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        self.give(|to| to.data(part))
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        self.give(|to| to.end())
    }
}
