//! Looks a dump's folder through for what nothing names. Memory is that of the names of the folders
//! beside those that are open, not of files.

use std::collections::BTreeSet;

use rustix::fs::{AtFlags, Dir, FileType, statat};

use super::super::contract::{Owner, in_dump, tree_base};
use super::super::fault::Faults;
use super::{Fault, FolderCheck};
use crate::archive::manifest::model::MemberKind;
use crate::files::{Beneath, kind_name};

/// As many names are looked at closer; a dump with more that nobody names is none.
const MAX_SUSPECTS: usize = 100_000;

impl FolderCheck<'_> {
    /// Adds what is there and not named.
    pub(super) fn leftovers(&mut self, faults: &mut Faults) {
        let mut found = Vec::new();
        let names = &mut self.names;
        let unknown = &self.unknown;
        look_through(
            self.beneath,
            faults,
            &mut |path, kind| match (self.contract.owner(path), kind) {
                (Owner::Above, FileType::Directory) => Look::Below,
                (Owner::Above, kind) => {
                    let found_kind = kind_name(kind);
                    let expected = kind_name(FileType::Directory);
                    found.push((
                        path.to_vec(),
                        Fault::Kind {
                            found: found_kind,
                            expected,
                        },
                    ));
                    Look::Past
                }
                (Owner::Failed, _) => Look::Past,
                (Owner::Tree(number), _) if unknown.contains(&number) => Look::Past,
                (_, kind) => {
                    names.find(path);
                    below_if_folder(kind)
                }
            },
        );
        found
            .into_iter()
            .for_each(|(path, fault)| faults.add(path, fault));
        if !self.names.is_even() {
            self.name_leftovers(faults);
        }
    }

    /// Finds the names that make the difference: all that share a sum with them, less those that an
    /// index names.
    fn name_leftovers(&mut self, faults: &mut Faults) {
        let (names, unknown, contract) = (&self.names, &self.unknown, self.contract);
        let mut suspects = BTreeSet::new();
        // What cannot be read was told before.
        let told = &mut Faults::default();
        look_through(self.beneath, told, &mut |path, kind| {
            let owner = contract.owner(path);
            let is_known = match owner {
                Owner::Failed => return Look::Past,
                Owner::Tree(number) if unknown.contains(&number) => return Look::Past,
                Owner::Above | Owner::Manifest | Owner::Stream(_) | Owner::Index(_) => true,
                Owner::Tree(_) | Owner::Nobody => false,
            };
            if !is_known && names.is_suspect(path) && suspects.len() < MAX_SUSPECTS {
                suspects.insert(path.to_vec());
            }
            below_if_folder(kind)
        });
        for member in &contract.manifest.members {
            let (MemberKind::Tree, Some(index)) = (member.kind, &member.index) else {
                continue;
            };
            let Ok(mut lines) = self.index_lines(index, member.entries.unwrap_or(0)) else {
                continue;
            };
            while let Ok(Some((entry, _))) = lines.next() {
                suspects.remove(&in_dump(tree_base(member), &entry.path));
            }
        }
        if suspects.is_empty() {
            // Every name is known, so one of them is known twice.
            faults.add(b"index".as_slice(), Fault::IndexTwice);
        }
        for path in suspects {
            faults.add(path, Fault::Unnamed);
        }
    }
}

/// Whether to look below what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Below,
    Past,
}

fn below_if_folder(kind: FileType) -> Look {
    if kind == FileType::Directory {
        Look::Below
    } else {
        Look::Past
    }
}

/// Shows everything below the root to `see`, folder by folder. Folders that cannot be read are faults.
fn look_through(
    beneath: &mut Beneath,
    faults: &mut Faults,
    see: &mut dyn FnMut(&[u8], FileType) -> Look,
) {
    let mut path: Vec<u8> = Vec::new();
    let mut levels = vec![Level::read(beneath, &path, see, faults)];
    while let Some(level) = levels.last_mut() {
        path.truncate(level.path_len);
        let Some(name) = level.next() else {
            levels.pop();
            continue;
        };
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(&name);
        levels.push(Level::read(beneath, &path, see, faults));
    }
}

/// A folder whose names were seen, with the folders in it that are still to be looked through.
struct Level {
    path_len: usize,
    /// Names, each behind a NUL.
    folders: Vec<u8>,
}

impl Level {
    fn read(
        beneath: &mut Beneath,
        path: &[u8],
        see: &mut dyn FnMut(&[u8], FileType) -> Look,
        faults: &mut Faults,
    ) -> Self {
        let mut level = Self {
            path_len: path.len(),
            folders: Vec::new(),
        };
        let read = beneath
            .folder(path)
            .map_err(Fault::from)
            .and_then(|fd| level.read_names(fd, path, see));
        if let Err(fault) = read {
            faults.add(path, fault);
        }
        level
    }

    fn read_names(
        &mut self,
        fd: std::os::fd::BorrowedFd<'_>,
        path: &[u8],
        see: &mut dyn FnMut(&[u8], FileType) -> Look,
    ) -> Result<(), Fault> {
        let read_error = |errno: rustix::io::Errno| Fault::Read(errno.into());
        let mut whole = Vec::new();
        for entry in Dir::read_from(fd).map_err(read_error)? {
            let entry = entry.map_err(read_error)?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            // Some file systems do not tell the kind together with the name.
            let kind = match entry.file_type() {
                FileType::Unknown => statat(fd, name, AtFlags::SYMLINK_NOFOLLOW)
                    .map(|stat| FileType::from_raw_mode(stat.st_mode))
                    .map_err(read_error)?,
                kind => kind,
            };
            whole.clear();
            whole.extend_from_slice(path);
            if !path.is_empty() {
                whole.push(b'/');
            }
            whole.extend_from_slice(name);
            if see(&whole, kind) == Look::Below {
                self.folders.push(0);
                self.folders.extend_from_slice(name);
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        let begins = self.folders.iter().rposition(|byte| *byte == 0)?;
        let name = self.folders.split_off(begins);
        Some(name[1..].to_vec())
    }
}
