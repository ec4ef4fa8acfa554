//! Unlinked temporary files in the spool folder, and how much one target may have in all of its own.

use std::fs::{DirBuilder, File};
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::TargetError;
use super::super::open::SpoolSpec;
use super::super::site::{OrFailed, Site};
use super::super::step::Step;

/// The spool of one target: where its files lie, and what they may take together. Cheap to clone.
#[derive(Debug, Clone)]
pub(in super::super) struct SpoolPlace {
    pub(super) site: Site,
    limit: Option<u64>,
    used: Arc<AtomicU64>,
}

impl SpoolPlace {
    pub(in super::super) fn new(target: &str, spec: &SpoolSpec) -> Self {
        Self {
            site: Site::new(target, &spec.dir),
            limit: spec.limit,
            used: Arc::default(),
        }
    }

    /// Makes a file, and the folder (0700) if it is missing.
    ///
    /// # Errors
    /// When it cannot be made there.
    pub(in super::super) fn create(&self) -> Result<SpoolFile, TargetError> {
        let folder = &self.site.folder;
        let mut builder = DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(folder);
        let file = made.and_then(|()| tempfile::tempfile_in(folder));
        Ok(SpoolFile {
            file: file.or_failed(&self.site, Step::Create, b"")?,
            len: 0,
            place: self.clone(),
        })
    }

    /// Takes `more` bytes of what is allowed.
    fn take(&self, more: u64) -> Result<(), TargetError> {
        let used = self.used.fetch_add(more, Ordering::Relaxed) + more;
        match self.limit {
            Some(limit) if used > limit => {
                self.give_back(more);
                Err(TargetError::SpoolLimit {
                    target: self.site.target.clone(),
                    path: self.site.folder.clone(),
                    limit,
                })
            }
            _ => Ok(()),
        }
    }

    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// A file that grows at its end and is read from its beginning.
#[derive(Debug)]
pub(in super::super) struct SpoolFile {
    place: SpoolPlace,
    file: File,
    len: u64,
}

impl SpoolFile {
    /// Its length in bytes.
    pub(in super::super) const fn len(&self) -> u64 {
        self.len
    }

    /// What errors of it name.
    pub(in super::super) const fn site(&self) -> &Site {
        &self.place.site
    }

    /// # Errors
    /// [`TargetError::SpoolLimit`], and when the disk does not take it.
    pub(in super::super) fn append(&mut self, data: &[u8]) -> Result<(), TargetError> {
        self.place.take(data.len() as u64)?;
        let put = self.file.write_all_at(data, self.len);
        put.or_failed(self.site(), Step::Spool, b"")?;
        self.len += data.len() as u64;
        Ok(())
    }

    /// Replaces bytes that were written before.
    pub(super) fn put_at(&mut self, data: &[u8], offset: u64) -> Result<(), TargetError> {
        let put = self.file.write_all_at(data, offset);
        put.or_failed(self.site(), Step::Spool, b"")
    }

    /// Cuts it off at `len`, which is no more than its length.
    pub(in super::super) fn cut(&mut self, len: u64) -> Result<(), TargetError> {
        let cut = self.file.set_len(len);
        cut.or_failed(self.site(), Step::Spool, b"")?;
        self.place.give_back(self.len - len);
        self.len = len;
        Ok(())
    }

    /// The file, to be read from its beginning.
    pub(in super::super) fn rewound(&mut self) -> Result<&File, TargetError> {
        let sought = self.file.seek(SeekFrom::Start(0));
        sought.or_failed(self.site(), Step::Spool, b"")?;
        Ok(&self.file)
    }
}

impl Drop for SpoolFile {
    fn drop(&mut self) {
        self.place.give_back(self.len);
    }
}
