//! A folder that gets new content as a whole: a volume's mountpoint, or a mounted folder.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, Mode, mkdirat, statat, utimensat};
use rustix::io::Errno;

use super::ContentError;
use super::hidden::{Hidden, NEW, OLD};
use super::moves::{Moves, MovesWriter};
use super::others::find_other;
use super::place::join;
use super::stage::{Ended, Stage};
use crate::archive::entry::Mtime;
use crate::files::{Losses, Metadata, mtime_of, open_beneath, split, times};

impl Stage {
    /// Ends the content of a folder that gets it as a whole.
    ///
    /// # Errors
    /// When it cannot be written or synced.
    pub fn finish(self) -> Result<StagedFolder, ContentError> {
        Ok(StagedFolder {
            ended: self.end()?,
            is_to_be_empty: false,
        })
    }
}

/// New content of a whole folder, on the disk and not yet in its place. Dropped, it leaves everything as it
/// was, also after [`StagedFolder::swap`].
pub struct StagedFolder {
    ended: Ended,
    is_to_be_empty: bool,
}

impl StagedFolder {
    /// What the file system or the lack of privileges kept from being restored, one sentence each.
    #[must_use]
    pub fn losses(&self) -> &[String] {
        &self.ended.losses
    }

    /// Has [`StagedFolder::swap`] refuse a folder in which there is anything but folders and what is carried: nobody
    /// has said that it may go.
    #[must_use]
    pub fn into_empty(self) -> Self {
        Self {
            is_to_be_empty: true,
            ..self
        }
    }

    /// Puts the new content into its place: what is there moves aside, by renames alone. What lies at the paths
    /// `carried` stays where it is, as far as the new content has nothing there: it belongs to something
    /// else that is not restored, or not so.
    ///
    /// # Errors
    /// When there is something that may not go, or a rename fails, in the middle of it perhaps: [`StagedFolder::undo`] takes it back.
    pub fn swap(&mut self, carried: &[Vec<u8>]) -> Result<(), ContentError> {
        let folders = self.list(carried)?;
        let Ended {
            prepared,
            root,
            losses,
        } = &mut self.ended;
        let hidden = &prepared.hidden;
        if let Some(moves) = Moves::open(hidden)? {
            moves.execute()?;
        }
        folders
            .iter()
            .for_each(|folder| folder.give_back_time(hidden));
        if let Some(metadata) = root {
            let mut lost = Losses::default();
            let set = metadata.replace(hidden.folder.as_fd(), &mut lost);
            set.map_err(|errno| hidden.failed(b"", errno.into()))?;
            losses.extend(lost.sentences());
        }
        hidden.sync()
    }

    /// Lists what has to change places, and gives the folders into which old content moves.
    pub(super) fn list(&self, carried: &[Vec<u8>]) -> Result<Vec<Carrying>, ContentError> {
        let hidden = &self.ended.prepared.hidden;
        // First, because it makes folders in the new content.
        let mut carrying = Vec::new();
        for path in carried {
            if let Some(folder) = carry(hidden, path)? {
                carrying.push((path, folder));
            }
        }
        hidden.make_whole()?;
        let mut moves = MovesWriter::create(hidden)?;
        each_name(hidden, None, &mut |name| {
            moves.add(name, &hidden.within(OLD, name))
        })?;
        // Behind the listing: what came after it is not listed, and stays.
        self.check_empty(carried)?;
        each_name(hidden, Some(NEW), &mut |name| {
            moves.add(&hidden.within(NEW, name), name)
        })?;
        for (path, folder) in &carrying {
            moves.in_folder(&folder.path, folder.was)?;
            moves.add(&hidden.within(OLD, path), path)?;
        }
        moves.finish()?;
        Ok(carrying.into_iter().map(|(_, folder)| folder).collect())
    }

    fn check_empty(&self, carried: &[Vec<u8>]) -> Result<(), ContentError> {
        if !self.is_to_be_empty {
            return Ok(());
        }
        let folder = &self.ended.prepared.hidden.path;
        match find_other(folder, carried) {
            Ok(None) => Ok(()),
            Ok(Some(path)) => Err(ContentError::Changed { path }),
            Err(source) => Err(ContentError::Read {
                path: folder.clone(),
                source,
            }),
        }
    }

