//! What trees are read by: where the walk starts, and what it takes. A consequence of the rows that are shown.

use std::path::PathBuf;

use super::Scope;

/// A tree member: where to walk, and what to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreePlan {
    /// The member's path in the dump: `config`, `config-outside`, `volumes/mounted/<path>`.
    pub member: String,
    /// What comes before an entry's path in the dump: `config`, `volumes/mounted`.
    pub prefix: String,
    /// Scope.
    pub scope: Scope,
    /// The folder that paths are relative to, and from which the walk starts.
    pub base: PathBuf,
    /// Where the walk happens.
    pub reader: TreeReader,
    /// What to take, relative to `base`.
    pub roots: Vec<TreeRoot>,
    /// What belongs to somebody else, relative to `base`.
    pub not: Vec<PathBuf>,
    /// Gitignore patterns of the project, from `.backupignore`.
    pub ignore: Option<PathBuf>,
    /// Whether links are replaced by what they point to.
    pub follow_links: bool,
}

/// Whose file system a tree is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreeReader {
    /// This machine's.
    Direct,
    /// The remote engine's, through a container that is never started. Such a tree has one root.
    Engine,
}

/// A file or folder to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeRoot {
    /// Relative to the tree's base; empty for the base itself.
    pub path: PathBuf,
    /// Whether everything below is taken, or just this one.
    pub whole: bool,
    /// The `.dockerignore` that applies below, for a build context.
    pub dockerignore: Option<PathBuf>,
    /// Patterns in gitignore syntax, relative to this root, of what is not taken.
    pub exclude: Vec<String>,
}

impl TreeRoot {
    /// Exactly this file, folder or link.
    #[must_use]
    pub const fn exactly(path: PathBuf) -> Self {
        Self {
            path,
            whole: false,
            dockerignore: None,
            exclude: Vec::new(),
        }
    }
}
