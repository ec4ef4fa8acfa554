//! A dump, an archive or a marker on its way: under a hidden name until it is published.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, mkdirat, openat};
use rustix::io::Errno;

use super::TargetError;
use super::dumps::{DumpsFolder, create_file};
use super::error::Step;
use super::remove::remove_entry;
use super::rename::{Kind, rename_new};
use super::site::OrFailed;

/// Beginning and end of every hidden name; what is left behind by a killed run is known by them.
const PREFIX: &str = ".compose-dump-";
const SUFFIX: &str = ".partial";

/// The hidden name of what is written under `name`.
pub(super) fn hidden(name: &str) -> String {
    format!("{PREFIX}{name}{SUFFIX}")
}

/// A file or folder that does not count yet. One that is neither [committed](Staging::commit) nor
/// [discarded](Staging::discard) is removed when it is dropped, and the log calls it a bug.
#[derive(Debug)]
pub(super) struct Staging {
    dumps: Arc<DumpsFolder>,
    hidden: OsString,
    kind: Kind,
    published: Option<OsString>,
    done: bool,
}

impl Staging {
    /// Makes a folder (0700) and gives its descriptor.
    pub(super) fn folder(dumps: Arc<DumpsFolder>) -> Result<(Self, OwnedFd), TargetError> {
        let staging = Self::named(dumps, Kind::Folder);
        let (dir, name) = (staging.dumps.fd(), staging.hidden.as_os_str());
        let opened = mkdirat(dir, name, Mode::RWXU).and_then(|()| open_new_folder(dir, name));
        match staging.made(opened.map_err(Into::into)) {
            Ok((staging, fd)) => Ok((staging, fd)),
            Err(error) => Err(error),
        }
    }

    /// Makes a file (0600) and gives it open for reading and writing.
    pub(super) fn file(dumps: Arc<DumpsFolder>) -> Result<(Self, File), TargetError> {
        let staging = Self::named(dumps, Kind::File);
        let file = create_file(staging.dumps.fd(), &staging.hidden);
        staging.made(file)
    }

    fn named(dumps: Arc<DumpsFolder>, kind: Kind) -> Self {
        // The standard library's hash keys are random; `EXCL` covers the one in 2^64.
        let random = RandomState::new().build_hasher().finish();
        Self {
            dumps,
            hidden: hidden(&format!("{random:016x}")).into(),
            kind,
            published: None,
            done: false,
        }
    }

    fn made<T>(mut self, made: std::io::Result<T>) -> Result<(Self, T), TargetError> {
        match made.or_failed(&self.dumps.site, Step::Create, self.hidden.as_bytes()) {
            Ok(made) => Ok((self, made)),
            Err(error) => {
                self.done = true;
                Err(error)
            }
        }
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
        match rename_new(self.dumps.fd(), &self.hidden, name.as_ref(), self.kind) {
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
        let renamed = rename_new(self.dumps.fd(), &name, &self.hidden, self.kind);
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

/// Opens a folder just made, whatever the umask made of it, and gives it its mode.
pub(super) fn open_new_folder(
    dir: std::os::fd::BorrowedFd<'_>,
    name: &OsStr,
) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = match openat(dir, name, flags, Mode::empty()) {
        Err(Errno::ACCESS) => {
            rustix::fs::chmodat(dir, name, Mode::RWXU, rustix::fs::AtFlags::empty())?;
            openat(dir, name, flags, Mode::empty())?
        }
        other => other?,
    };
    match rustix::fs::fchmod(&fd, Mode::RWXU) {
        Err(errno) if errno != Errno::PERM && errno != Errno::OPNOTSUPP => Err(errno),
        _ => Ok(fd),
    }
}
