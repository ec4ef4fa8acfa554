//! From what a user names to a dump whose manifest is known: a folder, an archive with or without a
//! marker, or a stream.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, stat};
use rustix::io::Errno;

use super::archive::{self, Archive, manifest_in};
use super::archive_file::{archive_of, is_something_else, open_plain};
use super::contract::Contract;
use super::error::{ArchiveError, OpenError, PassError, ScratchError};
use super::fault::{Fault, Faults};
use super::folder;
use super::objects::{self, Objects};
use super::takers::{Hand, Nobody, Takers};
use super::verify::{Told, Verdicts};
use crate::archive::entry::SinkClosed;
use crate::archive::manifest::{FILE_NAME, MAX_BYTES, Manifest, ManifestError};
use crate::codecs::Codec;
use crate::files::{Beneath, Unfit};
use crate::targets::MARKER_EXTENSION;

/// A dump that was opened: its manifest is one, and nothing else is known of it yet.
pub struct Dump {
    /// What it says of itself.
    pub manifest: Manifest,
    /// How it lies there.
    pub form: Form,
    pub(super) place: Place,
    /// What was found to be wrong on the way to the manifest.
    faults: Faults,
    pub(super) scratch: PathBuf,
}

/// How a dump lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A folder.
    Directory,
    /// One file, compressed as a whole.
    Archive(Codec),
}

/// What it is read from.
pub(super) enum Place {
    Folder(Beneath),
    Archive(Archive),
    Objects(Objects),
}

impl Dump {
    /// Opens the dump at exactly this path. Temporary files are made in `scratch`.
    ///
    /// # Errors
    /// When nothing is there, it is no dump, or its manifest cannot be used.
    pub fn open(path: &Path, scratch: &Path) -> Result<Self, OpenError> {
        match stat(path) {
            Err(Errno::NOENT | Errno::NOTDIR) => Err(OpenError::NotFound {
                path: path.to_owned(),
            }),
            Err(errno) => Err(read_error(path)(errno.into())),
            Ok(found) => match FileType::from_raw_mode(found.st_mode) {
                FileType::Directory => Self::open_folder(path, scratch),
                FileType::RegularFile => Self::open_archive(path, scratch),
                _ => Err(OpenError::NotADump {
                    path: path.to_owned(),
                    why: "it is neither a folder nor a file",
                }),
            },
        }
    }

    /// Takes an archive from a stream: all of it is kept in a temporary file first.
    ///
    /// # Errors
    /// When it cannot be read or kept, or is no dump.
    pub fn open_stream(stream: &mut dyn Read, scratch: &Path) -> Result<Self, OpenError> {
        let name = Path::new("-");
        let keep = |source| ScratchError {
            dir: scratch.to_owned(),
            source,
        };
        let mut file = tempfile::tempfile_in(scratch).map_err(keep)?;
        let mut buffer = vec![0; super::hashing::BUFFER_LEN];
        loop {
            let len = match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(len) => len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(read_error(name)(error)),
            };
            io::Write::write_all(&mut file, &buffer[..len]).map_err(keep)?;
        }
        let archive = archive_of(file, name).map_err(keep)?;
        Self::bare(archive, name, Faults::default(), scratch)
    }

    /// A dump whose manifest was read.
    pub(super) fn new(
        manifest: Manifest,
        form: Form,
        place: Place,
        faults: Faults,
        scratch: &Path,
    ) -> Self {
        Self {
            manifest,
            form,
            place,
            faults,
            scratch: scratch.to_owned(),
        }
    }

    fn open_folder(path: &Path, scratch: &Path) -> Result<Self, OpenError> {
        let mut beneath = Beneath::open(path).map_err(read_error(path))?;
        let manifest = match beneath.file(FILE_NAME.as_bytes()) {
            Ok((file, stat)) => read_manifest(file, stat.st_size),
            Err(Unfit::Read(error)) => Err(ReadManifest::Io(error)),
            Err(_) => {
                return Err(OpenError::NotADump {
                    path: path.to_owned(),
                    why: "no file `Manifest.yml` is in it",
                });
            }
        };
        let manifest = manifest.map_err(|error| error.of(path))?;
        let place = Place::Folder(beneath);
        let faults = Faults::default();
        Ok(Self::new(manifest, Form::Directory, place, faults, scratch))
    }

    fn open_archive(path: &Path, scratch: &Path) -> Result<Self, OpenError> {
        let file = open_plain(path).map_err(read_error(path))?;
        let archive = archive_of(file, path).map_err(read_error(path))?;
        let mut faults = Faults::default();
        match read_marker(path, &mut faults) {
            None => Self::bare(archive, path, faults, scratch),
            Some(manifest) => Ok(Self::of_archive(manifest, archive, faults, scratch)),
        }
    }

    pub(super) fn of_archive(
        manifest: Manifest,
        archive: Archive,
        faults: Faults,
        scratch: &Path,
    ) -> Self {
        let form = Form::Archive(archive.codec);
        Self::new(manifest, form, Place::Archive(archive), faults, scratch)
    }

    /// An archive of which only the manifest in it says what it should hold.
    pub(super) fn bare(
        archive: Archive,
        path: &Path,
        faults: Faults,
        scratch: &Path,
    ) -> Result<Self, OpenError> {
        let bytes = manifest_in(&archive).map_err(|source| match source {
            ArchiveError::NoManifest => OpenError::NotADump {
                path: path.to_owned(),
                why: "no `Manifest.yml` is in it",
            },
            source if is_something_else(path, &source) => OpenError::NotADump {
                path: path.to_owned(),
                why: "it is no archive, neither by its name nor by how it begins",
            },
            source => OpenError::Broken {
                path: path.to_owned(),
                source,
            },
        })?;
        let manifest =
            Manifest::parse(&bytes).map_err(|error| ReadManifest::Bad(error).of(path))?;
        Ok(Self::of_archive(manifest, archive, faults, scratch))
    }

    /// Reads every stored byte of the dump and compares it with the manifest. `told` hears of each
    /// member as soon as it is judged.
    ///
    /// # Errors
    /// When temporary files cannot be written. What is wrong with the dump is in the verdicts.
    pub fn verify(&mut self, told: &mut Told<'_>) -> Result<Verdicts, ScratchError> {
        Ok(self.pass(&mut Nobody, told)?.0)
    }

    /// Does the same once, in the dump's own order, and hands over the content of the members that
    /// `takers` want. Nothing that a forged dump promises is read beyond what its manifest says: neither
    /// more bytes than a member has nor more entries.
    ///
    /// What was found wrong on the way to the manifest is told by the first pass over a dump only.
    ///
    /// # Errors
    /// When the takers stop, or temporary files cannot be written.
    pub fn read_members(
        &mut self,
        takers: &mut dyn Takers,
        told: &mut Told<'_>,
    ) -> Result<Verdicts, PassError> {
        match self.pass(takers, told)? {
            (verdicts, false) => Ok(verdicts),
            (_, true) => Err(SinkClosed.into()),
        }
    }

    /// One pass, and whether the takers have closed: it ends early then, and its verdicts say nothing.
    fn pass(
        &mut self,
        takers: &mut dyn Takers,
        told: &mut Told<'_>,
    ) -> Result<(Verdicts, bool), ScratchError> {
        let contract = match Contract::new(&self.manifest) {
            Ok(contract) => contract,
            Err(what) => return Ok((Verdicts::contradictory(what), false)),
        };
        let hand = Hand::new(takers);
        let mut verdicts = match &mut self.place {
            Place::Folder(beneath) => folder::check(beneath, &contract, &hand, told),
            Place::Archive(archive) => {
                let pass = archive::Pass {
                    contract: &contract,
                    hand: &hand,
                    scratch: &self.scratch,
                };
                archive::check(archive, self.manifest.archive.as_ref(), &pass, told)?
            }
            Place::Objects(objects) => {
                let pass = archive::Pass {
                    contract: &contract,
                    hand: &hand,
                    scratch: &self.scratch,
                };
                objects::check(objects, &pass, told)?
            }
        };
        verdicts.rest.join(std::mem::take(&mut self.faults));
        verdicts.is_complete = self.manifest.complete;
        Ok((verdicts, hand.is_closed()))
    }
}

