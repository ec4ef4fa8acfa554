//! The pass of a drill: each volume's content goes into a volume of its own, and is listed on the way.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::drill_pass::{OPTIONS, PassError};
use crate::archive::entry::{Entry, SinkClosed};
use crate::archive::manifest::model::Member;
use crate::archive::tar::TarVisitor;
use crate::restore::content::{
    Kept, Listed, Listing, Place, Stage, StagedFolder, Token, VolumeUpload, read_back_folder,
};
use crate::stored::{Takers, Wish};

/// Where a member goes.
pub(super) enum Goes {
    Folder(PathBuf),
    Engine(Box<VolumeUpload>),
}

/// Who takes the entries of the member that comes.
pub(super) enum To {
    Folder(Box<Stage>, PathBuf),
    Engine(Box<VolumeUpload>),
}

/// Content that is staged in a volume's folder.
pub(super) struct Staged {
    pub(super) member: String,
    pub(super) folder: PathBuf,
    pub(super) content: StagedFolder,
}

impl Staged {
    /// Puts it into its place and lists what is there then.
    pub(super) fn read_back(mut self, scratch: &Path) -> Result<Listed, PassError> {
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
pub(super) struct Filler {
    pub(super) scratch: PathBuf,
    pub(super) cancel: CancellationToken,
    pub(super) goes: BTreeMap<String, Goes>,
    pub(super) open: Option<(String, To, Listing)>,
    pub(super) stored: BTreeMap<String, Listed>,
    pub(super) folders: Vec<Staged>,
    pub(super) warnings: BTreeMap<String, Vec<String>>,
    pub(super) error: Option<PassError>,
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
