//! A volume: one tar into the fan-out, read from its folder or from the engine's stream.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::bridge::Chunks;
use super::content::{Content, MemberError, Oddities};
use super::fanout::Fanout;
use super::index_file::IndexInProgress;
use crate::archive::entry::SinkClosed;
use crate::engine::EngineError;
use crate::sources::engine_tar::{EngineTar, EngineTarError, Relayed};
use crate::sources::volume_tar::{ByteSink, VolumeTar, VolumeTarError};
use crate::sources::walk::{self, ReadError, TakeAll, WalkOptions};
use crate::targets::StreamHead;

/// Names in the tar of a volume begin so.
const PREFIX: &[u8] = b"./";

/// What a helper mounts is called so in the engine's stream: [`crate::engine::helper::MOUNT_POINT`].
pub(super) const MOUNT_NAME: &[u8] = b"data";

/// A volume to read.
pub(super) struct VolumeJob {
    /// Its path in the dump without a codec's extension.
    pub(super) member: String,
    pub(super) spool_dir: PathBuf,
}

/// Reads a volume from its folder. Blocks.
pub(super) fn direct(
    job: &VolumeJob,
    mountpoint: &Path,
    fanout: &Fanout,
) -> Result<Content, MemberError> {
    let scan = walk::scan(WalkOptions {
        root: mountpoint,
        filter: &mut TakeAll,
        follow_symlinks: false,
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

    fanout.begin(StreamHead {
        path: job.member.clone(),
        raw_bytes: Some(announced),
        compress: true,
    })?;
    let mut tar = VolumeTar::new(HashedTar::new(fanout), lines, PREFIX);
    let read = walk::read(scan, &mut tar);
    let ended = tar.finish(Some(announced));
    let (report, end) = match (read, ended) {
        // The index is the one cause that the reader cannot know.
        (_, Err(VolumeTarError::Index(source))) => return give_up(fanout, &index.keep(source)),
        (Err(ReadError::Closed(_)), _) | (Ok(_), Err(VolumeTarError::Closed(_))) => {
            return Err(MemberError::Stopped);
        }
        (Err(error), _) => return give_up(fanout, &error),
        (Ok(_), Err(error)) => return give_up(fanout, &error),
        (Ok(report), Ok(end)) => (report, end),
    };
    fanout.end()?;
    oddities.add(&report.troubles);
    let index = index
        .finish(end.index)
        .map_err(|error| MemberError::failed(&error))?;
    Ok(oddities.content(end.bytes, end.out.hasher.into(), end.entry_count, index))
}

/// Hashes the tar on its way into the fan-out.
struct HashedTar<'a> {
    fanout: &'a Fanout,
    hasher: Sha256,
}

impl<'a> HashedTar<'a> {
    fn new(fanout: &'a Fanout) -> Self {
        Self {
            fanout,
            hasher: Sha256::new(),
        }
    }
}

impl ByteSink for HashedTar<'_> {
    fn write(&mut self, chunk: Bytes) -> Result<(), SinkClosed> {
        self.hasher.update(&chunk);
        self.fanout.data(chunk)
    }
}

/// Tells the targets that the member that was begun is not whole, and why to the report.
fn give_up(fanout: &Fanout, error: &dyn std::error::Error) -> Result<Content, MemberError> {
    fanout.fail()?;
    Err(MemberError::failed(error))
}

/// Reads a volume from the engine's stream, whose end proves nothing: the tar has to be whole. Blocks.
pub(super) fn engine(
    job: &VolumeJob,
    chunks: Chunks,
    fanout: &Fanout,
) -> Result<Content, MemberError> {
    let (index, lines) = IndexInProgress::create(&job.member, &job.spool_dir)
        .map_err(|error| MemberError::failed(&error))?;
    fanout.begin(StreamHead {
        path: job.member.clone(),
        raw_bytes: None,
        compress: true,
    })?;
    let mut tar = VolumeTar::new(HashedTar::new(fanout), lines, PREFIX);
    let relayed = relay(
        chunks,
        Relayed {
            sink: &mut tar,
            mount: MOUNT_NAME,
            under: b"",
            filter: None,
        },
    );
    // A cancelled run ends the stream as well, and says nothing of the volume.
    if fanout.is_cancelled() {
        return Err(MemberError::Stopped);
    }
    let end = match (relayed, tar.finish(None)) {
        (_, Err(VolumeTarError::Index(source))) => return give_up(fanout, &index.keep(source)),
        (Err(RelayError::Engine(error)), _) => return give_up(fanout, &error),
        (Err(RelayError::Tar(EngineTarError::Closed(_))), _)
        | (Ok(_), Err(VolumeTarError::Closed(_))) => {
            return Err(MemberError::Stopped);
        }
        (Err(RelayError::Tar(error)), _) => return give_up(fanout, &error),
        (Ok(_), Err(error)) => return give_up(fanout, &error),
        (Ok(_), Ok(end)) => end,
    };
    fanout.end()?;
    let index = index
        .finish(end.index)
        .map_err(|error| MemberError::failed(&error))?;
    Ok(Oddities::default().content(end.bytes, end.out.hasher.into(), end.entry_count, index))
}

/// Why a stream of the engine gave no whole content.
pub(super) enum RelayError {
    /// The stream broke.
    Engine(EngineError),
    /// What came is not right, or nobody takes it.
    Tar(EngineTarError),
}

/// Hands the entries of an engine's stream to a sink; says how many there were.
pub(super) fn relay(chunks: Chunks, relayed: Relayed<'_>) -> Result<u64, RelayError> {
    let mut tar = EngineTar::new(relayed);
    for chunk in chunks {
        let chunk = chunk.map_err(RelayError::Engine)?;
        tar.feed(&chunk).map_err(RelayError::Tar)?;
    }
    tar.finish().map_err(RelayError::Tar)
}
