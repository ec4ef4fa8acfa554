//! A writer that counts and hashes what passes.

use std::io::{self, Write};

use sha2::{Digest, Sha256};

use crate::archive::manifest::Sha256Digest;

/// Passes everything on, and knows afterwards how much it was and what.
#[derive(Debug)]
pub(crate) struct Hashing<W> {
    inner: W,
    bytes: u64,
    hasher: Option<Sha256>,
}

impl<W: Write> Hashing<W> {
    /// Counts and hashes.
    pub(crate) fn new(inner: W) -> Self {
        Self {
            inner,
            bytes: 0,
            hasher: Some(Sha256::new()),
        }
    }

    /// Only counts, where the digest is known or of no use: hashing costs a second pass.
    pub(crate) fn counting(inner: W) -> Self {
        Self {
            inner,
            bytes: 0,
            hasher: None,
        }
    }

    /// How many bytes it was given.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The writer, past which nothing is counted.
    pub(crate) const fn get_mut(&mut self) -> &mut W {
        &mut self.inner
    }

    /// Counts and hashes what has reached the writer by another way.
    pub(crate) fn note(&mut self, data: &[u8]) {
        self.bytes += data.len() as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(data);
        }
    }

    /// The writer, how many bytes it was given, and their digest.
    pub(crate) fn into_parts(self) -> (W, u64, Option<Sha256Digest>) {
        (self.inner, self.bytes, self.hasher.map(Sha256Digest::from))
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let len = self.inner.write(data)?;
        self.note(&data[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
