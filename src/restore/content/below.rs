//! The part of a tree that lies in one folder, with paths relative to it.

use crate::archive::entry::{Entry, EntryKind, SinkClosed};
use crate::archive::tar::TarVisitor;

/// Hands on what is in `folder`, the folder itself too, and leaves the rest out.
pub struct Below<'a> {
    folder: &'a [u8],
    to: &'a mut dyn TarVisitor,
    is_open: bool,
}

impl<'a> Below<'a> {
    /// `folder` is relative to what the tree's paths are relative to.
    pub fn new(folder: &'a [u8], to: &'a mut dyn TarVisitor) -> Self {
        Self {
            folder,
            to,
            is_open: false,
        }
    }

    fn cut(&self, path: &[u8]) -> Option<Vec<u8>> {
        if self.folder.is_empty() {
            return Some(path.to_vec());
        }
        let rest = path.strip_prefix(self.folder)?;
        match rest.strip_prefix(b"/") {
            Some(rest) => Some(rest.to_vec()),
            None => rest.is_empty().then(Vec::new),
        }
    }
}

impl TarVisitor for Below<'_> {
    fn begin(&mut self, entry: &Entry, at: u64) -> Result<(), SinkClosed> {
        let Some(path) = self.cut(&entry.path) else {
            self.is_open = false;
            return Ok(());
        };
        let mut entry = entry.clone();
        entry.path = path;
        if let EntryKind::HardLink { target } = &mut entry.kind {
            // What leads out of the folder is refused as it stands by whoever makes files.
            *target = self.cut(target).unwrap_or_default();
        }
        self.is_open = true;
        self.to.begin(&entry, at)
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        if self.is_open {
            self.to.data(part)?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        if self.is_open {
            self.to.end()?;
        }
        Ok(())
    }
}
