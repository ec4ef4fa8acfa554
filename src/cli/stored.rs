//! What `verify`, `show` and `list` have in common: which dump is meant, and where temporary files go.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::edge::CommandError;
use crate::stored::dumps::locate;
use crate::stored::{Dump, Form, OpenError, ScratchError};

/// Opens what a user names: a path, a name or `latest` in a folder of dumps, or `-`.
pub(super) fn open(named: &OsStr) -> Result<Dump, CommandError> {
    let scratch = scratch_dir();
    if named == "-" {
        return Ok(Dump::open_stream(&mut std::io::stdin().lock(), &scratch)?);
    }
    Ok(Dump::open(&locate(Path::new(named))?, &scratch)?)
}

/// Where temporary files go: they may be as long as an archive.
fn scratch_dir() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|dir| !dir.is_empty());
    let on_disk = || Some(PathBuf::from("/var/tmp")).filter(|dir| dir.is_dir());
    variable("COMPOSE_DUMP_SPOOL__DIR")
        .or_else(|| variable("TMPDIR"))
        .map(PathBuf::from)
        .or_else(on_disk)
        .unwrap_or_else(std::env::temp_dir)
}

/// How a dump lies there, in words.
pub(super) fn form(form: Form) -> &'static str {
    match form {
        Form::Directory => "folder",
        Form::Archive(codec) => codec.tar_extension().trim_start_matches('.'),
    }
}

impl From<ScratchError> for CommandError {
    fn from(error: ScratchError) -> Self {
        Self::Open(OpenError::Scratch(error))
    }
}
