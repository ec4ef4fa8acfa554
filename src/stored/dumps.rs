//! The dumps in a folder of dumps: which there are. Which one a name means is [`super::choose`].
//!
//! A dump is listed when its manifest is there, which is written last: a folder with a `Manifest.yml`, or
//! an archive with a marker that fits it. What only looks like one is told with the reason.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::FileType;

use super::error::OpenError;
use super::open::{Form, read_manifest};
use crate::archive::manifest::model::Series;
use crate::archive::manifest::{FILE_NAME, Manifest};
use crate::codecs::Codec;
use crate::files::{Beneath, Unfit};
use crate::targets::MARKER_EXTENSION;

/// A dump in a folder of dumps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name: the folder's, or the archive's without its extension.
    pub name: OsString,
    /// Where it is; its URL in an object store.
    pub path: PathBuf,
    /// How it lies there.
    pub form: Form,
    /// Its unique id.
    pub id: String,
    /// The project's name.
    pub project: String,
    /// Which dumps it is one of.
    pub series: Series,
    /// When it was begun.
    pub invoked: Timestamp,
    /// Bytes as stored: the archive's length, or the sum of all members.
    pub bytes: u64,
    /// Bytes of all members before compression.
    pub raw_bytes: u64,
    /// Members in it.
    pub members: u64,
    /// Whether everything that was planned is in it.
    pub is_complete: bool,
    /// The volumes of the model that it holds, by name.
    pub volumes: BTreeSet<String>,
    /// Those that it was to hold and the engine did not have.
    pub missing_volumes: BTreeSet<String>,
}

/// What is in a folder of dumps.
#[derive(Debug, Default)]
pub struct Listing {
    /// Its dumps, the oldest first.
    pub dumps: Vec<Listed>,
    /// What looks like a dump and is none, with the reason.
    pub others: Vec<(PathBuf, OpenError)>,
}

/// Lists a folder of dumps. Other files and folders in it are passed over.
///
/// # Errors
/// When there is no such folder, or it cannot be read.
pub fn list(folder: &Path) -> Result<Listing, OpenError> {
    let mut names = names(folder)?;
    names.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut listing = Listing::default();
    let mut beneath = Beneath::open(folder).map_err(|source| OpenError::Read {
        path: folder.to_owned(),
        source,
    })?;
    for (name, kind) in names {
        let path = folder.join(&name);
        let row = match (
            kind,
            name.as_bytes().strip_suffix(MARKER_EXTENSION.as_bytes()),
        ) {
            (FileType::Directory, _) => directory(&mut beneath, folder, &name),
            (FileType::RegularFile, Some(stem)) => Some(archive(&mut beneath, folder, &name, stem)),
            _ => None,
        };
        match row {
            None => {}
            Some(Ok(row)) => listing.dumps.push(row),
            Some(Err(error)) => listing.others.push((path, error)),
        }
    }
    sort(&mut listing);
    Ok(listing)
}

/// The oldest first, whatever order they were found in.
pub(super) fn sort(listing: &mut Listing) {
    listing
        .dumps
        .sort_by(|one, other| (one.invoked, &one.id).cmp(&(other.invoked, &other.id)));
}

/// Whether a dump that was listed is still there, and no other in its place.
#[must_use]
pub fn is_still(folder: &Path, dump: &Listed) -> bool {
    let Ok(mut beneath) = Beneath::open(folder) else {
        return false;
    };
    let now = match dump.form {
        Form::Directory => directory(&mut beneath, folder, &dump.name),
        Form::Archive(_) => {
            let stem = dump.name.as_bytes();
            let marker = [stem, MARKER_EXTENSION.as_bytes()].concat();
            let marker = OsStr::from_bytes(&marker);
            Some(archive(&mut beneath, folder, marker, stem))
        }
    };
    now.is_some_and(|now| now.is_ok_and(|now| now == *dump))
}

