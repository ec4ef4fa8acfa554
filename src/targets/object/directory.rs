//! A dump as one object per member below its name.
//!
//! Stores hold no owners, modes or links, so tree members are kept as tars, one for each folder of the
//! layout that holds trees. Stream members and indexes are objects of their own. `Manifest.yml` comes
//! last and makes the dump count.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use super::super::error::Step;
use super::super::hashing::Hashing;
use super::super::site::{OrFailed, OrFileFailed, Site};
use super::super::tar_stream::TarStream;
use super::super::{DumpWriter, StreamHead, TargetError};
use super::claim::Claim;
use super::marker;
use super::session::Session;
use super::upload::Upload;
use crate::archive::entry::{Entry, Mtime};
use crate::archive::escape::escape;
use crate::archive::manifest::model::{Segment, TreeFile};
use crate::archive::manifest::{Draft, FILE_NAME, Place, Published, Stored, StoredDump};
use crate::codecs::{Codec, Compression, Encoder};
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
    stream: Option<OpenStream>,
    stored: StoredDump,
    bytes: u64,
}

/// A stream member whose content comes.
#[derive(Debug)]
struct OpenStream {
    key: String,
    stored_path: String,
    announced: Option<u64>,
    written: u64,
    encoder: Encoder<Hashing<Upload>>,
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
            stream: None,
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
            let tar = TarStream::new(self.site.clone(), upload, &self.compression, self.mtime)?;
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

    fn end_stream(&mut self, stream: OpenStream) -> Result<(), TargetError> {
        if let Some(announced) = stream.announced.filter(|len| *len != stream.written) {
            return Err(TargetError::Length {
                target: self.site.target.clone(),
                member: stream.stored_path,
                announced,
                written: stream.written,
            });
        }
        let path = stream.stored_path;
        let ended = stream.encoder.finish();
        let ended = ended.or_failed(&self.site, Step::Write, path.as_bytes())?;
        let (upload, bytes, sha256) = ended.into_parts();
        let segments = upload.finish().map_err(|error| self.failed(error))?;
        self.keep(&path, bytes, segments);
        let stored = Stored {
            path,
            bytes,
            sha256,
        };
        self.stored.streams.insert(stream.key, stored);
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
        if self.stream.is_some() || self.open_tree.is_some() {
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
    fn entry(&mut self, entry: &Entry) -> Result<(), TargetError> {
        let root = self.tree(&entry.path)?;
        self.open_tree = Some(root);
        self.open_tar("entry")?.entry(entry)
    }

    fn begin(&mut self, head: &StreamHead) -> Result<(), TargetError> {
        check_path(head.path.as_bytes()).or_file_failed(&self.site)?;
        let codec = if head.compress {
            self.compression.codec
        } else {
            Codec::None
        };
        let compression = Compression {
            codec,
            ..self.compression
        };
        let stored_path = format!("{}{}", head.path, codec.extension());
        let upload = self.upload(&stored_path);
        let upload = match codec {
            // The bytes are those that the executor has hashed.
            Codec::None => Hashing::counting(upload),
            _ => Hashing::new(upload),
        };
        let encoder = Encoder::new(upload, &compression).map_err(|source| TargetError::Codec {
            target: self.site.target.clone(),
            source,
        })?;
        self.stream = Some(OpenStream {
            key: head.path.clone(),
            stored_path,
            announced: head.raw_bytes,
            written: 0,
            encoder,
        });
        Ok(())
    }

    fn write(&mut self, data: &[u8]) -> Result<(), TargetError> {
        let Some(stream) = &mut self.stream else {
            return self.open_tar("write")?.write(data);
        };
        stream.written += data.len() as u64;
        let written = stream.encoder.write_all(data);
        written.or_failed(&self.site, Step::Write, stream.stored_path.as_bytes())
    }

    fn end(&mut self) -> Result<(), TargetError> {
        if let Some(stream) = self.stream.take() {
            return self.end_stream(stream);
        }
        self.open_tar("end")?.end()?;
        self.open_tree = None;
        Ok(())
    }

    /// What was sent of the stream goes with the session, or stays as parts that nobody completes:
    /// the object never appears.
    fn fail(&mut self) -> Result<(), TargetError> {
        let stream = self.stream.take();
        let stream = stream.ok_or_else(|| self.site.out_of_order("fail"))?;
        let upload = stream.encoder.into_inner().into_parts().0;
        upload.abort();
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
