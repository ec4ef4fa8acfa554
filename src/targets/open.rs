//! The one match over the kinds of targets: from plain data to a writer that is proven to work.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::archive::{ArchiveWriter, Destination, Output};
use super::dumps::DumpsFolder;
use super::folder::FolderWriter;
use super::object::{self, Shared};
use super::publish::{ArchiveFolder, Naming};
use super::site::{OrFailed, Site};
use super::spool::{SpoolPlace, Spooled};
use super::step::Step;
use super::waiting::Waiting;
use super::{DumpWriter, TargetError};
use crate::archive::entry::Mtime;
use crate::archive::escape::escape;
use crate::codecs::{Codec, Compression, Verbatim};
use crate::store::{Environment, Store, StoreOptions, StoreUrl};

/// A target of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSpec {
    /// What messages call it: its name in `compose-dump.yml`, or what was given to `-t`.
    pub name: String,
    /// Where the dump goes.
    pub kind: TargetKind,
    /// Of each stream member in a directory, of the whole in an archive.
    pub compression: Compression,
    /// What is spooled, and where.
    pub spool: SpoolSpec,
    /// Start of the run: the time of entries that have none of their own.
    pub invocation_time: Timestamp,
}

/// Where a dump goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetKind {
    /// A folder of dumps, made if it is missing.
    Folder {
        /// The folder.
        dir: PathBuf,
        /// What appears in it.
        format: Format,
        /// The dump's name; a taken one gets `_2`, `_3`, ...
        dump_name: String,
    },
    /// Exactly this archive file; an existing one is refused.
    ArchiveFile {
        /// The file.
        path: PathBuf,
    },
    /// Below a prefix in an object store.
    Store {
        /// The prefix.
        url: StoreUrl,
        /// How the store is reached.
        options: Box<StoreOptions>,
        /// What appears there.
        format: Format,
        /// The dump's name; a taken one gets `_2`, `_3`, ...
        dump_name: String,
    },
    /// An archive on standard output.
    Stdout,
}

/// How a dump lies in a folder of dumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A tree.
    Directory,
    /// One archive and its marker.
    Archive,
}

/// What is recorded in a temporary file before it goes to the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolSpec {
    /// The folder of the temporary file.
    pub dir: PathBuf,
    /// What.
    pub mode: SpoolMode,
    /// Bytes that the temporary file may take; none if `None`.
    pub limit: Option<u64>,
}

/// What is spooled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpoolMode {
    /// What an archive cannot take as it comes: streams of unknown length, and those beside another one.
    Beside,
    /// Everything until the services run again.
    All,
}

/// Opens a target: makes the folder of dumps and the staging, or takes a name in a store, and writes
/// there, so that a target that cannot be written is known before anything is touched. Must be called
/// inside of a Tokio runtime, on a thread that may block.
///
/// # Errors
/// When it cannot be written, or when the name of [`TargetKind::ArchiveFile`] is taken.
pub fn open(spec: &TargetSpec, shared: &Shared) -> Result<Box<dyn DumpWriter>, TargetError> {
    match &spec.kind {
        TargetKind::Folder {
            dir,
            format,
            dump_name,
        } => {
            check_name(spec, dump_name)?;
            let dumps = Arc::new(DumpsFolder::open(&spec.name, dir)?);
            match format {
                Format::Directory => open_tree(spec, dumps, dump_name),
                Format::Archive => {
                    let naming = Naming::Generated {
                        dump: dump_name.clone(),
                        extension: spec.compression.codec.tar_extension(),
                    };
                    open_archive(spec, dumps, naming)
                }
            }
        }
        TargetKind::ArchiveFile { path } => {
            let naming = exact_name(spec, path)?;
            let parent = path
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty());
            let dumps = DumpsFolder::open(&spec.name, parent.unwrap_or(Path::new(".")))?;
            open_archive(spec, Arc::new(dumps), naming)
        }
        TargetKind::Store {
            url,
            options,
            format,
            dump_name,
        } => {
            let store = Store::open(url, options, &Environment::of_process());
            let store = store.map_err(|error| TargetError::store(&spec.name, error))?;
            open_in_store(spec, store, (*format, dump_name), shared)
        }
        TargetKind::Stdout => {
            let site = Site::new(&spec.name, Path::new("standard output"));
            // A descriptor of our own: the library's handle splits what it gets into lines.
            let stdout = std::io::stdout().as_fd().try_clone_to_owned();
            open_stdout(spec, stdout.or_failed(&site, Step::Create, b"")?.into())
        }
    }
}

