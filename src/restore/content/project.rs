//! Files among others: what of the staged content is not in the folder yet, or otherwise, gets its place
//! there, and everything else stays as it is. So `config` comes back into the project folder.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, openat, readlinkat, statat};
use rustix::io::Errno;

use super::ContentError;
use super::hidden::{Hidden, NEW, OLD};
use super::moves::{Moves, MovesWriter};
use super::others::find_other;
use super::place::join;
use super::stage::{Ended, Stage};
use crate::files::{Losses, kind_name, mtime_of, open_beneath, same_content};

impl Stage {
    /// Ends the content of files that have their places among others.
    ///
    /// # Errors
    /// When it cannot be written or synced.
    pub fn finish_among(self) -> Result<StagedFiles, ContentError> {
        Ok(StagedFiles {
            ended: self.end()?,
            adds_only: false,
        })
    }
}

/// New files, on the disk and not yet in their places. Dropped, they leave everything as it was, also after
/// [`StagedFiles::swap`].
pub struct StagedFiles {
    ended: Ended,
    adds_only: bool,
}

/// How many files changed places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swapped {
    /// Files and folders that were not there.
    pub added: u64,
    /// Files that had other content, or were something else.
    pub replaced: u64,
    /// Files that were there as they should.
    pub same: u64,
}

impl StagedFiles {
    /// What the file system or the lack of privileges kept from being restored, one sentence each.
    #[must_use]
    pub fn losses(&self) -> &[String] {
        &self.ended.losses
    }

    /// Has [`StagedFiles::swap`] refuse to take the place of anything that differs: nobody has said that it may go.
    #[must_use]
    pub fn adding_only(self) -> Self {
        Self {
            adds_only: true,
            ..self
        }
    }

    /// Puts those that are missing or differ into their places; what was there moves aside. A file of the same
    /// kind and content stays, whoever owns it, and so does every folder that is there.
    ///
    /// # Errors
    /// When there is something that may not go, or a rename fails, in the middle of it perhaps: [`StagedFiles::undo`] takes it back.
    pub fn swap(&mut self) -> Result<Swapped, ContentError> {
        let swapped = self.list()?;
        let hidden = &self.ended.prepared.hidden;
        if let Some(moves) = Moves::open(hidden)? {
            moves.execute()?;
        }
        if let (Some(metadata), true) = (&self.ended.root, self.ended.prepared.is_new()) {
            // A folder that was there is its owner's; one that we have made is the dump's.
            let set = metadata.replace(hidden.folder.as_fd(), &mut Losses::default());
            set.map_err(|errno| hidden.failed(b"", errno.into()))?;
        }
        hidden.sync()?;
        Ok(swapped)
    }

    /// Lists what has to change places.
    pub(super) fn list(&self) -> Result<Swapped, ContentError> {
        let hidden = &self.ended.prepared.hidden;
        let mut changes = Changes {
            hidden,
            moves: MovesWriter::create(hidden)?,
            swapped: Swapped::default(),
            adds_only: self.adds_only,
        };
        let mut folders = vec![Vec::new()];
        while let Some(folder) = folders.pop() {
            changes.folder(&folder, &mut folders)?;
        }
        let Changes { moves, swapped, .. } = changes;
        moves.finish()?;
        Ok(swapped)
    }

    /// Puts everything back as it was.
    ///
    /// # Errors
    /// When a rename cannot be taken back; [`super::settle()`] can try again.
    pub fn undo(mut self) -> Result<(), ContentError> {
        self.ended.prepared.undo()
    }

    /// Removes what was replaced: from now on there is no way back.
    ///
    /// # Errors
    /// When it cannot be removed; the new files count all the same.
    pub fn keep(mut self) -> Result<(), ContentError> {
        self.ended.prepared.keep()
    }
}

/// What has to change places, found folder by folder.
struct Changes<'h> {
    hidden: &'h Hidden,
    moves: MovesWriter<'h>,
    swapped: Swapped,
    adds_only: bool,
}

