//! Sees the entries of an archive as they come by, gives each to the member that it belongs to, and
//! says in the end what became of every member.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::Arc;

use super::Pass;
use super::compare::{OfTree, compare_index, compare_tree};
use super::tree_lines::TreeLines;
use super::trees_taken::TreesTaken;
use crate::archive::entry::{Entry, EntryKind, Mtime, SinkClosed};
use crate::archive::manifest::model::{Member, MemberKind};
use crate::archive::manifest::{FILE_NAME, MAX_BYTES, Manifest, Sha256Digest};
use crate::archive::tar::TarVisitor;
use crate::stored::Fault;
use crate::stored::contract::{Contract, Owner, tree_base};
use crate::stored::fault::Faults;
use crate::stored::section::Section;
use crate::stored::stream::StreamCheck;
use crate::stored::takers::Hand;
use crate::stored::verify::{MemberVerdict, Told, Verdicts};

/// The state of a pass over an archive.
pub(in crate::stored) struct Outer<'m> {
    contract: &'m Contract<'m>,
    hand: &'m Hand<'m>,
    trees_taken: TreesTaken<'m>,
    members: Vec<Progress>,
    rest: Faults,
    now: Now<'m>,
    /// Folders that several trees have in common, or the layout alone.
    above: BTreeMap<Vec<u8>, Entry>,
    tree_lines: TreeLines,
    /// The indexes as they are stored.
    indexes: Arc<File>,
    manifest: Option<Vec<u8>>,
    /// Paths of streams, indexes and the manifest that came by.
    seen: BTreeSet<Vec<u8>>,
    /// Time of what the layout has and the project has not.
    own_mtime: Mtime,
    /// Stream members are entries like others, as they are in an archive.
    has_streams: bool,
    /// A temporary file cannot be written, which ends the pass.
    pub(in crate::stored) scratch_error: Option<io::Error>,
}

/// How far a member has come.
#[derive(Default)]
struct Progress {
    faults: Faults,
    /// Its stream was read to its end, well or not.
    is_read: bool,
    /// What the index of its tar has to be.
    index_of_tar: Option<Sha256Digest>,
    /// Where its index lies among the indexes, once it came by.
    index: Option<(u64, u64)>,
    /// Its index came by with another length.
    has_bad_index: bool,
}

/// Whose data comes now.
enum Now<'m> {
    Nobody,
    Manifest,
    Stream(usize, Box<StreamCheck<'m>>),
    Index(usize),
    Tree(Entry),
}

impl<'m> Outer<'m> {
    pub(super) fn new(pass: &Pass<'m>) -> io::Result<Self> {
        let Pass {
            contract,
            hand,
            scratch,
        } = *pass;
        let count = contract.manifest.members.len();
        Ok(Self {
            contract,
            hand,
            trees_taken: TreesTaken::new(contract, hand),
            members: (0..count).map(|_| Progress::default()).collect(),
            rest: Faults::default(),
            now: Now::Nobody,
            above: BTreeMap::new(),
            tree_lines: TreeLines::new(scratch)?,
            indexes: Arc::new(tempfile::tempfile_in(scratch)?),
            manifest: None,
            seen: BTreeSet::new(),
            // As the archive's writer has it.
            own_mtime: Mtime {
                secs: contract.manifest.meta.invocation_time.as_second(),
                nanos: 0,
            },
            has_streams: true,
            scratch_error: None,
        })
    }

    /// For a dump of objects, whose stream members do not come by: see [`Self::stream_was_read`].
    pub(in crate::stored) fn of_objects(pass: &Pass<'m>) -> io::Result<Self> {
        Ok(Self {
            has_streams: false,
            ..Self::new(pass)?
        })
    }

    /// A stream member was read elsewhere: what the index of its tar has to be, and what is wrong with it.
    pub(in crate::stored) fn stream_was_read(
        &mut self,
        number: usize,
        index_of_tar: Option<Sha256Digest>,
        faults: Faults,
    ) {
        let progress = &mut self.members[number];
        progress.is_read = true;
        progress.index_of_tar = index_of_tar;
        progress.faults.join(faults);
    }

    /// An index is there and cannot be read.
    pub(in crate::stored) fn index_is_bad(&mut self, number: usize, path: &str, fault: Fault) {
        let progress = &mut self.members[number];
        progress.has_bad_index = true;
        progress.index = None;
        progress.faults.add(path.as_bytes(), fault);
    }

    /// Time of what the layout has and the project has not.
    pub(in crate::stored) fn own_mtime(&self) -> Mtime {
        self.own_mtime
    }

