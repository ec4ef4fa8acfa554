//! What a member holds, and what was restored of it, entry by entry as lists in temporary files, so that both can be
//! compared however they were read. Both have the order that every dump has: depth first, names in byte order.

mod compare;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::upload::LAST_SECOND;
use crate::archive::content::ContentHasher;
use crate::archive::entry::{Entry, EntryKind, EntrySink, SinkClosed};
use crate::archive::index::{DataAt, IndexWriter};
use crate::archive::manifest::Sha256Digest;
use crate::archive::tar::TarVisitor;
use crate::codecs::{Codec, Compression, Encoder};
use crate::stored::ScratchError;

pub use compare::{Deviation, compare};

/// The attribute that the engine keeps.
const CAPABILITY: &[u8] = b"security.capability";

/// What the way into the volume and back keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Everything that a file system has.
    All,
    /// What the engine's archive API gives: whole seconds from 1970 to 2262, no attributes but capabilities.
    ByEngine,
}

/// A list that grows: it takes entries as they come from a dump, and as they are read back.
pub struct Listing {
    kept: Kept,
    scratch: PathBuf,
    /// Two lines for each entry: the one of an index, and the digest of its attributes.
    out: Encoder<File>,
    entry: Option<Entry>,
    content: ContentHasher,
    error: Option<ScratchError>,
}

impl Listing {
    /// Starts a list, in an unlinked file in `scratch`.
    ///
    /// # Errors
    /// When that cannot be made.
    pub fn new(scratch: &Path, kept: Kept) -> Result<Self, ScratchError> {
        let compression = Compression {
            level: Some(1),
            threads: Some(1),
            ..Compression::new(Codec::Zst)
        };
        let out = tempfile::tempfile_in(scratch).and_then(|file| Encoder::new(file, &compression));
        Ok(Self {
            kept,
            scratch: scratch.to_owned(),
            out: out.map_err(failed(scratch))?,
            entry: None,
            content: ContentHasher::default(),
            error: None,
        })
    }

    /// Why a call ended in [`SinkClosed`].
    pub fn take_error(&mut self) -> Option<ScratchError> {
        self.error.take()
    }

    /// Ends the list.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> Result<Listed, ScratchError> {
        let failed = failed(&self.scratch);
        match self.out.finish() {
            Ok(file) => Ok(Listed {
                file,
                scratch: self.scratch,
            }),
            Err(source) => Err(failed(source)),
        }
    }

    fn start(&mut self, entry: &Entry) {
        self.content.begin(entry);
        self.entry = Some(entry.clone());
    }

    fn stop(&mut self) -> Result<(), SinkClosed> {
        let Some(mut entry) = self.entry.take() else {
            return Ok(());
        };
        if self.kept == Kept::ByEngine {
            entry.mtime.nanos = 0;
            if !(0..=LAST_SECOND).contains(&entry.mtime.secs) {
                entry.mtime.secs = 0;
            }
            entry.xattrs.retain(|xattr| xattr.name == CAPABILITY);
        }
        let at = match entry.kind {
            EntryKind::File => DataAt::Sha256(self.content.finish(entry.size)),
            _ => DataAt::None,
        };
        let attributes = attributes(&entry);
        let written = IndexWriter::headless(&mut self.out)
            .entry(&entry, at)
            .and_then(|()| writeln!(self.out, "{attributes}"));
        written.map_err(|source| {
            self.error.get_or_insert(failed(&self.scratch)(source));
            SinkClosed
        })
    }
}

/// Stands for all attributes of an entry.
fn attributes(entry: &Entry) -> Sha256Digest {
    let mut hasher = Sha256::new();
    for xattr in &entry.xattrs {
        for part in [&xattr.name, &xattr.value] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    hasher.into()
}

impl TarVisitor for Listing {
    fn begin(&mut self, entry: &Entry, _: u64) -> Result<(), SinkClosed> {
        self.start(entry);
        Ok(())
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        self.content.data(part);
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        self.stop()
    }
}

impl EntrySink for Listing {
    fn begin(&mut self, entry: &Entry) -> Result<(), SinkClosed> {
        self.start(entry);
        Ok(())
    }

    fn data(&mut self, chunk: Bytes) -> Result<(), SinkClosed> {
        self.content.data(&chunk);
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        self.stop()
    }
}

/// A list that is whole.
pub struct Listed {
    file: File,
    scratch: PathBuf,
}

fn failed(scratch: &Path) -> impl Fn(io::Error) -> ScratchError + use<> {
    let dir = scratch.to_owned();
    move |source| ScratchError {
        dir: dir.clone(),
        source,
    }
}
