//! What `stat` says about a file, in the types that the rest of the reader uses.

use rustix::fs::{FileType, Stat};

use crate::archive::entry::Mtime;

/// Which file it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    pub(super) dev: u64,
    pub(super) ino: u64,
}

/// The parts of `struct stat` that a dump is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) id: FileId,
    pub(super) file_type: FileType,
    /// Permission, set-id and sticky bits.
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) link_count: u64,
    /// Device number of a device node.
    pub(super) rdev: u64,
    /// Logical length in bytes.
    pub(super) size: u64,
    /// Bytes allocated on the disk.
    pub(super) allocated: u64,
    pub(super) mtime: Mtime,
}

impl From<Stat> for Facts {
    // The fields' types differ from one architecture to the next, so some casts do nothing on some.
    #[allow(clippy::unnecessary_cast)]
    fn from(stat: Stat) -> Self {
        Self {
            id: FileId {
                dev: stat.st_dev as u64,
                ino: stat.st_ino as u64,
            },
            file_type: FileType::from_raw_mode(stat.st_mode),
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            link_count: stat.st_nlink as u64,
            rdev: stat.st_rdev as u64,
            size: stat.st_size as u64,
            allocated: (stat.st_blocks as u64).saturating_mul(512),
            mtime: Mtime {
                secs: stat.st_mtime as i64,
                nanos: stat.st_mtime_nsec as u32,
            },
        }
    }
}