fn open_tree(
    spec: &TargetSpec,
    dumps: Arc<DumpsFolder>,
    dump_name: &str,
) -> Result<Box<dyn DumpWriter>, TargetError> {
    let writer = Box::new(FolderWriter::open(dumps, dump_name, spec.compression)?);
    match spec.spool.mode {
        SpoolMode::Beside => Ok(writer),
        SpoolMode::All => spooled(spec, SpoolPlace::new(&spec.name, &spec.spool), writer),
    }
}

fn open_archive(
    spec: &TargetSpec,
    dumps: Arc<DumpsFolder>,
    naming: Naming,
) -> Result<Box<dyn DumpWriter>, TargetError> {
    let site = dumps.site.clone();
    let (folder, file) = ArchiveFolder::open(dumps, naming)?;
    let out = (Destination::Folder(folder), Output::File(file));
    open_tar(spec, site, out)
}

/// A dump in `store`.
pub(crate) fn open_in_store(
    spec: &TargetSpec,
    store: Store,
    (format, dump_name): (Format, &str),
    shared: &Shared,
) -> Result<Box<dyn DumpWriter>, TargetError> {
    check_name(spec, dump_name)?;
    let claimed = object::claim(store, &spec.name, dump_name, shared)?;
    match format {
        Format::Directory => {
            let writer = Box::new(claimed.directory(spec.compression, mtime(spec)));
            match spec.spool.mode {
                SpoolMode::Beside => Ok(writer),
                SpoolMode::All => spooled(spec, SpoolPlace::new(&spec.name, &spec.spool), writer),
            }
        }
        Format::Archive => {
            let site = claimed.site.clone();
            let extension = spec.compression.codec.tar_extension();
            let (place, upload) = claimed.archive(extension);
            let out = (Destination::Store(place), Output::Upload(Box::new(upload)));
            open_tar(spec, site, out)
        }
    }
}

/// An archive on `pipe`.
pub(super) fn open_stdout(
    spec: &TargetSpec,
    pipe: File,
) -> Result<Box<dyn DumpWriter>, TargetError> {
    let site = Site::new(&spec.name, Path::new("standard output"));
    open_tar(spec, site, (Destination::Stdout, Output::File(pipe)))
}

fn open_tar(
    spec: &TargetSpec,
    site: Site,
    out: (Destination, Output),
) -> Result<Box<dyn DumpWriter>, TargetError> {
    let place = SpoolPlace::new(&spec.name, &spec.spool);
    let waiting = match waiting(spec, &site, &out, &place) {
        Ok(waiting) => waiting,
        Err(error) => {
            out.0.discard();
            return Err(error);
        }
    };
    let writer = ArchiveWriter::new(site, out, waiting, &spec.compression, mtime(spec))?;
    spooled(spec, place, Box::new(writer))
}

/// Where streams of unknown length wait: in the archive itself, if it is a file of ours and the codec can leave room for
/// their heads.
fn waiting(
    spec: &TargetSpec,
    site: &Site,
    out: &(Destination, Output),
    place: &SpoolPlace,
) -> Result<Waiting, TargetError> {
    match (out, Verbatim::of(spec.compression.codec)) {
        ((Destination::Folder(_), Output::File(file)), Some(verbatim)) => {
            let file = file.try_clone().or_failed(site, Step::Create, b"")?;
            Ok(Waiting::InPlace(file, verbatim))
        }
        _ => place.create().map(Waiting::Aside),
    }
}

/// The time of what has no time of its own.
fn mtime(spec: &TargetSpec) -> Mtime {
    Mtime {
        secs: spec.invocation_time.as_second(),
        nanos: 0,
    }
}

fn spooled(
    spec: &TargetSpec,
    place: SpoolPlace,
    writer: Box<dyn DumpWriter>,
) -> Result<Box<dyn DumpWriter>, TargetError> {
    Ok(Box::new(Spooled::new(writer, place, spec.spool.mode)?))
}

/// A dump's name is one component that is not hidden.
fn check_name(spec: &TargetSpec, name: &str) -> Result<(), TargetError> {
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
        return Err(bad_name(spec, escape(name.as_bytes())));
    }
    Ok(())
}

fn exact_name(spec: &TargetSpec, path: &Path) -> Result<Naming, TargetError> {
    // The manifest, which is text, names the file.
    let file = path.file_name().and_then(OsStr::to_str);
    let file = file.ok_or_else(|| bad_name(spec, escape(path.as_os_str().as_encoded_bytes())))?;
    let stem =
        Codec::split_archive_name(file.as_bytes()).map_or(file.len(), |(stem, _)| stem.len());
    Ok(Naming::Exactly {
        dump: file[..stem].to_owned(),
        file: file.to_owned(),
    })
}

fn bad_name(spec: &TargetSpec, name: String) -> TargetError {
    TargetError::BadName {
        target: spec.name.clone(),
        name,
    }
}
