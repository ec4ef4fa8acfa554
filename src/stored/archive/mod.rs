//! Checks a dump that is one archive, in a single pass over it.
//!
//! The manifest is known before the pass: from the marker beside the archive, else by [`scan`]. Stream
//! members are nested and checked while they pass. Trees come before their indexes: what an index
//! would say of the entries is kept in a temporary file, and compared when the index is there.

mod compare;
mod outer;
mod scan;
mod tree_lines;
mod trees_taken;

use std::io::Read;
use std::path::Path;

use super::Fault;
use super::ahead::each_decoded;
use super::contract::Contract;
use super::error::{ArchiveError, ScratchError};
use super::hashing::{HashingReader, Wanted};
use super::section::{Section, Whole};
use super::takers::Hand;
use super::verify::{Told, Verdicts};
use crate::archive::manifest::Sha256Digest;
use crate::archive::manifest::model::ArchiveFile;
use crate::archive::tar::{TarParser, TarVisitor};
use crate::codecs::Codec;

pub(super) use outer::{Outer, below};
pub(super) use scan::manifest_in;

/// An archive that can be read as often as it takes.
pub(super) struct Archive {
    pub(super) source: Whole,
    pub(super) bytes: u64,
    pub(super) codec: Codec,
    /// What faults of the whole are about: the file's name, or `-`.
    pub(super) name: Vec<u8>,
}

impl Archive {
    pub(super) fn stored(&self) -> HashingReader<Section> {
        HashingReader::new(Section::of(&self.source, 0, self.bytes))
    }
}

/// What a pass over an archive is made with.
pub(super) struct Pass<'m> {
    pub(super) contract: &'m Contract<'m>,
    pub(super) hand: &'m Hand<'m>,
    /// Where temporary files are made.
    pub(super) scratch: &'m Path,
}

/// Checks everything in an archive.
pub(super) fn check(
    archive: &Archive,
    marker: Option<&ArchiveFile>,
    pass: &Pass<'_>,
    told: &mut Told<'_>,
) -> Result<Verdicts, ScratchError> {
    let failed = |source| ScratchError {
        dir: pass.scratch.to_owned(),
        source,
    };
    let mut stored = archive.stored();
    let outer = Outer::new(pass).map_err(failed)?;
    let mut parser = TarParser::strict(outer);
    let read = read_tar((&mut stored, archive.bytes), archive.codec, &mut parser);
    let is_whole = read.is_ok() && parser.has_ended();
    let outer = parser.visitor_mut();
    if let Some(source) = outer.scratch_error.take() {
        return Err(failed(source));
    }
    if pass.hand.is_closed() {
        return Ok(Verdicts::default());
    }
    let mut verdicts = outer.judge(is_whole, told).map_err(failed)?;
    let rest = &mut verdicts.rest;
    if let Err(error) = read {
        rest.add(&archive.name[..], fault_of(error));
    } else if let Err(error) = parser.finish() {
        rest.add(&archive.name[..], Fault::Tar(error));
    }
    match (marker, stored.finish()) {
        (Some(marker), Ok(found)) => {
            if let Some(fault) = compare_whole(marker, found) {
                rest.add(&archive.name[..], fault);
            }
        }
        (None, Ok(_)) => {}
        (_, Err(error)) => rest.add(&archive.name[..], Fault::Read(error)),
    }
    Ok(verdicts)
}

fn compare_whole(marker: &ArchiveFile, (found, sha256): (u64, Sha256Digest)) -> Option<Fault> {
    let expected = marker.bytes;
    if found != expected {
        return Some(Fault::Length { found, expected });
    }
    (sha256 != marker.sha256).then_some(Fault::Sha256)
}

pub(super) fn fault_of(error: ArchiveError) -> Fault {
    match error {
        ArchiveError::Decompress(source) => Fault::Decompress(source),
        ArchiveError::Tar(source) => Fault::Tar(source),
        ArchiveError::NoManifest | ArchiveError::BadManifest => Fault::Missing,
    }
}

/// Feeds a parser with all of an archive, of which so many bytes are stored. Its end is the caller's to judge.
pub(super) fn read_tar<V: TarVisitor>(
    (stored, stored_bytes): (&mut (impl Read + Send), u64),
    codec: Codec,
    parser: &mut TarParser<V>,
) -> Result<(), ArchiveError> {
    let mut broken = None;
    each_decoded(codec, stored, stored_bytes, |piece| {
        match parser.feed(piece) {
            Ok(()) => Wanted::More,
            Err(error) => {
                broken = Some(error);
                Wanted::Nothing
            }
        }
    })
    .map_err(ArchiveError::Decompress)?;
    broken.map_or(Ok(()), |error| Err(ArchiveError::Tar(error)))
}