    /// Puts everything back as it was.
    ///
    /// # Errors
    /// When a rename cannot be taken back; [`super::settle()`] can try again.
    pub fn undo(mut self) -> Result<(), ContentError> {
        self.ended.prepared.undo()
    }

    /// Removes the old content: from now on there is no way back.
    ///
    /// # Errors
    /// When it cannot be removed; the new content counts all the same.
    pub fn keep(mut self) -> Result<(), ContentError> {
        self.ended.prepared.keep()
    }
}

/// Shows the names in a folder that is to change places: the folder itself, or one in the hidden one.
fn each_name(
    hidden: &Hidden,
    inside: Option<&str>,
    see: &mut dyn FnMut(&[u8]) -> Result<(), ContentError>,
) -> Result<(), ContentError> {
    let unread = |errno: Errno| ContentError::Read {
        path: hidden.path.clone(),
        source: errno.into(),
    };
    let names = match inside {
        None => Dir::read_from(&hidden.folder),
        Some(name) => Dir::read_from(hidden.open_inside(name)?),
    };
    for entry in names.map_err(unread)? {
        let entry = entry.map_err(unread)?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." && !hidden.is_own(name) {
            see(name)?;
        }
    }
    Ok(())
}

/// A folder of the new content into which something moves that lay in the old one: the time of neither is to be
/// changed by that.
pub(super) struct Carrying {
    path: Vec<u8>,
    /// The time of the old folder.
    was: Mtime,
    /// The time of the new one.
    mtime: Mtime,
}

impl Carrying {
    fn give_back_time(&self, hidden: &Hidden) {
        let (folder, name) = split(&self.path);
        let set = open_beneath(hidden.folder.as_fd(), folder).and_then(|folder| {
            let nofollow = AtFlags::SYMLINK_NOFOLLOW;
            utimensat(folder, name, &times(self.mtime), nofollow)
        });
        if set.is_err() {
            tracing::debug!("the time of a folder with kept content could not be set");
        }
    }
}

/// Prepares the way of something old into the new content. `None` if it is not there, or the new
/// content has something in its place.
fn carry(hidden: &Hidden, path: &[u8]) -> Result<Option<Carrying>, ContentError> {
    let failed =
        |errno: Errno| ContentError::write(&hidden.path, join(&hidden.path, path), errno.into());
    let (way, name) = split(path);
    let is_there = |root: BorrowedFd<'_>| {
        let folder = open_beneath(root, way);
        folder.is_ok_and(|folder| statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok())
    };
    let new = hidden.open_inside(NEW)?;
    if !is_there(hidden.folder.as_fd()) || is_there(new.as_fd()) {
        return Ok(None);
    }
    let (mut old, mut new) = (
        open_beneath(hidden.folder.as_fd(), b"").map_err(failed)?,
        new,
    );
    for name in way
        .split(|byte| *byte == b'/')
        .filter(|name| !name.is_empty())
    {
        old = open_beneath(old.as_fd(), name).map_err(failed)?;
        match mkdirat(&new, name, Mode::RWXU) {
            Ok(()) => {
                new = open_beneath(new.as_fd(), name).map_err(failed)?;
                let metadata = Metadata::of_folder(old.as_fd()).map_err(failed)?;
                let set = metadata.set(new.as_fd(), b"", &mut Losses::default());
                set.map_err(failed)?;
            }
            Err(Errno::EXIST) => new = open_beneath(new.as_fd(), name).map_err(failed)?,
            Err(errno) => return Err(failed(errno)),
        }
    }
    let time = |folder: OwnedFd| rustix::fs::fstat(&folder).map(|found| mtime_of(&found));
    Ok(Some(Carrying {
        path: way.to_vec(),
        was: time(old).map_err(failed)?,
        mtime: time(new).map_err(failed)?,
    }))
}
