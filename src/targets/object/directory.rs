//! A dump as one object per member below its name.
//!
//! Stores hold no owners, modes or links, so tree members are kept as tars, one for each folder of the
//! layout that holds trees. Stream members and indexes are objects of their own. `Manifest.yml` comes
//! last and makes the dump count.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::hashing::Hashing;
use super::super::site::{OrFileFailed, Site};
use super::super::stream_member::StreamMember;
use super::super::tar_stream::TarStream;
use super::super::waiting::Waiting;
use super::super::{DumpWriter, Slot, StreamHead, TargetError};
use super::claim::Claim;
use super::marker;
use super::session::Session;
use super::upload::Upload;
use crate::archive::entry::{Entry, Mtime};
use crate::archive::escape::escape;
use crate::archive::manifest::model::{Segment, TreeFile};
use crate::archive::manifest::{Draft, FILE_NAME, Place, Published, StoredDump};
use crate::codecs::Compression;
use crate::files::check_path;

/// The folders of the layout that hold trees, each of which is one tar.
const TREES: [&str; 3] = ["config", "config-outside", "volumes/mounted"];

/// Writes a dump as objects.
#[derive(Debug)]
pub(crate) struct DirectoryWriter {
    session: Arc<Session>,
    site: Site,
    claim: Claim,
    compression: Compression,
    mtime: Mtime,
    trees: BTreeMap<&'static str, TarStream<Upload>>,
    /// The tree whose entry waits for its end.
    open_tree: Option<&'static str>,
    turn: Slot,
    open: BTreeMap<Slot, StreamMember<Upload>>,
    stored: StoredDump,
    bytes: u64,
}

impl DirectoryWriter {
    /// Writes below the name that was claimed.
    pub(super) fn new(
        session: Arc<Session>,
        site: Site,
        claim: Claim,
        compression: Compression,
        mtime: Mtime,
    ) -> Self {
        Self {
            session,
            site,
            claim,
            compression,
            mtime,
            trees: BTreeMap::new(),
            open_tree: None,
            turn: Slot::FIRST,
            open: BTreeMap::new(),
            stored: StoredDump::default(),
            bytes: 0,
        }
    }

    fn upload(&self, path: &str) -> Upload {
        let name = format!("{}/{path}", self.claim.dump);
        Upload::new(Arc::clone(&self.session), &name)
    }

