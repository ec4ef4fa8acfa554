//! Checks the content of a stream member while it passes, decompressed, in pieces of any length. Where
//! it comes from, a file or an entry of an archive, is not its business.

use std::io::{self, Sink};

use sha2::{Digest, Sha256};

use super::Fault;
use super::fault::Faults;
use super::hashing::Wanted;
use crate::archive::entry::{Entry, EntryKind, SinkClosed};
use crate::archive::index::{DataAt, IndexWriter};
use crate::archive::manifest::Sha256Digest;
use crate::archive::manifest::model::{Member, MemberKind};
use crate::archive::tar::{TarError, TarParser, TarVisitor};
use crate::targets::hashing::Hashing;

/// A stream member whose content comes.
pub(super) struct StreamCheck<'m> {
    member: &'m Member,
    bytes: u64,
    hasher: Sha256,
    tar: Option<TarParser<IndexOfTar>>,
    broken: Option<TarError>,
}

impl<'m> StreamCheck<'m> {
    pub(super) fn new(member: &'m Member) -> io::Result<Self> {
        let tar = match member.kind {
            MemberKind::Tar => Some(TarParser::new(IndexOfTar::new()?)),
            MemberKind::Bytes | MemberKind::Tree => None,
        };
        Ok(Self {
            member,
            bytes: 0,
            hasher: Sha256::new(),
            tar,
            broken: None,
        })
    }

    /// Takes the next bytes. Nothing more is wanted when they are more than the manifest says: a
    /// small file may decompress to any length.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Wanted {
        self.bytes += bytes.len() as u64;
        if self.bytes > self.member.raw_bytes {
            return Wanted::Nothing;
        }
        self.hasher.update(bytes);
        if let Some(Err(error)) = self.tar.as_mut().map(|tar| tar.feed(bytes)) {
            self.broken.get_or_insert(error);
            self.tar = None;
        }
        Wanted::More
    }

    /// Says what is wrong, and gives the digest of the index that the tar's entries make.
    pub(super) fn finish(self, faults: &mut Faults) -> Option<Sha256Digest> {
        let path = self.member.path.as_bytes();
        let expected = self.member.raw_bytes;
        if self.bytes > expected {
            faults.add(path, Fault::RawTooLong { expected });
            return None;
        }
        if self.bytes < expected {
            let found = self.bytes;
            faults.add(path, Fault::RawLength { found, expected });
        } else if Sha256Digest::from(self.hasher) != self.member.raw_sha256 {
            faults.add(path, Fault::RawSha256);
        }
        let ended = match (self.broken, self.tar) {
            (Some(error), _) => Err(error),
            (None, Some(tar)) => tar.finish(),
            (None, None) => return None,
        };
        match ended {
            Err(error) => {
                faults.add(path, Fault::Tar(error));
                None
            }
            Ok((summary, index)) => {
                let found = summary.entry_count;
                match self.member.entries {
                    Some(expected) if expected != found => {
                        faults.add(path, Fault::Entries { found, expected });
                        None
                    }
                    _ => index.sha256(),
                }
            }
        }
    }
}

/// Makes the index of a tar again, as its digest.
struct IndexOfTar {
    lines: IndexWriter<Hashing<Sink>>,
}

impl IndexOfTar {
    fn new() -> io::Result<Self> {
        let lines = IndexWriter::create(Hashing::new(io::sink()))?;
        Ok(Self { lines })
    }

    fn sha256(self) -> Option<Sha256Digest> {
        let (_, _, sha256) = self.lines.finish().into_parts();
        sha256
    }
}

impl TarVisitor for IndexOfTar {
    fn begin(&mut self, entry: &Entry, at: u64) -> Result<(), SinkClosed> {
        let at = match entry.kind {
            EntryKind::File => DataAt::Offset(at),
            _ => DataAt::None,
        };
        self.lines.entry(entry, at).map_err(|_| SinkClosed)
    }

    fn data(&mut self, _: &[u8]) -> Result<(), SinkClosed> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        Ok(())
    }
}