    /// Whether the pass goes on.
    pub(in crate::stored) fn still_wanted(&self) -> Result<(), SinkClosed> {
        if self.scratch_error.is_some() || self.hand.is_closed() {
            return Err(SinkClosed);
        }
        Ok(())
    }

    fn member(&self, number: usize) -> &'m Member {
        &self.contract.manifest.members[number]
    }

    fn start(&mut self, entry: &Entry) -> io::Result<()> {
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

    fn take(&mut self, part: &[u8]) -> io::Result<()> {
        match &mut self.now {
            Now::Nobody => {}
            Now::Manifest => self
                .manifest
                .get_or_insert_default()
                .extend_from_slice(part),
            // Its length was compared before its first byte: it cannot be more than is wanted.
            Now::Stream(_, check) => {
                check.feed(part);
            }
            Now::Index(_) => (&*self.indexes).write_all(part)?,
            Now::Tree(_) => {
                self.tree_lines.data(part);
                self.trees_taken.data(part);
            }
        }
        Ok(())
    }

    fn stop(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.now, Now::Nobody) {
            Now::Nobody | Now::Manifest => {}
            Now::Stream(number, check) => {
                let progress = &mut self.members[number];
                progress.is_read = true;
                progress.index_of_tar = check.finish(&mut progress.faults);
            }
            Now::Index(number) => {
                let ends = (&*self.indexes).stream_position()?;
                if let Some((_, end)) = &mut self.members[number].index {
                    *end = ends;
                }
            }
            Now::Tree(entry) => {
                self.tree_lines.end(&entry)?;
                self.trees_taken.end();
            }
        }
        Ok(())
    }

    fn keep(&mut self, outcome: io::Result<()>) -> Result<(), SinkClosed> {
        outcome.map_err(|error| {
            self.scratch_error.get_or_insert(error);
            SinkClosed
        })?;
        if self.hand.is_closed() {
            return Err(SinkClosed);
        }
        Ok(())
    }

    /// Says what became of every member. `is_whole`: the archive was read to its end.
    pub(in crate::stored) fn judge(
        &mut self,
        is_whole: bool,
        told: &mut Told<'_>,
    ) -> io::Result<Verdicts> {
        let missing = || {
            if is_whole {
                Fault::Missing
            } else {
                Fault::NotReached
            }
        };
        let half_index = match (&self.now, is_whole) {
            (Now::Index(number), false) => Some(*number),
            _ => None,
        };
        self.tree_lines.close()?;
        let mut verdicts = Verdicts::default();
        let mut in_indexes = BTreeSet::new();
        let mut lacks_index = false;
        for (number, mut progress) in std::mem::take(&mut self.members).into_iter().enumerate() {
            let member = self.member(number);
            let faults = &mut progress.faults;
            let is_stream = member.kind != MemberKind::Tree;
            if is_stream && !progress.is_read {
                faults.add(member.path.as_bytes(), missing());
            }
            let is_raw = (member.sha256, member.bytes) == (member.raw_sha256, member.raw_bytes);
            if is_stream && self.has_streams && !is_raw {
                let what = "it is compressed by itself within an archive".to_owned();
                faults.add(member.path.as_bytes(), Fault::Contract { what });
            }
            if let Some(index) = &member.index {
                let stored = progress.index.filter(|_| half_index != Some(number));
                match stored.map(|(at, end)| Section::new(&self.indexes, at, end)) {
                    None => {
                        lacks_index = true;
                        if !progress.has_bad_index {
                            faults.add(index.path.as_bytes(), missing());
                        }
                    }
                    Some(stored) if is_stream => {
                        compare_index(member, index, stored, progress.index_of_tar, faults);
                    }
                    Some(stored) => {
                        self.trees_taken.close(number, &self.above);
                        let tree = OfTree {
                            contract: self.contract,
                            member,
                            above: &self.above,
                            run: self.tree_lines.run(number),
                        };
                        compare_tree(&tree, index, stored, &mut in_indexes, faults);
                    }
                }
            }
            if !is_stream {
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
                let fault = if is_whole {
                    Fault::Missing
                } else {
                    Fault::NotReached
                };
                self.rest.add(path, fault);
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
fn not_own(entry: &Entry, mode: u32, mtime: Mtime) -> Option<&'static str> {
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

impl TarVisitor for Outer<'_> {
    fn begin(&mut self, entry: &Entry, _: u64) -> Result<(), SinkClosed> {
        let outcome = self.start(entry);
        self.keep(outcome)
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        let outcome = self.take(part);
        self.keep(outcome)
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        let outcome = self.stop();
        self.keep(outcome)
    }
}
