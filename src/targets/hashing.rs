//! A file that counts and hashes what is written to it.

use std::fs::File;
use std::io::{self, Write};

use sha2::{Digest, Sha256};

use crate::archive::manifest::Sha256Digest;

/// Writes to a file, and knows afterwards how much it was and what.
#[derive(Debug)]
pub(super) struct HashingFile {
    file: File,
    bytes: u64,
    hasher: Option<Sha256>,
}

impl HashingFile {
    /// Counts and hashes.
    pub(super) fn hashing(file: File) -> Self {
        Self {
            file,
            bytes: 0,
            hasher: Some(Sha256::new()),
        }
    }

    /// Only counts, where the digest is known or of no use: hashing costs a second pass.
    pub(super) fn counting(file: File) -> Self {
        Self {
            file,
            bytes: 0,
            hasher: None,
        }
    }

    /// The file, how many bytes it was given, and their digest.
    pub(super) fn into_parts(self) -> (File, u64, Option<Sha256Digest>) {
        (self.file, self.bytes, self.hasher.map(Sha256Digest::from))
    }
}

impl Write for HashingFile {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let len = self.file.write(data)?;
        self.bytes += len as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&data[..len]);
        }
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
