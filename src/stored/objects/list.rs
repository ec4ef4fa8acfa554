//! Which dumps are below a prefix: by their manifests alone, of which several are fetched at once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use futures_util::{StreamExt, TryStreamExt};
use object_store::ObjectStore;

use super::super::Form;
use super::super::dumps::{Listed, Listing, row, sort};
use super::super::error::OpenError;
use crate::archive::manifest::model::{Member, MemberKind};
use crate::archive::manifest::{FILE_NAME, MAX_BYTES, Manifest};
use crate::codecs::Codec;
use crate::store::{Action, Store, StoreError, Waiter};
use crate::targets::MARKER_EXTENSION;

/// Manifests that are fetched at once.
const AT_ONCE: usize = 16;

/// How far below the prefix dumps are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Right below it, where one target puts them.
    Prefix,
    /// At any depth: of many hosts and projects that write below one prefix.
    Below,
}

/// Lists the dumps below the prefix of a store. Other objects are passed over, and what a run that goes on
/// or was killed has written is none. Must be called inside of a runtime.
///
/// # Errors
/// When the store cannot be listed.
pub fn list(store: &Store, depth: Depth) -> Result<Listing, OpenError> {
    let waiter = Waiter::here();
    let shared = store.clone();
    let found = waiter.wait(async move { fetch(&shared, depth).await })?;
    let mut listing = Listing::default();
    for one in found {
        match one {
            Ok(Some(dump)) => listing.dumps.push(dump),
            Ok(None) => {}
            Err((place, error)) => listing.others.push((place, error)),
        }
    }
    sort(&mut listing);
    Ok(listing)
}

/// A manifest that was read makes a dump, unless it is none.
type Fetched = Result<Option<Listed>, (PathBuf, OpenError)>;

async fn fetch(store: &Store, depth: Depth) -> Result<Vec<Fetched>, StoreError> {
    let names = names(store, depth).await?;
    let lengths = &names.archives;
    let fetched = futures_util::stream::iter(names.manifests).map(|name: String| async move {
        let place = PathBuf::from(store.place(&name));
        let text = match store.whole(&name, MAX_BYTES as u64).await {
            Ok(Some(text)) => text,
            // It was removed since, or the folder is that of something else.
            Ok(None) => return Ok(None),
            Err(error) => return Err((place, error.into())),
        };
        let manifest = Manifest::parse(&text).map_err(|source| {
            let path = place.clone();
            (place.clone(), OpenError::Manifest { path, source })
        })?;
        let dump = match name.strip_suffix(MARKER_EXTENSION) {
            Some(dump) => archive(store, dump, &manifest, lengths),
            None => Ok(directory(store, &name, &manifest)),
        };
        dump.map(Some).map_err(|why| {
            let path = place.clone();
            (place, OpenError::NotADump { path, why })
        })
    });
    Ok(fetched.buffered(AT_ONCE).collect().await)
}

/// What is there by name.
#[derive(Default)]
struct Names {
    /// Objects that are manifests by their name, or may be.
    manifests: Vec<String>,
    /// Lengths of what may be archives or parts of them.
    archives: BTreeMap<String, u64>,
}

impl Names {
    fn see(&mut self, name: String, bytes: u64) {
        let last = name.rsplit('/').next().unwrap_or_default();
        if last.starts_with('.') {
            return;
        }
        if last == FILE_NAME || last.ends_with(MARKER_EXTENSION) {
            self.manifests.push(name);
        } else if last.contains(".tar") || last.contains(".tgz") {
            self.archives.insert(name, bytes);
        }
    }
}

async fn names(store: &Store, depth: Depth) -> Result<Names, StoreError> {
    let root = Some(store.root()).filter(|root| !root.as_ref().is_empty());
    let request = || async {
        let mut names = Names::default();
        match depth {
            Depth::Prefix => {
                let found = store.objects().list_with_delimiter(root).await?;
                for object in found.objects {
                    names.see(store.below(&object.location), object.size);
                }
                for folder in found.common_prefixes {
                    let folder = store.below(&folder);
                    names.see(format!("{folder}/{FILE_NAME}"), 0);
                }
            }
            Depth::Below => {
                let mut objects = store.objects().list(root);
                while let Some(object) = objects.try_next().await? {
                    names.see(store.below(&object.location), object.size);
                }
            }
        }
        Ok(names)
    };
    store.again(Action::List, "", request).await
}

