//! What a restore is asked for. Plain data: nothing here looks at a dump or an engine.

use std::collections::BTreeSet;
use std::path::PathBuf;

pub use crate::config::scope::Scope;

/// A restore as it was asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The project folder to restore into, absolute. It need not exist.
    pub folder: PathBuf,
    /// What decided on that folder.
    pub folder_from: FolderFrom,
    /// `-f`, `--env-file` and `-p`, as Compose takes them.
    pub compose: ComposeFlags,
    /// `--as`: the name of an independent copy.
    pub copy_as: Option<String>,
    /// Services whose mounts, volumes and exports are wanted; empty for all.
    pub services: Vec<String>,
    /// Kinds of content that are wanted.
    pub scopes: BTreeSet<Scope>,
    /// Volumes that alone are wanted, by model name or as `service:/path`; empty for all.
    pub volumes: Vec<String>,
    /// Whether every export is loaded, also where a volume of its service is put back.
    pub all_exports: bool,
    /// Whether the dump's own `compose-dump.yml` may say how exports are loaded.
    pub trust_dump: bool,
    /// Whether what exists and differs may be replaced.
    pub replace: bool,
    /// Whether services are started at the end.
    pub start: bool,
    /// Whether external volumes that do not exist are created.
    pub create_external: bool,
    /// Whether device nodes of the dump are made.
    pub devices: bool,
    /// Whether images are pinned to the digests that the dump names.
    pub pin: bool,
    /// Whether the engine writes volumes even where this process could.
    pub through_engine: bool,
}

/// How the project folder was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderFrom {
    /// `--to`.
    To,
    /// `-C`, `-f`, or the folder in which Compose finds its file.
    Project,
    /// There is no Compose file: the working folder.
    WorkingFolder,
}

/// Options that Compose has as well.
#[derive(Debug, Clone, Default)]
pub struct ComposeFlags {
    /// `-f`, absolute.
    pub files: Vec<PathBuf>,
    /// `--env-file`, absolute.
    pub env_files: Vec<PathBuf>,
    /// `-p`.
    pub project_name: Option<String>,
    /// `--profile`.
    pub profiles: Vec<String>,
}

impl Request {
    /// Whether content of this kind is wanted.
    #[must_use]
    pub fn wants(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}
