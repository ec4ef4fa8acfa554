//! A member's index, compressed into an unlinked temporary file until the services run again.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::fanout::Fanout;
use super::member_report::MemberReport;
use crate::archive::entry::SinkClosed;
use crate::archive::index::IndexWriter;
use crate::archive::manifest::Sha256Digest;
use crate::archive::manifest::model::IndexFile;
use crate::codecs::{Codec, Compression, Encoder};
use crate::targets::StreamHead;
use crate::targets::hashing::Hashing;

/// Bytes that are sent to targets at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// An index cannot be kept or sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum IndexError {
    /// The temporary file cannot be written: its disk is full, or its folder is not ours to write.
    #[error("cannot keep the index of `{member}` in `{}`", crate::text::path(.dir))]
    Keep {
        /// The member.
        member: String,
        /// The folder of temporary files.
        dir: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The temporary file cannot be read back.
    #[error("cannot read the index of `{member}` back")]
    ReadBack {
        /// The member.
        member: String,
        /// What the system says.
        source: io::Error,
    },
    /// No target takes it any more.
    #[error("every target failed before the index of `{member}` was written")]
    Closed {
        /// The member.
        member: String,
    },
}

/// What index lines are written to: hashed as text, compressed, hashed as bytes, kept in a file.
pub(super) type IndexText = Hashing<Encoder<Hashing<File>>>;

/// An index that is being written.
pub(super) struct IndexInProgress {
    member: String,
    dir: PathBuf,
}

/// An index that is whole.
pub(super) struct IndexSpool {
    member: String,
    file: File,
    bytes: u64,
    sha256: Sha256Digest,
    text_sha256: Sha256Digest,
}

impl IndexInProgress {
    /// Opens a temporary file in `dir` for the index of `member`.
    pub(super) fn create(
        member: &str,
        dir: &Path,
    ) -> Result<(Self, IndexWriter<IndexText>), IndexError> {
        let this = Self {
            member: member.to_owned(),
            dir: dir.to_owned(),
        };
        let writer = this.open().map_err(|source| this.keep(source))?;
        Ok((this, writer))
    }

    fn open(&self) -> io::Result<IndexWriter<IndexText>> {
        let file = tempfile::tempfile_in(&self.dir)?;
        // One thread: the others are needed for the content, which is a hundred times as much.
        let compression = Compression {
            threads: Some(1),
            ..Compression::new(Codec::Zst)
        };
        IndexWriter::create(Hashing::new(Encoder::new(
            Hashing::new(file),
            &compression,
        )?))
    }

    /// Ends the index.
    pub(super) fn finish(self, text: IndexText) -> Result<IndexSpool, IndexError> {
        let (encoder, _, text_sha256) = text.into_parts();
        let stored = encoder.finish().map_err(|source| self.keep(source))?;
        let (file, bytes, sha256) = stored.into_parts();
        let digest = |sha256: Option<Sha256Digest>| sha256.expect("both writers hash");
        Ok(IndexSpool {
            member: self.member,
            file,
            bytes,
            sha256: digest(sha256),
            text_sha256: digest(text_sha256),
        })
    }

    /// The error of a write that failed.
    pub(super) fn keep(&self, source: io::Error) -> IndexError {
        IndexError::Keep {
            member: self.member.clone(),
            dir: self.dir.clone(),
            source,
        }
    }
}

impl IndexSpool {
    /// The digest of its text, which stands for the content of a tree.
    pub(super) fn text_sha256(&self) -> Sha256Digest {
        self.text_sha256
    }

    /// How the manifest describes it.
    pub(super) fn described(&self) -> IndexFile {
        IndexFile {
            path: self.path(),
            bytes: self.bytes,
            sha256: self.sha256,
        }
    }

    fn path(&self) -> String {
        format!("index/{}.zst", self.member)
    }

    fn send(&mut self, fanout: &Fanout) -> Result<(), IndexError> {
        let closed = |SinkClosed| IndexError::Closed {
            member: self.member.clone(),
        };
        let unread = |source| IndexError::ReadBack {
            member: self.member.clone(),
            source,
        };
        fanout
            .begin(StreamHead {
                path: self.path(),
                raw_bytes: Some(self.bytes),
                compress: false,
            })
            .map_err(closed)?;
        self.file.seek(SeekFrom::Start(0)).map_err(unread)?;
        loop {
            let mut chunk = vec![0; CHUNK_BYTES];
            let len = self.file.read(&mut chunk).map_err(unread)?;
            if len == 0 {
                break;
            }
            chunk.truncate(len);
            fanout.data(Bytes::from(chunk)).map_err(closed)?;
        }
        fanout.end().map_err(closed)
    }
}

/// Sends the indexes of all members that were read.
pub(super) fn send_all(members: &mut [MemberReport], fanout: &Fanout) -> Result<(), IndexError> {
    for index in members
        .iter_mut()
        .filter_map(|member| member.index.as_mut())
    {
        index.send(fanout)?;
    }
    Ok(())
}
