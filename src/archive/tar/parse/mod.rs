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

mod step;

use super::assemble::Assembled;
use super::extension::{Extension, Extensions};
use super::sparse::MapReader;
use super::{BLOCK, TarError, TarVisitor, padding};

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
}
