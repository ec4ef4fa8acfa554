//! Holds indexes against what came by in an archive.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use super::tree_lines::Run;
use crate::archive::entry::{Entry, EntryKind};
use crate::archive::index::DataAt;
use crate::archive::manifest::Sha256Digest;
use crate::archive::manifest::model::{IndexFile, Member};
use crate::stored::Fault;
use crate::stored::contract::{Contract, in_dump, tree_base};
use crate::stored::fault::Faults;
use crate::stored::hashing::HashingReader;
use crate::stored::lines::{IndexLines, is_safe};
use crate::stored::section::Section;

/// What came by of a tree.
pub(super) struct OfTree<'a> {
    pub(super) contract: &'a Contract<'a>,
    pub(super) member: &'a Member,
    /// Folders that several trees have.
    pub(super) above: &'a BTreeMap<Vec<u8>, Entry>,
    /// Its other entries, as the lines of an index.
    pub(super) run: Option<(Run, Section)>,
}

/// Checks the index of a tar, `made` being what it has to be.
pub(super) fn compare_index(
    member: &Member,
    index: &IndexFile,
    stored: Section,
    made: Option<Sha256Digest>,
    faults: &mut Faults,
) {
    let path = index.path.as_bytes();
    match text_of(index, stored, member.entries.unwrap_or(0)) {
        Err(fault) => faults.add(path, fault),
        Ok(text) => {
            if made.is_some_and(|made| made != text) {
                faults.add(path, Fault::IndexDiffers);
            }
        }
    }
}

fn text_of(index: &IndexFile, stored: Section, entries: u64) -> Result<Sha256Digest, Fault> {
    let mut lines = open(index, &stored, entries)?;
    while lines.next()?.is_some() {}
    Ok(lines.text_sha256())
}

/// An index whose bytes are those that were stored.
fn open(index: &IndexFile, stored: &Section, entries: u64) -> Result<IndexLines<'static>, Fault> {
    let hashed = HashingReader::new(stored.again());
    let (found, sha256) = hashed.finish().map_err(Fault::Read)?;
    if found != index.bytes {
        let expected = index.bytes;
        return Err(Fault::Length { found, expected });
    }
    if sha256 != index.sha256 {
        return Err(Fault::Sha256);
    }
    IndexLines::open(stored.again().take(index.bytes), entries)
}

/// Checks the index of a tree, and the tree's entries against it.
pub(super) fn compare_tree(
    tree: &OfTree<'_>,
    index: &IndexFile,
    stored: Section,
    in_indexes: &mut BTreeSet<Vec<u8>>,
    faults: &mut Faults,
) {
    let lines = open(index, &stored, tree.member.entries.unwrap_or(0));
    let compared = lines.and_then(|lines| tree.compare(lines, in_indexes, faults));
    match compared {
        Err(fault) => faults.add(index.path.as_bytes(), fault),
        Ok(text) if text != tree.member.raw_sha256 => {
            faults.add(index.path.as_bytes(), Fault::IndexText);
        }
        Ok(_) => {}
    }
}

impl OfTree<'_> {
    /// Goes through both lists side by side. After an entry that the index has not, or in another place,
    /// the rest of the entries cannot be told apart and is not compared.
    fn compare(
        &self,
        mut lines: IndexLines<'_>,
        in_indexes: &mut BTreeSet<Vec<u8>>,
        faults: &mut Faults,
    ) -> Result<Sha256Digest, Fault> {
        let base = tree_base(self.member);
        let mut came = match &self.run {
            Some((run, section)) => Some(IndexLines::open(section.again(), run.entries)?),
            None => None,
        };
        let mut is_lost = false;
        while let Some((entry, at)) = lines.next()? {
            let path = in_dump(base, &entry.path);
            if !is_safe(&entry) {
                faults.add(path, Fault::UnsafePath);
            } else if self.contract.is_above(&path) {
                match self.above.get(&path) {
                    Some(came) => {
                        compare_entries(&path, (&entry, at), (came, DataAt::None), faults)
                    }
                    None => faults.add(&path[..], Fault::Missing),
                }
                in_indexes.insert(path);
            } else if !is_lost {
                match came.as_mut().map_or(Ok(None), IndexLines::next)? {
                    None => faults.add(path, Fault::Missing),
                    Some((found, found_at)) if found.path == entry.path => {
                        compare_entries(&path, (&entry, at), (&found, found_at), faults);
                    }
                    Some((found, _)) => {
                        is_lost = true;
                        let found = in_dump(base, &found.path);
                        faults.add(found, Fault::Order { expected: path });
                    }
                }
            }
        }
        if let (Some(came), false) = (&mut came, is_lost) {
            while let Some((found, _)) = came.next()? {
                faults.add(in_dump(base, &found.path), Fault::Unnamed);
            }
        }
        let found = self.run.as_ref().map_or(0, |(run, _)| run.bytes);
        let expected = self.member.raw_bytes;
        if found != expected {
            faults.add(
                self.member.path.as_bytes(),
                Fault::Content { found, expected },
            );
        }
        Ok(lines.text_sha256())
    }
}

/// Compares an entry as the index has it with the one that came by, which may be called otherwise.
fn compare_entries(
    path: &[u8],
    (expected, expected_at): (&Entry, DataAt),
    (found, found_at): (&Entry, DataAt),
    faults: &mut Faults,
) {
    if let (EntryKind::Symlink { target: expected }, EntryKind::Symlink { target: found }) =
        (&expected.kind, &found.kind)
        && expected != found
    {
        let (found, expected) = (found.clone(), expected.clone());
        return faults.add(path, Fault::Target { found, expected });
    }
    let differs = [
        ("kind", expected.kind != found.kind),
        ("size", expected.size != found.size),
        ("mode", expected.mode != found.mode),
        (
            "owner",
            (expected.uid, expected.gid) != (found.uid, found.gid),
        ),
        ("modification time", expected.mtime != found.mtime),
    ];
    for (what, differs) in differs {
        if differs {
            faults.add(path, Fault::Field { what });
        }
    }
    if expected_at != found_at && expected.size == found.size {
        faults.add(path, Fault::FileSha256);
    }
}
