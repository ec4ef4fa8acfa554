//! Tar blocks to entries: a push parser that believes nothing.
//!
//! It takes a stream in pieces of any length, keeps at most one header of bounded length, and says
//! exactly where and why a stream is not a whole tar. It is stricter than GNU tar where two readers
//! could see different entries in the same bytes:
//!
//! - both zero blocks have to be there, and only zeros may follow (GNU tar takes one, or the bare end);
//! - names are refused when they are absolute, empty, or have `..` or empty components;
//! - an entry may not have both GNU long names and PAX records, nor two extended headers;
//! - only regular files have data; unknown types are refused instead of taken for files;
//! - a global header may not give a path, length, attribute or map.
//!
//! Whether a hard link's target came earlier, and whether an entry lies below a symbolic link, takes
//! memory for every name: that is for whoever writes files.

use tar::EntryType;

use super::assemble::{Assembled, assemble, set_map};
use super::extension::{Extension, Extensions};
use super::header::Block;
use super::sparse::MapReader;
use super::{BLOCK, TarError, padding};
use crate::archive::entry::{Entry, SinkClosed};

/// Bytes of something unexpected that an error shows.
const SHOWN_BYTES: usize = 200;

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

/// What was in a whole tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TarSummary {
    /// Entries.
    pub entry_count: u64,
    /// Bytes of data in them.
    pub content_bytes: u64,
    /// Length of the stream in bytes, what follows the end marker included.
    pub bytes: u64,
}

/// Parses one tar.
pub struct TarParser<V> {
    visitor: V,
    state: State,
    block: [u8; BLOCK],
    block_len: usize,
    extensions: Extensions,
    last_path: Option<Vec<u8>>,
    summary: TarSummary,
    failed: Option<TarError>,
    is_strict: bool,
}

enum State {
    /// Collects a header block.
    Header,
    /// Collects an extended header of a length, then its padding.
    Extension(Extension),
    /// Collects the map of a sparse file, in front of its data.
    Map {
        assembled: Box<Assembled>,
        reader: MapReader,
    },
    /// Passes an entry's data on.
    Data { left: u64, padding: usize },
    /// Drops `left` bytes that fill up the last block.
    Padding { left: usize },
    /// Has seen one zero block.
    OneZeroBlock,
    /// Has seen the end marker.
    Ended,
}

impl<V: TarVisitor> TarParser<V> {
    /// At the start of a tar.
    pub fn new(visitor: V) -> Self {
        Self {
            visitor,
            state: State::Header,
            block: [0; BLOCK],
            block_len: 0,
            extensions: Extensions::default(),
            last_path: None,
            summary: TarSummary::default(),
            failed: None,
            is_strict: false,
        }
    }

    /// At the start of a tar of our own as it was written: what fills up blocks is zero, and nothing at
    /// all follows the end marker. Of such a tar, every byte is data or part of a header.
    pub fn strict(visitor: V) -> Self {
        Self {
            is_strict: true,
            ..Self::new(visitor)
        }
    }

    /// Takes the next bytes of the stream.
    ///
    /// # Errors
    /// As soon as the stream cannot be a tar any more, and then always the same.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), TarError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        while !bytes.is_empty() {
            match self.step(bytes) {
                Ok(taken) => {
                    self.summary.bytes += taken as u64;
                    bytes = &bytes[taken..];
                }
                Err(error) => {
                    self.failed = Some(error.clone());
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Says that the stream has ended.
    ///
    /// # Errors
    /// When it should not have ended here, or [`TarParser::feed`] had failed.
    pub fn finish(self) -> Result<(TarSummary, V), TarError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let path = self.last_path.clone().unwrap_or_default();
        let at = self.summary.bytes - self.block_len as u64;
        match self.state {
            State::Ended => Ok((self.summary, self.visitor)),
            State::Header if self.block_len > 0 => Err(TarError::EndedInHeader {
                at,
                last: self.last_path,
            }),
            State::Header | State::OneZeroBlock => Err(TarError::NoEndMarker {
                last: self.last_path,
            }),
            State::Extension(Extension { at, .. }) => Err(TarError::EndedInHeader {
                at,
                last: self.last_path,
            }),
            State::Map { assembled, .. } => {
                let missing = assembled.stored_len + padding(assembled.stored_len) as u64;
                Err(TarError::EndedInEntry {
                    path: assembled.entry.path,
                    missing,
                })
            }
            State::Data { left, padding } => Err(TarError::EndedInEntry {
                path,
                missing: left + padding as u64,
            }),
            State::Padding { left } => Err(TarError::EndedInEntry {
                path,
                missing: left as u64,
            }),
        }
    }

    /// Whether the end marker has come.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended) && self.failed.is_none()
    }

