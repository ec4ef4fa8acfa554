//! A dump as one tar, compressed as a whole: a file beside its marker, or standard output.
//!
//! Stream members are nested as they are, so their length has to be known before their first byte;
//! [`super::spool`] sees to that. The manifest is the last entry. A file is synced and gets its name,
//! then the marker does; standard output has no marker.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;

use super::error::Step;
use super::hashing::Hashing;
use super::layout::{is_layout_folder, layout_folders};
use super::publish::ArchiveFolder;
use super::site::{OrFailed, OrFileFailed, Site};
use super::{DumpWriter, StreamHead, TargetError};
use crate::archive::entry::{Entry, EntryKind, Mtime};
use crate::archive::escape::escape;
use crate::archive::manifest::model::ArchiveFile;
use crate::archive::manifest::{
    Draft, FILE_NAME, Place, Published, Sha256Digest, Stored, StoredDump,
};
use crate::archive::tar;
use crate::codecs::{Compression, Encoder};
use crate::files::check_path;

/// Zero bytes for padding and for what a failed member lacks.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Where the bytes of an archive go.
#[derive(Debug)]
pub(super) enum Destination {
    /// A staged file, and how to publish it.
    Folder(ArchiveFolder),
    /// A pipe, or whatever standard output is.
    Stdout,
}

/// Writes a dump as a tar.
#[derive(Debug)]
pub(super) struct ArchiveWriter {
    site: Site,
    out: Encoder<Hashing<File>>,
    destination: Destination,
    mtime: Mtime,
    open: Option<OpenEntry>,
    /// Folders of the layout that have their entry: as many as there are services, at most.
    folders: BTreeSet<Vec<u8>>,
    head: Vec<u8>,
    streams: BTreeMap<String, Stored>,
}

/// An entry whose content comes.
#[derive(Debug)]
struct OpenEntry {
    path: Vec<u8>,
    /// The key of a stream member; `None` for an entry of a tree.
    stream: Option<String>,
    announced: u64,
    written: u64,
}

impl ArchiveWriter {
    /// Writes to `file`; `mtime` is the time of what has no time of its own.
    pub(super) fn new(
        site: Site,
        (destination, file): (Destination, File),
        compression: &Compression,
        mtime: Mtime,
    ) -> Result<Self, TargetError> {
        let file = match destination {
            Destination::Folder(_) => Hashing::new(file),
            Destination::Stdout => Hashing::counting(file),
        };
        let out = match Encoder::new(file, compression) {
            Ok(out) => out,
            Err(source) => {
                destination.discard();
                return Err(TargetError::Codec {
                    target: site.target,
                    source,
                });
            }
        };
        Ok(Self {
            site,
            out,
            destination,
            mtime,
            open: None,
            folders: BTreeSet::new(),
            head: Vec::new(),
            streams: BTreeMap::new(),
        })
    }

    /// An entry for something that the layout has and the project has not: root's alone.
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

    fn put_file(&mut self, path: &[u8], content: &[u8]) -> Result<(), TargetError> {
        let entry = self.own_entry(path, EntryKind::File, 0o600, content.len() as u64);
        self.put_head(&entry)?;
        let put = self.out.write_all(content);
        put.or_failed(&self.site, Step::Write, b"")?;
        self.put_zeros(tar::padding(content.len() as u64) as u64)
    }

    fn take_open(&mut self, call: &'static str) -> Result<OpenEntry, TargetError> {
        self.open.take().ok_or_else(|| self.site.out_of_order(call))
    }

    /// Ends the tar and the compression, and gives back where it goes.
    fn close(mut self: Box<Self>, draft: &Draft) -> (Destination, Result<Closed, TargetError>) {
        let completed = self.complete(draft);
        let this = *self;
        let closed = completed.and_then(|stored| {
            let out = this
                .out
                .finish()
                .and_then(|mut out| out.flush().map(|()| out));
            let (file, bytes, sha256) = out.or_failed(&this.site, Step::Write, b"")?.into_parts();
            Ok(Closed {
                target: this.site.target,
                stored,
                file,
                bytes,
                sha256,
            })
        });
        (this.destination, closed)
    }

    /// Writes the manifest and the end of the tar.
    fn complete(&mut self, draft: &Draft) -> Result<StoredDump, TargetError> {
        if self.open.is_some() {
            return Err(self.site.out_of_order("finish"));
        }
        let stored = StoredDump {
            streams: std::mem::take(&mut self.streams),
            ..StoredDump::default()
        };
        let manifest = render(draft, &stored, &self.site.target)?;
        self.put_file(FILE_NAME.as_bytes(), &manifest)?;
        let put = self.out.write_all(&tar::END);
        put.or_failed(&self.site, Step::Write, b"")?;
        Ok(stored)
    }
}

