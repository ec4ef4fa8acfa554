//! What a member holds, by its index: listed without reading the member.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;

use super::archive::{Archive, read_tar};
use super::contract::Contract;
use super::error::ScratchError;
use super::fault::Fault;
use super::hashing::HashingReader;
use super::lines::IndexLines;
use super::open::{Dump, Place};
use super::section::Section;
use crate::archive::entry::{Entry, SinkClosed};
use crate::archive::index::DataAt;
use crate::archive::manifest::model::{IndexFile, Member, Source};
use crate::archive::tar::{TarParser, TarVisitor};
use crate::codecs::Codec;
use crate::store::ObjectReader;

/// The entries of one member, in its order.
pub struct Contents {
    lines: IndexLines<'static>,
}

impl Contents {
    /// The next entry, with its path below the member's root; of trees, below the project folder.
    ///
    /// # Errors
    /// What is wrong with the index.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, Fault> {
        Ok(self.next_line()?.map(|(entry, _)| entry))
    }

    /// The same with where its data is.
    pub(super) fn next_line(&mut self) -> Result<Option<(Entry, DataAt)>, Fault> {
        self.lines.next()
    }
}

/// A member's entries cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum ContentsError {
    /// It has no index: plain bytes.
    #[error("`{member}` is a single file, not a member with entries")]
    NoIndex {
        /// The member.
        member: String,
    },
    /// Its index is not what was stored.
    #[error("the index of `{member}` cannot be used")]
    Index {
        /// The member.
        member: String,
        /// What is wrong with it.
        source: IndexFault,
    },
    /// A temporary file cannot be written.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
}

/// What is wrong with an index, as a sentence of its own.
#[derive(Debug, thiserror::Error)]
#[error("it {0}")]
pub struct IndexFault(#[source] pub Fault);

/// Whether that is the path of the member, with or without the extension of its codec.
fn is_at(member: &Member, path: &str) -> bool {
    let stem = |codec: Codec| member.path.strip_suffix(codec.extension());
    Codec::ALL
        .into_iter()
        .any(|codec| stem(codec) == Some(path))
}

impl Dump {
    /// The member that a user means: by its path, with or without a codec's extension, or by the name of
    /// the volume or mounted path that it holds.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Member> {
        let members = &self.manifest.members;
        let by_path = |member: &&Member| is_at(member, name);
        let by_source = |member: &&Member| match &member.source {
            Source::Mounted { path } => path == name,
            Source::ProjectVolume { name: volume } => volume == name,
            Source::Config
            | Source::ConfigOutside
            | Source::ServiceVolume { .. }
            | Source::Export { .. } => false,
        };
        let by_path = members.iter().find(by_path);
        by_path.or_else(|| members.iter().find(by_source))
    }

    /// The entries of a member. Of an archive, everything before the index has to be read.
    ///
    /// # Errors
    /// When there is no index, or it is damaged.
    pub fn contents(&mut self, member: &Member) -> Result<Contents, ContentsError> {
        let name = || member.path.clone();
        let Some(index) = &member.index else {
            return Err(ContentsError::NoIndex { member: name() });
        };
        let bad = |fault| ContentsError::Index {
            member: name(),
            source: IndexFault(fault),
        };
        if let Err(what) = Contract::new(&self.manifest) {
            return Err(bad(Fault::Contract { what }));
        }
        let file = match &mut self.place {
            Place::Folder(beneath) => {
                let found = beneath.file(index.path.as_bytes());
                found.map(|(file, _)| file).map_err(Fault::from)
            }
            Place::Objects(objects) => {
                let kept = tempfile::tempfile_in(&self.scratch);
                let kept = kept.map_err(|source| ScratchError {
                    dir: self.scratch.clone(),
                    source,
                })?;
                copy(
                    objects.content(&self.manifest, &index.path),
                    index.bytes,
                    kept,
                )
            }
            Place::Archive(archive) => {
                let kept = tempfile::tempfile_in(&self.scratch);
                let taken = kept.and_then(|kept| take_out(archive, index, kept));
                taken.map_err(|source| ScratchError {
                    dir: self.scratch.clone(),
                    source,
                })?
            }
        };
        let entries = member.entries.unwrap_or(0);
        let lines = file.and_then(|file| open(file, index, entries));
        Ok(Contents {
            lines: lines.map_err(bad)?,
        })
    }
}

/// Copies an object of that length to a file, which the caller checks.
fn copy(
    content: Result<(ObjectReader, u64), Fault>,
    expected: u64,
    mut file: File,
) -> Result<File, Fault> {
    let (mut content, found) = content?;
    if found != expected {
        return Err(Fault::Length { found, expected });
    }
    io::copy(&mut content, &mut file).map_err(Fault::Read)?;
    Ok(file)
}

fn open(file: File, index: &IndexFile, entries: u64) -> Result<IndexLines<'static>, Fault> {
    let stored = Section::new(&Arc::new(file), 0, index.bytes);
    let hashed = HashingReader::new(stored.again());
    if hashed.finish().map_err(Fault::Read)? != (index.bytes, index.sha256) {
        return Err(Fault::Sha256);
    }
    IndexLines::open(stored.take(index.bytes), entries)
}

/// Takes an index out of an archive, as far as that can be read; the caller checks what came.
fn take_out(archive: &Archive, index: &IndexFile, file: File) -> io::Result<Result<File, Fault>> {
    let mut parser = TarParser::strict(TakeOut {
        index,
        file,
        is_open: false,
        is_found: false,
        error: None,
    });
    // It stops behind the index, or where the archive breaks.
    let read = read_tar(
        (&mut archive.stored(), archive.bytes),
        archive.codec,
        &mut parser,
    );
    let taken = parser.visitor_mut();
    match (taken.error.take(), taken.is_found, read) {
        (Some(error), _, _) => Err(error),
        (None, true, _) => Ok(Ok(taken.file.try_clone()?)),
        (None, false, Ok(())) => Ok(Err(Fault::Missing)),
        (None, false, Err(_)) => Ok(Err(Fault::NotReached)),
    }
}

struct TakeOut<'i> {
    index: &'i IndexFile,
    file: File,
    is_open: bool,
    is_found: bool,
    error: Option<io::Error>,
}

impl TarVisitor for TakeOut<'_> {
    fn begin(&mut self, entry: &Entry, _: u64) -> Result<(), SinkClosed> {
        self.is_open = entry.path == self.index.path.as_bytes() && entry.size == self.index.bytes;
        Ok(())
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        if !self.is_open {
            return Ok(());
        }
        self.file.write_all(part).map_err(|error| {
            self.error = Some(error);
            SinkClosed
        })
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        self.is_found |= self.is_open;
        // Nothing more is wanted.
        if self.is_found {
            Err(SinkClosed)
        } else {
            Ok(())
        }
    }
}
