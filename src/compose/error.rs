//! Why a project cannot be loaded at all. What loading survives is a [`super::Warning`] instead.

use std::path::PathBuf;

use super::top_level::KEYS;
use crate::diagnostic::did_you_mean;

/// Why [`super::load()`] gives no project.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// Neither `-f` nor `COMPOSE_FILE` nor a default file in the folder or one above it.
    #[error("no Compose file in `{}` or a folder above it", .searched.first().map(|dir| crate::text::path(dir)).unwrap_or_default())]
    NoComposeFile {
        /// The folders searched, the nearest first.
        searched: Vec<PathBuf>,
    },
    /// A file that `-f` or `COMPOSE_FILE` names is not there.
    #[error("Compose file `{}` not found", crate::text::path(.path))]
    Missing {
        /// Its path.
        path: PathBuf,
    },
    /// `-f -`: a project on standard input has no folder to back up.
    #[error("a Compose file on standard input (`-`) is not supported")]
    Stdin,
    /// A file is there but cannot be read.
    #[error("cannot read `{}`", crate::text::path(.path))]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A folder, pipe, socket or device where a file should be.
    #[error("`{}` is not a regular file", crate::text::path(.path))]
    NotAFile {
        /// Its path.
        path: PathBuf,
    },
    /// A file above the size limit.
    #[error("`{}` has {size} bytes, more than the {limit} of a configuration file", crate::text::path(.path))]
    TooLarge {
        /// Its path.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Not YAML.
    #[error("invalid YAML in `{}`, line {line}, column {column}", crate::text::path(.path))]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, from 1; 0 when not known.
        line: u64,
        /// Column, from 1; 0 when not known.
        column: u64,
        /// The parser's reason.
        source: serde_yaml::Error,
    },
    /// A list or a single value at the top.
    #[error("`{}` is no Compose file: line {line} is {kind}, not a mapping", crate::text::path(.path))]
    NotAMapping {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// What it is instead.
        kind: &'static str,
    },
    /// None of the top-level keys of the Compose Specification.
    #[error("`{}` has no top-level key that Compose knows, only such as `{key}`", crate::text::path(.path))]
    NoKnownKey {
        /// The file.
        path: PathBuf,
        /// The first of its keys.
        key: String,
    },
    /// More nodes than Compose itself accepts: an alias bomb.
    #[error("`{}` has more than {limit} YAML nodes with its aliases resolved", crate::text::path(.path))]
    TooManyNodes {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u32,
    },
    /// More files than a project can sensibly have.
    #[error("more than {limit} files are included or extended, the last one was `{}`", crate::text::path(.path))]
    TooManyFiles {
        /// The file that was one too many.
        path: PathBuf,
        /// The limit.
        limit: usize,
    },
    /// Files that include each other.
    #[error("`include` goes in a circle: {}", .chain.iter().map(|path| format!("`{}`", crate::text::path(path))).collect::<Vec<_>>().join(" > "))]
    IncludeCycle {
        /// The files, from the first to its repetition.
        chain: Vec<PathBuf>,
    },
    /// Files that include files that include files.
    #[error("includes are nested more than {limit} levels deep, the last one was `{}`", crate::text::path(.path))]
    IncludeTooDeep {
        /// The file that was one too many.
        path: PathBuf,
        /// The limit.
        limit: usize,
    },
    /// Services that extend each other.
    #[error("`extends` goes in a circle: {}", .chain.join(" > "))]
    ExtendsCycle {
        /// The services with their files, from the first to its repetition.
        chain: Vec<String>,
    },
    /// `-p` or `COMPOSE_PROJECT_NAME` is not a valid name.
    #[error(
        "invalid project name `{name}` ({origin}): lower-case letters, digits, `-` and `_`, starting with a letter or digit"
    )]
    InvalidName {
        /// The name as given.
        name: String,
        /// Where it comes from.
        origin: &'static str,
    },
    /// Nothing is left of the folder's name.
    #[error("no project name can be made from `{name}`; use `-p`")]
    EmptyName {
        /// The folder's name or `name:` before it was normalised.
        name: String,
    },
}

impl LoadError {
    /// What to do about it; `None` where the message says all.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::NoComposeFile { .. } => Some(
                "go to the project's folder, or name it with `-C` or its Compose file with `-f`"
                    .to_owned(),
            ),
            Self::Stdin => Some("name a file with `-f`".to_owned()),
            Self::NoKnownKey { key, .. } => Some(match did_you_mean(key, KEYS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!(
                    "a Compose file has one of the keys {}; files of Compose's first format, with services at the top level, are not supported",
                    KEYS.join(", ")
                ),
            }),
            _ => None,
        }
    }
}
