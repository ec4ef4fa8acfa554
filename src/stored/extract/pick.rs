//! Picks what is wanted out of the entries that pass, and knows when it has all.

use std::collections::{BTreeMap, BTreeSet};

use super::super::fault::Fault;
use super::super::lines::is_safe;
use crate::archive::entry::{Entry, EntryKind, SinkClosed};
use crate::archive::tar::TarVisitor;

pub(super) struct Pick<'t> {
    path: Vec<u8>,
    to: &'t mut dyn TarVisitor,
    /// Entries that are wanted and did not come yet.
    left: u64,
    expected: u64,
    shared: BTreeSet<Vec<u8>>,
    /// Files outside of what is wanted, of which it has further names: the first of these.
    renamed: BTreeMap<Vec<u8>, Vec<u8>>,
    is_open: bool,
    is_closed: bool,
}

impl<'t> Pick<'t> {
    pub(super) fn new(path: &[u8], to: &'t mut dyn TarVisitor) -> Self {
        Self {
            path: path.to_vec(),
            to,
            left: 0,
            expected: 0,
            shared: BTreeSet::new(),
            renamed: BTreeMap::new(),
            is_open: false,
            is_closed: false,
        }
    }

    /// Takes note of an entry that is going to pass. A folder that is shared with other members may come with
    /// them, so that nobody can wait for it.
    pub(super) fn expect(&mut self, entry: &Entry, is_shared: bool) -> Result<(), Fault> {
        if !self.is_within(&entry.path) {
            return Ok(());
        }
        if !is_safe(entry) {
            return Err(Fault::UnsafePath);
        }
        self.expected += 1;
        if is_shared {
            self.shared.insert(entry.path.clone());
            return Ok(());
        }
        self.left += 1;
        if let EntryKind::HardLink { target } = &entry.kind
            && !self.is_within(target)
            && !self.renamed.contains_key(target)
        {
            self.left += 1;
            self.renamed.insert(target.clone(), entry.path.clone());
        }
        Ok(())
    }

    pub(super) fn expects_nothing(&self) -> bool {
        self.expected == 0
    }

    /// Whether everything that was expected has passed.
    pub(super) fn has_all(&self) -> bool {
        self.left == 0
    }

    /// Whether nobody takes any more of it.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Whether the entry is needed.
    pub(super) fn wants(&self, entry: &Entry) -> bool {
        self.is_within(&entry.path) || self.renamed.contains_key(&entry.path)
    }

    /// Whether the data that comes is needed.
    pub(super) fn wants_data(&self) -> bool {
        self.is_open
    }

    fn is_within(&self, path: &[u8]) -> bool {
        let rest = path.strip_prefix(&self.path[..]);
        rest.is_some_and(|rest| rest.is_empty() || self.path.is_empty() || rest.starts_with(b"/"))
    }

    /// The entry as it is handed on; `None` for one that is not wanted, or was handed on before.
    fn turned(&self, entry: &Entry) -> Option<Entry> {
        let mut turned = entry.clone();
        if !self.is_within(&entry.path) {
            turned.path.clone_from(self.renamed.get(&entry.path)?);
            return Some(turned);
        }
        if let EntryKind::HardLink { target } = &mut turned.kind
            && let Some(first) = self.renamed.get(target)
        {
            if *first == entry.path {
                return None;
            }
            target.clone_from(first);
        }
        Some(turned)
    }

    fn pass(&mut self, passed: Result<(), SinkClosed>) -> Result<(), SinkClosed> {
        passed.inspect_err(|SinkClosed| self.is_closed = true)
    }
}

impl TarVisitor for Pick<'_> {
    fn begin(&mut self, entry: &Entry, at: u64) -> Result<(), SinkClosed> {
        if self.wants(entry) && !self.shared.contains(&entry.path) {
            self.left = self.left.saturating_sub(1);
        }
        let turned = self.turned(entry);
        self.is_open = turned.is_some();
        let Some(turned) = turned else { return Ok(()) };
        let begun = self.to.begin(&turned, at);
        self.pass(begun)
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        if !self.is_open {
            return Ok(());
        }
        let passed = self.to.data(part);
        self.pass(passed)
    }

    /// Ends the pass when nothing more is wanted.
    fn end(&mut self) -> Result<(), SinkClosed> {
        if std::mem::take(&mut self.is_open) {
            let ended = self.to.end();
            self.pass(ended)?;
        }
        if self.has_all() {
            return Err(SinkClosed);
        }
        Ok(())
    }
}