    /// Bytes of the current entry's data that did not come yet, with what fills up its last block; zero
    /// between entries.
    pub fn data_left(&self) -> u64 {
        match self.state {
            State::Data { left, padding } => left + padding as u64,
            _ => 0,
        }
    }

    /// Leaves out the [`data_left`](TarParser::data_left): the caller feeds what follows it next.
    ///
    /// # Errors
    /// When the visitor stops.
    pub fn skip_data(&mut self) -> Result<(), TarError> {
        let left = self.data_left();
        if left > 0 {
            self.summary.bytes += left;
            self.state = State::Header;
            self.visitor.end()?;
        }
        Ok(())
    }

    /// The visitor.
    pub fn visitor(&self) -> &V {
        &self.visitor
    }

    /// The visitor, to change it.
    pub fn visitor_mut(&mut self) -> &mut V {
        &mut self.visitor
    }

    /// Takes a part of `bytes`, which are not empty, and says how much.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, TarError> {
        match &mut self.state {
            State::Header | State::OneZeroBlock => {
                let taken = bytes.len().min(BLOCK - self.block_len);
                self.block[self.block_len..self.block_len + taken].copy_from_slice(&bytes[..taken]);
                self.block_len += taken;
                if self.block_len == BLOCK {
                    self.header()?;
                }
                Ok(taken)
            }
            State::Extension(extension) => {
                let taken = bytes.len().min(extension.left);
                extension.data.extend_from_slice(&bytes[..taken]);
                extension.left -= taken;
                if extension.left == 0 {
                    if self.is_strict && !extension.is_filled_up_with_zeros() {
                        return Err(TarError::Padding { at: extension.at });
                    }
                    self.extension()?;
                }
                Ok(taken)
            }
            State::Map { .. } => self.map(bytes),
            State::Data { left, padding } => {
                let taken = up_to(bytes, *left);
                *left -= taken as u64;
                let (left, padding) = (*left, *padding);
                self.visitor.data(&bytes[..taken])?;
                if left == 0 {
                    self.visitor.end()?;
                    self.state = after_data(padding);
                }
                Ok(taken)
            }
            State::Padding { left } => {
                let taken = bytes.len().min(*left);
                if self.is_strict
                    && let Some(at) = bytes[..taken].iter().position(|&byte| byte != 0)
                {
                    return Err(TarError::Padding {
                        at: self.summary.bytes + at as u64,
                    });
                }
                self.state = after_data(*left - taken);
                Ok(taken)
            }
            State::Ended => match bytes.iter().position(|&byte| byte != 0) {
                None if !self.is_strict => Ok(bytes.len()),
                None => Err(TarError::AfterEnd {
                    at: self.summary.bytes,
                    beginning: Vec::new(),
                }),
                Some(zeros) => Err(TarError::AfterEnd {
                    at: self.summary.bytes + zeros as u64,
                    beginning: shown(&bytes[zeros..]),
                }),
            },
        }
    }

    /// Acts on a whole header block.
    fn header(&mut self) -> Result<(), TarError> {
        let at = self.summary.bytes - self.summary.bytes % BLOCK as u64;
        self.block_len = 0;
        let block = self.block;
        if block == [0; BLOCK] {
            if self.extensions.are_pending() {
                return Err(TarError::StrayExtension { at });
            }
            self.state = match self.state {
                State::OneZeroBlock => State::Ended,
                _ => State::OneZeroBlock,
            };
            return Ok(());
        }
        let header = match self.state {
            State::OneZeroBlock => None,
            _ => Block::new(&block),
        };
        let Some(header) = header else {
            let beginning = shown(&block);
            return Err(TarError::NotAHeader {
                at,
                last: self.last_path.clone(),
                beginning,
            });
        };
        match header.entry_type() {
            kind @ (EntryType::XHeader
            | EntryType::XGlobalHeader
            | EntryType::GNULongName
            | EntryType::GNULongLink) => {
                let len = header
                    .size()
                    .ok_or(TarError::BadField { at, field: "size" })?;
                let extension = self.extensions.begin(kind, len, at)?;
                // No bytes will come to act on when it is empty.
                let is_empty = extension.left == 0;
                self.state = State::Extension(extension);
                if is_empty { self.extension() } else { Ok(()) }
            }
            _ => self.begin_entry(&header, at),
        }
    }

    /// Acts on a whole extended header.
    fn extension(&mut self) -> Result<(), TarError> {
        match std::mem::replace(&mut self.state, State::Header) {
            State::Extension(extension) => self.extensions.apply(extension),
            _ => Ok(()),
        }
    }

    fn begin_entry(&mut self, header: &Block<'_>, at: u64) -> Result<(), TarError> {
        let extended = self.extensions.take();
        let assembled = assemble(header, extended, at)?;
        if assembled.map_in_data {
            self.state = State::Map {
                assembled: Box::new(assembled),
                reader: MapReader::default(),
            };
            return Ok(());
        }
        let data_at = at + BLOCK as u64;
        self.begin_data(assembled.entry, assembled.stored_len, data_at)
    }

    /// Takes a part of the map of a sparse file, at most up to the end of a block.
    fn map(&mut self, bytes: &[u8]) -> Result<usize, TarError> {
        let State::Map { assembled, reader } = &mut self.state else {
            return Ok(0);
        };
        let in_block = BLOCK - (self.summary.bytes % BLOCK as u64) as usize;
        let taken = bytes.len().min(in_block);
        let bad_map = |assembled: &Assembled| TarError::BadSparseMap {
            path: assembled.entry.path.clone(),
        };
        assembled.stored_len = assembled
            .stored_len
            .checked_sub(taken as u64)
            .ok_or_else(|| bad_map(assembled))?;
        reader
            .push(&bytes[..taken])
            .map_err(|_| bad_map(assembled))?;
        if reader.is_complete() {
            if self.is_strict && !reader.is_filled_up_with_zeros() {
                return Err(bad_map(assembled));
            }
            let segments = reader.segments().map_err(|_| bad_map(assembled))?;
            let data_len = assembled.stored_len;
            let mut entry = assembled.entry.clone();
            set_map(&mut entry, segments, data_len)?;
            self.begin_data(entry, data_len, self.summary.bytes + taken as u64)?;
        }
        Ok(taken)
    }

    fn begin_data(&mut self, entry: Entry, data_len: u64, at: u64) -> Result<(), TarError> {
        self.summary.entry_count += 1;
        self.summary.content_bytes += data_len;
        self.visitor.begin(&entry, at)?;
        self.last_path = Some(entry.path);
        self.state = State::Data {
            left: data_len,
            padding: padding(data_len),
        };
        if data_len == 0 {
            self.visitor.end()?;
            self.state = State::Header;
        }
        Ok(())
    }
}

fn after_data(padding: usize) -> State {
    if padding == 0 {
        State::Header
    } else {
        State::Padding { left: padding }
    }
}

fn up_to(bytes: &[u8], left: u64) -> usize {
    usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()))
}

fn shown(bytes: &[u8]) -> Vec<u8> {
    let end = bytes
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(bytes.len());
    bytes[..end.min(SHOWN_BYTES)].to_vec()
}
