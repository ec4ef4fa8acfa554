//! What reading a member gives: its content in numbers, its oddities, or why it ended early.

use std::path::Path;

use super::event::chain;
use super::index_file::IndexSpool;
use crate::archive::entry::SinkClosed;
use crate::archive::manifest::Sha256Digest;
use crate::sources::engine_tar::{EngineTarError, RelayEnd};
use crate::sources::walk::{ReadError, Troubles, WalkError};
use crate::text;

/// What was read of a member.
pub(super) struct Content {
    pub(super) raw_bytes: u64,
    pub(super) raw_sha256: Sha256Digest,
    pub(super) entries: u64,
    /// A line for each entry, of what has entries.
    pub(super) index: Option<IndexSpool>,
    /// The first oddities in full.
    pub(super) oddities: Vec<Oddity>,
    /// All of them.
    pub(super) oddity_count: u64,
    /// Those that lose bytes and are not among the first.
    pub(super) untold_gaps: u64,
}

/// Something odd about one entry.
#[derive(Debug, Clone)]
pub(super) struct Oddity {
    pub(super) what: String,
    pub(super) loses_bytes: bool,
}

/// Why a member was not read to its end.
pub(super) enum MemberError {
    /// The run was cancelled, or no target takes it: the member is not to blame.
    Stopped,
    /// The member cannot be read.
    Failed(String),
    /// Its reader is gone in the middle, by a bug: nobody knows what the targets were given.
    Lost(String),
}

impl MemberError {
    /// The member cannot be read, because of `error`.
    pub(super) fn failed(error: &dyn std::error::Error) -> Self {
        Self::Failed(chain(error))
    }
}

impl From<WalkError> for MemberError {
    fn from(error: WalkError) -> Self {
        match error {
            WalkError::Cancelled => Self::Stopped,
            error => Self::failed(&error),
        }
    }
}

impl From<ReadError> for MemberError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Closed(_) => Self::Stopped,
            error @ (ReadError::List(_) | ReadError::Thread(_)) => Self::failed(&error),
        }
    }
}

impl From<EngineTarError> for MemberError {
    fn from(error: EngineTarError) -> Self {
        match error {
            EngineTarError::Closed(_) => Self::Stopped,
            error => Self::failed(&error),
        }
    }
}

impl From<SinkClosed> for MemberError {
    fn from(_: SinkClosed) -> Self {
        Self::Stopped
    }
}

/// What the passes of a walk met, the first of them in full.
#[derive(Default)]
pub(super) struct Oddities {
    pub(super) first: Vec<Oddity>,
    pub(super) count: u64,
    pub(super) untold_gaps: u64,
}

impl Oddities {
    pub(super) fn add(&mut self, troubles: &Troubles) {
        let told = troubles.kept().iter().map(|trouble| Oddity {
            what: trouble.to_string(),
            loses_bytes: trouble.kind.loses_bytes(),
        });
        let told: Vec<Oddity> = told.collect();
        let told_gaps = told.iter().filter(|oddity| oddity.loses_bytes).count() as u64;
        self.untold_gaps += troubles.losing_count() - told_gaps;
        self.count += troubles.count();
        self.first.extend(told);
    }

    /// Adds paths of the plan that the walk did not come by.
    pub(super) fn add_gone<'a>(&mut self, paths: impl Iterator<Item = &'a Path>) {
        for path in paths {
            self.count += 1;
            self.first.push(Oddity {
                what: format!("`{}` is gone since the plan was made", text::path(path)),
                loses_bytes: true,
            });
        }
    }

    /// Adds what the engine's stream does not hold, or may not: further names of files that were left
    /// out and whose content is so missing, and what is in folders too deep for the engine.
    pub(super) fn add_relay(&mut self, end: &RelayEnd) {
        let severed = &end.severed;
        let told = severed.first().iter().map(|link| Oddity {
            what: link.to_string(),
            loses_bytes: true,
        });
        self.first.extend(told);
        self.count += severed.count();
        self.untold_gaps += severed.count() - severed.first().len() as u64;
        if let Some(deep) = &end.deep {
            self.count += 1;
            self.first.push(Oddity {
                what: deep.to_string(),
                loses_bytes: true,
            });
        }
    }

    /// What was read, with the oddities that were met.
    pub(super) fn content(
        self,
        raw_bytes: u64,
        raw_sha256: Sha256Digest,
        entries: u64,
        index: Option<IndexSpool>,
    ) -> Content {
        Content {
            raw_bytes,
            raw_sha256,
            entries,
            index,
            oddities: self.first,
            oddity_count: self.count,
            untold_gaps: self.untold_gaps,
        }
    }
}
