//! What a tree takes, as the plan says it, and why that cannot be followed.

use std::io;
use std::path::PathBuf;

/// What a tree takes, in paths relative to its base.
#[derive(Debug, Default)]
pub struct TreeRules {
    /// Files and folders that are taken.
    pub roots: Vec<RootRule>,
    /// What belongs to somebody else.
    pub not: Vec<PathBuf>,
    /// The project's `.backupignore`; its patterns are relative to the base.
    pub backupignore: Option<PathBuf>,
}

/// A file or folder that is taken.
#[derive(Debug, Clone)]
pub struct RootRule {
    /// Relative to the base; empty for the base itself.
    pub path: PathBuf,
    /// Whether everything below is taken, or just this one.
    pub whole: bool,
    /// The ignore file of the build context that it is.
    pub dockerignore: Option<PathBuf>,
    /// Patterns in gitignore syntax of what is not taken, relative to it.
    pub exclude: Vec<String>,
}

/// An ignore file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// It cannot be read.
    #[error("cannot read the ignore file `{}`", crate::text::path(.path))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A line of it is no pattern.
    #[error("the ignore file `{}` holds a pattern that cannot be used", crate::text::path(.path))]
    Pattern {
        /// The file.
        path: PathBuf,
        /// The pattern and what is wrong with it.
        source: ignore::Error,
    },
    /// A rule's pattern is none.
    #[error("a pattern of `exclude` cannot be used")]
    Exclude(#[source] ignore::Error),
}
