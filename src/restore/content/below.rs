//! The part of a tree that lies in one folder, with paths relative to it.

use crate::archive::entry::{Entry, EntryKind, SinkClosed};
use crate::archive::tar::TarVisitor;

/// Hands on what is in `folder`, the folder itself too, and leaves the rest out.
pub struct Below<V> {
    folder: Vec<u8>,
    to: V,
    is_open: bool,
}

impl<V: TarVisitor> Below<V> {
    /// `folder` is relative to what the tree's paths are relative to.
    pub fn new(folder: &[u8], to: V) -> Self {
        Self {
            folder: folder.to_vec(),
            to,
            is_open: false,
        }
    }

    /// Who takes what is handed on.
    pub fn inner_mut(&mut self) -> &mut V {
        &mut self.to
    }

    /// Gives that back.
    pub fn into_inner(self) -> V {
        self.to
    }

    fn cut(&self, path: &[u8]) -> Option<Vec<u8>> {
        if self.folder.is_empty() {
            return Some(path.to_vec());
        }
        let rest = path.strip_prefix(&self.folder[..])?;
        match rest.strip_prefix(b"/") {
            Some(rest) => Some(rest.to_vec()),
            None => rest.is_empty().then(Vec::new),
        }
    }
}

impl<V: TarVisitor> TarVisitor for Below<V> {
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
