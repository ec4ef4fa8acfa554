//! The trees of an archive that somebody takes: entries are handed on as they come, each folder that
//! several trees have to all of them.
//!
//! An archive has such a folder once, with the first tree that passes it. A tree that comes later gets it before its
//! own first entry, and one that has no entry of its own gets it in the end.

use std::collections::{BTreeMap, BTreeSet};

use super::outer::below;
use crate::archive::entry::Entry;
use crate::stored::contract::{Contract, tree_base};
use crate::stored::takers::{Hand, Wish};

pub(super) struct TreesTaken<'m> {
    contract: &'m Contract<'m>,
    hand: &'m Hand<'m>,
    /// The tree whose entries come, if somebody takes it.
    now: Option<usize>,
    offered: BTreeSet<usize>,
    taken: BTreeSet<usize>,
}

impl<'m> TreesTaken<'m> {
    pub(super) fn new(contract: &'m Contract<'m>, hand: &'m Hand<'m>) -> Self {
        Self {
            contract,
            hand,
            now: None,
            offered: BTreeSet::new(),
            taken: BTreeSet::new(),
        }
    }

    /// An entry of a tree, with its path below the tree's base. `above` are the folders that came by.
    pub(super) fn begin(&mut self, number: usize, entry: &Entry, above: &BTreeMap<Vec<u8>, Entry>) {
        self.open(number, above);
        if self.now.is_some() {
            // The pass asks whether they are closed, here and below.
            let _ = self.hand.begin(entry, 0);
        }
    }

    pub(super) fn data(&mut self, part: &[u8]) {
        if self.now.is_some() {
            let _ = self.hand.data(part);
        }
    }

    pub(super) fn end(&mut self) {
        if self.now.is_some() {
            let _ = self.hand.end();
        }
    }

    /// A folder that several trees may have, for the tree whose entries come.
    pub(super) fn above(&mut self, entry: &Entry) {
        if let Some(number) = self.now
            && is_within(&entry.path, &self.root(number))
        {
            self.folder(number, entry);
        }
    }

    /// All entries of a tree have come, if there were any of its own.
    pub(super) fn close(&mut self, number: usize, above: &BTreeMap<Vec<u8>, Entry>) {
        if !self.offered.contains(&number) {
            self.open(number, above);
        }
        self.now = None;
    }

    /// Says whether a tree was whole.
    pub(super) fn judge(&mut self, number: usize, is_whole: bool) {
        if self.taken.contains(&number) {
            let _ = self
                .hand
                .judged(&self.contract.manifest.members[number], is_whole);
        }
    }

    /// Offers a tree before its first entry, and gives it the folders that it shares.
    fn open(&mut self, number: usize, above: &BTreeMap<Vec<u8>, Entry>) {
        if !self.offered.insert(number) {
            self.now = self.now.filter(|now| *now == number);
            return;
        }
        self.now = None;
        let member = &self.contract.manifest.members[number];
        if self.hand.offer(member) != Ok(Wish::Take) {
            return;
        }
        self.taken.insert(number);
        self.now = Some(number);
        let root = self.root(number);
        for (path, entry) in above {
            if is_within(&root, path) || is_within(path, &root) {
                self.folder(number, entry);
            }
        }
    }

    /// Hands a shared folder on, unless it belongs to the layout of the dump.
    fn folder(&self, number: usize, entry: &Entry) {
        let base = tree_base(&self.contract.manifest.members[number]);
        if let Some(below) = below(base, entry).filter(|below| !below.path.is_empty()) {
            let begun = self.hand.begin(&below, 0);
            let _ = begun.and_then(|()| self.hand.end());
        }
    }

    /// Where the tree lies in the dump.
    fn root(&self, number: usize) -> Vec<u8> {
        let path = self.contract.manifest.members[number].path.as_bytes();
        crate::archive::escape::unescape(path).unwrap_or_default()
    }
}

/// Whether a path is that of a folder, or of something in it.
fn is_within(path: &[u8], folder: &[u8]) -> bool {
    let rest = path.strip_prefix(folder);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}
