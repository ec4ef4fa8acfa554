//! The entries of a dump as one tar, compressed as a whole, into whatever takes bytes.

use std::collections::BTreeSet;
use std::io::Write;

use super::TargetError;
use super::hashing::Hashing;
use super::layout::{is_layout_folder, layout_folders};
use super::site::{OrFailed, OrFileFailed, Site};
use super::step::Step;
use crate::archive::entry::{Entry, EntryKind, Mtime};
use crate::archive::escape::escape;
use crate::archive::manifest::Sha256Digest;
use crate::archive::tar;
use crate::codecs::{Compression, Encoder};
use crate::files::check_path;

/// Zero bytes for padding and for what a failed member lacks.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// A tar that grows.
#[derive(Debug)]
pub(super) struct TarStream<W: Write> {
    site: Site,
    out: Encoder<Hashing<W>>,
    mtime: Mtime,
    open: Option<OpenEntry>,
    /// Folders of the layout that have their entry: as many as there are services, at most.
    folders: BTreeSet<Vec<u8>>,
    head: Vec<u8>,
}

/// An entry whose content comes.
#[derive(Debug)]
struct OpenEntry {
    path: Vec<u8>,
    announced: u64,
    written: u64,
}

impl<W: Write> TarStream<W> {
    /// Writes to `out`; `mtime` is the time of what has no time of its own.
    pub(super) fn new(
        site: Site,
        out: Hashing<W>,
        compression: &Compression,
        mtime: Mtime,
    ) -> Result<Self, TargetError> {
        let out = Encoder::new(out, compression).map_err(|source| TargetError::Codec {
            target: site.target.clone(),
            source,
        })?;
        Ok(Self {
            site,
            out,
            mtime,
            open: None,
            folders: BTreeSet::new(),
            head: Vec::new(),
        })
    }

    /// Starts an entry of a tree; its folders of the layout come before it.
    pub(super) fn entry(&mut self, entry: &Entry) -> Result<(), TargetError> {
        check_path(&entry.path).or_file_failed(&self.site)?;
        self.put_layout_folders(&entry.path)?;
        if entry.kind == EntryKind::Directory {
            self.folders
                .extend(is_layout_folder(&entry.path).then(|| entry.path.clone()));
        }
        self.put_head(entry)?;
        self.open = Some(OpenEntry {
            path: entry.path.clone(),
            announced: entry.data_len(),
            written: 0,
        });
        Ok(())
    }

    /// Starts a file (0600, root's) of `len` bytes that the layout has and the project has not.
    pub(super) fn begin(&mut self, path: &[u8], len: u64) -> Result<(), TargetError> {
        check_path(path).or_file_failed(&self.site)?;
        self.put_layout_folders(path)?;
        self.put_head(&self.own_entry(path, EntryKind::File, 0o600, len))?;
        self.open = Some(OpenEntry {
            path: path.to_owned(),
            announced: len,
            written: 0,
        });
        Ok(())
    }

    /// Content of what was started last.
    pub(super) fn write(&mut self, data: &[u8]) -> Result<(), TargetError> {
        let Some(open) = &mut self.open else {
            return Err(self.site.out_of_order("write"));
        };
        open.written += data.len() as u64;
        if open.written > open.announced {
            // Never written: the rest of the tar could not be read any more.
            return Err(open.wrong_length(&self.site));
        }
        self.out
            .write_all(data)
            .or_failed(&self.site, Step::Write, b"")
    }

    /// Ends what was started last. Returns its length.
    pub(super) fn end(&mut self) -> Result<u64, TargetError> {
        let open = self.take_open("end")?;
        if open.written != open.announced {
            return Err(open.wrong_length(&self.site));
        }
        self.put_zeros(tar::padding(open.announced) as u64)?;
        Ok(open.announced)
    }

    /// Fills what was started last up with zero bytes.
    pub(super) fn fail(&mut self) -> Result<(), TargetError> {
        let open = self.take_open("fail")?;
        let missing = open.announced - open.written;
        self.put_zeros(missing + tar::padding(open.announced) as u64)
    }

    /// A whole file (0600, root's).
    pub(super) fn put_file(&mut self, path: &str, content: &[u8]) -> Result<(), TargetError> {
        self.begin(path.as_bytes(), content.len() as u64)?;
        self.write(content)?;
        self.end().map(drop)
    }

    /// Whether an entry waits for its end.
    pub(super) const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Ends the tar and its compression. Gives what was written to, with the bytes and the digest of
    /// all that was.
    pub(super) fn finish(mut self) -> Result<(W, u64, Option<Sha256Digest>), TargetError> {
        let ended = self.out.write_all(&tar::END);
        let out = ended.and_then(|()| self.out.finish());
        let out = out.and_then(|mut out| out.flush().map(|()| out));
        Ok(out.or_failed(&self.site, Step::Write, b"")?.into_parts())
    }

    fn take_open(&mut self, call: &'static str) -> Result<OpenEntry, TargetError> {
        self.open.take().ok_or_else(|| self.site.out_of_order(call))
    }

    fn own_entry(&self, path: &[u8], kind: EntryKind, mode: u32, size: u64) -> Entry {
        Entry {
            path: path.to_owned(),
            kind,
            mode,
            uid: 0,
            gid: 0,
            mtime: self.mtime,
            size,
            xattrs: Vec::new(),
            sparse: None,
        }
    }

    fn put_head(&mut self, entry: &Entry) -> Result<(), TargetError> {
        self.head.clear();
        tar::encode_head(entry, b"", &mut self.head);
        let put = self.out.write_all(&self.head);
        put.or_failed(&self.site, Step::Write, b"")
    }

    fn put_zeros(&mut self, mut count: u64) -> Result<(), TargetError> {
        while count > 0 {
            let len = usize::try_from(count).map_or(ZEROS.len(), |count| count.min(ZEROS.len()));
            let put = self.out.write_all(&ZEROS[..len]);
            put.or_failed(&self.site, Step::Write, b"")?;
            count -= len as u64;
        }
        Ok(())
    }

    /// Entries for the folders of the layout on the way to `path`, each once, so that an unpacked
    /// dump has their modes. Folders inside a tree member have entries of their own.
    fn put_layout_folders(&mut self, path: &[u8]) -> Result<(), TargetError> {
        for folder in layout_folders(path) {
            if !self.folders.contains(folder) {
                self.put_head(&self.own_entry(folder, EntryKind::Directory, 0o700, 0))?;
                self.folders.insert(folder.to_owned());
            }
        }
        Ok(())
    }
}

impl OpenEntry {
    fn wrong_length(&self, site: &Site) -> TargetError {
        TargetError::Length {
            target: site.target.clone(),
            member: escape(&self.path),
            announced: self.announced,
            written: self.written,
        }
    }
}
