//! The entries of a dump as one tar, compressed as a whole, into whatever takes bytes.
//!
//! The head of an entry says its length. A stream of unknown length is compressed as a stream of the codec's own,
//! and [waits](super::waiting) for its head.

use std::collections::BTreeSet;
use std::io::Write;

use super::TargetError;
use super::hashing::Hashing;
use super::layout::{is_layout_folder, layout_folders};
use super::site::{OrFailed, OrFileFailed, Site};
use super::step::Step;
use super::waiting::{Waiting, Way};
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
    out: Encoder<Way<W>>,
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
    /// `None` while what is written waits for its length.
    announced: Option<u64>,
    written: u64,
}

impl<W: Write> TarStream<W> {
    /// Writes to `out`; `mtime` is the time of what has no time of its own. Streams of unknown length need
    /// a place in which to wait.
    pub(super) fn new(
        site: Site,
        out: Hashing<W>,
        waiting: Waiting,
        compression: &Compression,
        mtime: Mtime,
    ) -> Result<Self, TargetError> {
        let way = Way::new(out, waiting);
        let out = Encoder::new(way, compression).map_err(|source| TargetError::Codec {
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
            announced: Some(entry.data_len()),
            written: 0,
        });
        Ok(())
    }

    /// Starts a file (0600, root's) that the layout has and the project has not, of `len` bytes if that is
    /// known.
    pub(super) fn begin(&mut self, path: &[u8], len: Option<u64>) -> Result<(), TargetError> {
        check_path(path).or_file_failed(&self.site)?;
        match len {
            Some(len) => self.put_own_head(path, len)?,
            None => self.wait(path)?,
        }
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
        if open.announced.is_some_and(|len| open.written > len) {
            // Never written: the rest of the tar could not be read any more.
            return Err(open.wrong_length(&self.site));
        }
        self.put(data)
    }

    /// Ends what was started last. Returns its length.
    pub(super) fn end(&mut self) -> Result<u64, TargetError> {
        let open = self.take_open("end")?;
        if open.announced.is_some_and(|len| len != open.written) {
            return Err(open.wrong_length(&self.site));
        }
        self.put_zeros(tar::padding(open.written) as u64)?;
        if open.announced.is_none() {
            self.bring_back(&open)?;
        }
        Ok(open.written)
    }

    /// Fills what was started last up with zero bytes. What waits for its length was never there.
    pub(super) fn fail(&mut self) -> Result<(), TargetError> {
        let open = self.take_open("fail")?;
        let Some(announced) = open.announced else {
            let forgotten = self.out.forget();
            forgotten.or_failed(&self.site, Step::Write, b"")?;
            return self.out.get_mut().forget(&self.site);
        };
        let missing = announced - open.written;
        self.put_zeros(missing + tar::padding(announced) as u64)
    }

    /// A whole file (0600, root's).
    pub(super) fn put_file(&mut self, path: &str, content: &[u8]) -> Result<(), TargetError> {
        self.begin(path.as_bytes(), Some(content.len() as u64))?;
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
        let way = out.and_then(|mut way| way.flush().map(|()| way));
        let way = way.or_failed(&self.site, Step::Write, b"")?;
        Ok(way.into_parts())
    }

    fn take_open(&mut self, call: &'static str) -> Result<OpenEntry, TargetError> {
        self.open.take().ok_or_else(|| self.site.out_of_order(call))
    }

    fn own_entry(&self, path: &[u8], kind: EntryKind, mode: u32, size: u64) -> Entry {
        Entry {
            mtime: self.mtime,
            size,
            ..Entry::plain(path, kind, mode)
        }
    }

    fn put_head(&mut self, entry: &Entry) -> Result<(), TargetError> {
        self.head.clear();
        tar::encode_head(entry, b"", &mut self.head);
        let put = self.out.write_all(&self.head);
        put.or_failed(&self.site, Step::Write, b"")
    }

    /// The head of a file of our own, behind the folders of the layout that it lies in.
    fn put_own_head(&mut self, path: &[u8], len: u64) -> Result<(), TargetError> {
        self.put_layout_folders(path)?;
        self.put_head(&self.own_entry(path, EntryKind::File, 0o600, len))
    }

    fn put(&mut self, data: &[u8]) -> Result<(), TargetError> {
        let put = self.out.write_all(data);
        put.or_failed(&self.site, Step::Write, b"")
    }

    fn put_zeros(&mut self, mut count: u64) -> Result<(), TargetError> {
        while count > 0 {
            let len = usize::try_from(count).map_or(ZEROS.len(), |count| count.min(ZEROS.len()));
            self.put(&ZEROS[..len])?;
            count -= len as u64;
        }
        Ok(())
    }

    /// Ends the compressed stream, so that what follows may stand elsewhere.
    fn divide(&mut self) -> Result<(), TargetError> {
        let divided = self.out.divide();
        divided.or_failed(&self.site, Step::Write, b"")
    }

    /// What is written from now on waits for the head of `path`.
    fn wait(&mut self, path: &[u8]) -> Result<(), TargetError> {
        self.divide()?;
        let head = self.late_head(path, 0);
        let waits = self.out.get_mut().wait(&head);
        if waits.or_failed(&self.site, Step::Write, b"")? {
            Ok(())
        } else {
            Err(self.site.out_of_order("begin without a length"))
        }
    }

    /// Puts what has waited behind its head.
    fn bring_back(&mut self, open: &OpenEntry) -> Result<(), TargetError> {
        self.divide()?;
        let head = self.late_head(&open.path, open.written);
        let put = self.out.get_mut().put_head(&head);
        if !put.or_failed(&self.site, Step::Write, b"")? {
            self.put(&head)?;
            self.divide()?;
            self.out.get_mut().copy_back(&self.site)?;
        }
        let folders = layout_folders(&open.path);
        self.folders.extend(folders.map(<[u8]>::to_owned));
        Ok(())
    }

    /// The head of a file of our own whose length is known late, behind the folders of the layout that it lies in. Its
    /// own length does not depend on `len`.
    fn late_head(&self, path: &[u8], len: u64) -> Vec<u8> {
        let mut head = Vec::new();
        for folder in layout_folders(path).filter(|folder| !self.folders.contains(*folder)) {
            let folder = self.own_entry(folder, EntryKind::Directory, 0o700, 0);
            tar::encode_head(&folder, b"", &mut head);
        }
        let own = self.own_entry(path, EntryKind::File, 0o600, len);
        tar::encode_head_of_any_size(&own, &mut head);
        head
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
            announced: self.announced.unwrap_or(self.written),
            written: self.written,
        }
    }
}
