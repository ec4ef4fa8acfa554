//! Which kinds of content are meant, of a project or of a dump.

use clap::Args;

use crate::config::scope::Scope;

/// Which kinds of content are meant; all where none is named.
#[derive(Debug, Clone, Copy, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command line"
)]
pub(crate) struct ScopeArgs {
    /// Compose files and everything that they reference in the project folder.
    #[arg(long)]
    pub(crate) config: bool,
    /// Bind mounts inside the project folder.
    #[arg(long)]
    pub(crate) mounted: bool,
    /// Named and anonymous volumes.
    #[arg(long)]
    pub(crate) volumes: bool,
    /// Output of commands that a compose-dump.yml declares.
    #[arg(long)]
    pub(crate) exports: bool,
}

impl ScopeArgs {
    /// The scopes that are named, in the order in which they are stored.
    pub(crate) fn named(self) -> impl Iterator<Item = Scope> {
        let flags = [
            (self.config, Scope::Config),
            (self.mounted, Scope::Mounted),
            (self.volumes, Scope::Volumes),
            (self.exports, Scope::Exports),
        ];
        flags
            .into_iter()
            .filter_map(|(is_named, scope)| is_named.then_some(scope))
    }
}
