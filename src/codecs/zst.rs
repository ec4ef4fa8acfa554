//! Zstandard, with libzstd's worker threads and a checksum in every frame.

use std::io::{self, BufRead, Read};

use zstd::stream::raw::{CParameter, Encoder, InBuffer, Operation, OutBuffer};

use super::Compression;
use super::encoder::{Stage, Step};

/// Memory in bytes that jobs may take together; they are made smaller, down to one window, to fit. Two
/// targets with this codec stay below the promised 128 MiB. At level 3 with two workers a job is 4 MiB
/// long in place of 8, which costs 0.2 % of compression.
const JOBS_BYTES: u64 = 48 * 1024 * 1024;

/// Window of a decoder as a power of two: 128 MiB, what `zstd -d` takes without being told.
const DECODER_WINDOW_LOG: u32 = 27;

/// Window, chain table and hash table of each level, as powers of two: `ZSTD_defaultCParameters` for
/// inputs of unknown length (libzstd 1.5.7, clevels.h).
const LEVELS: [(u32, u32, u32); 19] = [
    (19, 13, 14),
    (20, 15, 16),
    (21, 16, 17),
    (21, 18, 18),
    (21, 18, 19),
    (21, 18, 19),
    (21, 19, 20),
    (21, 19, 20),
    (22, 20, 21),
    (22, 21, 22),
    (22, 21, 22),
    (22, 22, 23),
    (22, 22, 22),
    (22, 22, 23),
    (22, 23, 23),
    (22, 22, 22),
    (23, 23, 22),
    (23, 23, 22),
    (23, 24, 22),
];

/// Bytes that a compression context holds besides its tables: block, sequences, literals.
const CONTEXT_BYTES: u64 = 2 * 1024 * 1024;

/// How a frame is shared out among workers.
struct Sharing {
    workers: u32,
    job_bytes: u64,
    context_bytes: u64,
}

impl Sharing {
    fn new(compression: &Compression) -> Self {
        let level = usize::try_from(compression.level_or_default()).unwrap_or(1);
        let (window, chain, hash) = LEVELS[level.clamp(1, LEVELS.len()) - 1];
        let workers = compression.workers();
        let window_bytes = 1_u64 << window;
        let jobs_bytes = JOBS_BYTES / u64::from(compression.side_by_side.get());
        Self {
            workers,
            // libzstd's own choice is four windows.
            job_bytes: (jobs_bytes / jobs(workers)).clamp(window_bytes, 4 * window_bytes),
            context_bytes: 4 * ((1 << chain) + (1 << hash)) + CONTEXT_BYTES,
        }
    }
}

/// Jobs' worth of memory that libzstd holds: its input ring has room for the workers' jobs and three
/// more, its pool of outputs for twice the workers and three (zstdmt_compress.c).
fn jobs(workers: u32) -> u64 {
    3 * u64::from(workers) + 6
}

/// All jobs full of data that does not compress, and a context for each worker.
pub(super) fn memory_bytes(compression: &Compression) -> u64 {
    let sharing = Sharing::new(compression);
    jobs(sharing.workers) * sharing.job_bytes + u64::from(sharing.workers) * sharing.context_bytes
}

pub(super) struct ZstStage {
    raw: Encoder<'static>,
}

impl ZstStage {
    pub(super) fn new(compression: &Compression) -> io::Result<Self> {
        let sharing = Sharing::new(compression);
        let mut raw = Encoder::new(compression.level_or_default())?;
        raw.set_parameter(CParameter::ChecksumFlag(true))?;
        // One worker too is worth it: reading and hashing go on beside it.
        raw.set_parameter(CParameter::NbWorkers(sharing.workers))?;
        let job_bytes = u32::try_from(sharing.job_bytes).unwrap_or(u32::MAX);
        raw.set_parameter(CParameter::JobSize(job_bytes))?;
        Ok(Self { raw })
    }
}

impl Stage for ZstStage {
    fn run(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<Step> {
        let mut source = InBuffer::around(input);
        let mut sink = OutBuffer::around(output);
        self.raw.run(&mut source, &mut sink)?;
        Ok(Step {
            consumed: source.pos(),
            produced: sink.pos(),
            done: false,
        })
    }

    fn finish(&mut self, output: &mut [u8]) -> io::Result<Step> {
        let mut sink = OutBuffer::around(output);
        let remaining = self.raw.finish(&mut sink, false)?;
        Ok(Step {
            consumed: 0,
            produced: sink.pos(),
            done: remaining == 0,
        })
    }
}

pub(super) fn decoder<R: BufRead>(reader: R) -> io::Result<impl Read> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(reader)?;
    decoder.window_log_max(DECODER_WINDOW_LOG)?;
    Ok(decoder)
}
