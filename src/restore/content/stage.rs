//! New content on its way: entries as files in the hidden folder, until it is whole.

use super::ContentError;
use super::hidden::{Hidden, NEW};
use super::made::Made;
use super::place::{Place, Token};
use crate::archive::entry::{Entry, EntryKind, SinkClosed};
use crate::archive::tar::TarVisitor;
use crate::files::{Metadata, Tree};

/// How entries become files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StageOptions {
    /// Devices are made; else one in the dump is an error.
    pub devices: bool,
}

/// Content that is being staged for one folder; the entries come by the calls of [`TarVisitor`], with
/// paths relative to it. Dropped, it leaves everything as it was.
///
/// Nothing is made outside of the hidden folder, whatever the entries say: paths that lead elsewhere or
/// through something that is no folder, names that come twice and hard links to a folder or to nothing that came earlier are
/// errors. A folder may come twice, or behind what is in it: the last one's owner, mode and time count.
#[derive(Debug)]
pub struct Stage {
    options: StageOptions,
    pub(super) prepared: Prepared,
    tree: Tree,
    /// Of the folder itself, if an entry says so.
    root: Option<Metadata>,
    error: Option<ContentError>,
}

impl Stage {
    /// Makes the hidden folder, and the folder itself if it is missing.
    ///
    /// # Errors
    /// When it cannot be made; nothing is left then.
    pub fn create(
        place: &Place,
        token: &Token,
        options: StageOptions,
    ) -> Result<Self, ContentError> {
        let (folder, made) = place.make()?;
        let hidden = Hidden::make(folder, place.path(), token)?;
        let prepared = Prepared {
            place: place.clone(),
            hidden,
            made,
            is_settled: false,
        };
        let new = prepared.hidden.open_inside(NEW)?;
        let tree = Tree::new(new).map_err(|error| ContentError::file(&place.path(), error))?;
        Ok(Self {
            options,
            prepared,
            tree,
            root: None,
            error: None,
        })
    }

    /// Why a call ended in [`SinkClosed`].
    pub fn take_error(&mut self) -> Option<ContentError> {
        self.error.take()
    }

    /// Ends the content: every folder gets its metadata, and all of it is on the disk.
    ///
    /// # Errors
    /// When it cannot be written or synced.
    pub(super) fn end(mut self) -> Result<Ended, ContentError> {
        let closed = self.tree.close();
        closed.map_err(|error| ContentError::file(&self.prepared.hidden.path, error))?;
        self.prepared.hidden.sync()?;
        Ok(Ended {
            losses: self.tree.warnings(),
            root: self.root.take(),
            prepared: self.prepared,
        })
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), ContentError> {
        if entry.kind.is_device() && !self.options.devices {
            let entry = entry.path.clone();
            return Err(ContentError::Device { entry });
        }
        if entry.path.is_empty() && entry.kind == EntryKind::Directory {
            self.root = Some(Metadata::of(entry));
            return Ok(());
        }
        let made = self.tree.entry(entry);
        made.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: crate::files::FileError) -> ContentError {
        ContentError::file(&self.prepared.hidden.path, error)
    }

    fn keep(&mut self, done: Result<(), ContentError>) -> Result<(), SinkClosed> {
        done.map_err(|error| {
            self.error.get_or_insert(error);
            SinkClosed
        })
    }
}

impl TarVisitor for Stage {
    fn begin(&mut self, entry: &Entry, _: u64) -> Result<(), SinkClosed> {
        let made = self.entry(entry);
        self.keep(made)
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        let written = self.tree.write(part).map_err(|error| self.failed(error));
        self.keep(written)
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        let ended = self.tree.end().map_err(|error| self.failed(error));
        self.keep(ended)
    }
}

/// Content that is whole and on the disk.
pub(super) struct Ended {
    pub(super) losses: Vec<String>,
    pub(super) root: Option<Metadata>,
    pub(super) prepared: Prepared,
}

/// A hidden folder that is removed, and everything undone, unless it was settled.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) place: Place,
    pub(super) hidden: Hidden,
    made: Made,
    is_settled: bool,
}

impl Prepared {
    /// Whether the place itself did not exist before.
    pub(super) fn is_new(&self) -> bool {
        self.made.contains(&self.place.path())
    }

    /// Puts everything back as it was.
    pub(super) fn undo(&mut self) -> Result<(), ContentError> {
        self.is_settled = true;
        super::settle::undo(&self.hidden)?;
        self.made.remove();
        Ok(())
    }

    /// Removes what is old.
    pub(super) fn keep(&mut self) -> Result<(), ContentError> {
        self.is_settled = true;
        self.made.stay();
        super::settle::keep_own(&self.hidden)
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if self.is_settled {
            return;
        }
        if let Err(error) = self.undo() {
            let cause: &dyn std::error::Error = &error;
            let folder = self.hidden.path.display();
            tracing::warn!(%folder, cause, "unfinished content is left over");
        }
    }
}
