//! Puts new files into a folder: all of them or none, and never over another one.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, fchmod, fsync, open, openat, statat, unlinkat};
use rustix::io::Errno;

use crate::files::{Kind, rename_new};
use crate::text;

/// A file to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewFile<'a> {
    /// Its name in the folder.
    pub name: &'a str,
    /// What it holds.
    pub text: &'a str,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is something of these names.
    #[error("there is already {}", quoted(.0))]
    Exists(Vec<PathBuf>),
    /// The operating system refuses.
    #[error("cannot write `{}`", text::path(.path))]
    Failed {
        /// The file, or its folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Writes `files` into `folder`, readable for whom `mode` says.
///
/// # Errors
/// [`WriteError`]; nothing is left behind then.
pub fn write_new(folder: &Path, files: &[NewFile<'_>], mode: Mode) -> Result<(), WriteError> {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let dir = open(folder, flags, Mode::empty()).map_err(|errno| failed(folder, errno.into()))?;
    let mut taken = Vec::new();
    for file in files {
        let path = folder.join(file.name);
        match statat(&dir, file.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => {}
            Ok(_) => taken.push(path),
            Err(errno) => return Err(failed(&path, errno.into())),
        }
    }
    if !taken.is_empty() {
        return Err(WriteError::Exists(taken));
    }
    let mut unfinished = Unfinished {
        dir,
        names: Vec::new(),
    };
    for file in files {
        unfinished
            .stage(file.text, mode)
            .map_err(|source| failed(&folder.join(file.name), source))?;
    }
    for (index, file) in files.iter().enumerate() {
        match unfinished.publish(index, file.name) {
            Err(Errno::EXIST) => return Err(WriteError::Exists(vec![folder.join(file.name)])),
            other => other.map_err(|errno| failed(&folder.join(file.name), errno.into()))?,
        }
    }
    fsync(&unfinished.dir).map_err(|errno| failed(folder, errno.into()))?;
    unfinished.names.clear();
    Ok(())
}

fn quoted(paths: &[PathBuf]) -> String {
    let quoted = paths.iter().map(|path| format!("`{}`", text::path(path)));
    quoted.collect::<Vec<_>>().join(" and ")
}

fn failed(path: &Path, source: io::Error) -> WriteError {
    WriteError::Failed {
        path: path.to_owned(),
        source,
    }
}

/// What was made and does not count yet: it is removed when this is dropped.
struct Unfinished {
    dir: OwnedFd,
    names: Vec<OsString>,
}

impl Unfinished {
    /// Writes a file under a hidden name.
    fn stage(&mut self, text: &str, mode: Mode) -> io::Result<()> {
        // The standard library's hash keys are random; `EXCL` covers the one in 2^64.
        let random = RandomState::new().build_hasher().finish();
        let hidden = OsString::from(format!(".compose-dump-{random:016x}.partial"));
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = openat(&self.dir, &hidden, flags, Mode::RUSR | Mode::WUSR)?;
        self.names.push(hidden);
        let mut file = File::from(file);
        file.write_all(text.as_bytes())?;
        match fchmod(&file, mode) {
            // File systems without modes.
            Ok(()) | Err(Errno::PERM | Errno::OPNOTSUPP) => {}
            Err(errno) => return Err(errno.into()),
        }
        file.sync_all()
    }

    /// Gives the file of that number its name.
    fn publish(&mut self, index: usize, name: &str) -> rustix::io::Result<()> {
        let hidden = &mut self.names[index];
        let dir = self.dir.as_fd();
        rename_new((dir, hidden), (dir, OsStr::new(name)), Kind::File)?;
        *hidden = name.into();
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        for name in &self.names {
            if let Err(errno) = unlinkat(&self.dir, name, AtFlags::empty()) {
                tracing::warn!(?name, %errno, "an unfinished file could not be removed");
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const FILES: [NewFile<'_>; 2] = [
        NewFile {
            name: "one",
            text: "1\n",
        },
        NewFile {
            name: "two",
            text: "2\n",
        },
    ];

    fn mode() -> Mode {
        Mode::from_raw_mode(0o640)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn both_are_written_with_their_mode() {
        let folder = tempfile::tempdir().unwrap();
        write_new(folder.path(), &FILES, mode()).unwrap();
        assert_eq!(names(folder.path()), ["one", "two"]);
        for file in FILES {
            let path = folder.path().join(file.name);
            assert_eq!(fs::read_to_string(&path).unwrap(), file.text);
            let mode = fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, 0o640);
        }
    }

    #[test]
    fn whatever_has_one_of_the_names_stays_and_nothing_joins_it() {
        for taken in ["one", "two"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(taken);
            std::os::unix::fs::symlink("nowhere", &path).unwrap();
            let error = write_new(folder.path(), &FILES, mode()).unwrap_err();
            assert!(matches!(error, WriteError::Exists(found) if found == [path]));
            assert_eq!(names(folder.path()), [taken]);
        }
    }

    #[test]
    fn what_was_published_is_taken_back_when_the_next_name_is_taken_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let dir = open(folder.path(), OFlags::DIRECTORY, Mode::empty()).unwrap();
        let mut unfinished = Unfinished {
            dir,
            names: Vec::new(),
        };
        for file in FILES {
            unfinished.stage(file.text, mode()).unwrap();
        }
        unfinished.publish(0, "one").unwrap();
        fs::write(folder.path().join("two"), "theirs").unwrap();
        assert_eq!(unfinished.publish(1, "two"), Err(Errno::EXIST));
        drop(unfinished);
        assert_eq!(names(folder.path()), ["two"]);
        assert_eq!(
            fs::read_to_string(folder.path().join("two")).unwrap(),
            "theirs"
        );
    }
}
