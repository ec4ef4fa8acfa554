//! `Manifest.yml`: what a dump holds, written last, sealed by its own last line.
//!
//! The executor fills a [`Draft`], which is the same for every target; a target says with
//! [`StoredDump`] what it stored, and [`Draft::render`] makes the sealed bytes of both.
//! [`Manifest::parse`] is the way back. The keys are documented in `docs/format.md` and
//! `schemas/manifest.schema.json`; tests keep both in step with the types of [`model`].
//!
//! A manifest never holds a secret's value: option *names* and file paths only.

mod digest;
mod draft;
pub mod model;
mod read;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod schema_test;
mod seal;

use std::path::PathBuf;

pub use digest::Sha256Digest;
pub use draft::{Draft, DraftMember, RenderError, Stored, StoredDump};
pub use model::Manifest;
pub(crate) use read::MAX_BYTES;
pub use read::ManifestError;

/// The `format` that is written, and the newest that is read.
pub const FORMAT: u32 = 1;

/// `schemas/manifest.schema.json`.
pub const SCHEMA: &str = include_str!("../../../schemas/manifest.schema.json");

/// Name of the manifest in a dump.
pub const FILE_NAME: &str = "Manifest.yml";

/// What a target published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The dump's name as it was published, a number for a taken name included; `None` on stdout.
    pub name: Option<String>,
    /// Where it is.
    pub place: Place,
    /// Bytes stored: the archive's length, or the sum of all members of a tree.
    pub bytes: u64,
    /// What the target could not keep, one sentence each: owners, attributes, devices.
    pub warnings: Vec<String>,
}

/// Where a dump is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder or an archive file.
    Path(PathBuf),
    /// Objects in a store: the URL of the archive, or what the names of a directory's begin with.
    Url(String),
    /// It went to standard output.
    Stdout,
}