    /// The tar of the tree that `path` belongs to.
    fn tree(&mut self, path: &[u8]) -> Result<&'static str, TargetError> {
        let holds = |root: &&str| {
            let rest = path.strip_prefix(root.as_bytes());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        };
        let root = TREES.into_iter().find(holds);
        let root = root.ok_or_else(|| TargetError::BadPath {
            target: self.site.target.clone(),
            path: escape(path),
        })?;
        if !self.trees.contains_key(root) {
            let upload = Hashing::new(self.upload(&self.tree_path(root)));
            let tar = TarStream::new(
                self.site.clone(),
                upload,
                Waiting::Never,
                &self.compression,
                self.mtime,
            )?;
            self.trees.insert(root, tar);
        }
        Ok(root)
    }

    fn tree_path(&self, root: &str) -> String {
        format!("{root}.tar{}", self.compression.codec.extension())
    }

    fn open_tar(&mut self, call: &'static str) -> Result<&mut TarStream<Upload>, TargetError> {
        let tar = self.open_tree.and_then(|root| self.trees.get_mut(root));
        tar.ok_or_else(|| self.site.out_of_order(call))
    }

    /// Notes what an object, or several, were made of.
    fn keep(&mut self, path: &str, bytes: u64, mut segments: Vec<Segment>) {
        self.bytes += bytes;
        if segments.len() < 2 {
            return;
        }
        let below = format!("{}/", self.claim.dump);
        for segment in &mut segments {
            if let Some(in_dump) = segment.path.strip_prefix(&below) {
                segment.path = in_dump.to_owned();
            }
        }
        self.stored.segments.insert(path.to_owned(), segments);
    }

    fn end_stream(&mut self, stream: StreamMember<Upload>) -> Result<(), TargetError> {
        let (upload, key, stored) = stream.end(&self.site)?;
        let segments = upload.finish().map_err(|error| self.failed(error))?;
        self.keep(&stored.path, stored.bytes, segments);
        self.stored.streams.insert(key, stored);
        Ok(())
    }

    fn end_trees(&mut self) -> Result<(), TargetError> {
        for (root, tar) in std::mem::take(&mut self.trees) {
            let (upload, bytes, sha256) = tar.finish()?;
            let segments = upload.finish().map_err(|error| self.failed(error))?;
            let path = self.tree_path(root);
            self.keep(&path, bytes, segments);
            self.stored.trees.extend(sha256.map(|sha256| TreeFile {
                root: root.to_owned(),
                path,
                bytes,
                sha256,
            }));
        }
        Ok(())
    }

    /// Everything but the marker is in the store; then the marker is.
    fn complete(&mut self, draft: &Draft) -> Result<u64, TargetError> {
        if !self.open.is_empty() || self.open_tree.is_some() {
            return Err(self.site.out_of_order("finish"));
        }
        self.end_trees()?;
        let manifest = draft
            .render(&self.stored)
            .map_err(|source| TargetError::Manifest {
                target: self.site.target.clone(),
                source,
            })?;
        let name = format!("{}/{FILE_NAME}", self.claim.dump);
        marker::publish(&self.session, &self.site, &name, &manifest)?;
        Ok(self.bytes + manifest.len() as u64)
    }

    fn failed(&self, error: crate::store::StoreError) -> TargetError {
        TargetError::store(&self.site.target, error)
    }
}

impl DumpWriter for DirectoryWriter {
    fn turn_to(&mut self, slot: Slot) -> Result<(), TargetError> {
        self.turn = slot;
        Ok(())
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), TargetError> {
        let root = self.tree(&entry.path)?;
        self.open_tree = Some(root);
        self.open_tar("entry")?.entry(entry)
    }

    fn begin(&mut self, head: &StreamHead) -> Result<(), TargetError> {
        check_path(head.path.as_bytes()).or_file_failed(&self.site)?;
        let member = StreamMember::begin(&self.site, head, &self.compression, |path| {
            Ok(self.upload(path))
        })?;
        self.open.insert(self.turn, member);
        Ok(())
    }

    fn write(&mut self, data: &[u8]) -> Result<(), TargetError> {
        match self.open.get_mut(&self.turn) {
            Some(stream) => stream.write(&self.site, data),
            None => self.open_tar("write")?.write(data),
        }
    }

    fn end(&mut self) -> Result<(), TargetError> {
        if let Some(stream) = self.open.remove(&self.turn) {
            return self.end_stream(stream);
        }
        self.open_tar("end")?.end()?;
        self.open_tree = None;
        Ok(())
    }

    /// What was sent of the stream goes with the session, or stays as parts that nobody completes:
    /// the object never appears.
    fn fail(&mut self) -> Result<(), TargetError> {
        let stream = self.open.remove(&self.turn);
        let stream = stream.ok_or_else(|| self.site.out_of_order("fail"))?;
        stream.give_up().1.abort();
        Ok(())
    }

    fn released(&mut self) -> Result<(), TargetError> {
        Ok(())
    }

    fn finish(mut self: Box<Self>, draft: &Draft) -> Result<Published, TargetError> {
        match self.complete(draft) {
            Ok(bytes) => {
                self.claim.release(&self.session);
                Ok(Published {
                    place: Place::Url(self.session.store.place(&self.claim.dump)),
                    name: Some(self.claim.dump),
                    bytes,
                    warnings: Vec::new(),
                })
            }
            Err(error) => {
                marker::give_up(&self.session, &error);
                Err(error)
            }
        }
    }

    fn abort(self: Box<Self>) {
        self.session.discard();
    }
}