impl DumpWriter for ArchiveWriter {
    fn entry(&mut self, entry: &Entry) -> Result<(), TargetError> {
        check_path(&entry.path).or_file_failed(&self.site)?;
        self.put_layout_folders(&entry.path)?;
        if entry.kind == EntryKind::Directory {
            self.folders
                .extend(is_layout_folder(&entry.path).then(|| entry.path.clone()));
        }
        self.put_head(entry)?;
        self.open = Some(OpenEntry {
            path: entry.path.clone(),
            stream: None,
            announced: entry.data_len(),
            written: 0,
        });
        Ok(())
    }

    fn begin(&mut self, head: &StreamHead) -> Result<(), TargetError> {
        let path = head.path.as_bytes();
        check_path(path).or_file_failed(&self.site)?;
        let Some(announced) = head.raw_bytes else {
            return Err(self.site.out_of_order("begin without a length"));
        };
        self.put_layout_folders(path)?;
        self.put_head(&self.own_entry(path, EntryKind::File, 0o600, announced))?;
        self.open = Some(OpenEntry {
            path: path.to_owned(),
            stream: Some(head.path.clone()),
            announced,
            written: 0,
        });
        Ok(())
    }

    fn write(&mut self, data: &[u8]) -> Result<(), TargetError> {
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

    fn end(&mut self) -> Result<(), TargetError> {
        let open = self.take_open("end")?;
        if open.written != open.announced {
            return Err(open.wrong_length(&self.site));
        }
        self.put_zeros(tar::padding(open.announced) as u64)?;
        if let Some(key) = open.stream {
            let stored = Stored {
                path: key.clone(),
                bytes: open.announced,
                sha256: None,
            };
            self.streams.insert(key, stored);
        }
        Ok(())
    }

    fn fail(&mut self) -> Result<(), TargetError> {
        let open = self.take_open("fail")?;
        if open.stream.is_none() {
            return Err(self.site.out_of_order("fail"));
        }
        let missing = open.announced - open.written;
        self.put_zeros(missing + tar::padding(open.announced) as u64)
    }

    fn released(&mut self) -> Result<(), TargetError> {
        Ok(())
    }

    fn finish(self: Box<Self>, draft: &Draft) -> Result<Published, TargetError> {
        let (destination, closed) = self.close(draft);
        match (destination, closed) {
            (destination, Err(error)) => {
                destination.discard();
                Err(error)
            }
            (Destination::Stdout, Ok(closed)) => Ok(Published {
                name: None,
                place: Place::Stdout,
                bytes: closed.bytes,
                warnings: Vec::new(),
            }),
            (Destination::Folder(folder), Ok(closed)) => closed.publish(folder, draft),
        }
    }

    fn leaves_traces(&self) -> bool {
        match self.destination {
            Destination::Folder(_) => true,
            Destination::Stdout => false,
        }
    }

    fn abort(self: Box<Self>) {
        self.destination.discard();
    }
}

/// An archive whose last byte is written.
struct Closed {
    target: String,
    stored: StoredDump,
    file: File,
    bytes: u64,
    sha256: Option<Sha256Digest>,
}

impl Closed {
    fn publish(mut self, folder: ArchiveFolder, draft: &Draft) -> Result<Published, TargetError> {
        let (bytes, sha256) = (self.bytes, self.sha256);
        let (name, path) = folder.publish(&self.file, |file| {
            self.stored.archive = sha256.map(|sha256| ArchiveFile {
                file,
                bytes,
                sha256,
            });
            render(draft, &self.stored, &self.target)
        })?;
        Ok(Published {
            name: Some(name),
            place: Place::Path(path),
            bytes,
            warnings: Vec::new(),
        })
    }
}

fn render(draft: &Draft, stored: &StoredDump, target: &str) -> Result<Vec<u8>, TargetError> {
    draft
        .render(stored)
        .map_err(|source| TargetError::Manifest {
            target: target.to_owned(),
            source,
        })
}

impl Destination {
    fn discard(self) {
        match self {
            Self::Folder(folder) => folder.discard(),
            // What was sent was sent; without its end nothing takes it for a dump.
            Self::Stdout => {}
        }
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
