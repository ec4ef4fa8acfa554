//! What the commands that read dumps have in common: the dump that is meant, opened, and where temporary
//! files go.

use std::path::PathBuf;

use super::args::{DumpChoice, Global};
use super::edge::CommandError;
use super::lookup::{self, Place};
use crate::stored::{Dump, Form, OpenError, ScratchError};

/// Opens what a user names; see [`lookup::find`].
pub(super) fn open(global: &Global, choice: &DumpChoice) -> Result<Dump, CommandError> {
    Ok(open_at(global, choice)?.1)
}

/// The same, with where it is.
pub(super) fn open_at(global: &Global, choice: &DumpChoice) -> Result<(Place, Dump), CommandError> {
    let scratch = scratch_dir();
    let place = lookup::find(global, choice)?;
    let dump = match &place {
        Place::Stdin => Dump::open_stream(&mut std::io::stdin().lock(), &scratch)?,
        Place::Path(path) => Dump::open(path, &scratch)?,
        Place::InStore(store, name) => Dump::open_in_store(store, name, &scratch)?,
    };
    Ok((place, dump))
}

/// Where temporary files go: they may be as long as an archive.
pub(super) fn scratch_dir() -> PathBuf {
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
