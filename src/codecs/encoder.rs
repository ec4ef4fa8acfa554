//! The encoder that all codecs share: one output buffer, one loop, no surprise on drop.

use std::fmt;
use std::io::{self, Write};

use super::Compression;

/// Length in bytes of the output buffer. Large, so that hashing and writing behind it see few calls.
pub(super) const BUFFER_LEN: usize = 256 * 1024;

/// How far a [`Stage`] came in one step.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// Bytes of input taken.
    pub(super) consumed: usize,
    /// Bytes of output given.
    pub(super) produced: usize,
    /// Whether the end of the compressed stream was given; only when it was asked for.
    pub(super) done: bool,
}

/// The compressor of one codec, without buffers or I/O.
pub(super) trait Stage: Send {
    /// Compresses from `input` into `output`, as far as one of them goes.
    fn run(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<Step>;

    /// Ends the compressed stream; called until [`Step::done`].
    fn finish(&mut self, output: &mut [u8]) -> io::Result<Step>;
}

/// Compresses what is written to it into `W`.
///
/// Nothing more is written when it is dropped: a stream that was not [finished](Encoder::finish) is
/// left without an end, which every decoder reports.
pub struct Encoder<W: Write> {
    compression: Compression,
    stage: Option<Box<dyn Stage>>,
    /// Whether the compressed stream holds anything.
    begun: bool,
    buffer: Vec<u8>,
    filled: usize,
    inner: W,
}

impl<W: Write> fmt::Debug for Encoder<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("compresses", &self.stage.is_some())
            .field("filled", &self.filled)
            .finish_non_exhaustive()
    }
}

impl<W: Write> Encoder<W> {
    /// Makes an encoder that writes to `inner`.
    ///
    /// # Errors
    /// `InvalidInput` with a [`super::CodecError`] inside for settings that the codec does not have,
    /// `OutOfMemory` where the codec cannot get its memory.
    pub fn new(inner: W, compression: &Compression) -> io::Result<Self> {
        Ok(Self {
            compression: *compression,
            stage: compression.stage()?,
            begun: false,
            buffer: vec![0; BUFFER_LEN],
            filled: 0,
            inner,
        })
    }

    /// Ends the compressed stream and gives the writer back. The writer is not flushed.
    ///
    /// # Errors
    /// Those of the codec and of writing.
    pub fn finish(mut self) -> io::Result<W> {
        self.end_stream()?;
        Ok(self.inner)
    }

    /// Ends the compressed stream and begins another one behind it: a member (gzip, RFC 1952 section 2.2), a
    /// frame (zstd, RFC 8878 section 3.1), a stream (xz, bzip2). Decoders read them all as one. Whatever was
    /// written so far has reached the writer, and may stand elsewhere than what is written from now on. A stream
    /// that holds nothing goes on.
    ///
    /// # Errors
    /// Those of the codec and of writing.
    pub fn divide(&mut self) -> io::Result<()> {
        if self.begun {
            self.end_stream()?;
            self.stage = self.compression.stage()?;
            self.begun = false;
        }
        Ok(())
    }

    /// Forgets what was written since the beginning or the last [`Encoder::divide`], as far as the writer has
    /// not been given it.
    ///
    /// # Errors
    /// Those of the codec.
    pub fn forget(&mut self) -> io::Result<()> {
        self.filled = 0;
        self.begun = false;
        // The old one's memory goes before the new one takes its own.
        self.stage = None;
        self.stage = self.compression.stage()?;
        Ok(())
    }

    fn end_stream(&mut self) -> io::Result<()> {
        if let Some(mut stage) = self.stage.take() {
            loop {
                let step = stage.finish(&mut self.buffer[self.filled..])?;
                self.filled += step.produced;
                if step.done {
                    break;
                }
                self.empty_buffer()?;
            }
        }
        self.empty_buffer()
    }

    /// Gives the stream up, and the writer back. What the codec holds is lost.
    pub fn into_inner(self) -> W {
        self.inner
    }

    /// What is written to. Bytes may still wait in the encoder.
    pub fn get_ref(&self) -> &W {
        &self.inner
    }

    /// As [`Encoder::get_ref`]. What is written to it directly comes before what waits in the encoder.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.inner
    }

    fn empty_buffer(&mut self) -> io::Result<()> {
        // Counted as gone even when writing fails, so that no byte is ever written twice.
        let filled = std::mem::take(&mut self.filled);
        self.inner.write_all(&self.buffer[..filled])
    }

    fn store(&mut self, data: &[u8]) -> io::Result<usize> {
        if data.len() >= BUFFER_LEN {
            self.empty_buffer()?;
            self.inner.write_all(data)?;
            return Ok(data.len());
        }
        if self.filled == BUFFER_LEN {
            self.empty_buffer()?;
        }
        let len = data.len().min(BUFFER_LEN - self.filled);
        self.buffer[self.filled..self.filled + len].copy_from_slice(&data[..len]);
        self.filled += len;
        Ok(len)
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if data.is_empty() {
            return Ok(0);
        }
        self.begun = true;
        let Some(stage) = &mut self.stage else {
            return self.store(data);
        };
        let mut consumed = 0;
        while consumed == 0 {
            let step = stage.run(data, &mut self.buffer[self.filled..])?;
            consumed = step.consumed;
            self.filled += step.produced;
            if self.filled == BUFFER_LEN {
                let filled = std::mem::take(&mut self.filled);
                self.inner.write_all(&self.buffer[..filled])?;
            }
        }
        Ok(consumed)
    }

    /// Passes on the finished bytes. The codec keeps what it holds back: flushing that would cost
    /// compression.
    fn flush(&mut self) -> io::Result<()> {
        self.empty_buffer()?;
        self.inner.flush()
    }
}
