//! The dump's Compose files in a temporary folder, for the loader to read before anything is verified: small
//! files only, and no link that leads out of it.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::archive::entry::{Entry, EntryKind, SinkClosed};
use crate::archive::manifest::model::{Member, Source};
use crate::archive::tar::TarVisitor;
use crate::files::{FileError, Tree};
use crate::stored::{Dump, PassError, ScratchError, Takers, Wish};

/// Bytes beyond which a file is no Compose file, nor one that a Compose file includes or takes variables
/// from. Build contexts are config as well, and may hold anything.
const MAX_FILE: u64 = 1024 * 1024;

/// Bytes of all of them together.
const MAX_ALL: u64 = 64 * 1024 * 1024;

/// A copy of the dump's config, removed with this.
pub(super) struct ConfigCopy {
    _top: TempDir,
    /// A folder with the name of the one that is restored into, which Compose may name the project by.
    pub(super) folder: PathBuf,
}

/// The config cannot be copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A temporary file cannot be made.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    /// A file cannot be made of an entry.
    #[error("cannot copy the dump's configuration")]
    File(#[from] FileError),
}

/// Copies what a loader could read of the dump's config. Of an archive, nothing behind it is read.
///
/// # Errors
/// When temporary files cannot be made. What is wrong with the dump is found when it is verified.
pub(super) fn copy(
    dump: &mut Dump,
    scratch: &Path,
    name: &OsStr,
) -> Result<ConfigCopy, CopyError> {
    let failed = |source| ScratchError {
        dir: scratch.to_owned(),
        source,
    };
    let top = tempfile::Builder::new()
        .prefix("compose-dump-")
        .tempdir_in(scratch)
        .map_err(failed)?;
    let folder = top.path().join(name);
    std::fs::create_dir(&folder).map_err(failed)?;
    let root = open_folder(&folder).map_err(failed)?;
    let mut copier = Copier {
        tree: Tree::new(root)?,
        left: MAX_ALL,
        is_open: false,
        has_begun: false,
        error: None,
    };
    let read = dump.read_members(&mut copier, &mut |_| {});
    if let Some(error) = copier.error {
        return Err(error.into());
    }
    copier.tree.close()?;
    match read {
        Err(PassError::Scratch(error)) => Err(error.into()),
        // It stops behind the config.
        Err(PassError::Closed(SinkClosed)) | Ok(_) => Ok(ConfigCopy { _top: top, folder }),
    }
}

fn open_folder(path: &Path) -> io::Result<std::os::fd::OwnedFd> {
    Ok(std::fs::File::open(path)?.into())
}

struct Copier {
    tree: Tree,
    left: u64,
    /// Whether the entry that came last is being copied.
    is_open: bool,
    has_begun: bool,
    error: Option<FileError>,
}

impl Copier {
    fn keep<T>(&mut self, made: Result<T, FileError>) -> Result<T, SinkClosed> {
        made.map_err(|error| {
            self.error = Some(error);
            SinkClosed
        })
    }

    fn wants(&self, entry: &Entry) -> bool {
        match &entry.kind {
            EntryKind::File => entry.size <= MAX_FILE.min(self.left),
            EntryKind::Directory => !entry.path.is_empty(),
            EntryKind::Symlink { target } => stays(&entry.path, target),
            EntryKind::HardLink { .. }
            | EntryKind::Fifo
            | EntryKind::CharDevice { .. }
            | EntryKind::BlockDevice { .. } => false,
        }
    }
}

/// Whether a link leads nowhere but below the folder, wherever the links on its way lead: it goes up first,
/// no further than it lies deep, and then down alone.
fn stays(path: &[u8], target: &[u8]) -> bool {
    let depth = path.iter().filter(|byte| **byte == b'/').count();
    let names = || target.split(|byte| *byte == b'/');
    let up = names().take_while(|name| *name == b"..").count();
    let mut down = names().skip(up);
    !target.starts_with(b"/") && up <= depth && down.all(|name| name != b"..")
}

impl Takers for Copier {
    fn offer(&mut self, member: &Member) -> Result<Wish, SinkClosed> {
        match member.source {
            Source::Config => {
                self.has_begun = true;
                Ok(Wish::Take)
            }
            // Nothing behind it is wanted: mounted folders have nothing that Compose reads.
            _ if self.has_begun => Err(SinkClosed),
            _ => Ok(Wish::Pass),
        }
    }

    fn judged(&mut self, _: &Member, _: bool) -> Result<(), SinkClosed> {
        Ok(())
    }
}

impl TarVisitor for Copier {
    fn begin(&mut self, entry: &Entry, _: u64) -> Result<(), SinkClosed> {
        self.is_open = self.wants(entry);
        if !self.is_open {
            return Ok(());
        }
        self.left -= entry.size;
        // Nobody else looks into the folder, and the loader has to.
        let plain = Entry {
            mode: if entry.kind == EntryKind::Directory { 0o700 } else { 0o600 },
            xattrs: Vec::new(),
            ..entry.clone()
        };
        let made = self.tree.entry(&plain);
        self.keep(made)
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        if !self.is_open {
            return Ok(());
        }
        let written = self.tree.write(part);
        self.keep(written)
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        if !std::mem::take(&mut self.is_open) {
            return Ok(());
        }
        let ended = self.tree.end();
        self.keep(ended)
    }
}

#[cfg(test)]
mod tests {
    use super::stays;

    #[test]
    fn links_that_could_lead_out_are_not_followed() {
        for (path, target, expected) in [
            ("a", "b", true),
            ("d/a", "../b", true),
            ("d/a", "x/y", true),
            ("a", "../b", false),
            ("d/a", "../../b", false),
            ("a", "/etc/passwd", false),
            // `x` may be a link to the folder itself.
            ("d/a", "x/../../b", false),
            ("d/a", "x/../b", false),
        ] {
            assert_eq!(stays(path.as_bytes(), target.as_bytes()), expected, "{path} {target}");
        }
    }
}
