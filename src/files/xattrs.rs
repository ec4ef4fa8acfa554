//! Extended attributes of a file, ACLs and capabilities included, whatever kind of file it is.

use rustix::fd::{AsRawFd, BorrowedFd};
use rustix::fs::{lgetxattr, llistxattr};
use rustix::io::Errno;

use crate::archive::entry::Xattr;

/// Most bytes of one file's attributes that are taken. It keeps the extended header of every entry
/// below the cap of [`crate::archive::tar`]'s parser; ext4 allows far less, XFS and Btrfs more.
const MAX_BYTES: usize = 512 * 1024;
/// Longest list of names, and longest value, that Linux gives (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX`).
const KERNEL_MAX: usize = 64 * 1024;

/// Why a file's attributes are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum XattrsMissing {
    Unreadable(Errno),
    TooLong { bytes: u64 },
}

impl From<Errno> for XattrsMissing {
    fn from(errno: Errno) -> Self {
        Self::Unreadable(errno)
    }
}

/// The attributes of `name` in `dir`, or of `dir`'s own file if `name` is empty, sorted by name.
///
/// There is no `lgetxattr` relative to a directory before Linux 6.13. The directory's magic link
/// in `/proc/self/fd` does the same: the kernel goes through it to the open directory itself.
pub(crate) fn read_xattrs(
    dir: BorrowedFd<'_>,
    name: &[u8],
    follow: bool,
) -> Result<Vec<Xattr>, XattrsMissing> {
    let mut path = format!("/proc/self/fd/{}", dir.as_raw_fd()).into_bytes();
    if !name.is_empty() {
        path.push(b'/');
        path.extend_from_slice(name);
    }
    let file = ByPath {
        path,
        follow: follow || name.is_empty(),
    };
    let mut xattrs = Vec::new();
    let mut bytes = 0;
    for name in file
        .list()?
        .split(|&byte| byte == 0)
        .filter(|name| !name.is_empty())
    {
        let Some(value) = file.get(name)? else {
            continue;
        };
        bytes += name.len() + value.len();
        if bytes <= MAX_BYTES {
            xattrs.push(Xattr {
                name: name.to_vec(),
                value,
            });
        }
    }
    if bytes > MAX_BYTES {
        return Err(XattrsMissing::TooLong {
            bytes: bytes as u64,
        });
    }
    xattrs.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(xattrs)
}

struct ByPath {
    path: Vec<u8>,
    follow: bool,
}

impl ByPath {
    /// The names, each with a zero byte behind it. Most files have none: one call with a small
    /// buffer on the stack says so.
    fn list(&self) -> Result<Vec<u8>, Errno> {
        let mut names = [0_u8; 256];
        match self.list_into(&mut names) {
            Ok(len) => Ok(names[..len].to_vec()),
            Err(Errno::RANGE) => {
                let mut names = vec![0; KERNEL_MAX];
                let len = self.list_into(&mut names)?;
                names.truncate(len);
                Ok(names)
            }
            // A file system that has none.
            Err(Errno::OPNOTSUPP) => Ok(Vec::new()),
            Err(errno) => Err(errno),
        }
    }

    /// The value; `None` if the attribute was removed since it was listed.
    fn get(&self, name: &[u8]) -> Result<Option<Vec<u8>>, Errno> {
        let mut value = vec![0; 256];
        let mut got = self.get_into(name, &mut value);
        if got == Err(Errno::RANGE) {
            value.resize(KERNEL_MAX, 0);
            got = self.get_into(name, &mut value);
        }
        match got {
            Ok(len) => {
                value.truncate(len);
                value.shrink_to_fit();
                Ok(Some(value))
            }
            Err(Errno::NODATA) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    fn list_into(&self, names: &mut [u8]) -> Result<usize, Errno> {
        if self.follow {
            rustix::fs::listxattr(&self.path, names)
        } else {
            llistxattr(&self.path, names)
        }
    }

    fn get_into(&self, name: &[u8], value: &mut [u8]) -> Result<usize, Errno> {
        if self.follow {
            rustix::fs::getxattr(&self.path, name, value)
        } else {
            lgetxattr(&self.path, name, value)
        }
    }
}
