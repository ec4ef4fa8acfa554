//! A dump as a tree of files in a folder of dumps.
//!
//! Tree members become plain files with their metadata; stream members become files (0600) that are
//! compressed one by one. All of it grows in a hidden staging folder. At the end everything is
//! synced, then the manifest is written and synced, then the folder gets its name.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::sync::Arc;

use super::dumps::{DumpsFolder, numbered, sync_folder};
use super::site::{OrFailed, OrFileFailed, Site};
use super::staging::Staging;
use super::step::Step;
use super::stream_member::StreamMember;
use super::{DumpWriter, Slot, StreamHead, TargetError};
use crate::archive::entry::Entry;
use crate::archive::manifest::{Draft, FILE_NAME, Place, Published, Stored, StoredDump};
use crate::codecs::Compression;
use crate::crash;
use crate::files::{Tree, create_file};

/// Writes a dump as a tree.
#[derive(Debug)]
pub(super) struct FolderWriter {
    dumps: Arc<DumpsFolder>,
    /// Errors name paths in the staging folder.
    site: Site,
    staging: Staging,
    tree: Tree,
    dump_name: String,
    compression: Compression,
    turn: Slot,
    open: BTreeMap<Slot, StreamMember<File>>,
    streams: BTreeMap<String, Stored>,
}

impl FolderWriter {
    /// Makes the staging folder, and a file in it as a proof that it can be written.
    pub(super) fn open(
        dumps: Arc<DumpsFolder>,
        dump_name: &str,
        compression: Compression,
    ) -> Result<Self, TargetError> {
        let (staging, root) = Staging::folder(Arc::clone(&dumps))?;
        let site = dumps.site.within(staging.hidden());
        let opened =
            probe(&site, root.as_fd()).and_then(|()| Tree::new(root).or_file_failed(&site));
        let tree = match opened {
            Ok(tree) => tree,
            Err(error) => {
                staging.discard();
                return Err(error);
            }
        };
        Ok(Self {
            dumps,
            site,
            staging,
            tree,
            dump_name: dump_name.to_owned(),
            compression,
            turn: Slot::FIRST,
            open: BTreeMap::new(),
            streams: BTreeMap::new(),
        })
    }

    /// Everything but the name: members on the disk, then the manifest on the disk.
    fn complete(&mut self, draft: &Draft) -> Result<u64, TargetError> {
        if !self.open.is_empty() {
            return Err(self.site.out_of_order("finish"));
        }
        // Only now: syncing while services are held would make them wait for the disk.
        for stored in self.streams.values() {
            let synced = self.tree.sync_file(stored.path.as_bytes());
            synced.or_file_failed(&self.site)?;
        }
        self.tree.close().or_file_failed(&self.site)?;
        crash::point();
        #[cfg(target_os = "linux")]
        rustix::fs::syncfs(self.tree.root()).or_failed(&self.site, Step::Sync, b"")?;

        let stored = StoredDump {
            streams: std::mem::take(&mut self.streams),
            warnings: self.tree.warnings(),
            ..StoredDump::default()
        };
        let manifest = draft
            .render(&stored)
            .map_err(|source| TargetError::Manifest {
                target: self.site.target.clone(),
                source,
            })?;
        let written = create_file(self.tree.root(), OsStr::new(FILE_NAME)).and_then(|mut file| {
            file.write_all(&manifest)?;
            file.sync_all()?;
            sync_folder(self.tree.root())
        });
        written.or_failed(&self.site, Step::Write, FILE_NAME.as_bytes())?;
        let streams: u64 = stored.streams.values().map(|stored| stored.bytes).sum();
        Ok(streams + self.tree.data_bytes() + manifest.len() as u64)
    }

    fn publish(&mut self) -> Result<String, TargetError> {
        let mut number = 1;
        loop {
            let name = numbered(&self.dump_name, number);
            if !self.dumps.is_taken(&name)? && self.staging.publish(&name)? {
                return Ok(name);
            }
            number += 1;
        }
    }
}

impl DumpWriter for FolderWriter {
    fn turn_to(&mut self, slot: Slot) -> Result<(), TargetError> {
        self.turn = slot;
        Ok(())
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), TargetError> {
        self.tree.entry(entry).or_file_failed(&self.site)
    }

    fn begin(&mut self, head: &StreamHead) -> Result<(), TargetError> {
        let create = |path: &str| {
            let file = self.tree.create(path.as_bytes());
            file.or_file_failed(&self.site)
        };
        let member = StreamMember::begin(&self.site, head, &self.compression, create)?;
        self.open.insert(self.turn, member);
        Ok(())
    }

    fn write(&mut self, data: &[u8]) -> Result<(), TargetError> {
        match self.open.get_mut(&self.turn) {
            Some(stream) => stream.write(&self.site, data),
            None => self.tree.write(data).or_file_failed(&self.site),
        }
    }

    fn end(&mut self) -> Result<(), TargetError> {
        let Some(stream) = self.open.remove(&self.turn) else {
            return self.tree.end().or_file_failed(&self.site);
        };
        let (_, key, stored) = stream.end(&self.site)?;
        self.streams.insert(key, stored);
        Ok(())
    }

    fn fail(&mut self) -> Result<(), TargetError> {
        let Some(stream) = self.open.remove(&self.turn) else {
            return Err(self.site.out_of_order("fail"));
        };
        let (path, _) = stream.give_up();
        let removed = self.tree.remove(path.as_bytes());
        removed.or_file_failed(&self.site)
    }

    fn released(&mut self) -> Result<(), TargetError> {
        Ok(())
    }

    fn finish(mut self: Box<Self>, draft: &Draft) -> Result<Published, TargetError> {
        let finished = self.complete(draft).and_then(|bytes| {
            crash::point();
            Ok((bytes, self.publish()?))
        });
        crash::point();
        match finished {
            Ok((bytes, name)) => {
                self.staging.commit();
                Ok(Published {
                    place: Place::Path(self.dumps.site.path(name.as_bytes())),
                    name: Some(name),
                    bytes,
                    warnings: self.tree.warnings(),
                })
            }
            Err(error) => {
                self.staging.discard();
                Err(error)
            }
        }
    }

    fn abort(self: Box<Self>) {
        self.staging.discard();
    }
}

/// Writes a block into the staging folder and removes it: a full or read-only disk shows here.
fn probe(site: &Site, root: std::os::fd::BorrowedFd<'_>) -> Result<(), TargetError> {
    let name = OsStr::new(".probe");
    let probed = create_file(root, name).and_then(|mut file| {
        file.write_all(&[0; 4096])?;
        Ok(rustix::fs::unlinkat(
            root,
            name,
            rustix::fs::AtFlags::empty(),
        )?)
    });
    probed.or_failed(site, Step::Create, b"")
}
