//! What comes after a run that was killed: `recover`, and the process that waits for it.

use std::path::PathBuf;

use clap::Args;

/// `recover`.
#[derive(Debug, Args)]
pub(crate) struct RecoverArgs {
    /// Print one JSON document on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `watch`.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// The journal of the run.
    #[arg(value_name = "JOURNAL")]
    pub(crate) journal: PathBuf,
}
