//! The pass over a dump in which content is staged: each member that is wanted goes to the place that takes it.

mod entries;
mod mounted;

use std::collections::BTreeMap;
use std::path::PathBuf;

use self::mounted::Mounted;
use super::check::demand_sound;
use super::goes::{Goes, PassOptions, Ready, Staged};
use crate::archive::entry::SinkClosed;
use crate::archive::manifest::model::Member;
use crate::restore::content::{Below, ContentError, Place, Stage, VolumeUpload};
use crate::restore::event::Event;
use crate::stored::{Dump, PassError, ScratchError, Takers, Wish};

/// Why content could not be staged. Nothing has changed its place then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StageError {
    /// It cannot be written.
    #[error("cannot write the content of `{member}`")]
    Content {
        /// The member.
        member: String,
        /// Why not.
        source: ContentError,
    },
    /// Something in it may not come; nothing was written or stopped.
    #[error("`{member}` cannot be put back, and nothing was changed")]
    NotAdmitted {
        /// The member.
        member: String,
        /// Why not.
        source: ContentError,
    },
    /// The dump is not what was stored.
    #[error("the dump does not hold what was stored: {what}")]
    Damaged {
        /// What is wrong with it.
        what: String,
    },
    /// The engine takes nothing more; it says itself why.
    #[error("the engine does not take the content of `{member}`")]
    Refused {
        /// The member.
        member: String,
    },
    /// Temporary files cannot be written.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    /// A signal came.
    #[error("the restore was interrupted")]
    Interrupted,
}

/// Reads the dump once and stages the members of `goes`, by their paths in it. Blocks.
///
/// # Errors
/// When anything is not as it should; nothing is left then.
pub(super) fn stage(
    dump: &mut Dump,
    goes: BTreeMap<String, Goes>,
    options: &PassOptions,
) -> Result<Staged, StageError> {
    let mut stager = Stager {
        options,
        goes,
        files: None,
        folders: Vec::new(),
        rows: Vec::new(),
        open: Open::Nothing,
        error: None,
    };
    let read = dump.read_members(&mut stager, &mut |_| {});
    let verdicts = match (stager.error.take(), read) {
        (Some(error), _) => return Err(error),
        (None, Err(PassError::Scratch(error))) => return Err(error.into()),
        (None, Err(PassError::Closed(SinkClosed))) => return Err(StageError::Interrupted),
        (None, Ok(verdicts)) => verdicts,
    };
    demand_sound(&verdicts)?;
    stager.finish()
}

/// How far the pass has come.
struct Stager<'o> {
    options: &'o PassOptions,
    goes: BTreeMap<String, Goes>,
    files: Option<Stage>,
    folders: Vec<Whole>,
    rows: Vec<Ready>,
    open: Open,
    error: Option<StageError>,
}

/// A folder that is filled as a whole.
struct Whole {
    member: String,
    to: Below<Stage>,
    carried: Vec<Vec<u8>>,
}

/// Who takes the entries that come.
enum Open {
    Nothing,
    Among,
    /// The folder in that place of the list.
    Whole(usize),
    /// A volume behind the engine.
    Engine(String, Box<VolumeUpload>),
    /// A mounted path of which it is not known yet whether it is a folder.
    Unknown(Mounted),
}

impl Stager<'_> {
    fn finish(self) -> Result<Staged, StageError> {
        let failed = |member: &str| {
            let member = member.to_owned();
            move |source| StageError::Content { member, source }
        };
        let mut staged = Staged {
            files: None,
            folders: Vec::new(),
            rows: self.rows,
        };
        if let Some(files) = self.files {
            let files = files.finish_among().map_err(failed("config"))?;
            staged.files = Some(if self.options.replaces {
                files
            } else {
                files.adding_only()
            });
        }
        for whole in self.folders {
            let folder = whole.to.into_inner().finish();
            let mut folder = folder.map_err(failed(&whole.member))?;
            if self.options.to_empty.contains(&whole.member) {
                folder = folder.into_empty();
            }
            if let Some(row) = staged
                .rows
                .iter_mut()
                .find(|row| row.member == whole.member)
            {
                row.warnings.extend_from_slice(folder.losses());
            }
            staged.folders.push((folder, whole.carried));
        }
        for row in &staged.rows {
            for what in &row.warnings {
                self.options.reporter.report(Event::Trouble {
                    member: row.member.clone(),
                    what: what.clone(),
                });
            }
        }
        Ok(staged)
    }

    fn fail<T>(&mut self, member: &str, source: ContentError) -> Result<T, SinkClosed> {
        let member = member.to_owned();
        self.error
            .get_or_insert(StageError::Content { member, source });
        Err(SinkClosed)
    }

    /// Content that the engine does not take, for a reason of ours or its own.
    fn refused<T>(&mut self, member: &str, why: Option<ContentError>) -> Result<T, SinkClosed> {
        let Some(source) = why else {
            let member = member.to_owned();
            self.error.get_or_insert(StageError::Refused { member });
            return Err(SinkClosed);
        };
        self.fail(member, source)
    }

    fn whole(
        &mut self,
        member: &str,
        place: &Place,
        below: &[u8],
        carried: Vec<Vec<u8>>,
    ) -> Result<(), SinkClosed> {
        match Stage::create(place, &self.options.token, self.options.stage) {
            Err(error) => self.fail(member, error),
            Ok(stage) => {
                self.folders.push(Whole {
                    member: member.to_owned(),
                    to: Below::new(below, stage),
                    carried,
                });
                self.open = Open::Whole(self.folders.len() - 1);
                Ok(())
            }
        }
    }

    fn warn(&mut self, member: &str, losses: &[String]) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.member == member) {
            row.warnings.extend_from_slice(losses);
        }
    }
}

impl Takers for Stager<'_> {
    fn offer(&mut self, member: &Member) -> Result<Wish, SinkClosed> {
        self.open = Open::Nothing;
        let Some(goes) = self.goes.remove(&member.path) else {
            return Ok(Wish::Pass);
        };
        let place = match goes {
            Goes::Among => {
                self.open = Open::Among;
                self.options.folder.clone()
            }
            Goes::Mounted { path, carried } => {
                let place = crate::restore::facts::in_folder(&self.options.folder, &path);
                self.open = Open::Unknown(Mounted::new(&member.path, path, carried));
                place
            }
            Goes::Folder(mountpoint) => {
                self.whole(&member.path, &Place::new(&mountpoint), b"", Vec::new())?;
                mountpoint
            }
            Goes::Engine { name, upload } => {
                self.open = Open::Engine(member.path.clone(), upload);
                PathBuf::from(format!("volume {name}"))
            }
        };
        self.rows.push(Ready {
            member: member.path.clone(),
            entries: member.entries.unwrap_or(0),
            bytes: member.raw_bytes,
            place: crate::text::path(&place),
            warnings: Vec::new(),
        });
        Ok(Wish::Take)
    }

    fn judged(&mut self, member: &Member, is_whole: bool) -> Result<(), SinkClosed> {
        if let Open::Engine(path, upload) = std::mem::replace(&mut self.open, Open::Nothing) {
            match upload.finish(is_whole) {
                Err(SinkClosed) => return self.refused(&path, None),
                Ok(losses) => self.warn(&path, &losses),
            }
        }
        // What is wrong with a member that is not whole is in the verdicts at the end.
        if is_whole {
            self.options.reporter.report(Event::Staged {
                member: member.path.clone(),
                entries: member.entries.unwrap_or(0),
                bytes: member.raw_bytes,
            });
        }
        Ok(())
    }
}
