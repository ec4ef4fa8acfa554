//! A tree member: config or a mounted path, entry by entry into the fan-out, with its index.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::event::chain;
use super::fanout::Fanout;
use super::index_file::{IndexInProgress, IndexSpool, IndexText};
use super::members::{Content, MemberError, Oddity};
use crate::archive::entry::{Entry, EntryKind, EntrySink, SinkClosed};
use crate::archive::index::{DataAt, IndexWriter};
use crate::archive::manifest::Sha256Digest;
use crate::plan::model::TreePlan;
use crate::sources::filter::{RootRule, TreeFilter, TreeRules};
use crate::sources::walk::{self, ReadError, Troubles, WalkOptions};

/// A tree to read.
pub(super) struct TreeJob {
    pub(super) tree: TreePlan,
    /// Folders that several trees have in common, relative to their base.
    pub(super) shared: Arc<BTreeSet<Vec<u8>>>,
    pub(super) spool_dir: PathBuf,
}

/// Reads the tree. Blocks.
pub(super) fn read(job: &TreeJob, fanout: &Fanout) -> Result<Content, MemberError> {
    let failed = |error: &dyn std::error::Error| MemberError::Failed(chain(error));
    let mut filter = TreeFilter::new(&rules(&job.tree)).map_err(|error| failed(&error))?;
    let scan = walk::scan(WalkOptions {
        root: &job.tree.base,
        filter: &mut filter,
        follow_symlinks: job.tree.follow_links,
        one_file_system: true,
        list_dir: &job.spool_dir,
        prefix: b"",
    })
    .map_err(|error| failed(&error))?;
    let mut oddities = Oddities::default();
    oddities.add(scan.troubles());
    let (index, lines) = IndexInProgress::create(&job.tree.member, &job.spool_dir)
        .map_err(|error| failed(&error))?;
    let mut sink = TreeSink {
        fanout,
        prefix: job.tree.prefix.as_bytes(),
        shared: &job.shared,
        lines,
        index_error: None,
        entry: None,
        hasher: Sha256::new(),
        hashed: 0,
        bytes: 0,
    };
    let read = walk::read(scan, &mut sink).map_err(|error| match error {
        ReadError::Closed(_) => sink
            .index_error
            .take()
            .map_or(MemberError::Stopped, |source| failed(&index.keep(source))),
        ReadError::List(_) => failed(&error),
    })?;
    oddities.add(&read.troubles);
    let bytes = sink.bytes;
    let index = index
        .finish(sink.lines.finish())
        .map_err(|error| failed(&error))?;
    Ok(oddities.content(bytes, index.text_sha256(), read.entry_count, index))
}

fn rules(tree: &TreePlan) -> TreeRules {
    TreeRules {
        roots: tree
            .roots
            .iter()
            .map(|root| RootRule {
                path: root.path.clone(),
                whole: root.whole,
                dockerignore: root.dockerignore.clone(),
            })
            .collect(),
        not: tree.not.clone(),
        backupignore: tree.ignore.clone(),
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

    /// What was read, with the oddities that were met.
    pub(super) fn content(
        self,
        raw_bytes: u64,
        raw_sha256: Sha256Digest,
        entries: u64,
        index: IndexSpool,
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

/// Puts the dump's path before each entry, hashes each file, and writes the index.
struct TreeSink<'a> {
    fanout: &'a Fanout,
    prefix: &'a [u8],
    shared: &'a BTreeSet<Vec<u8>>,
    lines: IndexWriter<IndexText>,
    /// The index cannot be written, which ends the member.
    index_error: Option<std::io::Error>,
    entry: Option<Entry>,
    hasher: Sha256,
    /// Bytes of the current file that were hashed, holes included.
    hashed: u64,
    bytes: u64,
}

impl TreeSink<'_> {
    fn in_dump(&self, path: &[u8]) -> Vec<u8> {
        if path.is_empty() {
            return self.prefix.to_vec();
        }
        [self.prefix, b"/", path].concat()
    }

    /// Hashes the zeros of a hole up to `offset`, so that the digest is that of the file's content.
    fn hash_hole(&mut self, offset: u64) {
        static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
        while self.hashed < offset {
            let len = usize::try_from(offset - self.hashed)
                .unwrap_or(ZEROS.len())
                .min(ZEROS.len());
            self.hasher.update(&ZEROS[..len]);
            self.hashed += len as u64;
        }
    }
}

impl EntrySink for TreeSink<'_> {
    fn begin(&mut self, entry: &Entry) -> Result<(), SinkClosed> {
        self.entry = Some(entry.clone());
        self.hasher = Sha256::new();
        self.hashed = 0;
        let mut stored = entry.clone();
        stored.path = self.in_dump(&entry.path);
        if let EntryKind::HardLink { target } = &mut stored.kind {
            *target = self.in_dump(target);
        }
        if entry.kind == EntryKind::Directory && self.shared.contains(&entry.path) {
            return self.fanout.folder_once(stored);
        }
        self.fanout.entry(stored)
    }

    fn data(&mut self, chunk: Bytes) -> Result<(), SinkClosed> {
        self.bytes += chunk.len() as u64;
        self.hash_content(&chunk);
        self.fanout.data(chunk)
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        let Some(entry) = self.entry.take() else {
            return Ok(());
        };
        let at = if entry.kind == EntryKind::File {
            self.hash_hole(entry.size);
            DataAt::Sha256(std::mem::take(&mut self.hasher).finalize().into())
        } else {
            DataAt::None
        };
        if let Err(error) = self.lines.entry(&entry, at) {
            self.index_error = Some(error);
            return Err(SinkClosed);
        }
        let already_stored =
            entry.kind == EntryKind::Directory && self.shared.contains(&entry.path);
        if already_stored {
            Ok(())
        } else {
            self.fanout.end()
        }
    }
}

impl TreeSink<'_> {
    /// Hashes content at the place in the file where it belongs.
    fn hash_content(&mut self, chunk: &[u8]) {
        let segments = self.entry.as_ref().and_then(|entry| entry.sparse.clone());
        let Some(segments) = segments else {
            self.hasher.update(chunk);
            self.hashed += chunk.len() as u64;
            return;
        };
        let mut rest = chunk;
        for segment in segments {
            let end = segment.offset + segment.len;
            if rest.is_empty() || end <= self.hashed {
                continue;
            }
            self.hash_hole(segment.offset);
            let here = usize::try_from(end - self.hashed)
                .unwrap_or(rest.len())
                .min(rest.len());
            self.hasher.update(&rest[..here]);
            self.hashed += here as u64;
            rest = &rest[here..];
        }
    }
}
