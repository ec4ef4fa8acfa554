//! The direct reader: a folder of this machine as a sequence of entries, in two passes.
//!
//! [`scan()`] looks at everything once, in byte order of names, and a thread beside it completes what was seen with
//! what takes more questions and writes it to a list in an unlinked file: from then on the names, sizes and holes of the member are fixed, and so is the
//! length of its tar. [`read()`] follows that list and hands each entry and its content to a sink.
//! What became of a plain file in between is reported as a [`Trouble`]; everything else has no content to change, and
//! is in the dump as the scan saw it.
//!
//! Nothing is opened by an absolute path but the root: each step is relative to an open directory
//! and follows no link, so that a service that goes on working on its files cannot lead the reader
//! elsewhere. Memory is bounded whatever the tree looks like: names waiting to be visited, the list
//! and the table of hard links live in unlinked files.
//!
//! It knows neither tar nor targets; [`crate::archive::entry`] is all it says.

mod ahead;
mod content;
mod facts;
mod gather;
mod item;
mod links;
mod list;
mod names;
mod open;
mod pending;
mod read;
mod record;
mod scan;
mod scanner;
mod tree;
mod trouble;

use std::path::{Path, PathBuf};

pub use ahead::read_ahead;
pub use read::{ReadError, ReadReport, read};
pub use scan::{Scan, scan};
pub use trouble::{Trouble, TroubleKind, Troubles};

/// What to scan, and how.
pub struct WalkOptions<'a> {
    /// The folder, or a single file. If it is itself a symbolic link it is followed.
    pub root: &'a Path,
    /// Decides what is taken.
    pub filter: &'a mut dyn Filter,
    /// Replaces symbolic links by what they point to. A link that points nowhere or at a directory
    /// around it stays a link, and is reported.
    pub follow_symlinks: bool,
    /// Folders that are not gone into through a link that is replaced, by device and inode: dumps of
    /// dumps are not wanted, nor one of itself. Such a link stays a link, and is reported.
    pub never: &'a [(u64, u64)],
    /// Leaves out what is below a mount point, and reports it. The mount point itself is an entry.
    pub one_file_system: bool,
    /// An existing folder for unlinked temporary files, about 60 bytes per entry.
    pub list_dir: &'a Path,
    /// Asked before each file: `true` ends the scan with [`WalkError::Cancelled`].
    pub cancelled: &'a dyn Fn() -> bool,
    /// What stands before each path in the tar whose length the scan announces: `./` for volumes.
    pub prefix: &'a [u8],
}

/// Decides which files belong to a member.
pub trait Filter {
    /// Judges one file by its path relative to the root, without a leading `./`. The root itself is
    /// always taken, and what lies below a directory is asked for only as [`Verdict`] says.
    fn decide(&mut self, path: &[u8], is_dir: bool) -> Verdict;

    /// Whether the directory at `path`, on another file system than the one around it, is what is
    /// wanted, so that [`WalkOptions::one_file_system`] does not stop there.
    fn wants_mount_point(&self, path: &[u8]) -> bool {
        let _ = path;
        false
    }
}

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Taken; a directory with all that is below it, without asking again.
    Take,
    /// Taken; what is below a directory is decided one by one.
    Pass,
    /// Left out, with all that is below it.
    Skip,
}

/// Takes everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct TakeAll;

impl Filter for TakeAll {
    fn decide(&mut self, _path: &[u8], _is_dir: bool) -> Verdict {
        Verdict::Take
    }
}

/// A folder could not be scanned at all. What concerns single files is a [`Trouble`].
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// The root cannot be opened.
    #[error("cannot open `{}`", crate::text::path(path))]
    Root {
        /// The root as given.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The root is a socket, which nothing can store.
    #[error("`{}` is a socket", crate::text::path(path))]
    RootIsSocket {
        /// The root as given.
        path: PathBuf,
    },
    /// [`WalkOptions::cancelled`] said so.
    #[error("scanning was stopped")]
    Cancelled,
    /// The system gives no thread to list files on.
    #[error("cannot start a thread to list files on")]
    Thread(#[source] std::io::Error),
    /// A temporary file could not be made, written or read: usually its disk is full.
    #[error("cannot keep the list of files in `{}`", crate::text::path(dir))]
    List {
        /// [`WalkOptions::list_dir`].
        dir: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
