//! Sees the entries of an archive as they come by, gives each to the member that it belongs to, and
//! says in the end what became of every member.

mod beginning;
mod judging;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Seek, Write};
use std::sync::Arc;

use super::Pass;
use super::tree_lines::TreeLines;
use super::trees_taken::TreesTaken;
use crate::archive::entry::{Entry, Mtime, SinkClosed};
use crate::archive::manifest::Sha256Digest;
use crate::archive::manifest::model::Member;
use crate::archive::tar::TarVisitor;
use crate::stored::Fault;
use crate::stored::contract::Contract;
use crate::stored::fault::Faults;
use crate::stored::stream::StreamCheck;
use crate::stored::takers::Hand;

pub(in crate::stored) use beginning::below;

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
