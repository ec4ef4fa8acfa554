//! Removes dumps from a folder of dumps, and what killed runs have left in it.
//!
//! What makes a dump one goes first: it gets a hidden name, in one step, and is no dump from then on; only then
//! its content is removed. Whoever is killed in between leaves what [`Remover::leftovers`] finds. Nothing
//! here decides what is to go, and nothing is reached through a link.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, openat, statat};
use rustix::io::Errno;

use super::TargetError;
use super::claim::{Claim, claim};
use super::dumps::{DRILL_EXTENSION, DumpsFolder, MARKER_EXTENSION};
use super::hidden::{hidden_name, is_hidden_name};
use super::site::OrFailed;
use super::step::Step;
use crate::archive::manifest::{MAX_BYTES, Manifest};
use crate::codecs::Codec;
use crate::files::{Kind, remove_entry, rename_new};

pub use super::object::StoreRemover;

/// An open folder of dumps from which something is to go.
#[derive(Debug)]
pub struct Remover {
    dumps: DumpsFolder,
}

/// What a run has left under a hidden name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Where it is.
    pub path: PathBuf,
    /// An archive whose marker it is: published, or taken away, without the other.
    pub archive: Option<PathBuf>,
    /// Whether its run is over.
    pub state: RunState,
    pub(super) name: OsString,
}

/// What is known of the run that made something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// It is over.
    Over,
    /// It goes on.
    GoesOn,
    /// The file system has no locks, by which it could be told.
    Unknown,
    /// In a store only its age could tell, and it is less than a week.
    Recent,
}