impl Changes<'_> {
    /// Compares a staged folder with the one in the project, which is there. Adds folders that both have.
    fn folder(&mut self, path: &[u8], folders: &mut Vec<Vec<u8>>) -> Result<(), ContentError> {
        let failed = |errno: Errno| ContentError::Read {
            path: join(&self.hidden.path, path),
            source: errno.into(),
        };
        let new = self.hidden.open_inside(NEW)?;
        let new = open_beneath(new.as_fd(), path).map_err(failed)?;
        let there = open_beneath(self.hidden.folder.as_fd(), path).map_err(failed)?;
        let changes = |swapped: &Swapped| swapped.added + swapped.replaced;
        let before = changes(&self.swapped);
        for entry in Dir::read_from(&new).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let path = match path {
                b"" => name.to_vec(),
                path => [path, b"/", name].concat(),
            };
            match compare(&new, &there, name).map_err(failed)? {
                Compared::Folders => folders.push(path),
                Compared::Same => self.swapped.same += 1,
                Compared::Absent => {
                    self.swapped.added += 1;
                    self.place(&path)?;
                }
                Compared::OtherThanFolder(comes) if has_content(&self.hidden.path, &path)? => {
                    return Err(ContentError::OtherKind {
                        path: join(&self.hidden.path, &path),
                        there: "a folder with content",
                        comes,
                    });
                }
                Compared::Differs | Compared::OtherThanFolder(_) if self.adds_only => {
                    let path = join(&self.hidden.path, &path);
                    return Err(ContentError::Changed { path });
                }
                Compared::Differs | Compared::OtherThanFolder(_) => {
                    self.swapped.replaced += 1;
                    let old = self.swapped.replaced.to_string();
                    self.moves
                        .add(&path, &self.hidden.within(OLD, old.as_bytes()))?;
                    self.place(&path)?;
                }
            }
        }
        if changes(&self.swapped) > before {
            let found = rustix::fs::fstat(&there).map_err(failed)?;
            self.moves.in_folder(path, mtime_of(&found))?;
        }
        Ok(())
    }

    fn place(&mut self, path: &[u8]) -> Result<(), ContentError> {
        self.moves.add(&self.hidden.within(NEW, path), path)
    }
}

/// A staged entry beside what is in its place.
enum Compared {
    Absent,
    Same,
    Differs,
    /// There is a folder, and this comes.
    OtherThanFolder(&'static str),
    /// Both are folders: what is in them is compared by itself.
    Folders,
}

/// Whether there is anything but folders in a folder: what Docker makes where a mounted path is missing has nothing.
fn has_content(root: &Path, path: &[u8]) -> Result<bool, ContentError> {
    let folder = join(root, path);
    match find_other(&folder, &[]) {
        Ok(found) => Ok(found.is_some()),
        Err(source) => Err(ContentError::Read {
            path: folder,
            source,
        }),
    }
}

fn compare(new: &OwnedFd, there: &OwnedFd, name: &[u8]) -> rustix::io::Result<Compared> {
    let staged = statat(new, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let found = match statat(there, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(Compared::Absent),
        found => found?,
    };
    let kind = |stat: &Stat| FileType::from_raw_mode(stat.st_mode);
    if kind(&staged) != kind(&found) {
        return Ok(match kind(&found) {
            FileType::Directory => Compared::OtherThanFolder(kind_name(kind(&staged))),
            _ => Compared::Differs,
        });
    }
    let is_same = match kind(&staged) {
        FileType::Directory => return Ok(Compared::Folders),
        FileType::RegularFile if staged.st_size != found.st_size => false,
        FileType::RegularFile => {
            let same = same_content(open(new.as_fd(), name)?, open(there.as_fd(), name)?);
            same.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?
        }
        FileType::Symlink => {
            readlinkat(new, name, Vec::new())? == readlinkat(there, name, Vec::new())?
        }
        FileType::CharacterDevice | FileType::BlockDevice => staged.st_rdev == found.st_rdev,
        FileType::Fifo | FileType::Socket | FileType::Unknown => true,
    };
    Ok(if is_same {
        Compared::Same
    } else {
        Compared::Differs
    })
}

/// Opens a file without waiting for anything that took its place meanwhile.
fn open(dir: BorrowedFd<'_>, name: &[u8]) -> rustix::io::Result<File> {
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(openat(dir, name, flags, Mode::empty())?.into())
}
