//! Who takes what passes while a dump is read: the interface, and the one handle that all parts of a
//! reader share.

use std::cell::{Cell, RefCell};

use crate::archive::entry::{Entry, SinkClosed};
use crate::archive::manifest::model::Member;
use crate::archive::tar::TarVisitor;

/// Whether somebody wants a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Its content is handed over.
    Take,
    /// It is checked only.
    Pass,
}

/// Takes members while a dump is read from its beginning to its end.
///
/// For each member [`offer`](Takers::offer) comes first. If it is taken, its content follows by the
/// calls of [`TarVisitor`], never mixed with another member's:
///
/// - of a volume, the entries of its tar, with paths relative to the volume's root;
/// - of a tree, its entries with paths relative to what it lies in: the project folder, or `/` for
///   `config-outside`. Folders on the way to the member's root come too, which other members may
///   have as well, and a folder may come twice or behind what is in it;
/// - of plain bytes, `data` alone.
///
/// All of that is unproven until [`judged`](Takers::judged) says so. For volumes and bytes that follows
/// at once, for trees of an archive only when their indexes have come, near its end.
pub trait Takers: TarVisitor {
    /// A member is about to come.
    ///
    /// # Errors
    /// [`SinkClosed`] to stop.
    fn offer(&mut self, member: &Member) -> Result<Wish, SinkClosed>;

    /// A member that was taken has come to its end: `is_whole` if every byte of it was what the
    /// manifest says.
    ///
    /// # Errors
    /// [`SinkClosed`] to stop.
    fn judged(&mut self, member: &Member, is_whole: bool) -> Result<(), SinkClosed>;
}

/// Takes nothing: the dump is only checked.
pub(super) struct Nobody;

impl Takers for Nobody {
    fn offer(&mut self, _: &Member) -> Result<Wish, SinkClosed> {
        Ok(Wish::Pass)
    }

    fn judged(&mut self, _: &Member, _: bool) -> Result<(), SinkClosed> {
        Ok(())
    }
}

impl TarVisitor for Nobody {
    fn begin(&mut self, _: &Entry, _: u64) -> Result<(), SinkClosed> {
        Ok(())
    }

    fn data(&mut self, _: &[u8]) -> Result<(), SinkClosed> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        Ok(())
    }
}

/// The takers of one pass, reached by the check of the archive and by that of the member in it.
pub(super) struct Hand<'t> {
    takers: RefCell<&'t mut dyn Takers>,
    is_closed: Cell<bool>,
}

impl<'t> Hand<'t> {
    pub(super) fn new(takers: &'t mut dyn Takers) -> Self {
        Self {
            takers: RefCell::new(takers),
            is_closed: Cell::new(false),
        }
    }

    /// Whether the takers want no more: then nothing else counts.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    pub(super) fn offer(&self, member: &Member) -> Result<Wish, SinkClosed> {
        self.give(|takers| takers.offer(member))
    }

    pub(super) fn judged(&self, member: &Member, is_whole: bool) -> Result<(), SinkClosed> {
        self.give(|takers| takers.judged(member, is_whole))
    }

    pub(super) fn begin(&self, entry: &Entry, at: u64) -> Result<(), SinkClosed> {
        self.give(|takers| takers.begin(entry, at))
    }

    pub(super) fn data(&self, part: &[u8]) -> Result<(), SinkClosed> {
        self.give(|takers| takers.data(part))
    }

    pub(super) fn end(&self) -> Result<(), SinkClosed> {
        self.give(|takers| takers.end())
    }

    fn give<T>(
        &self,
        call: impl FnOnce(&mut dyn Takers) -> Result<T, SinkClosed>,
    ) -> Result<T, SinkClosed> {
        if self.is_closed() {
            return Err(SinkClosed);
        }
        let given = call(&mut **self.takers.borrow_mut());
        given.inspect_err(|SinkClosed| self.is_closed.set(true))
    }
}
