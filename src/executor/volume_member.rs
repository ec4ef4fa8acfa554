//! A volume: one tar into the fan-out, read from its folder or from the engine's stream.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::content::{Content, MemberError, Oddities};
use super::digest::StreamDigest;
use super::fanout::FanoutSlot;
use super::index_file::{IndexInProgress, IndexSpool, IndexText};
use crate::archive::entry::SinkClosed;
use crate::archive::manifest::Sha256Digest;
use crate::bridge::Chunks;
use crate::sources::engine_tar::{EngineTar, RelayEnd, Relayed};
use crate::sources::filter::{RootRule, TreeFilter, TreeRules};
use crate::sources::volume_tar::{ByteSink, VolumeTar, VolumeTarEnd, VolumeTarError};
use crate::sources::walk::{self, Filter, TakeAll, WalkOptions};
use crate::targets::StreamHead;

/// Names in the tar of a volume begin so.
const PREFIX: &[u8] = b"./";

/// What a helper mounts is called so in the engine's stream: [`crate::engine::helper::MOUNT_POINT`].
pub(super) const MOUNT_NAME: &[u8] = b"data";

/// A volume to read.
pub(super) struct VolumeJob {
    /// Its path in the dump without a codec's extension.
    pub(super) member: String,
    /// Patterns in gitignore syntax of what is not taken.
    pub(super) exclude: Vec<String>,
    pub(super) spool_dir: PathBuf,
}

impl VolumeJob {
    /// What is taken: all of the volume, but what the rule for it excludes.
    fn filter(&self) -> Result<Box<dyn Filter>, MemberError> {
        if self.exclude.is_empty() {
            return Ok(Box::new(TakeAll));
        }
        let rules = TreeRules {
            roots: vec![RootRule {
                path: PathBuf::new(),
                whole: true,
                dockerignore: None,
                exclude: self.exclude.clone(),
            }],
            ..TreeRules::default()
        };
        let filter = TreeFilter::new(&rules).map_err(|error| MemberError::failed(&error))?;
        Ok(Box::new(filter))
    }
}

/// Reads a volume from its folder. Blocks.
pub(super) fn direct(
    job: &VolumeJob,
    mountpoint: &Path,
    fanout: FanoutSlot<'_>,
) -> Result<Content, MemberError> {
    let scan = walk::scan(WalkOptions {
        root: mountpoint,
        filter: &mut *job.filter()?,
        follow_symlinks: false,
        never: &[],
        one_file_system: true,
        list_dir: &job.spool_dir,
        cancelled: &|| fanout.is_cancelled(),
        prefix: PREFIX,
    })?;
    let (index, lines) = IndexInProgress::create(&job.member, &job.spool_dir)
        .map_err(|error| MemberError::failed(&error))?;
    let announced = scan.tar_bytes();
    let mut oddities = Oddities::default();
    oddities.add(scan.troubles());

    let out = HashedTar::new(fanout)?;
    fanout.begin(StreamHead {
        path: job.member.clone(),
        raw_bytes: Some(announced),
        compress: true,
    })?;
    let mut tar = VolumeTar::new(out, lines, PREFIX);
    let read = walk::read_ahead(scan, &mut tar).map_err(MemberError::from);
    let ended = tar.finish(Some(announced));
    let (report, whole) = end_stream(fanout, index, read, ended)?;
    oddities.add(&report.troubles);
    Ok(whole.content(oddities))
}

/// Hashes the tar on its way into the fan-out.
struct HashedTar<'a> {
    fanout: FanoutSlot<'a>,
    digest: StreamDigest,
}

impl<'a> HashedTar<'a> {
    fn new(fanout: FanoutSlot<'a>) -> Result<Self, MemberError> {
        let digest = StreamDigest::start().map_err(|error| MemberError::failed(&error))?;
        Ok(Self { fanout, digest })
    }
}

impl ByteSink for HashedTar<'_> {
    fn write(&mut self, chunk: Bytes) -> Result<(), SinkClosed> {
        self.digest.update(chunk.clone());
        self.fanout.data(chunk)
    }
}

/// A volume whose tar was sent to its last byte.
struct Whole {
    bytes: u64,
    sha256: Sha256Digest,
    entries: u64,
    index: IndexSpool,
}

impl Whole {
    fn content(self, oddities: Oddities) -> Content {
        oddities.content(self.bytes, self.sha256, self.entries, Some(self.index))
    }
}

/// Ends the member that was begun, or tells the targets that it is not whole.
fn end_stream<T>(
    fanout: FanoutSlot<'_>,
    index: IndexInProgress,
    read: Result<T, MemberError>,
    ended: Result<VolumeTarEnd<HashedTar<'_>, IndexText>, VolumeTarError>,
) -> Result<(T, Whole), MemberError> {
    let whole = match (read, ended) {
        // The index is the one cause that the reader cannot know.
        (_, Err(VolumeTarError::Index(source))) => Err(MemberError::failed(&index.keep(source))),
        (Err(error), _) => Err(error),
        (Ok(_), Err(VolumeTarError::Closed(_))) => Err(MemberError::Stopped),
        (Ok(_), Err(error)) => Err(MemberError::failed(&error)),
        (Ok(read), Ok(end)) => index
            .finish(end.index)
            .map_err(|error| MemberError::failed(&error))
            .map(|index| {
                let whole = Whole {
                    bytes: end.bytes,
                    sha256: end.out.digest.finish(),
                    entries: end.entry_count,
                    index,
                };
                (read, whole)
            }),
    };
    match &whole {
        Ok(_) => fanout.end()?,
        // Whoever stopped it takes nothing more.
        Err(MemberError::Stopped) => {}
        Err(MemberError::Failed(_) | MemberError::Lost(_)) => fanout.fail()?,
    }
    whole
}

/// Reads a volume from the engine's stream, whose end proves nothing: the tar has to be whole. Blocks.
pub(super) fn engine(
    job: &VolumeJob,
    chunks: Chunks,
    fanout: FanoutSlot<'_>,
) -> Result<Content, MemberError> {
    let (index, lines) = IndexInProgress::create(&job.member, &job.spool_dir)
        .map_err(|error| MemberError::failed(&error))?;
    let out = HashedTar::new(fanout)?;
    fanout.begin(StreamHead {
        path: job.member.clone(),
        raw_bytes: None,
        compress: true,
    })?;
    let mut tar = VolumeTar::new(out, lines, PREFIX);
    let mut filter = job.filter()?;
    let relayed = Relayed {
        sink: &mut tar,
        mount: MOUNT_NAME,
        under: b"",
        filter: Some(&mut *filter),
    };
    let relayed = relay(chunks, relayed, || fanout.is_cancelled());
    let (end, whole) = end_stream(fanout, index, relayed, tar.finish(None))?;
    let mut oddities = Oddities::default();
    oddities.add_relay(&end);
    Ok(whole.content(oddities))
}

/// Hands the entries of an engine's stream to a sink, until the run is cancelled.
pub(super) fn relay(
    chunks: Chunks,
    relayed: Relayed<'_>,
    cancelled: impl Fn() -> bool,
) -> Result<RelayEnd, MemberError> {
    let mut tar = EngineTar::new(relayed);
    let feed = || -> Result<(), MemberError> {
        for chunk in chunks {
            let chunk = chunk.map_err(|error| MemberError::failed(&error))?;
            tar.feed(&chunk)?;
        }
        Ok(())
    };
    let fed = feed();
    // A cancelled run ends the stream as well, and says nothing of what it carries.
    if cancelled() {
        return Err(MemberError::Stopped);
    }
    fed?;
    Ok(tar.finish()?)
}
