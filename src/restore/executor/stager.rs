//! The pass over a dump in which content is staged: each member that is wanted goes to the place that takes it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::check::demand_sound;
use super::goes::{Goes, PassOptions, Ready, Staged};
use crate::archive::entry::{Entry, EntryKind, SinkClosed};
use crate::archive::manifest::model::Member;
use crate::archive::tar::TarVisitor;
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

/// A mounted path, and the folders on the way to it that came so far.
struct Mounted {
    member: String,
    path: Vec<u8>,
    carried: Vec<Vec<u8>>,
    ways: Vec<Entry>,
}

/// What a mounted path turns out to be.
enum Turn {
    /// It is not known yet: a folder on the way to it.
    Later,
    /// A folder, which is filled as a whole.
    Folder,
    /// A file, a link, or what a link leads to: it has its place among other files.
    Among,
}

impl Mounted {
    fn turn(&self, entry: &Entry) -> Turn {
        let is_folder = entry.kind == EntryKind::Directory;
        match (is_at_or_below(&entry.path, &self.path), is_folder) {
            (true, true) => Turn::Folder,
            (true, false) if entry.path != self.path => Turn::Folder,
            (false, true) => Turn::Later,
            (true | false, false) => Turn::Among,
        }
    }
}

impl Stager<'_> {
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

    /// The stage for files that go among others, made when the first one comes.
    fn among(&mut self) -> Result<&mut Stage, SinkClosed> {
        if self.files.is_none() {
            let place = Place::new(&self.options.folder);
            match Stage::create(&place, &self.options.token, self.options.stage) {
                Ok(stage) => self.files = Some(stage),
                Err(error) => return self.fail("config", error),
            }
        }
        Ok(self.files.as_mut().expect("it was just made"))
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

    /// Decides what a mounted path is as soon as that can be seen; `false` as long as it cannot.
    fn decide(&mut self, entry: &Entry) -> Result<bool, SinkClosed> {
        let Open::Unknown(mounted) = &mut self.open else {
            return Ok(true);
        };
        match mounted.turn(entry) {
            Turn::Later => {
                mounted.ways.push(entry.clone());
                Ok(false)
            }
            Turn::Folder => {
                let place = Place {
                    root: self.options.folder.clone(),
                    below: mounted.path.clone(),
                };
                let (member, path) = (mounted.member.clone(), mounted.path.clone());
                let carried = std::mem::take(&mut mounted.carried);
                self.whole(&member, &place, &path, carried)?;
                Ok(true)
            }
            Turn::Among => {
                let ways = std::mem::take(&mut mounted.ways);
                self.open = Open::Among;
                for way in ways {
                    self.give(|to| to.begin(&way, 0))?;
                    self.give(|to| to.end())?;
                }
                Ok(true)
            }
        }
    }

    /// Calls whoever takes what comes, and keeps the reason if it takes no more.
    fn give(
        &mut self,
        call: impl FnOnce(&mut dyn TarVisitor) -> Result<(), SinkClosed>,
    ) -> Result<(), SinkClosed> {
        if self.options.cancel.is_cancelled() {
            self.error.get_or_insert(StageError::Interrupted);
            return Err(SinkClosed);
        }
        match &mut self.open {
            Open::Nothing | Open::Unknown(_) => Ok(()),
            Open::Engine(member, upload) => {
                if call(&mut **upload).is_ok() {
                    return Ok(());
                }
                let (member, error) = (member.clone(), upload.take_error());
                self.refused(&member, error)
            }
            Open::Among => {
                let stage = self.among()?;
                if call(stage).is_ok() {
                    return Ok(());
                }
                let error = stage.take_error().unwrap_or(ContentError::OutOfOrder);
                self.fail("config", error)
            }
            Open::Whole(number) => {
                let whole = &mut self.folders[*number];
                if call(&mut whole.to).is_ok() {
                    return Ok(());
                }
                let member = whole.member.clone();
                let error = whole.to.inner_mut().take_error();
                self.fail(&member, error.unwrap_or(ContentError::OutOfOrder))
            }
        }
    }

    fn warn(&mut self, member: &str, losses: &[String]) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.member == member) {
            row.warnings.extend_from_slice(losses);
        }
    }

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
            staged.files = Some(files.finish_among().map_err(failed("config"))?);
        }
        for whole in self.folders {
            let folder = whole.to.into_inner().finish();
            let folder = folder.map_err(failed(&whole.member))?;
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
}

fn is_at_or_below(path: &[u8], root: &[u8]) -> bool {
    let rest = path.strip_prefix(root);
    rest.is_some_and(|rest| rest.is_empty() || root.is_empty() || rest.starts_with(b"/"))
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
                self.open = Open::Unknown(Mounted {
                    member: member.path.clone(),
                    path,
                    carried,
                    ways: Vec::new(),
                });
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

impl TarVisitor for Stager<'_> {
    fn begin(&mut self, entry: &Entry, at: u64) -> Result<(), SinkClosed> {
        if !self.decide(entry)? {
            return Ok(());
        }
        self.give(|to| to.begin(entry, at))
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        self.give(|to| to.data(part))
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        self.give(|to| to.end())
    }
}
