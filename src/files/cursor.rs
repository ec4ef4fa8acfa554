//! The folder of a staging tree in which something is being made, and the way to it.
//!
//! Folders get their metadata when they are left, so that what is made in them does not change their
//! times. Only the folders on the way are remembered and only one is open: a tree of any size and
//! depth costs as much memory as its longest path. A folder that is entered again gets its mode and
//! time back when it is left again, so that any order of entries is right, and depth first is fast.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{Mode, OFlags, Stat, fchmod, fstat, futimens, mkdirat, openat};
use rustix::io::{Errno, Result};

use super::create::open_new_folder;
use super::losses::{Loss, Losses};
use super::metadata::{Metadata, mtime_of, note, times};
use crate::archive::entry::Mtime;

/// What a folder gets when it is left.
#[derive(Debug)]
enum AtEnd {
    /// Nothing: it was made on the way and stays 0700.
    Nothing,
    /// What its entry says.
    Set(Metadata),
    /// The mode and time that it had when it was entered again.
    Restore(u32, Mtime),
}

#[derive(Debug)]
struct OpenFolder {
    name: Vec<u8>,
    at_end: AtEnd,
}

/// A place in a tree of which only we know.
#[derive(Debug)]
pub(crate) struct Cursor {
    root: OwnedFd,
    here: OwnedFd,
    way: Vec<OpenFolder>,
}

impl Cursor {
    pub(crate) fn new(root: OwnedFd) -> Result<Self> {
        let here = reopen(root.as_fd(), c".")?;
        Ok(Self {
            root,
            here,
            way: Vec::new(),
        })
    }

    pub(crate) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Goes to a folder, makes those that are missing, and gives its descriptor.
    pub(crate) fn go_to<'c>(
        &'c mut self,
        folder: &[u8],
        losses: &mut Losses,
    ) -> Result<BorrowedFd<'c>> {
        let names: Vec<&[u8]> = match folder {
            b"" => Vec::new(),
            _ => folder.split(|byte| *byte == b'/').collect(),
        };
        let shared = self
            .way
            .iter()
            .zip(&names)
            .take_while(|(open, name)| open.name == **name);
        let shared = shared.count();
        while self.way.len() > shared {
            self.leave(losses)?;
        }
        for name in &names[shared..] {
            self.enter(name)?;
        }
        Ok(self.here.as_fd())
    }

    /// Makes a folder, or takes one made on the way, which gets `metadata` when it is left.
    pub(crate) fn make(
        &mut self,
        path: &[u8],
        metadata: Metadata,
        losses: &mut Losses,
    ) -> Result<()> {
        self.go_to(path, losses)?;
        if let Some(open) = self.way.last_mut() {
            open.at_end = AtEnd::Set(metadata);
        }
        Ok(())
    }

    /// Goes back to the root: all folders have their metadata then.
    pub(crate) fn leave_all(&mut self, losses: &mut Losses) -> Result<()> {
        while !self.way.is_empty() {
            self.leave(losses)?;
        }
        Ok(())
    }

    fn enter(&mut self, name: &[u8]) -> Result<()> {
        let (here, at_end) = match mkdirat(&self.here, name, Mode::RWXU) {
            Ok(()) => (
                open_new_folder(self.here.as_fd(), OsStr::from_bytes(name))?,
                AtEnd::Nothing,
            ),
            Err(Errno::EXIST) => self.enter_again(name)?,
            Err(errno) => return Err(errno),
        };
        self.here = here;
        self.way.push(OpenFolder {
            name: name.to_vec(),
            at_end,
        });
        Ok(())
    }

    fn enter_again(&self, name: &[u8]) -> Result<(OwnedFd, AtEnd)> {
        let folder = match openat(&self.here, name, FOLDER, Mode::empty()) {
            // Its entry took our own permissions away. It is ours: nothing but us is in this tree.
            Err(Errno::ACCESS) => {
                let stat =
                    rustix::fs::statat(&self.here, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?;
                let folder = open_new_folder(self.here.as_fd(), OsStr::from_bytes(name))?;
                return Ok((folder, restore(&stat)));
            }
            other => other?,
        };
        let stat = fstat(&folder)?;
        if stat.st_mode & 0o700 != 0o700 {
            fchmod(&folder, Mode::RWXU)?;
        }
        Ok((folder, restore(&stat)))
    }

    fn leave(&mut self, losses: &mut Losses) -> Result<()> {
        let path = self.path();
        let Some(open) = self.way.pop() else {
            return Ok(());
        };
        // Before its mode may forbid that.
        let parent = reopen(self.here.as_fd(), c"..")?;
        let folder = std::mem::replace(&mut self.here, parent);
        match open.at_end {
            AtEnd::Nothing => {}
            AtEnd::Set(metadata) => metadata.set(folder.as_fd(), &path, losses)?,
            AtEnd::Restore(mode, mtime) => {
                let mode = Mode::from_raw_mode(mode as rustix::fs::RawMode);
                note(fchmod(&folder, mode), Loss::Mode, &path, losses)?;
                note(futimens(&folder, &times(mtime)), Loss::Time, &path, losses)?;
            }
        }
        Ok(())
    }

    fn path(&self) -> Vec<u8> {
        let names: Vec<&[u8]> = self.way.iter().map(|open| &open.name[..]).collect();
        names.join(&b'/')
    }
}

