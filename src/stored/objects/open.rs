//! From the name of a dump below a prefix to a dump whose manifest is known.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::Form;
use super::super::archive::Archive;
use super::super::codec::codec_of_archive;
use super::super::error::OpenError;
use super::super::fault::{Fault, Faults};
use super::super::open::{Dump, Place};
use super::super::section::Whole;
use super::{Objects, pin_all};
use crate::archive::manifest::{FILE_NAME, MAX_BYTES, Manifest};
use crate::codecs::Codec;
use crate::store::{Joined, Pinned, Store, Waiter};
use crate::targets::MARKER_EXTENSION;

impl Dump {
    /// Opens the dump `name` below the prefix of a store: by its name, or by that of its archive. Must
    /// be called inside of a runtime; temporary files are made in `scratch`.
    ///
    /// # Errors
    /// When nothing is there, it is no dump, or its manifest cannot be used.
    pub fn open_in_store(store: &Store, name: &str, scratch: &Path) -> Result<Self, OpenError> {
        let opening = Opening {
            store,
            waiter: Waiter::here(),
            place: PathBuf::from(store.place(name)),
            scratch,
        };
        if let Some((stem, _)) = Codec::split_archive_name(name.as_bytes()) {
            return opening.archive(&name[..stem.len()], Some(name));
        }
        let manifest = opening.manifest(&format!("{name}/{FILE_NAME}"))?;
        match manifest {
            Some(manifest) => Ok(opening.objects(name, manifest)),
            None => opening.archive(name, None),
        }
    }
}

struct Opening<'o> {
    store: &'o Store,
    waiter: Waiter,
    place: PathBuf,
    scratch: &'o Path,
}

impl Opening<'_> {
    fn manifest(&self, name: &str) -> Result<Option<Manifest>, OpenError> {
        let (store, name) = (self.store.clone(), name.to_owned());
        let read = async move { store.whole(&name, MAX_BYTES as u64).await };
        let text = self.waiter.wait(read)?;
        let manifest = text.map(|text| Manifest::parse(&text)).transpose();
        manifest.map_err(|source| OpenError::Manifest {
            path: self.place.clone(),
            source,
        })
    }

    fn objects(self, dump: &str, manifest: Manifest) -> Dump {
        let objects = Objects {
            store: self.store.clone(),
            waiter: self.waiter,
            dump: dump.to_owned(),
        };
        let place = Place::Objects(objects);
        Dump::new(
            manifest,
            Form::Directory,
            place,
            Faults::default(),
            self.scratch,
        )
    }

    /// An archive by its marker; one whose own name was given needs none.
    fn archive(self, dump: &str, named: Option<&str>) -> Result<Dump, OpenError> {
        let marker = self.manifest(&format!("{dump}{MARKER_EXTENSION}"))?;
        let described = marker.as_ref().and_then(|marker| marker.archive.as_ref());
        let file = match (named, described) {
            (Some(named), _) => named,
            (None, Some(described)) => &described.file,
            (None, None) => return Err(OpenError::NotFound { path: self.place }),
        };
        let mut faults = Faults::default();
        if let Some(described) = described.filter(|described| described.file != file) {
            let name = described.file.clone();
            faults.add(file.as_bytes(), Fault::Renamed { name });
        }
        let segments = marker.as_ref().and_then(|marker| marker.segments.get(file));
        let pinned = pin_all(self.store, &self.waiter, file, segments, str::to_owned);
        let objects = match pinned {
            Ok(objects) => objects,
            Err(Fault::Missing) => return Err(OpenError::NotFound { path: self.place }),
            Err(Fault::Read(source)) => {
                let path = self.place;
                return Err(OpenError::Read { path, source });
            }
            Err(_) => {
                return Err(OpenError::NotADump {
                    path: self.place,
                    why: "a part of its archive has another length than its manifest says",
                });
            }
        };
        let archive = self.source(file, objects)?;
        match marker {
            Some(marker) => Ok(Dump::of_archive(marker, archive, faults, self.scratch)),
            None => Dump::bare(archive, &self.place, faults, self.scratch),
        }
    }

    fn source(&self, file: &str, objects: Vec<Pinned>) -> Result<Archive, OpenError> {
        let beginning = match objects.first() {
            Some(first) if first.bytes > 0 => {
                let (store, first) = (self.store.clone(), first.clone());
                let read = async move { store.range(&first, 0..first.bytes.min(6)).await };
                self.waiter.wait(read)?
            }
            _ => bytes::Bytes::new(),
        };
        Ok(Archive {
            codec: codec_of_archive(file.as_bytes(), &beginning),
            bytes: objects.iter().map(|object| object.bytes).sum(),
            name: file.as_bytes().to_vec(),
            source: Whole::Objects(Arc::new(Joined::new(self.store, &self.waiter, objects))),
        })
    }
}
