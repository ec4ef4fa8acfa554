//! gzip, by zlib-rs.

use std::io::{self, BufRead, Read};

use flate2::{Compress, FlushCompress, Status};

use super::encoder::{Stage, Step};

/// zlib's `deflateInit2`: (1 << (15 + 2)) + (1 << (8 + 9)) bytes (zconf.h).
pub(super) const MEMORY_BYTES: u64 = 256 * 1024;

/// Window of the encoder: the largest that the format has.
const WINDOW_BITS: u8 = 15;

pub(super) struct GzStage {
    raw: Compress,
}

impl GzStage {
    pub(super) fn new(level: i32) -> Self {
        let level = flate2::Compression::new(level.unsigned_abs());
        Self {
            raw: Compress::new_gzip(level, WINDOW_BITS),
        }
    }

    fn step(&mut self, input: &[u8], output: &mut [u8], flush: FlushCompress) -> io::Result<Step> {
        let before = (self.raw.total_in(), self.raw.total_out());
        let status = self
            .raw
            .compress(input, output, flush)
            .map_err(io::Error::other)?;
        Ok(Step {
            consumed: (self.raw.total_in() - before.0) as usize,
            produced: (self.raw.total_out() - before.1) as usize,
            done: status == Status::StreamEnd,
        })
    }
}

impl Stage for GzStage {
    fn run(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<Step> {
        self.step(input, output, FlushCompress::None)
    }

    fn finish(&mut self, output: &mut [u8]) -> io::Result<Step> {
        self.step(&[], output, FlushCompress::Finish)
    }
}

pub(super) fn decoder<R: BufRead>(reader: R) -> impl Read {
    flate2::bufread::MultiGzDecoder::new(reader)
}