const FOLDER: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

fn reopen(dir: BorrowedFd<'_>, name: &std::ffi::CStr) -> Result<OwnedFd> {
    openat(dir, name, FOLDER, Mode::empty())
}

fn restore(stat: &Stat) -> AtEnd {
    AtEnd::Restore(stat.st_mode & 0o7777, mtime_of(stat))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;
    use crate::archive::entry::{Entry, EntryKind};

    fn folder_entry(mode: u32, secs: i64) -> Metadata {
        Metadata::of(&Entry {
            path: Vec::new(),
            kind: EntryKind::Directory,
            mode,
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            mtime: Mtime { secs, nanos: 5 },
            size: 0,
            xattrs: Vec::new(),
            sparse: None,
        })
    }

    fn cursor(root: &std::path::Path) -> Cursor {
        Cursor::new(File::open(root).unwrap().into()).unwrap()
    }

    #[test]
    fn folders_keep_their_times_in_whatever_order_they_are_filled() {
        let root = tempfile::tempdir().unwrap();
        let mut cursor = cursor(root.path());
        let mut losses = Losses::default();
        cursor
            .make(b"a", folder_entry(0o500, 1000), &mut losses)
            .unwrap();
        cursor
            .make(b"a-b", folder_entry(0o750, 2000), &mut losses)
            .unwrap();
        // Behind its sibling: `a` was left and is entered again.
        cursor
            .make(b"a/c", folder_entry(0o705, 3000), &mut losses)
            .unwrap();
        cursor.go_to(b"on/the/way", &mut losses).unwrap();
        cursor
            .make(b"on", folder_entry(0o711, 4000), &mut losses)
            .unwrap();
        cursor.leave_all(&mut losses).unwrap();

        let found = |path: &str| {
            let found = fs::metadata(root.path().join(path)).unwrap();
            (found.mode() & 0o7777, found.mtime(), found.mtime_nsec())
        };
        assert_eq!(found("a"), (0o500, 1000, 5));
        assert_eq!(found("a-b"), (0o750, 2000, 5));
        assert_eq!(found("a/c"), (0o705, 3000, 5));
        assert_eq!(found("on"), (0o711, 4000, 5));
        assert_eq!(found("on/the").0, 0o700);
        assert_eq!(losses.sentences(), [""; 0]);
    }

    #[test]
    fn nothing_is_entered_through_a_link() {
        let root = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        symlink(outside.path(), root.path().join("link")).unwrap();
        let mut cursor = cursor(root.path());
        let mut losses = Losses::default();
        let error = cursor.go_to(b"link/below", &mut losses).unwrap_err();
        assert!([Errno::LOOP, Errno::NOTDIR].contains(&error), "{error}");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn depth_costs_no_descriptors() {
        let root = tempfile::tempdir().unwrap();
        let mut cursor = cursor(root.path());
        let mut losses = Losses::default();
        let path = vec!["d"; 1500].join("/");
        cursor.go_to(path.as_bytes(), &mut losses).unwrap();
        cursor.leave_all(&mut losses).unwrap();
        assert!(root.path().join("d/d/d/d").is_dir());
        super::super::remove::remove_entry(cursor.root(), OsStr::new("d")).unwrap();
    }
}
