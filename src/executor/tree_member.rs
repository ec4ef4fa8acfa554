//! A tree member: config or a mounted path, entry by entry into the fan-out, with its index.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::content::{Content, MemberError, Oddities};
use super::fanout::Fanout;
use super::index_file::IndexInProgress;
use super::tree_sink::TreeSink;
use super::volume_member::{MOUNT_NAME, relay};
use crate::bridge::Chunks;
use crate::plan::model::{TreePlan, TreeRoot};
use crate::sources::engine_tar::Relayed;
use crate::sources::filter::{RootRule, TreeFilter, TreeRules};
use crate::sources::walk::{self, WalkOptions};

/// A tree to read.
pub(super) struct TreeJob {
    pub(super) tree: TreePlan,
    /// Folders that several trees have in common, relative to their base.
    pub(super) shared: Arc<BTreeSet<Vec<u8>>>,
    pub(super) spool_dir: PathBuf,
    /// Folders of targets, by device and inode: no link leads the reader there.
    pub(super) never: Vec<(u64, u64)>,
}

/// Reads the tree from this machine's file system. Blocks.
pub(super) fn direct(job: &TreeJob, fanout: &Fanout) -> Result<Content, MemberError> {
    let mut filter = filter(&job.tree)?;
    let scan = walk::scan(WalkOptions {
        root: &job.tree.base,
        filter: &mut filter,
        follow_symlinks: job.tree.follow_links,
        never: &job.never,
        one_file_system: true,
        list_dir: &job.spool_dir,
        cancelled: &|| fanout.is_cancelled(),
        prefix: b"",
    })?;
    let mut oddities = Oddities::default();
    oddities.add(scan.troubles());
    oddities.add_gone(filter.unmet());
    let (index, lines) = open_index(job)?;
    let mut sink = TreeSink::new(fanout, &job.tree.prefix, &job.shared, lines);
    let read = walk::read_ahead(scan, &mut sink).map_err(MemberError::from);
    let (read, bytes, index) = sink.finish(read, index)?;
    oddities.add(&read.troubles);
    let sha256 = index.text_sha256();
    Ok(oddities.content(bytes, sha256, read.entry_count, Some(index)))
}

/// Reads the tree's root from the engine's stream of it. Blocks.
pub(super) fn engine(
    job: &TreeJob,
    root: &TreeRoot,
    chunks: Chunks,
    fanout: &Fanout,
) -> Result<Content, MemberError> {
    let mut filter = filter(&job.tree)?;
    let (index, lines) = open_index(job)?;
    let mut sink = TreeSink::new(fanout, &job.tree.prefix, &job.shared, lines);
    let relayed = Relayed {
        sink: &mut sink,
        mount: MOUNT_NAME,
        under: root.path.as_os_str().as_bytes(),
        filter: Some(&mut filter),
    };
    let relayed = relay(chunks, relayed, || fanout.is_cancelled());
    let (end, bytes, index) = sink.finish(relayed, index)?;
    let mut oddities = Oddities::default();
    oddities.add_relay(&end);
    let sha256 = index.text_sha256();
    Ok(oddities.content(bytes, sha256, end.taken, Some(index)))
}

fn filter(tree: &TreePlan) -> Result<TreeFilter, MemberError> {
    TreeFilter::new(&rules(tree)).map_err(|error| MemberError::failed(&error))
}

type Lines = crate::archive::index::IndexWriter<super::index_file::IndexText>;

fn open_index(job: &TreeJob) -> Result<(IndexInProgress, Lines), MemberError> {
    IndexInProgress::create(&job.tree.member, &job.spool_dir)
        .map_err(|error| MemberError::failed(&error))
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
                exclude: root.exclude.clone(),
            })
            .collect(),
        not: tree.not.clone(),
        backupignore: tree.ignore.clone(),
    }
}