/// Why the bytes of a manifest are none.
pub(super) enum ReadManifest {
    Io(io::Error),
    Bad(ManifestError),
}

impl ReadManifest {
    pub(super) fn of(self, path: &Path) -> OpenError {
        let path = path.to_owned();
        match self {
            Self::Io(source) => OpenError::Read { path, source },
            Self::Bad(source) => OpenError::Manifest { path, source },
        }
    }
}

/// Reads a manifest, unless it is too long.
pub(super) fn read_manifest(file: File, size: i64) -> Result<Manifest, ReadManifest> {
    let bytes = usize::try_from(size).unwrap_or(usize::MAX);
    if bytes > MAX_BYTES {
        return Err(ReadManifest::Bad(ManifestError::TooLarge { bytes }));
    }
    let mut data = Vec::new();
    let read = file.take(MAX_BYTES as u64 + 1).read_to_end(&mut data);
    read.map_err(ReadManifest::Io)?;
    Manifest::parse(&data).map_err(ReadManifest::Bad)
}

/// The marker of an archive, if there is one that can be used; why it cannot is a fault.
fn read_marker(archive: &Path, faults: &mut Faults) -> Option<Manifest> {
    let file_name = archive.file_name()?.as_bytes();
    let (stem, _) = Codec::split_archive_name(file_name)?;
    let name = [stem, MARKER_EXTENSION.as_bytes()].concat();
    let folder = match archive.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut beneath = Beneath::open(folder).ok()?;
    let read = match beneath.file(&name) {
        Err(Unfit::Missing) => return None,
        Err(unfit) => Err(unfit.into()),
        Ok((file, stat)) => match read_manifest(file, stat.st_size) {
            Err(ReadManifest::Io(error)) => Err(Fault::Read(error)),
            Err(ReadManifest::Bad(error)) => Err(Fault::Manifest(error)),
            Ok(manifest) => Ok(manifest),
        },
    };
    match read {
        Err(fault) => {
            faults.add(name, fault);
            None
        }
        Ok(manifest) => {
            let Some(described) = &manifest.archive else {
                faults.add(name, Fault::NoArchive);
                return None;
            };
            if described.file.as_bytes() != file_name {
                let was = described.file.clone();
                faults.add(file_name, Fault::Renamed { name: was });
            }
            Some(manifest)
        }
    }
}

fn read_error(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Read { path, source }
}
