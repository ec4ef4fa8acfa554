//! `compose-dump.yml`: the declared jobs of a project, from bytes to checked values.
//!
//! In the order of the data's way: `source` reads the bytes, [`document`] makes located values of
//! them, `variables` fills in the environment, `form` holds them against the schema with the help
//! of `formats`, [`model`] is what comes out, and `sense` says what a schema cannot.
//! [`load()`] is the spine; [`declared`] makes one job complete.
//!
//! Nothing here knows the project: which of its services and volumes a rule names is planning.

pub mod commands;
pub mod declared;
pub mod document;
mod form;
mod formats;
pub mod key_path;
mod load;
pub mod model;
mod prune;
pub mod rules;
mod schema;
#[cfg(test)]
mod schema_test;
mod sense;
mod source;
pub mod target;
mod target_sense;
mod variables;

pub use declared::{DEFAULT_JOB, DeclaredJob};
pub use document::{Document, LOCATED_LIMIT, Part};
pub use key_path::KeyPath;
pub use load::{Loaded, load};
pub use model::{JobFile, JobRules, TargetRules};
pub use schema::SCHEMA;
pub use source::{Source, SourceError};

/// The name of the file in a project's folder.
pub const FILE_NAME: &str = "compose-dump.yml";
