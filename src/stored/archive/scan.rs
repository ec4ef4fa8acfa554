//! Finds the manifest in an archive that has none beside it: its last entry.

use super::{Archive, read_tar};
use crate::archive::entry::{Entry, EntryKind, SinkClosed};
use crate::archive::manifest::{FILE_NAME, MAX_BYTES};
use crate::archive::tar::{TarParser, TarVisitor};
use crate::stored::error::ArchiveError;

/// The bytes of the `Manifest.yml` in an archive. Reads all of it and keeps nothing else.
pub(in crate::stored) fn manifest_in(archive: &Archive) -> Result<Vec<u8>, ArchiveError> {
    let mut parser = TarParser::strict(Scan::default());
    let read = read_tar(
        (&mut archive.stored(), archive.bytes),
        archive.codec,
        &mut parser,
    );
    let scan = parser.visitor_mut();
    let is_bad = scan.is_bad;
    let manifest = scan.manifest.take();
    if is_bad {
        return Err(ArchiveError::BadManifest);
    }
    match (read, manifest) {
        // What follows the manifest is the end marker alone: that it is broken is no reason to say nothing
        // of the members.
        (_, Some(manifest)) => Ok(manifest),
        (Err(error), None) => Err(error),
        (Ok(()), None) => match parser.finish() {
            Err(error) => Err(ArchiveError::Tar(error)),
            Ok(_) => Err(ArchiveError::NoManifest),
        },
    }
}

#[derive(Default)]
struct Scan {
    manifest: Option<Vec<u8>>,
    is_open: bool,
    is_bad: bool,
}

impl TarVisitor for Scan {
    fn begin(&mut self, entry: &Entry, _: u64) -> Result<(), SinkClosed> {
        self.is_open = entry.path == FILE_NAME.as_bytes();
        if !self.is_open {
            return Ok(());
        }
        let is_file = entry.kind == EntryKind::File && entry.sparse.is_none();
        if self.manifest.is_some() || !is_file || entry.size > MAX_BYTES as u64 {
            self.is_bad = true;
            return Err(SinkClosed);
        }
        self.manifest = Some(Vec::new());
        Ok(())
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        if let Some(manifest) = self.manifest.as_mut().filter(|_| self.is_open) {
            manifest.extend_from_slice(part);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        Ok(())
    }
}
