//! A reader that counts and hashes what passes, and can take the rest.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use crate::archive::manifest::Sha256Digest;

/// Bytes that are read at a time.
pub(super) const BUFFER_LEN: usize = 256 * 1024;

/// Reads through to `R`, and knows afterwards how much it was and what.
pub(crate) struct HashingReader<R> {
    inner: R,
    bytes: u64,
    hasher: Sha256,
}

impl<R: Read> HashingReader<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self {
            inner,
            bytes: 0,
            hasher: Sha256::new(),
        }
    }

    /// Reads what a decoder left, and gives the length and digest of everything.
    pub(crate) fn finish(mut self) -> io::Result<(u64, Sha256Digest)> {
        io::copy(&mut self, &mut io::sink())?;
        Ok((self.bytes, self.hasher.into()))
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        self.bytes += len as u64;
        self.hasher.update(&buffer[..len]);
        Ok(len)
    }
}

/// Hands everything that `reader` gives to `take`, until that has enough.
pub(super) fn each_piece(
    reader: &mut dyn Read,
    mut take: impl FnMut(&[u8]) -> Wanted,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_LEN];
    loop {
        let len = match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if take(&buffer[..len]) == Wanted::Nothing {
            return Ok(());
        }
    }
}

/// Whether more is wanted of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    More,
    Nothing,
}
