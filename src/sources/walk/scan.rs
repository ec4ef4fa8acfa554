//! The first pass: look at everything once and write down what is there. This thread walks, and another one records.

use std::fs::File;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::io::Errno;

use super::facts::Facts;
use super::gather::gather;
use super::record::{Recorded, Recorder, Sums};
use super::scanner::walk;
use super::trouble::Troubles;
use super::{WalkError, WalkOptions};

/// What [`scan()`] found: everything that [`super::read()`] needs, and the sums.
pub struct Scan {
    pub(super) root: OwnedFd,
    pub(super) follow_symlinks: bool,
    pub(super) prefix: Vec<u8>,
    pub(super) list: File,
    sums: Sums,
    troubles: Troubles,
}

impl Scan {
    /// Entries that will be read.
    #[must_use]
    pub fn entry_count(&self) -> u64 {
        self.sums.entry_count
    }

    /// Length of the tar that these entries make under [`WalkOptions::prefix`], end marker included.
    #[must_use]
    pub fn tar_bytes(&self) -> u64 {
        self.sums.tar_bytes
    }

    /// Bytes of content that will be read; holes do not count.
    #[must_use]
    pub fn content_bytes(&self) -> u64 {
        self.sums.content_bytes
    }

    /// What could not be looked at, and what a dump cannot hold.
    #[must_use]
    pub fn troubles(&self) -> &Troubles {
        &self.troubles
    }
}

/// Looks at the root and everything below it that the filter takes.
///
/// # Errors
/// When the root cannot be opened, the list cannot be written, the system gives no thread, or the scan was cancelled.
///
/// # Panics
/// When the recording panics, which is a bug.
pub fn scan(options: WalkOptions<'_>) -> Result<Scan, WalkError> {
    let (follow_symlinks, prefix) = (options.follow_symlinks, options.prefix);
    let list_dir = options.list_dir;
    let list_error = |source| WalkError::List {
        dir: list_dir.to_owned(),
        source,
    };
    let (root, facts) = open_root(options.root)?;
    let again = root.try_clone().map_err(|source| WalkError::Root {
        path: options.root.to_owned(),
        source,
    })?;
    let absolute = std::path::absolute(list_dir).map_err(list_error)?;
    let recorder =
        Recorder::create(again, follow_symlinks, &absolute, prefix).map_err(list_error)?;
    let (gather, met) = gather();
    let (walked, recorded) = std::thread::scope(|scope| {
        let recording = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn_scoped(scope, move || recorder.record(&met))
            .map_err(WalkError::Thread)?;
        let walked = walk(options, root, &facts, gather);
        match recording.join() {
            Ok(recorded) => Ok((walked, recorded)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })?;
    // A recorder that failed is why the walk could not go on.
    let recorded = recorded.map_err(list_error)?;
    let root = walked.map_err(list_error)?.ok_or(WalkError::Cancelled)?;
    let Recorded {
        list,
        sums,
        troubles,
    } = recorded;
    Ok(Scan {
        root,
        follow_symlinks,
        prefix: prefix.to_vec(),
        list,
        sums,
        troubles,
    })
}

fn open_root(path: &Path) -> Result<(OwnedFd, Facts), WalkError> {
    let error = |errno: Errno| WalkError::Root {
        path: path.to_owned(),
        source: errno.into(),
    };
    let root = open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(error)?;
    let facts = Facts::from(fstat(&root).map_err(error)?);
    if facts.file_type == FileType::Socket {
        return Err(WalkError::RootIsSocket {
            path: path.to_owned(),
        });
    }
    Ok((root, facts))
}
