//! bzip2, as a sequence of streams that were compressed on all cores, each of one block.
//!
//! Every bzip2 reads several streams as one file; `pbzip2` writes the same.

use std::io::{self, BufRead, Read};

use bzip2::{Action, Compress, Status};

use super::Compression;
use super::blocks::{self, Block, BlockFormat, Blocks, Worker};

/// What a block holds beside its level x 100 kB: it is closed 19 bytes early (bzip2's compress.c).
const RESERVED: usize = 19;

/// Bytes that a stream may be longer than its content: 1 % and 600 (bzip2 manual, section 3.4.1).
const SLACK: usize = 10_000;

/// 400 kB + 8 times the block for each worker (bzip2 manual, section 2.5), and blocks raw and compressed.
pub(super) fn memory_bytes(compression: &Compression) -> u64 {
    let workers = compression.workers();
    let block = block_len(level(compression)) as u64;
    u64::from(workers) * (400_000 + 8 * block)
        + blocks::blocks_in_flight(workers) * (2 * block + SLACK as u64)
}

pub(super) fn stage(compression: &Compression) -> io::Result<Blocks<Bz2>> {
    let bz2 = Bz2 {
        level: level(compression),
    };
    Blocks::new(bz2, compression)
}

/// A file of bzip2 streams that is being made.
pub(super) struct Bz2 {
    level: u32,
}

impl BlockFormat for Bz2 {
    /// Each stream has its own checksum.
    type Sum = ();

    fn block_len(&self) -> usize {
        block_len(self.level)
    }

    fn worker(&self) -> Worker<()> {
        let level = bzip2::Compression::new(self.level);
        Box::new(move |input| {
            // 0 stands for bzip2's own work factor, 30.
            let mut raw = Compress::new(level, 0);
            Ok(Block {
                bytes: stream(&mut raw, input)?,
                sum: (),
            })
        })
    }

    fn beginning(&self) -> Vec<u8> {
        Vec::new()
    }

    fn add(&mut self, (): ()) {}

    fn end(&mut self) -> Vec<u8> {
        Vec::new()
    }
}

fn level(compression: &Compression) -> u32 {
    compression.level_or_default().unsigned_abs()
}

fn block_len(level: u32) -> usize {
    level as usize * 100_000 - RESERVED
}

/// One whole stream.
fn stream(raw: &mut Compress, input: &[u8]) -> io::Result<Vec<u8>> {
    let mut output = Vec::with_capacity(input.len() + SLACK);
    loop {
        let consumed = raw.total_in() as usize;
        let status = raw
            .compress_vec(&input[consumed..], &mut output, Action::Finish)
            .map_err(io::Error::other)?;
        if status == Status::StreamEnd {
            return Ok(output);
        }
        output.reserve(SLACK);
    }
}

pub(super) fn decoder<R: BufRead>(reader: R) -> impl Read {
    bzip2::bufread::MultiBzDecoder::new(reader)
}
