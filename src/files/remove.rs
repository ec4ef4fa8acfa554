//! Removes a file or a whole folder beneath an open folder, never through a link.

use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, chmodat, openat, unlinkat};
use rustix::io::{Errno, Result};

/// Removes the entry `name` of `parent`, with everything in it. An entry that is not there is fine.
///
/// Works without recursion and with one open folder at a time, so that depth costs neither stack nor
/// descriptors.
///
/// # Errors
/// The first entry that cannot be removed ends it.
pub(crate) fn remove_entry(parent: BorrowedFd<'_>, name: &OsStr) -> Result<()> {
    if remove_leaf(parent, name.as_bytes())? {
        return Ok(());
    }
    let mut dir = open_dir(parent, name.as_bytes())?;
    let mut way: Vec<CString> = Vec::new();
    loop {
        if let Some(subfolder) = empty(dir.as_fd())? {
            dir = open_dir(dir.as_fd(), subfolder.to_bytes())?;
            way.push(subfolder);
            continue;
        }
        let Some(emptied) = way.pop() else {
            return unlinkat(parent, name, AtFlags::REMOVEDIR);
        };
        dir = openat(
            &dir,
            c"..",
            OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        unlinkat(&dir, &emptied, AtFlags::REMOVEDIR)?;
    }
}

/// Removes all that can be removed at once and gives the first folder that is not empty.
fn empty(dir: BorrowedFd<'_>) -> Result<Option<CString>> {
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." || remove_leaf(dir, name.to_bytes())? {
            continue;
        }
        return Ok(Some(name.to_owned()));
    }
    Ok(None)
}

/// Whether the entry is gone; `false` for a folder that is not empty.
fn remove_leaf(parent: BorrowedFd<'_>, name: &[u8]) -> Result<bool> {
    // A folder: EISDIR on Linux, EPERM elsewhere and by POSIX.
    match unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::ISDIR | Errno::PERM) => {}
        Ok(()) | Err(Errno::NOENT) => return Ok(true),
        Err(errno) => return Err(errno),
    }
    match unlinkat(parent, name, AtFlags::REMOVEDIR) {
        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
        other => other.map(|()| true),
    }
}

/// Opens a folder, one without permissions for its owner too.
fn open_dir(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = openat(parent, name, flags, Mode::empty());
    let dir = match dir {
        Err(Errno::ACCESS) => {
            chmodat(parent, name, Mode::RWXU, AtFlags::empty())?;
            openat(parent, name, flags, Mode::empty())?
        }
        other => other?,
    };
    rustix::fs::fchmod(&dir, Mode::RWXU)?;
    Ok(dir)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_deep_tree_goes_and_what_its_links_point_to_stays() {
        let folder = tempfile::tempdir().unwrap();
        let outside = folder.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), "x").unwrap();
        let mut deepest = folder.path().join("tree");
        for _ in 0..300 {
            deepest.push("deeper");
        }
        fs::create_dir_all(&deepest).unwrap();
        symlink(&outside, deepest.join("link")).unwrap();
        symlink(&outside, folder.path().join("tree/link")).unwrap();
        fs::write(folder.path().join("tree/file"), "x").unwrap();
        let closed = folder.path().join("tree/closed");
        fs::create_dir(&closed).unwrap();
        fs::write(closed.join("file"), "x").unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).unwrap();

        let parent = fs::File::open(folder.path()).unwrap();
        remove_entry(parent.as_fd(), OsStr::new("tree")).unwrap();
        remove_entry(parent.as_fd(), OsStr::new("tree")).unwrap();
        assert!(!folder.path().join("tree").exists());
        assert!(outside.join("kept").exists());
    }
}
