//! What came to places that stood free for a moment, in the middle of an attempt that is taken back: a service
//! that was started over a half changed folder makes files of its own. They move into a folder beside the old
//! content, so that neither is lost nor taken for a part of the other.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{Dir, FileType, Mode, mkdirat, openat, statat};
use rustix::io::Errno;

use super::ContentError;
use super::hidden::Hidden;
use super::place::{FOLDER, Token, join};
use crate::files::{Kind, open_beneath, rename_new, split};

/// What the folder is called, with the token of the attempt behind it.
const PREFIX: &str = "came-during-restore-";

/// Moves newcomers aside.
pub(super) struct Newcomers<'h> {
    hidden: &'h Hidden,
    name: OsString,
    aside: Option<OwnedFd>,
}

impl<'h> Newcomers<'h> {
    pub(super) fn of(hidden: &'h Hidden) -> Self {
        Self {
            hidden,
            name: format!("{PREFIX}{}", hidden.token).into(),
            aside: None,
        }
    }

    /// Moves what is at that path below the folder aside.
    pub(super) fn aside(&mut self, path: &[u8]) -> Result<(), ContentError> {
        let failed = |errno: Errno| ContentError::Move {
            from: join(&self.hidden.path, path),
            to: self.hidden.path.join(&self.name),
            source: errno.into(),
        };
        let root = self.hidden.folder.as_fd();
        let (way, name) = split(path);
        let from = open_beneath(root, way).map_err(failed)?;
        let found = statat(&from, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        let kind = match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory => Kind::Folder,
            _ => Kind::File,
        };
        let aside = match self.aside.take() {
            Some(aside) => aside,
            None => self.folder().map_err(failed)?,
        };
        let aside = self.aside.insert(aside);
        let mut free = name.to_vec();
        for number in 1.. {
            let to = (aside.as_fd(), OsStr::from_bytes(&free));
            match rename_new((from.as_fd(), OsStr::from_bytes(name)), to, kind) {
                // One of the same name came before, or lay in another folder.
                Err(Errno::EXIST | Errno::NOTEMPTY) => {
                    free = [name, format!(".{number}").as_bytes()].concat();
                }
                renamed => {
                    renamed.map_err(failed)?;
                    break;
                }
            }
        }
        tracing::warn!(
            path = %join(&self.hidden.path, path).display(),
            kept_in = %self.hidden.path.join(&self.name).display(),
            "something came here while a restore was under way, and had to make room for what was here before: restart the services that use it"
        );
        Ok(())
    }

    /// Moves everything aside that is in the folder: nothing that was there before has come back yet.
    pub(super) fn all_aside(&mut self) -> Result<(), ContentError> {
        let unread = |errno: Errno| ContentError::Read {
            path: self.hidden.path.clone(),
            source: errno.into(),
        };
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.hidden.folder).map_err(unread)? {
            let entry = entry.map_err(unread)?;
            let name = entry.file_name().to_bytes();
            let is_ours = Token::of_hidden(name).is_some() || name.starts_with(PREFIX.as_bytes());
            if name != b"." && name != b".." && !is_ours {
                names.push(name.to_vec());
            }
        }
        names.iter().try_for_each(|name| self.aside(name))
    }

    fn folder(&self) -> rustix::io::Result<OwnedFd> {
        match mkdirat(&self.hidden.folder, &self.name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        openat(&self.hidden.folder, &self.name, FOLDER, Mode::empty())
    }
}
