//! Folders that were made on the way to a place, and that go again if nothing comes of it.

use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::io::Errno;

/// Folders that were missing, the outermost first. Dropped, they are removed, unless they are to stay.
#[derive(Debug, Default)]
pub(super) struct Made {
    folders: Vec<PathBuf>,
}

impl Made {
    /// As Compose makes folders: 0777 less the umask.
    pub(super) const MODE: Mode = Mode::RWXU.union(Mode::RWXG).union(Mode::RWXO);

    /// Takes what came of making a folder: `Ok` also for one that is there already, which is somebody else's.
    pub(super) fn note(
        &mut self,
        folder: PathBuf,
        made: rustix::io::Result<()>,
    ) -> rustix::io::Result<()> {
        match made {
            Ok(()) => self.folders.push(folder),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        Ok(())
    }

    /// Whether that folder was missing.
    pub(super) fn contains(&self, folder: &Path) -> bool {
        self.folders.iter().any(|made| made == folder)
    }

    /// Lets them stay.
    pub(super) fn stay(&mut self) {
        self.folders.clear();
    }

    /// Removes them, the innermost first.
    pub(super) fn remove(&mut self) {
        while let Some(folder) = self.folders.pop() {
            // Somebody may have put something there meanwhile, and then it stays.
            if rustix::fs::rmdir(&folder).is_err() {
                self.folders.clear();
            }
        }
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        self.remove();
    }
}
