//! The kinds of content that a dump may hold.

use serde::{Deserialize, Serialize};

/// A kind of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Compose files and what they reference.
    Config,
    /// Bind mounts inside the project folder.
    Mounted,
    /// Named and anonymous volumes.
    Volumes,
    /// Output of commands run in services.
    Exports,
}

impl Scope {
    /// All scopes, in the order of a run.
    pub const ALL: [Self; 4] = [Self::Config, Self::Mounted, Self::Volumes, Self::Exports];

    /// The scope's name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Mounted => "mounted",
            Self::Volumes => "volumes",
            Self::Exports => "exports",
        }
    }
}