/// Names in a folder with their kinds, but for the hidden ones of dumps that are being written.
fn names(folder: &Path) -> Result<Vec<(OsString, FileType)>, OpenError> {
    let read = || -> io::Result<Vec<(OsString, FileType)>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if !name.as_bytes().starts_with(b".") {
                let kind = entry.file_type()?;
                let kind = if kind.is_dir() {
                    FileType::Directory
                } else if kind.is_file() {
                    FileType::RegularFile
                } else {
                    FileType::Unknown
                };
                names.push((name, kind));
            }
        }
        Ok(names)
    };
    read().map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => OpenError::NoFolder {
            path: folder.to_owned(),
        },
        _ => OpenError::Read {
            path: folder.to_owned(),
            source,
        },
    })
}

/// A folder, if it is a dump: `None` for any other.
fn directory(
    beneath: &mut Beneath,
    folder: &Path,
    name: &OsStr,
) -> Option<Result<Listed, OpenError>> {
    let path = folder.join(name);
    let manifest = match manifest_at(beneath, &join(name, FILE_NAME), &path) {
        Err(OpenError::NotFound { .. }) => return None,
        read => read,
    };
    Some(manifest.map(|manifest| {
        let indexes = manifest
            .members
            .iter()
            .filter_map(|member| member.index.as_ref());
        let indexes: u64 = indexes.map(|index| index.bytes).sum();
        let members: u64 = manifest.members.iter().map(|member| member.bytes).sum();
        row(
            name.to_owned(),
            path,
            Form::Directory,
            indexes.saturating_add(members),
            &manifest,
        )
    }))
}

/// The archive that a marker stands for.
fn archive(
    beneath: &mut Beneath,
    folder: &Path,
    marker: &OsStr,
    stem: &[u8],
) -> Result<Listed, OpenError> {
    let path = folder.join(marker);
    let manifest = manifest_at(beneath, marker.as_bytes(), &path)?;
    let refused = |why| OpenError::NotADump {
        path: path.clone(),
        why,
    };
    let unlike = |why| OpenError::Unlike {
        path: path.clone(),
        why,
        series: Box::new(manifest.series.clone()),
        invoked: manifest.meta.invocation_time,
    };
    let archive = manifest
        .archive
        .as_ref()
        .ok_or_else(|| refused("it names no archive"))?;
    let file = archive.file.as_bytes();
    let split = Codec::split_archive_name(file).filter(|(name, _)| *name == stem);
    let (_, codec) =
        split.ok_or_else(|| refused("the archive that it names is called otherwise"))?;
    match beneath.file(file) {
        Ok((_, stat)) if u64::try_from(stat.st_size) == Ok(archive.bytes) => {}
        Ok(_) => return Err(unlike("its archive has another length than it says")),
        Err(_) => return Err(unlike("its archive is not there")),
    }
    Ok(row(
        OsString::from_vec(stem.to_vec()),
        folder.join(OsStr::from_bytes(file)),
        Form::Archive(codec),
        archive.bytes,
        &manifest,
    ))
}

fn manifest_at(beneath: &mut Beneath, name: &[u8], path: &Path) -> Result<Manifest, OpenError> {
    let path = path.to_owned();
    match beneath.file(name) {
        Ok((file, stat)) => read_manifest(file, stat.st_size).map_err(|error| error.of(&path)),
        Err(Unfit::Read(source)) => Err(OpenError::Read { path, source }),
        Err(_) => Err(OpenError::NotFound { path }),
    }
}

fn join(folder: &OsStr, name: &str) -> Vec<u8> {
    [folder.as_bytes(), b"/", name.as_bytes()].concat()
}

/// What is listed of a dump whose manifest was read.
pub(super) fn row(
    name: OsString,
    path: PathBuf,
    form: Form,
    bytes: u64,
    manifest: &Manifest,
) -> Listed {
    let raw = manifest.members.iter().map(|member| member.raw_bytes);
    Listed {
        name,
        path,
        form,
        id: manifest.id.clone(),
        project: manifest.project.name.clone(),
        series: manifest.series.clone(),
        invoked: manifest.meta.invocation_time,
        bytes,
        raw_bytes: raw.fold(0, u64::saturating_add),
        members: manifest.members.len() as u64,
        is_complete: manifest.complete,
        volumes: manifest.volumes.project.keys().cloned().collect(),
        missing_volumes: manifest.missing_volumes.iter().cloned().collect(),
    }
}
