//! xz, by liblzma's encoder with several threads.

use std::io::{self, BufRead, Read};

use xz2::stream::{Action, CONCATENATED, Check, MtStreamBuilder, Status, Stream};

use super::Compression;
use super::encoder::{Stage, Step};

/// Memory in bytes for which the number of threads is reduced when nobody chose it: one thread of
/// level 6 needs about 150 MiB, and servers have many cores.
const AUTOMATIC_MEMORY_BYTES: u64 = 1024 * 1024 * 1024;

/// Memory in bytes that a decoder may take: level 9 needs 65 MiB. A file that wants more is not ours.
const DECODER_MEMORY_BYTES: u64 = 128 * 1024 * 1024;

/// Dictionary in bytes of each level, as a power of two (`lzma_lzma_preset` of liblzma 5.8).
const DICTIONARY_LOG: [u32; 10] = [18, 20, 21, 22, 22, 23, 23, 24, 25, 26];

/// Length in bytes of the blocks that threads compress one by one: two dictionaries, the least that
/// xz(1) recommends. liblzma's own choice, three, compressed 100 MB of documents 0.25 % better; it
/// takes more memory, and leaves cores idle at the end for longer.
fn block_bytes(level: i32) -> u64 {
    let level = usize::try_from(level).unwrap_or(0);
    let log = DICTIONARY_LOG[level.min(DICTIONARY_LOG.len() - 1)];
    (2 << log).max(1024 * 1024)
}

fn builder(level: i32, threads: u32) -> MtStreamBuilder {
    let mut builder = MtStreamBuilder::new();
    builder
        .preset(level.unsigned_abs())
        .block_size(block_bytes(level))
        .check(Check::Crc64)
        .threads(threads);
    builder
}

fn chosen(compression: &Compression) -> MtStreamBuilder {
    let level = compression.level_or_default();
    if let Some(threads) = compression.threads_given() {
        return builder(level, threads);
    }
    let memory = AUTOMATIC_MEMORY_BYTES / u64::from(compression.side_by_side.get());
    (1..=compression.own_cores())
        .rev()
        .map(|threads| builder(level, threads))
        .find(|builder| builder.memusage() <= memory)
        .unwrap_or_else(|| builder(level, 1))
}

/// liblzma's estimate (`lzma_stream_encoder_mt_memusage`).
pub(super) fn memory_bytes(compression: &Compression) -> u64 {
    chosen(compression).memusage()
}

pub(super) struct XzStage {
    raw: Stream,
}

impl XzStage {
    pub(super) fn new(compression: &Compression) -> io::Result<Self> {
        Ok(Self {
            raw: chosen(compression).encoder()?,
        })
    }

    fn step(&mut self, input: &[u8], output: &mut [u8], action: Action) -> io::Result<Step> {
        let before = (self.raw.total_in(), self.raw.total_out());
        let status = self.raw.process(input, output, action)?;
        Ok(Step {
            consumed: (self.raw.total_in() - before.0) as usize,
            produced: (self.raw.total_out() - before.1) as usize,
            done: status == Status::StreamEnd,
        })
    }
}

impl Stage for XzStage {
    fn run(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<Step> {
        self.step(input, output, Action::Run)
    }

    fn finish(&mut self, output: &mut [u8]) -> io::Result<Step> {
        self.step(&[], output, Action::Finish)
    }
}

/// One thread: the decoder with several had memory errors (CVE-2025-31115) and needs much memory.
pub(super) fn decoder<R: BufRead>(reader: R) -> io::Result<impl Read> {
    let raw = Stream::new_stream_decoder(DECODER_MEMORY_BYTES, CONCATENATED)?;
    Ok(xz2::bufread::XzDecoder::new_stream(reader, raw))
}
