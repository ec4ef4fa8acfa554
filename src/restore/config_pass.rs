//! One pass over the dump's config before a restore is planned: the Compose files are copied for the loader, all
//! entries compared with what is in the project folder, and those in mounted folders remembered.
//!
//! Nothing is verified yet. Only small files are copied, and no link that leads out of the copy.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::content::{ContentError, Differences, Place};
use super::facts::Compared;
use crate::archive::entry::{Entry, EntryKind, SinkClosed};
use crate::archive::escape::escape;
use crate::archive::manifest::model::{Member, Source};
use crate::archive::tar::TarVisitor;
use crate::files::{FileError, Tree};
use crate::stored::{Dump, PassError, ScratchError, Takers, Wish};

/// Bytes beyond which a file is no Compose file, nor one that a Compose file includes or takes variables
/// from. Build contexts are config as well, and may hold anything.
const MAX_FILE: u64 = 1024 * 1024;

/// Bytes of all of them together.
const MAX_ALL: u64 = 64 * 1024 * 1024;

/// What a pass over the config comes to.
pub(super) struct ConfigPass {
    /// Removed with this.
    _top: TempDir,
    /// The copied files, in a folder with the name of the one that is restored into, by which Compose may
    /// name the project.
    pub(super) copy: PathBuf,
    /// How the entries compare with those in the project folder.
    pub(super) compared: Compared,
    /// The paths of those that lie below one of the folders that were asked about; no folders.
    pub(super) inside: Vec<Vec<u8>>,
}

/// The config cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// A temporary file cannot be made.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    /// A temporary file cannot be written.
    #[error("cannot copy the dump's configuration")]
    Copy(#[from] FileError),
    /// The project folder cannot be looked at.
    #[error("cannot compare the dump's configuration with the project folder")]
    Compare(#[from] ContentError),
}

/// Looks at the config of a dump that has some. Of an archive, nothing behind it is read.
///
/// # Errors
/// When temporary files cannot be made, or the folder cannot be read. What is wrong with the dump is found
/// when it is verified.
pub(super) fn look(
    dump: &mut Dump,
    scratch: &Path,
    folder: &Path,
    mounted: &[Vec<u8>],
) -> Result<ConfigPass, ConfigError> {
    let failed = |source| ScratchError {
        dir: scratch.to_owned(),
        source,
    };
    let top = tempfile::Builder::new()
        .prefix("compose-dump-")
        .tempdir_in(scratch)
        .map_err(failed)?;
    let name = folder.file_name().unwrap_or(OsStr::new("project"));
    let copy = top.path().join(name);
    std::fs::create_dir(&copy).map_err(failed)?;
    let mut looker = Looker {
        tree: Tree::new(open_folder(&copy).map_err(failed)?)?,
        differences: Differences::new(&Place::new(folder))?,
        mounted,
        inside: Vec::new(),
        left: MAX_ALL,
        is_copied: false,
        has_begun: false,
        error: None,
    };
    let read = dump.read_members(&mut looker, &mut |_| {});
    if let Some(error) = looker.error {
        return Err(error);
    }
    looker.tree.close()?;
    match read {
        Err(PassError::Scratch(error)) => Err(error.into()),
        // It stops behind the config.
        Err(PassError::Closed(SinkClosed)) | Ok(_) => Ok(ConfigPass {
            _top: top,
            copy,
            compared: compared(looker.differences),
            inside: looker.inside,
        }),
    }
}

fn compared(differences: Differences) -> Compared {
    Compared {
        absent: differences.absent,
        same: differences.same,
        differ: differences.count,
        first: differences
            .first
            .iter()
            .map(|one| escape(&one.path))
            .collect(),
    }
}

fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    Ok(std::fs::File::open(path)?.into())
}

struct Looker<'m> {
    tree: Tree,
    differences: Differences,
    mounted: &'m [Vec<u8>],
    inside: Vec<Vec<u8>>,
    left: u64,
    /// Whether the entry that came last is being copied.
    is_copied: bool,
    has_begun: bool,
    error: Option<ConfigError>,
}

impl Looker<'_> {
    fn keep(&mut self, made: Result<(), FileError>) -> Result<(), SinkClosed> {
        made.map_err(|error| {
            self.error = Some(error.into());
            SinkClosed
        })
    }

    fn compared(&mut self, done: Result<(), SinkClosed>) -> Result<(), SinkClosed> {
        if done.is_err() {
            self.error = self.differences.take_error().map(ConfigError::from);
        }
        done
    }

    fn is_to_be_copied(&self, entry: &Entry) -> bool {
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

    fn remember(&mut self, entry: &Entry) {
        let is_below = |folder: &Vec<u8>| {
            let rest = entry.path.strip_prefix(&folder[..]);
            rest.is_some_and(|rest| rest.starts_with(b"/"))
        };
        if entry.kind != EntryKind::Directory && self.mounted.iter().any(is_below) {
            self.inside.push(entry.path.clone());
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

impl Takers for Looker<'_> {
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

impl TarVisitor for Looker<'_> {
    fn begin(&mut self, entry: &Entry, at: u64) -> Result<(), SinkClosed> {
        self.remember(entry);
        // The folder itself is no file of it.
        if !entry.path.is_empty() {
            let begun = self.differences.begin(entry, at);
            self.compared(begun)?;
        }
        self.is_copied = self.is_to_be_copied(entry);
        if !self.is_copied {
            return Ok(());
        }
        self.left -= entry.size;
        // Nobody else looks into the folder, and the loader has to.
        let is_folder = entry.kind == EntryKind::Directory;
        let plain = Entry {
            mode: if is_folder { 0o700 } else { 0o600 },
            xattrs: Vec::new(),
            ..entry.clone()
        };
        let made = self.tree.entry(&plain);
        self.keep(made)
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        let compared = self.differences.data(part);
        self.compared(compared)?;
        if !self.is_copied {
            return Ok(());
        }
        let written = self.tree.write(part);
        self.keep(written)
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        let compared = self.differences.end();
        self.compared(compared)?;
        if !std::mem::take(&mut self.is_copied) {
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
            assert_eq!(
                stays(path.as_bytes(), target.as_bytes()),
                expected,
                "{path} {target}"
            );
        }
    }
}
