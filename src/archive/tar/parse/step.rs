//! The steps of the parser: what the next bytes are, by what came before them.

use tar::EntryType;

use super::{State, TarParser};
use crate::archive::entry::Entry;
use crate::archive::tar::assemble::{Assembled, assemble, set_map};
use crate::archive::tar::header::Block;
use crate::archive::tar::sparse::MapReader;
use crate::archive::tar::{BLOCK, TarError, TarVisitor, padding};

/// Bytes of something unexpected that an error shows.
const SHOWN_BYTES: usize = 200;

impl<V: TarVisitor> TarParser<V> {
    /// Takes a part of `bytes`, which are not empty, and says how much.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Result<usize, TarError> {
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
                // To some readers, one of an unknown format is a file of its own.
                if !header.has_magic() {
                    return Err(TarError::BadField { at, field: "magic" });
                }
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
