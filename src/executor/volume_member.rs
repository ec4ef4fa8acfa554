//! A volume: one tar into the fan-out, read from its folder or from the engine's stream.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::bridge::Chunks;
use super::event::chain;
use super::fanout::Fanout;
use super::index_file::{IndexInProgress, IndexText};
use super::members::{Content, MemberError};
use super::tree_member::Oddities;
use crate::archive::entry::{Entry, EntryKind, SinkClosed};
use crate::archive::index::{DataAt, IndexWriter};
use crate::archive::tar::{TarParser, TarVisitor};
use crate::sources::volume_tar::{ByteSink, VolumeTar, VolumeTarError};
use crate::sources::walk::{self, ReadError, TakeAll, WalkOptions};
use crate::targets::StreamHead;

/// Names in the tar of a volume begin so.
const PREFIX: &[u8] = b"./";

/// A volume to read.
pub(super) struct VolumeJob {
    /// Its path in the dump without a codec's extension.
    pub(super) member: String,
    pub(super) spool_dir: PathBuf,
}

fn failed(error: &dyn std::error::Error) -> MemberError {
    MemberError::Failed(chain(error))
}

impl From<SinkClosed> for MemberError {
    fn from(_: SinkClosed) -> Self {
        Self::Stopped
    }
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
        prefix: PREFIX,
    })
    .map_err(|error| failed(&error))?;
    let (index, lines) =
        IndexInProgress::create(&job.member, &job.spool_dir).map_err(|error| failed(&error))?;
    let announced = scan.tar_bytes();
    let mut oddities = Oddities::default();
    oddities.add(scan.troubles());

    fanout.begin(StreamHead {
        path: job.member.clone(),
        raw_bytes: Some(announced),
        compress: true,
    })?;
    let mut tar = VolumeTar::new(
        HashedTar {
            fanout,
            hasher: Sha256::new(),
        },
        lines,
        PREFIX,
    );
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
    let index = index.finish(end.index).map_err(|error| failed(&error))?;
    Ok(oddities.content(end.bytes, end.out.hasher.into(), end.entry_count, index))
}

/// Hashes the tar on its way into the fan-out.
struct HashedTar<'a> {
    fanout: &'a Fanout,
    hasher: Sha256,
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
    Err(failed(error))
}

/// Reads a volume from the engine's stream, whose end proves nothing: the tar has to be whole. Blocks.
pub(super) fn engine(
    job: &VolumeJob,
    chunks: Chunks,
    fanout: &Fanout,
) -> Result<Content, MemberError> {
    let (index, lines) =
        IndexInProgress::create(&job.member, &job.spool_dir).map_err(|error| failed(&error))?;
    fanout.begin(StreamHead {
        path: job.member.clone(),
        raw_bytes: None,
        compress: true,
    })?;
    let mut hasher = Sha256::new();
    let mut parser = TarParser::new(Lines { lines, error: None });
    for chunk in chunks {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => return give_up(fanout, &error),
        };
        if let Err(error) = parser.feed(&chunk) {
            return match parser.visitor_mut().error.take() {
                Some(source) => give_up(fanout, &index.keep(source)),
                None => give_up(fanout, &error),
            };
        }
        hasher.update(&chunk);
        fanout.data(chunk)?;
    }
    // A cancelled run ends the stream as well, and says nothing of the volume.
    if fanout.is_cancelled() {
        return Err(MemberError::Stopped);
    }
    let (summary, visitor) = match parser.finish() {
        Ok(end) => end,
        Err(error) => return give_up(fanout, &error),
    };
    fanout.end()?;
    let index = index
        .finish(visitor.lines.finish())
        .map_err(|error| failed(&error))?;
    Ok(Oddities::default().content(summary.bytes, hasher.into(), summary.entry_count, index))
}

/// Writes the index of a tar that passes.
struct Lines {
    lines: IndexWriter<IndexText>,
    error: Option<std::io::Error>,
}

impl TarVisitor for Lines {
    fn begin(&mut self, entry: &Entry, at: u64) -> Result<(), SinkClosed> {
        let at = if entry.kind == EntryKind::File {
            DataAt::Offset(at)
        } else {
            DataAt::None
        };
        self.lines.entry(entry, at).map_err(|error| {
            self.error = Some(error);
            SinkClosed
        })
    }

    fn data(&mut self, _part: &[u8]) -> Result<(), SinkClosed> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        Ok(())
    }
}
