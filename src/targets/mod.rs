//! Where dumps go.
//!
//! A [`DumpWriter`] takes the members of one dump in one pass and publishes them whole or not at all.
//! Targets know entries, codecs and the manifest; they know nothing of configuration, the engine or
//! the command line. [`open`](open::open) is the one place that knows every kind.

mod archive;
mod claim;
#[cfg(test)]
mod conformance;
mod dumps;
mod error;
mod folder;
mod frames;
pub(crate) mod hashing;
mod hidden;
mod layout;
mod object;
pub mod open;
mod publish;
pub mod remover;
mod site;
mod spool;
mod staging;
mod step;
mod stream_member;
mod tar_stream;
mod waiting;

use crate::archive::entry::Entry;
use crate::archive::manifest::{Draft, Published};

pub(crate) use dumps::{DRILL_EXTENSION, MARKER_EXTENSION};
pub use error::TargetError;
pub(crate) use object::check_clock;
pub use object::{Limits, Shared};

/// The beginning of a stream member: a volume's tar, an export, an index file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamHead {
    /// Path in the dump without the extension of a codec: `volumes/project/db.tar`.
    pub path: String,
    /// Length of the stream in bytes, where it is known before the first byte.
    pub raw_bytes: Option<u64>,
    /// Whether a target that compresses members one by one compresses this one; `false` for what is
    /// compressed already (`index/*.zst`).
    pub compress: bool,
}

/// One of the ways by which streams come side by side. Whatever comes alone comes by the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Slot(pub u8);

impl Slot {
    /// By which entries come, too.
    pub const FIRST: Self = Self(0);
}

/// Writes one dump to one target. Used from one thread of its own; every call may block.
///
/// Calls come as: any number of (`entry`, for regular files `write`*, `end`) and (`begin`, `write`*,
/// `end` or `fail`), with one `released` in between, then `finish` or `abort`, which consume the
/// writer. After an error only `abort` may follow. Streams may come side by side, each by a slot of its own;
/// then `turn_to` says by which slot the next calls come. None is open when `released` is called.
pub trait DumpWriter: Send {
    /// The calls that follow come by this slot. The first calls come by [`Slot::FIRST`].
    ///
    /// # Errors
    /// When the target cannot take it.
    fn turn_to(&mut self, slot: Slot) -> Result<(), TargetError>;

    /// Starts an entry of a tree member; [`Entry::path`] is its path in the dump (`config/...`).
    ///
    /// # Errors
    /// When the target cannot take it.
    fn entry(&mut self, entry: &Entry) -> Result<(), TargetError>;

    /// Starts a stream member.
    ///
    /// # Errors
    /// When the target cannot take it.
    fn begin(&mut self, head: &StreamHead) -> Result<(), TargetError>;

    /// Content of what was started last by this slot.
    ///
    /// # Errors
    /// When the target cannot take it.
    fn write(&mut self, data: &[u8]) -> Result<(), TargetError>;

    /// Ends what was started last, whole.
    ///
    /// # Errors
    /// When the target cannot take it, or when the length differs from the one announced.
    fn end(&mut self) -> Result<(), TargetError>;

    /// Ends the stream member that was begun last, which its source could not give whole. A target
    /// that can take it back removes it; an archive fills it up to the announced length.
    ///
    /// # Errors
    /// When the target cannot take it.
    fn fail(&mut self) -> Result<(), TargetError>;

    /// Says that the services run again: what was spooled meanwhile may now take its time.
    ///
    /// # Errors
    /// When the target cannot take what was spooled.
    fn released(&mut self) -> Result<(), TargetError>;

    /// Writes the manifest that `draft` makes of what this target stored, and publishes the dump.
    ///
    /// # Errors
    /// When anything could not be written or synced; nothing is visible then.
    fn finish(self: Box<Self>, draft: &Draft) -> Result<Published, TargetError>;

    /// Whether `abort` has something to remove. Where it has not, as on standard output, nobody need
    /// wait for a writer that stands still.
    fn leaves_traces(&self) -> bool {
        true
    }

    /// Removes everything that was written. Says what it could not remove through the log.
    fn abort(self: Box<Self>);
}