fn directory(store: &Store, name: &str, manifest: &Manifest) -> Listed {
    let dump = name.strip_suffix(FILE_NAME).unwrap_or(name);
    let dump = dump.trim_end_matches('/');
    let indexes = manifest
        .members
        .iter()
        .filter_map(|member| member.index.as_ref());
    let indexes = indexes.map(|index| index.bytes);
    let is_stored = |member: &&Member| member.kind != MemberKind::Tree;
    let streams = manifest.members.iter().filter(is_stored);
    let trees = manifest.trees.iter().map(|tree| tree.bytes);
    let bytes = streams
        .map(|member| member.bytes)
        .chain(indexes)
        .chain(trees);
    let bytes = bytes.fold(0, u64::saturating_add);
    let place = PathBuf::from(store.place(dump));
    row(last_name(dump), place, Form::Directory, bytes, manifest)
}

fn archive(
    store: &Store,
    dump: &str,
    manifest: &Manifest,
    lengths: &BTreeMap<String, u64>,
) -> Result<Listed, &'static str> {
    let archive = manifest.archive.as_ref().ok_or("it names no archive")?;
    let folder = dump.rsplit_once('/').map_or("", |(folder, _)| folder);
    let beside = |name: &str| match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    };
    let split = Codec::split_archive_name(archive.file.as_bytes());
    let is_its = |(stem, _): &(&[u8], Codec)| beside(&String::from_utf8_lossy(stem)) == dump;
    let (_, codec) = split
        .filter(is_its)
        .ok_or("the archive that it names is called otherwise")?;
    let parts: Vec<(String, u64)> = match manifest.segments.get(&archive.file) {
        None => vec![(beside(&archive.file), archive.bytes)],
        Some(segments) => segments
            .iter()
            .map(|segment| (beside(&segment.path), segment.bytes))
            .collect(),
    };
    for (name, bytes) in &parts {
        match lengths.get(name) {
            Some(found) if found == bytes => {}
            Some(_) => return Err("its archive has another length than it says"),
            None => return Err("its archive is not there"),
        }
    }
    let place = PathBuf::from(store.place(&beside(&archive.file)));
    let form = Form::Archive(codec);
    Ok(row(last_name(dump), place, form, archive.bytes, manifest))
}

fn last_name(dump: &str) -> OsString {
    dump.rsplit('/').next().unwrap_or_default().into()
}

/// The objects of the archive of a dump that was listed right below the prefix, by name; none for a dump of objects.
/// `None`: it is not there any more, or another one is. Must be called inside of a runtime.
///
/// # Errors
/// When its manifest cannot be read again.
pub fn archive_objects(store: &Store, dump: &Listed) -> Result<Option<Vec<String>>, OpenError> {
    let name = dump.name.to_string_lossy();
    let marker = match dump.form {
        Form::Directory => format!("{name}/{FILE_NAME}"),
        Form::Archive(_) => format!("{name}{MARKER_EXTENSION}"),
    };
    let shared = store.clone();
    let read = async move { shared.whole(&marker, MAX_BYTES as u64).await };
    let Some(text) = Waiter::here().wait(read)? else {
        return Ok(None);
    };
    let manifest = Manifest::parse(&text).map_err(|source| OpenError::Manifest {
        path: dump.path.clone(),
        source,
    })?;
    if manifest.id != dump.id {
        return Ok(None);
    }
    let Some(archive) = &manifest.archive else {
        return Ok(Some(Vec::new()));
    };
    let segments = manifest.segments.get(&archive.file);
    Ok(Some(match segments {
        Some(segments) => segments
            .iter()
            .map(|segment| segment.path.clone())
            .collect(),
        None => vec![archive.file.clone()],
    }))
}
