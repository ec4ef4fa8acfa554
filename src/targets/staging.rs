//! A dump, an archive or a marker on its way: under a hidden name until it is published.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, fstat, mkdirat, statat};
use rustix::io::Errno;

use super::TargetError;
use super::claim::{Claim, claim};
use super::dumps::DumpsFolder;
use super::hidden::hidden_name;
use super::site::OrFailed;
use super::step::Step;
use crate::files::{
    Kind, create_file, drop_inherited_acls, open_new_folder, remove_entry, rename_new,
};

/// A file or folder that does not count yet. One that is neither [committed](Staging::commit) nor
/// [discarded](Staging::discard) is removed when it is dropped, and the log calls it a bug.
#[derive(Debug)]
pub(super) struct Staging {
    dumps: Arc<DumpsFolder>,
    hidden: OsString,
    kind: Kind,
    published: Option<OsString>,
    done: bool,
    /// Keeps the claim on it that tells others that its run is not over.
    claimed: Option<OwnedFd>,
}

impl Staging {
    /// Makes a folder (0700) and gives its descriptor.
    pub(super) fn folder(dumps: Arc<DumpsFolder>) -> Result<(Self, OwnedFd), TargetError> {
        loop {
            let staging = Self::named(Arc::clone(&dumps), Kind::Folder);
            let (dir, name) = (staging.dumps.fd(), staging.hidden.as_os_str());
            let opened = mkdirat(dir, name, Mode::RWXU).and_then(|()| open_new_folder(dir, name));
            if let Some(made) = staging.made(opened.map_err(Into::into))? {
                return Ok(made);
            }
        }
    }

    /// Makes a file (0600) and gives it open for reading and writing.
    pub(super) fn file(dumps: Arc<DumpsFolder>) -> Result<(Self, File), TargetError> {
        loop {
            let staging = Self::named(Arc::clone(&dumps), Kind::File);
            let file = create_file(staging.dumps.fd(), &staging.hidden);
            if let Some(made) = staging.made(file)? {
                return Ok(made);
            }
        }
    }

    fn named(dumps: Arc<DumpsFolder>, kind: Kind) -> Self {
        Self {
            dumps,
            hidden: hidden_name(),
            kind,
            published: None,
            done: false,
            claimed: None,
        }
    }

    /// `None`: somebody who removes leftovers came between its making and its claim, and has it.
    fn made<T: AsFd>(mut self, made: std::io::Result<T>) -> Result<Option<(Self, T)>, TargetError> {
        match self.claimed(made) {
            Ok(Some(made)) => Ok(Some((self, made))),
            other => {
                self.done = true;
                other.map(|_| None)
            }
        }
    }

    fn claimed<T: AsFd>(&mut self, made: std::io::Result<T>) -> Result<Option<T>, TargetError> {
        let (site, name) = (&self.dumps.site, self.hidden.as_bytes());
        let made = made.or_failed(site, Step::Create, name)?;
        // What the folder of dumps would hand down is neither of the project nor for whoever it lets in.
        drop_inherited_acls(made.as_fd());
        if claim(made.as_fd()) == Claim::Theirs {
            return Ok(None);
        }
        let ours = fstat(&made).or_failed(site, Step::Create, name)?;
        match statat(self.dumps.fd(), &self.hidden, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(there) if there.st_ino == ours.st_ino => {}
            _ => return Ok(None),
        }
        let kept = made.as_fd().try_clone_to_owned();
        self.claimed = Some(kept.or_failed(site, Step::Create, name)?);
        Ok(Some(made))
    }

    /// The hidden name.
    pub(super) fn hidden(&self) -> &OsStr {
        &self.hidden
    }

    /// Gives it its name and waits until that is on the disk. `false`: the name is taken.
    ///
    /// After an error, and until [`Staging::commit`], it can still be taken back.
    pub(super) fn publish(&mut self, name: &str) -> Result<bool, TargetError> {
        self.dumps.check_there()?;
        let dir = self.dumps.fd();
        match rename_new((dir, &self.hidden), (dir, name.as_ref()), self.kind) {
            Err(Errno::EXIST | Errno::NOTEMPTY) => return Ok(false),
            other => other.or_failed(&self.dumps.site, Step::Publish, name.as_bytes())?,
        }
        self.published = Some(name.into());
        self.dumps.sync()?;
        Ok(true)
    }

    /// Takes the published name away again.
    pub(super) fn withdraw(&mut self) -> Result<(), TargetError> {
        let Some(name) = self.published.take() else {
            return Ok(());
        };
        let dir = self.dumps.fd();
        let renamed = rename_new((dir, &name), (dir, &self.hidden), self.kind);
        renamed.or_failed(&self.dumps.site, Step::Publish, name.as_bytes())
    }

    /// Leaves it where it was published.
    pub(super) fn commit(mut self) {
        debug_assert!(
            self.published.is_some(),
            "only what was published is committed"
        );
        self.done = true;
    }

    /// Removes it.
    pub(super) fn discard(mut self) {
        self.done = true;
        self.remove();
    }

    /// Leaves it as a killed process does.
    #[cfg(test)]
    pub(super) fn killed(mut self) {
        self.done = true;
    }

    fn remove(&mut self) {
        let removed = self.withdraw().and_then(|()| {
            let removed = remove_entry(self.dumps.fd(), &self.hidden);
            removed.or_failed(&self.dumps.site, Step::Write, self.hidden.as_bytes())
        });
        if let Err(error) = removed {
            tracing::warn!(
                target_name = self.dumps.site.target,
                path = %self.dumps.site.path(self.hidden.as_bytes()).display(),
                error = &error as &dyn std::error::Error,
                "an unfinished dump could not be removed"
            );
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.done {
            tracing::error!(
                target_name = self.dumps.site.target,
                path = %self.dumps.site.path(self.hidden.as_bytes()).display(),
                "bug: a dump was neither finished nor aborted; its staging is removed"
            );
            self.remove();
        }
    }
}
