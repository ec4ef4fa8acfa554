//! The end of a pass: what became of every member, of the folders that no index names, and of the manifest.

use std::collections::BTreeSet;
use std::io;

use super::beginning::not_own;
use super::{Now, Outer, Progress};
use crate::archive::manifest::model::{IndexFile, Member, MemberKind};
use crate::archive::manifest::{FILE_NAME, Manifest};
use crate::stored::Fault;
use crate::stored::archive::compare::{OfTree, compare_index, compare_tree};
use crate::stored::section::Section;
use crate::stored::verify::{MemberVerdict, Told, Verdicts};

impl Outer<'_> {
    /// Says what became of every member. `is_whole`: the archive was read to its end.
    pub(in crate::stored) fn judge(
        &mut self,
        is_whole: bool,
        told: &mut Told<'_>,
    ) -> io::Result<Verdicts> {
        let half_index = match (&self.now, is_whole) {
            (Now::Index(number), false) => Some(*number),
            _ => None,
        };
        self.tree_lines.close()?;
        let mut verdicts = Verdicts::default();
        let mut in_indexes = BTreeSet::new();
        let mut lacks_index = false;
        for (number, mut progress) in std::mem::take(&mut self.members).into_iter().enumerate() {
            if half_index == Some(number) {
                progress.index = None;
            }
            let member = self.member(number);
            if member.kind != MemberKind::Tree {
                self.judge_stream(member, &mut progress, is_whole);
            }
            if let Some(index) = &member.index {
                if progress.index.is_some() {
                    self.judge_index(number, index, &mut progress, &mut in_indexes);
                } else {
                    lacks_index = true;
                    if !progress.has_bad_index {
                        progress.faults.add(index.path.as_bytes(), absent(is_whole));
                    }
                }
            }
            if member.kind == MemberKind::Tree {
                self.trees_taken.judge(number, progress.faults.is_sound());
            }
            let verdict = MemberVerdict::new(member, progress.faults);
            told(&verdict);
            verdicts.members.push(verdict);
        }
        if is_whole && !lacks_index {
            self.judge_folders(&in_indexes);
        }
        if self.has_streams {
            self.judge_manifest(is_whole);
        }
        verdicts.rest = std::mem::take(&mut self.rest);
        Ok(verdicts)
    }

    fn judge_stream(&self, member: &Member, progress: &mut Progress, is_whole: bool) {
        let path = member.path.as_bytes();
        if !progress.is_read {
            progress.faults.add(path, absent(is_whole));
        }
        let is_raw = (member.sha256, member.bytes) == (member.raw_sha256, member.raw_bytes);
        if self.has_streams && !is_raw {
            let what = "it is compressed by itself within an archive".to_owned();
            progress.faults.add(path, Fault::Contract { what });
        }
    }

    /// Compares an index that came by with the member that it is of.
    fn judge_index(
        &mut self,
        number: usize,
        index: &IndexFile,
        progress: &mut Progress,
        in_indexes: &mut BTreeSet<Vec<u8>>,
    ) {
        let Some((at, end)) = progress.index else {
            return;
        };
        let member = self.member(number);
        let stored = Section::new(&self.indexes, at, end);
        let faults = &mut progress.faults;
        if member.kind != MemberKind::Tree {
            compare_index(member, index, stored, progress.index_of_tar, faults);
            return;
        }
        self.trees_taken.close(number, &self.above);
        let tree = OfTree {
            contract: self.contract,
            member,
            above: &self.above,
            run: self.tree_lines.run(number),
        };
        compare_tree(&tree, index, stored, in_indexes, faults);
    }

    /// Folders that no index names are of the layout: all alike.
    fn judge_folders(&mut self, in_indexes: &BTreeSet<Vec<u8>>) {
        for (path, entry) in &self.above {
            if in_indexes.contains(path) || self.contract.is_above_failed(path) {
                continue;
            }
            if let Some(what) = not_own(entry, 0o700, self.own_mtime) {
                self.rest.add(&path[..], Fault::Field { what });
            }
        }
    }

    fn judge_manifest(&mut self, is_whole: bool) {
        let path = FILE_NAME.as_bytes();
        let Some(bytes) = &self.manifest else {
            if !self.seen.contains(path) {
                self.rest.add(path, absent(is_whole));
            }
            return;
        };
        match Manifest::parse(bytes) {
            Err(error) => self.rest.add(path, Fault::Manifest(error)),
            Ok(found) => {
                let mut known = self.contract.manifest.clone();
                known.archive = None;
                known.segments.clear();
                if found != known {
                    self.rest.add(path, Fault::OtherManifest);
                }
            }
        }
    }
}

/// Why something did not come by.
fn absent(is_whole: bool) -> Fault {
    if is_whole {
        Fault::Missing
    } else {
        Fault::NotReached
    }
}
