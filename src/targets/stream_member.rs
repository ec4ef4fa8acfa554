//! A stream member of a dump that is kept as a tree: compressed by itself, counted and hashed on its way.

use std::io::Write;

use super::hashing::Hashing;
use super::site::{OrFailed, Site};
use super::step::Step;
use super::{StreamHead, TargetError};
use crate::archive::manifest::Stored;
use crate::codecs::{Codec, Compression, Encoder};

/// A stream member whose content comes, on its way to `W`.
#[derive(Debug)]
pub(super) struct StreamMember<W: Write> {
    key: String,
    stored_path: String,
    announced: Option<u64>,
    written: u64,
    encoder: Encoder<Hashing<W>>,
}

impl<W: Write> StreamMember<W> {
    /// Starts a member; `create` makes what takes it, of its path in the dump with the extension of the
    /// codec.
    ///
    /// # Errors
    /// Those of `create`, and when the codec cannot be set up.
    pub(super) fn begin(
        site: &Site,
        head: &StreamHead,
        compression: &Compression,
        create: impl FnOnce(&str) -> Result<W, TargetError>,
    ) -> Result<Self, TargetError> {
        let codec = if head.compress {
            compression.codec
        } else {
            Codec::None
        };
        let compression = Compression {
            codec,
            ..*compression
        };
        let stored_path = format!("{}{}", head.path, codec.extension());
        let out = create(&stored_path)?;
        let out = match codec {
            // The bytes are those that the executor has hashed.
            Codec::None => Hashing::counting(out),
            _ => Hashing::new(out),
        };
        let encoder = Encoder::new(out, &compression).map_err(|source| TargetError::Codec {
            target: site.target.clone(),
            source,
        })?;
        Ok(Self {
            key: head.path.clone(),
            stored_path,
            announced: head.raw_bytes,
            written: 0,
            encoder,
        })
    }

    /// Content of it.
    pub(super) fn write(&mut self, site: &Site, data: &[u8]) -> Result<(), TargetError> {
        self.written += data.len() as u64;
        let written = self.encoder.write_all(data);
        written.or_failed(site, Step::Write, self.stored_path.as_bytes())
    }

    /// Ends it whole. Returns what has taken it, the key of the member, and how it is stored.
    ///
    /// # Errors
    /// When the length differs from the one announced, or the rest cannot be written.
    pub(super) fn end(self, site: &Site) -> Result<(W, String, Stored), TargetError> {
        let path = self.stored_path;
        if let Some(announced) = self.announced.filter(|bytes| *bytes != self.written) {
            return Err(TargetError::Length {
                target: site.target.clone(),
                member: path,
                announced,
                written: self.written,
            });
        }
        let ended = self.encoder.finish();
        let ended = ended.or_failed(site, Step::Write, path.as_bytes())?;
        let (out, bytes, sha256) = ended.into_parts();
        let stored = Stored {
            path,
            bytes,
            sha256,
        };
        Ok((out, self.key, stored))
    }

    /// Gives up a member that its source could not give whole: its path, and what has taken a part.
    pub(super) fn give_up(self) -> (String, W) {
        (self.stored_path, self.encoder.into_inner().into_parts().0)
    }
}
