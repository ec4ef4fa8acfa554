//! Checks a dump that is a folder, member by member, in the order of the manifest.
//!
//! Stream members are read against the manifest, trees against their indexes, and in the end the folder
//! is looked through for what neither names. Nothing is followed, and nothing but plain files is opened.

pub(super) mod content;
mod leftover;
mod tree;

use std::collections::BTreeSet;
use std::io::Read;

use super::Fault;
use super::contract::{Contract, tree_base};
use super::fault::Faults;
use super::hashing::HashingReader;
use super::lines::IndexLines;
use super::names::NameSums;
use super::stream::read_stream;
use super::takers::{Hand, Wish};
use super::verify::{MemberVerdict, Told, Verdicts};
use crate::archive::manifest::model::{IndexFile, Member, MemberKind};
use crate::archive::manifest::{FILE_NAME, Sha256Digest};
use crate::files::Beneath;

/// What a check of one folder has at hand.
struct FolderCheck<'m> {
    beneath: &'m mut Beneath,
    hand: &'m Hand<'m>,
    contract: &'m Contract<'m>,
    names: NameSums,
    /// Trees of which nobody knows what belongs to them, because their index is bad.
    unknown: BTreeSet<usize>,
}

/// Checks everything below an open folder.
pub(super) fn check<'m>(
    beneath: &'m mut Beneath,
    contract: &'m Contract<'m>,
    hand: &'m Hand<'m>,
    told: &mut Told<'_>,
) -> Verdicts {
    let mut this = FolderCheck {
        beneath,
        hand,
        contract,
        names: NameSums::new(),
        unknown: BTreeSet::new(),
    };
    this.names.name(FILE_NAME.as_bytes());
    let mut verdicts = Verdicts::default();
    for (number, member) in contract.manifest.members.iter().enumerate() {
        let mut faults = Faults::default();
        match member.kind {
            MemberKind::Tree => this.tree(number, member, &mut faults),
            MemberKind::Tar | MemberKind::Bytes => this.stream(member, &mut faults),
        }
        if hand.is_closed() {
            return verdicts;
        }
        let verdict = MemberVerdict::new(member, faults);
        told(&verdict);
        verdicts.members.push(verdict);
    }
    this.leftovers(&mut verdicts.rest);
    verdicts
}

impl<'m> FolderCheck<'m> {
    fn stream(&mut self, member: &'m Member, faults: &mut Faults) {
        let path = member.path.as_bytes();
        let made = match self.stream_content(member, faults) {
            Ok(made) => {
                self.names.name(path);
                made
            }
            Err(fault) => {
                self.name_unless_missing(path, &fault);
                faults.add(path, fault);
                None
            }
        };
        let Some(index) = &member.index else { return };
        match self.index_text(index, member.entries.unwrap_or(0)) {
            Err(fault) => {
                self.name_unless_missing(index.path.as_bytes(), &fault);
                faults.add(index.path.as_bytes(), fault);
            }
            Ok(text) => {
                self.names.name(index.path.as_bytes());
                if made.is_some_and(|made| made != text) {
                    faults.add(index.path.as_bytes(), Fault::IndexDiffers);
                }
            }
        }
    }

    /// Reads a stream member to its last byte. Gives the digest of the index that its entries make.
    fn stream_content(
        &mut self,
        member: &'m Member,
        faults: &mut Faults,
    ) -> Result<Option<Sha256Digest>, Fault> {
        let (file, stat) = self.beneath.file(member.path.as_bytes())?;
        demand_length(stat.st_size, member.bytes)?;
        read_stream(file, member, self.hand, faults)
    }

    /// Checks an index against the manifest and reads it to its end, for the digest of its text.
    fn index_text(&mut self, index: &IndexFile, entries: u64) -> Result<Sha256Digest, Fault> {
        let mut lines = self.index_lines(index, entries)?;
        while lines.next()?.is_some() {}
        Ok(lines.text_sha256())
    }

    /// An index whose bytes are those that were stored, to be read.
    fn index_lines(
        &mut self,
        index: &IndexFile,
        entries: u64,
    ) -> Result<IndexLines<'static>, Fault> {
        let (file, stat) = self.beneath.file(index.path.as_bytes())?;
        demand_length(stat.st_size, index.bytes)?;
        let stored = HashingReader::new(file.take(index.bytes));
        let (_, sha256) = stored.finish().map_err(Fault::Read)?;
        if sha256 != index.sha256 {
            return Err(Fault::Sha256);
        }
        let (file, _) = self.beneath.file(index.path.as_bytes())?;
        IndexLines::open(file.take(index.bytes), entries)
    }

    fn tree(&mut self, number: usize, member: &Member, faults: &mut Faults) {
        let (Some(index), Some(entries)) = (&member.index, member.entries) else {
            return;
        };
        let path = index.path.as_bytes();
        let lines = match self.index_lines(index, entries) {
            Ok(lines) => lines,
            Err(fault) => {
                self.unknown.insert(number);
                self.name_unless_missing(path, &fault);
                faults.add(path, fault);
                return;
            }
        };
        self.names.name(path);
        let is_taken = self.hand.offer(member) == Ok(Wish::Take);
        self.tree_lines(number, member, lines, is_taken, faults);
        if is_taken {
            // The pass asks whether they are closed.
            let _ = self.hand.judged(member, faults.is_sound());
        }
    }

    /// Holds each line of a tree's index against the file, and their sums against the manifest.
    fn tree_lines(
        &mut self,
        number: usize,
        member: &Member,
        mut lines: IndexLines<'_>,
        is_taken: bool,
        faults: &mut Faults,
    ) {
        let path = member
            .index
            .as_ref()
            .map_or(b"".as_slice(), |index| index.path.as_bytes());
        let mut sizes = 0_u64;
        loop {
            match lines.next() {
                Ok(Some((entry, at))) => {
                    sizes = sizes.saturating_add(entry.size);
                    // What is damaged is not handed on any further.
                    let hand = (is_taken && faults.is_sound()).then_some(self.hand);
                    self.entry((number, tree_base(member)), (&entry, at), hand, faults);
                }
                Ok(None) => break,
                Err(fault) => return faults.add(path, fault),
            }
            if self.hand.is_closed() {
                return;
            }
        }
        if lines.text_sha256() != member.raw_sha256 {
            faults.add(path, Fault::IndexText);
        }
        // Holes are counted here and not there.
        if sizes < member.raw_bytes {
            let (found, expected) = (sizes, member.raw_bytes);
            faults.add(member.path.as_bytes(), Fault::Content { found, expected });
        }
    }

    /// What is there has to be found again when the folder is looked through, whatever it is.
    fn name_unless_missing(&mut self, path: &[u8], fault: &Fault) {
        if !matches!(fault, Fault::Missing | Fault::NoFolder) {
            self.names.name(path);
        }
    }
}

fn demand_length(found: i64, expected: u64) -> Result<(), Fault> {
    let found = u64::try_from(found).unwrap_or_default();
    if found == expected {
        return Ok(());
    }
    Err(Fault::Length { found, expected })
}
