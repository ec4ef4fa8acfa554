//! Entries as the bytes of one tar, in pieces that are worth handing on, with the index beside it.
//!
//! Small headers and small files are collected; large pieces go through without a copy. Hashing and
//! compressing is not its job.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};

use crate::archive::entry::{Entry, EntryKind, EntrySink, SinkClosed};
use crate::archive::index::{DataAt, IndexWriter};
use crate::archive::tar;

/// Bytes that are collected before they are handed on.
const COLLECTED_BYTES: usize = 256 * 1024;
/// Pieces of data from this length on are handed on as they are.
const PASSED_BYTES: usize = 64 * 1024;

/// Takes a stream of bytes.
pub trait ByteSink {
    /// The next bytes, never none.
    ///
    /// # Errors
    /// [`SinkClosed`] when nobody takes data any more.
    fn write(&mut self, bytes: Bytes) -> Result<(), SinkClosed>;
}

impl<F: FnMut(Bytes) -> Result<(), SinkClosed>> ByteSink for F {
    fn write(&mut self, bytes: Bytes) -> Result<(), SinkClosed> {
        self(bytes)
    }
}

/// Encodes the entries of a member; an [`EntrySink`] until [`VolumeTar::finish`].
pub struct VolumeTar<B, W> {
    out: B,
    index: IndexWriter<W>,
    prefix: Vec<u8>,
    head: Vec<u8>,
    collected: BytesMut,
    /// Length of the tar so far, what is collected included.
    bytes: u64,
    entry_count: u64,
    /// Zeros that belong behind the data of the entry that was begun last.
    padding: usize,
    index_error: Option<io::Error>,
}

/// A tar that was written whole.
#[derive(Debug)]
pub struct VolumeTarEnd<B, W> {
    /// What took the tar.
    pub out: B,
    /// What took the index.
    pub index: W,
    /// Length of the tar in bytes, end marker and fill-up included.
    pub bytes: u64,
    /// Entries in it.
    pub entry_count: u64,
}

/// A tar could not be written whole.
#[derive(Debug, thiserror::Error)]
pub enum VolumeTarError {
    /// Nobody takes the data.
    #[error("writing the tar was stopped")]
    Closed(#[source] SinkClosed),
    /// The index could not be written. The sink's methods said [`SinkClosed`] since.
    #[error("cannot write the index")]
    Index(#[source] io::Error),
    /// More was written than was announced: a file was added that the scan had not counted.
    #[error("the tar is {bytes} bytes long, more than the {announced} announced")]
    TooLong {
        /// Its length.
        bytes: u64,
        /// The length announced.
        announced: u64,
    },
}

impl From<SinkClosed> for VolumeTarError {
    fn from(closed: SinkClosed) -> Self {
        Self::Closed(closed)
    }
}

impl<B: ByteSink, W: Write> VolumeTar<B, W> {
    /// Starts a tar whose names begin with `prefix`: the one that the scan was told.
    pub fn new(out: B, index: IndexWriter<W>, prefix: &[u8]) -> Self {
        Self {
            out,
            index,
            prefix: prefix.to_vec(),
            head: Vec::with_capacity(3 * tar::BLOCK),
            collected: BytesMut::with_capacity(COLLECTED_BYTES),
            bytes: 0,
            entry_count: 0,
            padding: 0,
            index_error: None,
        }
    }

    /// Ends the tar, with zeros behind its end marker up to `announced` bytes, if any are.
    ///
    /// # Errors
    /// When the tar or the index is not whole.
    pub fn finish(mut self, announced: Option<u64>) -> Result<VolumeTarEnd<B, W>, VolumeTarError> {
        if let Some(error) = self.index_error {
            return Err(VolumeTarError::Index(error));
        }
        self.zeros(tar::END.len() as u64)?;
        let announced = announced.unwrap_or(self.bytes);
        let missing = announced
            .checked_sub(self.bytes)
            .ok_or(VolumeTarError::TooLong {
                bytes: self.bytes,
                announced,
            })?;
        self.zeros(missing)?;
        self.hand_on()?;
        let Self {
            out,
            index,
            bytes,
            entry_count,
            ..
        } = self;
        Ok(VolumeTarEnd {
            out,
            index: index.finish(),
            bytes,
            entry_count,
        })
    }

    fn collect(&mut self, bytes: &[u8]) -> Result<(), SinkClosed> {
        if self.collected.capacity() - self.collected.len() < bytes.len() {
            self.hand_on()?;
            self.collected = BytesMut::with_capacity(COLLECTED_BYTES.max(bytes.len()));
        }
        self.bytes += bytes.len() as u64;
        self.collected.extend_from_slice(bytes);
        Ok(())
    }

    fn zeros(&mut self, mut len: u64) -> Result<(), SinkClosed> {
        static ZEROS: [u8; 16 * 1024] = [0; 16 * 1024];
        while len > 0 {
            let part = len.min(ZEROS.len() as u64);
            self.collect(&ZEROS[..part as usize])?;
            len -= part;
        }
        Ok(())
    }

    /// Hands on what is collected. The rest of the buffer goes on collecting.
    fn hand_on(&mut self) -> Result<(), SinkClosed> {
        if self.collected.is_empty() {
            return Ok(());
        }
        self.out.write(self.collected.split().freeze())
    }
}

impl<B: ByteSink, W: Write> EntrySink for VolumeTar<B, W> {
    fn begin(&mut self, entry: &Entry) -> Result<(), SinkClosed> {
        let mut head = std::mem::take(&mut self.head);
        head.clear();
        tar::encode_head(entry, &self.prefix, &mut head);
        self.collect(&head)?;
        self.head = head;
        self.entry_count += 1;
        self.padding = tar::padding(entry.data_len());
        let at = if entry.kind == EntryKind::File {
            DataAt::Offset(self.bytes)
        } else {
            DataAt::None
        };
        self.index.entry(entry, at).map_err(|error| {
            self.index_error.get_or_insert(error);
            SinkClosed
        })
    }

    fn data(&mut self, chunk: Bytes) -> Result<(), SinkClosed> {
        if chunk.len() < PASSED_BYTES {
            return self.collect(&chunk);
        }
        self.hand_on()?;
        self.bytes += chunk.len() as u64;
        self.out.write(chunk)
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        let padding = std::mem::take(&mut self.padding);
        self.zeros(padding as u64)
    }
}
