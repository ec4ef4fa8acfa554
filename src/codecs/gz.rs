//! gzip (RFC 1952), by zlib-rs: one member whose deflate blocks were compressed on all cores.
//!
//! Each piece of the input becomes deflate data of its own that ends on a byte (`Z_SYNC_FLUSH`), as
//! `pigz --independent` does it: put together they are one deflate stream, which any gunzip reads.

use std::io::{self, BufRead, Read};

use flate2::{Compress, Crc, FlushCompress};

use super::Compression;
use super::blocks::{self, Block, BlockFormat, Blocks, Worker};

/// Length in bytes of a piece. Its first 32 KiB have nothing before them to refer to, which costs well
/// under a percent of compression at this length.
const BLOCK_LEN: usize = 512 * 1024;

/// zlib's `deflateInit2`: (1 << (15 + 2)) + (1 << (8 + 9)) bytes (zconf.h).
const WORKER_BYTES: u64 = 256 * 1024;

/// Deflate data that says no more than that it is the last: an empty block of fixed codes.
const LAST_BLOCK: [u8; 2] = [0x03, 0x00];

/// The workers' state, and blocks raw and compressed.
pub(super) fn memory_bytes(compression: &Compression) -> u64 {
    let workers = compression.workers();
    u64::from(workers) * WORKER_BYTES
        + 2 * blocks::blocks_in_flight(workers) * (BLOCK_LEN as u64 + SLACK as u64)
}

/// Room in bytes for what does not compress: 5 for each stored block of at most 64 KiB (RFC 1951,
/// section 3.2.4), and the flush.
const SLACK: usize = 1024;

pub(super) fn stage(compression: &Compression) -> io::Result<Blocks<Gz>> {
    let level = compression.level_or_default().unsigned_abs();
    let gz = Gz {
        level,
        crc: Crc::new(),
    };
    Blocks::new(gz, compression)
}

/// A gzip member that is being made.
pub(super) struct Gz {
    level: u32,
    /// Of all blocks so far; it counts their bytes, too.
    crc: Crc,
}

impl BlockFormat for Gz {
    type Sum = Crc;

    fn block_len(&self) -> usize {
        BLOCK_LEN
    }

    fn worker(&self) -> Worker<Crc> {
        let mut raw = Compress::new(flate2::Compression::new(self.level), false);
        Box::new(move |input| {
            raw.reset();
            let mut crc = Crc::new();
            crc.update(input);
            Ok(Block {
                bytes: deflate(&mut raw, input)?,
                sum: crc,
            })
        })
    }

    /// Magic, deflate, no flags, no time; how hard it was tried; Unix (RFC 1952, section 2.3).
    fn beginning(&self) -> Vec<u8> {
        let effort = match self.level {
            1 => 4,
            9 => 2,
            _ => 0,
        };
        vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, effort, 3]
    }

    fn add(&mut self, sum: Crc) {
        self.crc.combine(&sum);
    }

    fn end(&mut self) -> Vec<u8> {
        let mut end = LAST_BLOCK.to_vec();
        end.extend(self.crc.sum().to_le_bytes());
        // The length modulo 2^32.
        end.extend(self.crc.amount().to_le_bytes());
        end
    }
}

/// Deflate data that ends on a byte and is not the last.
fn deflate(raw: &mut Compress, input: &[u8]) -> io::Result<Vec<u8>> {
    let mut output = Vec::with_capacity(input.len() + SLACK);
    loop {
        let consumed = raw.total_in() as usize;
        raw.compress_vec(&input[consumed..], &mut output, FlushCompress::Sync)
            .map_err(io::Error::other)?;
        // Room that is left means that the flush is whole (zlib.h, `deflate`).
        if output.len() < output.capacity() {
            return Ok(output);
        }
        output.reserve(SLACK);
    }
}

pub(super) fn decoder<R: BufRead>(reader: R) -> impl Read {
    flate2::bufread::MultiGzDecoder::new(reader)
}
