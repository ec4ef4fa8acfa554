//! Checks the content of a stream member while it passes, decompressed, in pieces of any length. Where
//! it comes from, a file or an entry of an archive, is not its business.

use std::io::{self, Read, Sink};

use sha2::{Digest, Sha256};

use super::Fault;
use super::ahead::each_decoded;
use super::codec::codec_of;
use super::fault::Faults;
use super::hashing::{HashingReader, Wanted};
use super::takers::{Hand, Wish};
use crate::archive::entry::{Entry, EntryKind, SinkClosed};
use crate::archive::index::{DataAt, IndexWriter};
use crate::archive::manifest::Sha256Digest;
use crate::archive::manifest::model::{Member, MemberKind};
use crate::archive::tar::{TarError, TarParser, TarVisitor};
use crate::codecs::Codec;
use crate::targets::hashing::Hashing;

/// Reads a stream member, as it is stored, to its last byte. Gives the digest of the index that its entries make.
pub(super) fn read_stream<'m>(
    stored: impl Read + Send,
    member: &'m Member,
    hand: &'m Hand<'m>,
    faults: &mut Faults,
) -> Result<Option<Sha256Digest>, Fault> {
    let codec = codec_of(member).ok_or(Fault::NoCodec)?;
    let mut stored = HashingReader::new(stored.take(member.bytes));
    let mut check = StreamCheck::new(member, hand).map_err(Fault::Read)?;
    let read = each_decoded(codec, &mut stored, member.bytes, |piece| check.feed(piece));
    let (_, sha256) = stored.finish().map_err(Fault::Read)?;
    if sha256 != member.sha256 {
        faults.add(member.path.as_bytes(), Fault::Sha256);
    }
    let error = match read {
        Ok(()) => return Ok(check.finish(faults)),
        Err(error) => error,
    };
    check.break_off();
    // Only what came before the end of the decoder's patience was fed: its length says nothing.
    Err(match codec {
        Codec::None => Fault::Read(error),
        _ => Fault::Decompress(error),
    })
}

/// A stream member whose content comes.
pub(super) struct StreamCheck<'m> {
    member: &'m Member,
    /// Who takes the content, if somebody does.
    hand: Option<&'m Hand<'m>>,
    bytes: u64,
    hasher: Sha256,
    tar: Option<TarParser<IndexOfTar<'m>>>,
    broken: Option<TarError>,
}

impl<'m> StreamCheck<'m> {
    /// Offers the member to those who may take it, and starts.
    pub(super) fn new(member: &'m Member, hand: &'m Hand<'m>) -> io::Result<Self> {
        let hand = (hand.offer(member) == Ok(Wish::Take)).then_some(hand);
        let tar = match member.kind {
            MemberKind::Tar => Some(TarParser::new(IndexOfTar::new(member, hand)?)),
            MemberKind::Bytes | MemberKind::Tree => None,
        };
        Ok(Self {
            member,
            hand,
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
        match (&mut self.tar, self.hand) {
            (Some(tar), _) => {
                if let Err(error) = tar.feed(bytes) {
                    self.broken.get_or_insert(error);
                    self.tar = None;
                }
            }
            (None, Some(hand)) if self.member.kind == MemberKind::Bytes => {
                // Whether they are closed is asked below.
                let _ = hand.data(bytes);
            }
            (None, _) => {}
        }
        if self.hand.is_some_and(Hand::is_closed) {
            return Wanted::Nothing;
        }
        Wanted::More
    }

    /// Says what is wrong, to those who took the content too, and gives the digest of the index that the
    /// tar's entries make.
    pub(super) fn finish(self, faults: &mut Faults) -> Option<Sha256Digest> {
        let (member, hand, known) = (self.member, self.hand, faults.damage.count);
        let made = self.judge(faults);
        if let Some(hand) = hand {
            // The pass asks whether they are closed.
            let _ = hand.judged(member, faults.damage.count == known);
        }
        made
    }

    /// Says to those who took the content that it broke off.
    pub(super) fn break_off(self) {
        if let Some(hand) = self.hand {
            let _ = hand.judged(self.member, false);
        }
    }

    fn judge(self, faults: &mut Faults) -> Option<Sha256Digest> {
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

/// Makes the index of a tar again, as its digest, and hands the entries on.
struct IndexOfTar<'m> {
    lines: IndexWriter<Hashing<Sink>>,
    hand: Option<&'m Hand<'m>>,
    /// Entries that may still come.
    left: u64,
}

impl<'m> IndexOfTar<'m> {
    fn new(member: &Member, hand: Option<&'m Hand<'m>>) -> io::Result<Self> {
        Ok(Self {
            lines: IndexWriter::create(Hashing::new(io::sink()))?,
            hand,
            left: member.entries.unwrap_or(0),
        })
    }

    fn sha256(self) -> Option<Sha256Digest> {
        let (_, _, sha256) = self.lines.finish().into_parts();
        sha256
    }
}

impl TarVisitor for IndexOfTar<'_> {
    fn begin(&mut self, entry: &Entry, at: u64) -> Result<(), SinkClosed> {
        let line_at = match entry.kind {
            EntryKind::File => DataAt::Offset(at),
            _ => DataAt::None,
        };
        self.lines.entry(entry, line_at).map_err(|_| SinkClosed)?;
        // More than were promised are counted, and nobody gets them.
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => self.hand = None,
        }
        self.hand.map_or(Ok(()), |hand| hand.begin(entry, at))
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        self.hand.map_or(Ok(()), |hand| hand.data(part))
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        self.hand.map_or(Ok(()), |hand| hand.end())
    }
}
