//! A dump as one tar, compressed as a whole: a file or an object beside its marker, or standard output.
//!
//! Stream members are nested as they are, one after the other; [`super::spool`] keeps those that come beside
//! another one. The manifest is the last entry. A file is synced and gets its name,
//! an upload is completed, then the marker appears; standard output has no marker.

use std::fs::File;
use std::io::{self, Write};

use super::hashing::Hashing;
use super::object::{StoreArchive, Upload};
use super::publish::ArchiveFolder;
use super::site::Site;
use super::tar_stream::TarStream;
use super::waiting::Waiting;
use super::{DumpWriter, Slot, StreamHead, TargetError};
use crate::archive::entry::{Entry, Mtime};
use crate::archive::manifest::model::ArchiveFile;
use crate::archive::manifest::{
    Draft, FILE_NAME, Place, Published, Sha256Digest, Stored, StoredDump,
};
use crate::codecs::Compression;

/// Where an archive goes.
#[derive(Debug)]
pub(super) enum Destination {
    /// A staged file, and how to publish it.
    Folder(ArchiveFolder),
    /// An object, and how to publish it.
    Store(StoreArchive),
    /// A pipe, or whatever standard output is.
    Stdout,
}

/// What takes the bytes of an archive.
#[derive(Debug)]
pub(super) enum Output {
    /// A staged file or standard output.
    File(File),
    /// An object that grows.
    Upload(Box<Upload>),
}

impl Write for Output {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(data),
            Self::Upload(upload) => upload.write(data),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Upload(upload) => upload.flush(),
        }
    }
}

/// Writes a dump as a tar.
#[derive(Debug)]
pub(super) struct ArchiveWriter {
    site: Site,
    tar: TarStream<Output>,
    destination: Destination,
    /// The stream member whose content comes.
    stream: Option<String>,
    stored: StoredDump,
}

impl ArchiveWriter {
    /// Writes to `output`; `mtime` is the time of what has no time of its own, and streams are `waiting` until their
    /// length is known.
    pub(super) fn new(
        site: Site,
        (destination, output): (Destination, Output),
        waiting: Waiting,
        compression: &Compression,
        mtime: Mtime,
    ) -> Result<Self, TargetError> {
        let output = match destination {
            Destination::Folder(_) | Destination::Store(_) => Hashing::new(output),
            Destination::Stdout => Hashing::counting(output),
        };
        match TarStream::new(site.clone(), output, waiting, compression, mtime) {
            Ok(tar) => Ok(Self {
                site,
                tar,
                destination,
                stream: None,
                stored: StoredDump::default(),
            }),
            Err(error) => {
                destination.discard();
                Err(error)
            }
        }
    }

    /// Ends the tar and the compression, and gives back where it goes.
    fn close(mut self: Box<Self>, draft: &Draft) -> (Destination, Result<Closed, TargetError>) {
        let completed = self.complete(draft);
        let this = *self;
        let closed = completed.and_then(|()| {
            let (output, bytes, sha256) = this.tar.finish()?;
            Ok(Closed {
                target: this.site.target,
                stored: this.stored,
                output,
                bytes,
                sha256,
            })
        });
        (this.destination, closed)
    }

    /// Writes the manifest.
    fn complete(&mut self, draft: &Draft) -> Result<(), TargetError> {
        if self.tar.is_open() {
            return Err(self.site.out_of_order("finish"));
        }
        let manifest = render(draft, &self.stored, &self.site.target)?;
        self.tar.put_file(FILE_NAME, &manifest)
    }
}

impl DumpWriter for ArchiveWriter {
    fn turn_to(&mut self, slot: Slot) -> Result<(), TargetError> {
        if slot == Slot::FIRST {
            Ok(())
        } else {
            Err(self
                .site
                .out_of_order("turn to a stream beside another one"))
        }
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), TargetError> {
        self.tar.entry(entry)
    }

    fn begin(&mut self, head: &StreamHead) -> Result<(), TargetError> {
        self.tar.begin(head.path.as_bytes(), head.raw_bytes)?;
        self.stream = Some(head.path.clone());
        Ok(())
    }

    fn write(&mut self, data: &[u8]) -> Result<(), TargetError> {
        self.tar.write(data)
    }

    fn end(&mut self) -> Result<(), TargetError> {
        let bytes = self.tar.end()?;
        if let Some(key) = self.stream.take() {
            let stored = Stored {
                path: key.clone(),
                bytes,
                sha256: None,
            };
            self.stored.streams.insert(key, stored);
        }
        Ok(())
    }

    fn fail(&mut self) -> Result<(), TargetError> {
        if self.stream.take().is_none() {
            return Err(self.site.out_of_order("fail"));
        }
        self.tar.fail()
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
            (Destination::Folder(folder), Ok(closed)) => closed.publish_file(folder, draft),
            (Destination::Store(place), Ok(closed)) => closed
                .publish_object(&place, draft)
                .inspect_err(|error| place.give_up(error)),
        }
    }

    fn leaves_traces(&self) -> bool {
        match self.destination {
            Destination::Folder(_) | Destination::Store(_) => true,
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
    output: Output,
    bytes: u64,
    sha256: Option<Sha256Digest>,
}

impl Closed {
    fn publish_file(
        mut self,
        folder: ArchiveFolder,
        draft: &Draft,
    ) -> Result<Published, TargetError> {
        let Output::File(file) = self.output else {
            unreachable!("an archive in a folder is written to a file");
        };
        let (bytes, sha256) = (self.bytes, self.sha256);
        let (name, path) = folder.publish(&file, |file| {
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

    fn publish_object(
        mut self,
        place: &StoreArchive,
        draft: &Draft,
    ) -> Result<Published, TargetError> {
        let Output::Upload(upload) = self.output else {
            unreachable!("an archive in a store is written to an upload");
        };
        let segments = place.complete(*upload)?;
        let file = place.file().to_owned();
        if segments.len() > 1 {
            self.stored.segments.insert(file.clone(), segments);
        }
        let bytes = self.bytes;
        self.stored.archive = self.sha256.map(|sha256| ArchiveFile {
            file,
            bytes,
            sha256,
        });
        let marker = render(draft, &self.stored, &self.target)?;
        let (name, url) = place.publish(&marker)?;
        Ok(Published {
            name: Some(name),
            place: Place::Url(url),
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
    /// Removes what was written.
    pub(super) fn discard(self) {
        match self {
            Self::Folder(folder) => folder.discard(),
            Self::Store(place) => place.discard(),
            // What was sent was sent; without its end nothing takes it for a dump.
            Self::Stdout => {}
        }
    }
}
