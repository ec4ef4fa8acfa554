//! bzip2.

use std::io::{self, BufRead, Read};

use bzip2::{Action, Compress, Status};

use super::encoder::{Stage, Step};

/// 400 kB + 8 times the block (bzip2 manual, section 2.5); a block is level x 100 kB.
pub(super) fn memory_bytes(level: i32) -> u64 {
    400_000 + 8 * 100_000 * u64::from(level.unsigned_abs())
}

pub(super) struct Bz2Stage {
    raw: Compress,
}

impl Bz2Stage {
    pub(super) fn new(level: i32) -> Self {
        // 0 stands for bzip2's own work factor, 30.
        Self {
            raw: Compress::new(bzip2::Compression::new(level.unsigned_abs()), 0),
        }
    }

    fn step(&mut self, input: &[u8], output: &mut [u8], action: Action) -> io::Result<Step> {
        let before = (self.raw.total_in(), self.raw.total_out());
        let status = self
            .raw
            .compress(input, output, action)
            .map_err(io::Error::other)?;
        Ok(Step {
            consumed: (self.raw.total_in() - before.0) as usize,
            produced: (self.raw.total_out() - before.1) as usize,
            done: status == Status::StreamEnd,
        })
    }
}

impl Stage for Bz2Stage {
    fn run(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<Step> {
        self.step(input, output, Action::Run)
    }

    fn finish(&mut self, output: &mut [u8]) -> io::Result<Step> {
        self.step(&[], output, Action::Finish)
    }
}

pub(super) fn decoder<R: BufRead>(reader: R) -> impl Read {
    bzip2::bufread::MultiBzDecoder::new(reader)
}
