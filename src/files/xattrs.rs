//! Extended attributes of a file, ACLs and capabilities included, whatever kind of file it is.

use std::marker::PhantomData;

use rustix::fd::{AsRawFd, BorrowedFd};
use rustix::fs::{fremovexattr, lgetxattr, llistxattr};
use rustix::io::Errno;
use rustix::process::fchdir;
use rustix::thread::UnshareFlags;

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

/// Removes the ACLs that something just made has from the folder that it was made in.
pub(crate) fn drop_inherited_acls(made: BorrowedFd<'_>) {
    for acl in ["system.posix_acl_default", "system.posix_acl_access"] {
        // Most have none, and most file systems that have no ACLs hand none down.
        let _ = fremovexattr(made, acl);
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
    let follow = follow || name.is_empty();
    read(&ByPath { path, follow })
}

/// Reads the attributes of many files on one thread, folder after folder.
///
/// A name alone is looked up three times as fast as a path through `/proc/self/fd`, so the thread gets a working
/// directory of its own, if the system lets it have one: the seccomp profile of containers does not. Whoever made
/// this opens nothing by a relative path on this thread any more.
pub(crate) struct XattrReader {
    has_own_directory: bool,
    /// Path of the folder where the thread is, if it went to one.
    at: Option<Vec<u8>>,
    /// The directory is the thread's: this must not move to another one.
    on_one_thread: PhantomData<*const ()>,
}

impl XattrReader {
    /// A reader on this thread, which goes on living with another working directory.
    pub(crate) fn of_this_thread() -> Self {
        #[expect(
            deprecated,
            reason = "what is unsafe about it is `FILES`, which is not asked for"
        )]
        let unshared = rustix::thread::unshare(UnshareFlags::FS);
        Self {
            has_own_directory: unshared.is_ok(),
            at: None,
            on_one_thread: PhantomData,
        }
    }

    /// What [`read_xattrs`] says. `path` tells one `dir` from the other, nothing is opened by it.
    pub(crate) fn read(
        &mut self,
        dir: BorrowedFd<'_>,
        path: &[u8],
        name: &[u8],
        follow: bool,
    ) -> Result<Vec<Xattr>, XattrsMissing> {
        if name.is_empty() || !self.has_own_directory {
            return read_xattrs(dir, name, follow);
        }
        if self.at.as_deref() != Some(path) {
            self.at = None;
            fchdir(dir)?;
            self.at = Some(path.to_vec());
        }
        let path = name.to_vec();
        read(&ByPath { path, follow })
    }
}

fn read(file: &ByPath) -> Result<Vec<Xattr>, XattrsMissing> {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs::{File, create_dir, write};
    use std::os::fd::AsFd;
    use std::os::unix::fs::symlink;

    use rustix::fs::{XattrFlags, setxattr};

    use super::*;

    /// Two folders with files of the same names, of which some have attributes.
    #[test]
    fn a_thread_with_a_directory_of_its_own_reads_the_same() {
        let root = tempfile::tempdir_in("/var/tmp").unwrap();
        for folder in ["one", "two"] {
            let folder = root.path().join(folder);
            create_dir(&folder).unwrap();
            for name in ["bare", "told"] {
                write(folder.join(name), "").unwrap();
            }
            symlink("told", folder.join("link")).unwrap();
            let value = folder.as_os_str().as_encoded_bytes();
            setxattr(folder.join("told"), "user.at", value, XattrFlags::empty()).unwrap();
        }
        let before = std::env::current_dir().unwrap();
        let mut reader = std::thread::scope(|scope| {
            let read = scope.spawn(|| {
                let mut reader = XattrReader::of_this_thread();
                let mut found = Vec::new();
                for folder in ["one", "two", "one"] {
                    let dir = File::open(root.path().join(folder)).unwrap();
                    for (name, follow) in [
                        ("bare", false),
                        ("told", false),
                        ("link", false),
                        ("link", true),
                        ("", true),
                    ] {
                        let (dir, name) = (dir.as_fd(), name.as_bytes());
                        let read = reader.read(dir, folder.as_bytes(), name, follow);
                        assert_eq!(read, read_xattrs(dir, name, follow));
                        found.push(read.unwrap().len());
                    }
                }
                found
            });
            read.join().unwrap().into_iter()
        });
        for _ in ["one", "two", "one"] {
            assert_eq!(reader.by_ref().take(5).collect::<Vec<_>>(), [0, 1, 0, 1, 0]);
        }
        assert_eq!(std::env::current_dir().unwrap(), before);
    }
}
