//! Who sees the entries of a tar, be they of a parser or of a dump that holds them otherwise.

use crate::archive::entry::{Entry, SinkClosed};

/// Sees the entries of a tar as they come by.
///
/// The order is `begin`, any number of `data` calls whose lengths sum up to [`Entry::data_len`],
/// then `end`, for every entry.
pub trait TarVisitor {
    /// An entry, whose data begins at byte `at` of the stream.
    ///
    /// # Errors
    /// [`SinkClosed`] to stop.
    fn begin(&mut self, entry: &Entry, at: u64) -> Result<(), SinkClosed>;

    /// Data of the entry that was begun last: always a part of the slice that is being fed, so that
    /// the owner of a [`bytes::Bytes`] can take it without a copy (`Bytes::slice_ref`).
    ///
    /// # Errors
    /// [`SinkClosed`] to stop.
    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed>;

    /// The end of the entry that was begun last.
    ///
    /// # Errors
    /// [`SinkClosed`] to stop.
    fn end(&mut self) -> Result<(), SinkClosed>;
}

impl<V: TarVisitor + ?Sized> TarVisitor for &mut V {
    fn begin(&mut self, entry: &Entry, at: u64) -> Result<(), SinkClosed> {
        (**self).begin(entry, at)
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        (**self).data(part)
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        (**self).end()
    }
}
