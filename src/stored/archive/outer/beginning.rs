//! The beginning of an entry: whose it is, whether it may be there, and who takes its data.

use std::io::{self, Seek, SeekFrom};

use super::{Now, Outer};
use crate::archive::entry::{Entry, EntryKind, Mtime};
use crate::archive::manifest::MAX_BYTES;
use crate::stored::Fault;
use crate::stored::contract::{Owner, tree_base};
use crate::stored::stream::StreamCheck;

impl Outer<'_> {
    /// Gives an entry to the member that it belongs to, or says what is wrong with it.
    pub(super) fn start(&mut self, entry: &Entry) -> io::Result<()> {
        let owner = self.contract.owner(&entry.path);
        if self.manifest.is_some() && owner != Owner::Manifest {
            self.rest.add(&entry.path[..], Fault::AfterManifest);
            return Ok(());
        }
        match owner {
            Owner::Tree(number) => return self.start_tree(number, entry),
            Owner::Above => self.start_above(entry),
            Owner::Failed => {}
            Owner::Nobody => self.rest.add(&entry.path[..], Fault::Unnamed),
            Owner::Manifest | Owner::Stream(_) | Owner::Index(_) => {
                return self.start_file(owner, entry);
            }
        }
        Ok(())
    }

    /// A file of which there is one.
    fn start_file(&mut self, owner: Owner, entry: &Entry) -> io::Result<()> {
        let path = &entry.path[..];
        let (expected, faults) = match owner {
            Owner::Stream(number) => (
                Some(self.member(number).raw_bytes),
                &mut self.members[number].faults,
            ),
            Owner::Index(number) => {
                let index = self.member(number).index.as_ref();
                (
                    index.map(|index| index.bytes),
                    &mut self.members[number].faults,
                )
            }
            _ => (None, &mut self.rest),
        };
        if !self.seen.insert(path.to_vec()) {
            faults.add(path, Fault::Twice);
            return Ok(());
        }
        let is_plain = entry.kind == EntryKind::File && entry.sparse.is_none();
        if !is_plain {
            faults.add(
                path,
                Fault::Kind {
                    found: "something else",
                    expected: "a file",
                },
            );
        } else if expected.is_some_and(|expected| expected != entry.size) {
            let expected = expected.unwrap_or_default();
            faults.add(
                path,
                Fault::Length {
                    found: entry.size,
                    expected,
                },
            );
        } else {
            if let Some(what) = not_own(entry, 0o600, self.own_mtime) {
                faults.add(path, Fault::Field { what });
            }
            return self.take_file(owner, entry);
        }
        match owner {
            Owner::Stream(number) => self.members[number].is_read = true,
            Owner::Index(number) => self.members[number].has_bad_index = true,
            _ => {}
        }
        Ok(())
    }

    fn take_file(&mut self, owner: Owner, entry: &Entry) -> io::Result<()> {
        match owner {
            Owner::Stream(number) => {
                let check = StreamCheck::new(self.member(number), self.hand)?;
                self.now = Now::Stream(number, Box::new(check));
            }
            Owner::Index(number) => {
                let begins = (&*self.indexes).seek(SeekFrom::End(0))?;
                self.members[number].index = Some((begins, begins));
                self.now = Now::Index(number);
            }
            _ if entry.size <= MAX_BYTES as u64 => {
                self.manifest = Some(Vec::new());
                self.now = Now::Manifest;
            }
            _ => {
                let expected = MAX_BYTES as u64;
                let fault = Fault::Length {
                    found: entry.size,
                    expected,
                };
                self.rest.add(&entry.path[..], fault);
            }
        }
        Ok(())
    }

    fn start_above(&mut self, entry: &Entry) {
        if entry.kind != EntryKind::Directory {
            let fault = Fault::Kind {
                found: "something else",
                expected: "a folder",
            };
            self.rest.add(&entry.path[..], fault);
        } else if self
            .above
            .insert(entry.path.clone(), entry.clone())
            .is_some()
        {
            self.rest.add(&entry.path[..], Fault::Twice);
        } else {
            self.trees_taken.above(entry);
        }
    }

    fn start_tree(&mut self, number: usize, entry: &Entry) -> io::Result<()> {
        let member = self.member(number);
        let faults = &mut self.members[number].faults;
        if self.tree_lines.has_ended(number) {
            faults.add(&entry.path[..], Fault::Scattered);
            return Ok(());
        }
        let Some(below) = below(tree_base(member), entry) else {
            faults.add(&entry.path[..], Fault::UnsafePath);
            return Ok(());
        };
        self.tree_lines.begin(number, &below)?;
        self.trees_taken.begin(number, &below, &self.above);
        self.now = Now::Tree(below);
        Ok(())
    }
}

/// The entry with its path, and a hard link's target, below a tree's base.
pub(in crate::stored) fn below(base: &[u8], entry: &Entry) -> Option<Entry> {
    let cut = |path: &[u8]| {
        let rest = path.strip_prefix(base)?;
        let rest = rest
            .strip_prefix(b"/")
            .or(rest.is_empty().then_some(rest))?;
        Some(rest.to_vec())
    };
    let mut below = entry.clone();
    below.path = cut(&entry.path)?;
    if let EntryKind::HardLink { target } = &mut below.kind {
        *target = cut(target).filter(|target| !target.is_empty())?;
    }
    Some(below)
}

/// What is not as the archive's writer makes entries of its own.
pub(super) fn not_own(entry: &Entry, mode: u32, mtime: Mtime) -> Option<&'static str> {
    if entry.mode != mode {
        Some("mode")
    } else if (entry.uid, entry.gid) != (0, 0) {
        Some("owner")
    } else if entry.mtime != mtime {
        Some("modification time")
    } else if !entry.xattrs.is_empty() {
        Some("set of attributes")
    } else {
        None
    }
}