impl Remover {
    /// Opens the folder; `None` if it is not there.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(target: &str, folder: &Path) -> Result<Option<Self>, TargetError> {
        let dumps = DumpsFolder::existing(target, folder)?;
        Ok(dumps.map(|dumps| Self { dumps }))
    }

    /// Removes the dump that is the folder `name`. One that is not there is fine.
    ///
    /// # Errors
    /// When it cannot be hidden, which changes nothing, or not wholly removed: then it is no dump any more.
    pub fn folder(&self, name: &OsStr) -> Result<(), TargetError> {
        match self.hide(name, Kind::Folder)? {
            Some(hidden) => {
                self.drill_record(name)?;
                self.remove(&hidden)
            }
            None => Ok(()),
        }
    }

    /// Removes the archive `file` of the dump `dump`, its marker first.
    ///
    /// # Errors
    /// As [`Self::folder`].
    pub fn archive(&self, dump: &OsStr, file: &OsStr) -> Result<(), TargetError> {
        let marker = OsString::from_vec([dump.as_bytes(), MARKER_EXTENSION.as_bytes()].concat());
        let marker = self.hide(&marker, Kind::File)?;
        self.drill_record(dump)?;
        // The hidden marker goes last: as long as it is there, it says what the archive is.
        if let Some(archive) = self.hide(file, Kind::File)? {
            self.remove(&archive)?;
        }
        marker.map_or(Ok(()), |marker| self.remove(&marker))
    }

    /// Removes what a drill has written beside the dump: without it, it says nothing.
    fn drill_record(&self, dump: &OsStr) -> Result<(), TargetError> {
        let record = [dump.as_bytes(), DRILL_EXTENSION.as_bytes()].concat();
        match self.hide(OsStr::from_bytes(&record), Kind::File)? {
            Some(hidden) => self.remove(&hidden),
            None => Ok(()),
        }
    }

    /// What runs have left behind or are writing, by name.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn leftovers(&self) -> Result<Vec<Leftover>, TargetError> {
        let names = self.hidden_names();
        let names = names.or_failed(&self.dumps.site, Step::Remove, b"")?;
        Ok(names
            .into_iter()
            .filter_map(|name| self.look(name))
            .collect())
    }

    /// Removes a leftover, unless its run goes on or nobody can tell: then it is `false`.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn leftover(&self, leftover: &Leftover) -> Result<bool, TargetError> {
        let Some((_claimed, RunState::Over)) = self.claim(&leftover.name) else {
            return Ok(false);
        };
        if let Some(archive) = leftover.archive.as_deref().and_then(Path::file_name)
            && let Some(hidden) = self.hide(archive, Kind::File)?
        {
            self.remove(&hidden)?;
        }
        self.remove(&Hidden {
            name: leftover.name.clone(),
            _claimed: None,
        })?;
        Ok(true)
    }

    /// Gives something a hidden name; `None` if it is not there.
    fn hide(&self, name: &OsStr, kind: Kind) -> Result<Option<Hidden>, TargetError> {
        let hidden = hidden_name();
        let dir = self.dumps.fd();
        match rename_new((dir, name), (dir, &hidden), kind) {
            Err(Errno::NOENT) => return Ok(None),
            renamed => renamed.or_failed(&self.dumps.site, Step::Remove, name.as_bytes())?,
        }
        self.dumps.sync()?;
        Ok(Some(Hidden {
            _claimed: self.claim(&hidden).map(|(fd, _)| fd),
            name: hidden,
        }))
    }

    fn remove(&self, hidden: &Hidden) -> Result<(), TargetError> {
        let name = &hidden.name;
        remove_entry(self.dumps.fd(), name).or_failed(
            &self.dumps.site,
            Step::Remove,
            name.as_bytes(),
        )
    }

    fn hidden_names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(self.dumps.fd())? {
            let name = OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned();
            if is_hidden_name(&name) {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// `None` for what is neither a folder nor a file, or gone.
    fn look(&self, name: OsString) -> Option<Leftover> {
        let (fd, state) = self.claim(&name)?;
        let archive = self.archive_of(fd);
        let path = |name: &OsStr| self.dumps.site.path(name.as_bytes());
        Some(Leftover {
            path: path(&name),
            archive: archive.map(|archive| path(&archive)),
            state,
            name,
        })
    }

    /// Opens a file or folder and claims it for as long as the descriptor is open.
    fn claim(&self, name: &OsStr) -> Option<(OwnedFd, RunState)> {
        let stat = statat(self.dumps.fd(), name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => OFlags::DIRECTORY,
            FileType::RegularFile => OFlags::NONBLOCK | OFlags::NOCTTY,
            _ => return None,
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | kind;
        let fd = openat(self.dumps.fd(), name, flags, Mode::empty()).ok()?;
        let state = match claim(fd.as_fd()) {
            Claim::Ours => RunState::Over,
            Claim::Theirs => RunState::GoesOn,
            Claim::Unknown => RunState::Unknown,
        };
        Some((fd, state))
    }

    /// The archive that a hidden marker is of, where it lies without a marker beside it.
    fn archive_of(&self, marker: OwnedFd) -> Option<OsString> {
        let stat = fstat(&marker).ok()?;
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        let fits = u64::try_from(stat.st_size).is_ok_and(|bytes| bytes <= MAX_BYTES as u64);
        if !is_file || !fits {
            return None;
        }
        let mut text = Vec::new();
        let read = File::from(marker)
            .take(MAX_BYTES as u64)
            .read_to_end(&mut text);
        let described = read
            .ok()
            .and_then(|_| Manifest::parse(&text).ok()?.archive)?;
        let file = described.file.as_bytes();
        let (stem, _) = Codec::split_archive_name(file).filter(|_| !file.contains(&b'/'))?;
        let beside = [stem, MARKER_EXTENSION.as_bytes()].concat();
        let is_marked = self.dumps.exists(&beside).unwrap_or(true);
        let there = statat(self.dumps.fd(), file, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let is_it = FileType::from_raw_mode(there.st_mode) == FileType::RegularFile
            && u64::try_from(there.st_size) == Ok(described.bytes);
        (is_it && !is_marked).then(|| OsStr::from_bytes(file).to_owned())
    }
}

/// What was given a hidden name, claimed so that nobody else removes it at the same time.
struct Hidden {
    name: OsString,
    _claimed: Option<OwnedFd>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::super::staging::Staging;
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    fn remover(folder: &Path) -> Remover {
        Remover::open("t", folder).unwrap().unwrap()
    }

    #[test]
    fn a_dump_goes_with_its_marker_and_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("a/volumes")).unwrap();
        for file in [
            "a/Manifest.yml",
            "b.tar.zst",
            "b.manifest.yml",
            "b.tar",
            "c",
            "a.drill.json",
            "b.drill.json",
            "c.drill.json",
        ] {
            fs::write(at(file), "x").unwrap();
        }
        let remover = remover(folder.path());
        remover.folder("a".as_ref()).unwrap();
        remover.archive("b".as_ref(), "b.tar.zst".as_ref()).unwrap();
        assert_eq!(names(folder.path()), ["b.tar", "c", "c.drill.json"]);
        // Somebody else was faster.
        remover.folder("a".as_ref()).unwrap();
        remover.archive("b".as_ref(), "b.tar.zst".as_ref()).unwrap();
        assert!(Remover::open("t", &at("nothing")).unwrap().is_none());
    }

    #[test]
    fn what_a_run_writes_is_a_leftover_when_the_run_is_over() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".compose-dump-mine.partial")).unwrap();
        let dumps = Arc::new(DumpsFolder::open("t", folder.path()).unwrap());
        let (tree, root) = Staging::folder(Arc::clone(&dumps)).unwrap();
        let (archive, file) = Staging::file(dumps).unwrap();
        let remover = remover(folder.path());
        let all = remover.leftovers().unwrap();
        assert_eq!(all.len(), 2);
        for one in &all {
            assert_eq!(one.state, RunState::GoesOn);
            assert!(!remover.leftover(one).unwrap());
        }
        // As `kill -9` does it: the descriptors are closed, and nobody removes anything.
        drop((root, file));
        tree.killed();
        archive.killed();
        for one in &remover.leftovers().unwrap() {
            assert_eq!(one.state, RunState::Over);
            assert!(remover.leftover(one).unwrap());
        }
        assert_eq!(names(folder.path()), [".compose-dump-mine.partial"]);
    }

    #[test]
    fn an_archive_whose_marker_is_hidden_is_a_leftover_and_any_other_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let marker = crate::archive::manifest::samples::marker("x.tar", b"an archive");
        let hidden = at(".compose-dump-0123456789abcdef.partial");
        fs::write(&hidden, &marker).unwrap();
        let remover = remover(folder.path());
        let found = || remover.leftovers().unwrap().remove(0).archive;
        assert_eq!(found(), None);
        fs::write(at("x.tar"), "another one").unwrap();
        assert_eq!(found(), None, "of another length");
        fs::write(at("x.tar"), "an archive").unwrap();
        fs::write(at("x.manifest.yml"), &marker).unwrap();
        assert_eq!(found(), None, "it has a marker");
        fs::remove_file(at("x.manifest.yml")).unwrap();
        assert_eq!(found(), Some(at("x.tar")));
        fs::write(at("y.tar"), "an archive").unwrap();
        let leftover = remover.leftovers().unwrap().remove(0);
        assert!(remover.leftover(&leftover).unwrap());
        assert_eq!(names(folder.path()), ["y.tar"]);
    }
}
