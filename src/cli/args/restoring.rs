//! What puts dumps back: `restore`, and `drill`, which only tries.

use std::path::PathBuf;

use clap::Args;

use super::scopes::ScopeArgs;
use super::stored::DumpChoice;

/// A scope that is put back in part where none is named.
const EVERY_EXPORT: &str =
    "Exports, all of them; without it, those whose service gets no volume back";

/// `restore`.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command line"
)]
#[command(mut_arg("exports", |exports| exports.help(EVERY_EXPORT)))]
pub(crate) struct RestoreArgs {
    /// Which dump.
    #[command(flatten)]
    pub(crate) choice: DumpChoice,
    /// Services whose mounts, volumes and exports are put back [default: all].
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// Which kinds of content are put back.
    #[command(flatten)]
    pub(crate) scopes: ScopeArgs,
    /// A volume by its name in the Compose files, as `service:/path`, or by its path in the dump; repeat it for
    /// more.
    #[arg(long = "volume", value_name = "VOLUME")]
    pub(crate) volume: Vec<String>,
    /// Take files and folders out of one member (`--volume`) into a folder (`--to`); repeat it for more.
    #[arg(
        long = "path",
        value_name = "PATH",
        requires = "volume",
        requires = "to"
    )]
    pub(crate) paths: Vec<PathBuf>,
    /// The folder to put the project into [default: the project folder].
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
    /// Make an independent copy of the project with this name, and volumes of its own.
    #[arg(long = "as", value_name = "NAME", conflicts_with = "project_name")]
    pub(crate) copy_as: Option<String>,
    /// Take the place of files and volumes that exist; on failure they are put back.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Do not start services at the end; those that were stopped stay so.
    #[arg(long)]
    pub(crate) no_start: bool,
    /// Print the plan and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Create external volumes that do not exist.
    #[arg(long)]
    pub(crate) create_external: bool,
    /// Make device nodes that the dump holds.
    #[arg(long)]
    pub(crate) devices: bool,
    /// Load exports as the dump's own compose-dump.yml says: its commands run in your containers.
    #[arg(long)]
    pub(crate) trust_dump: bool,
    /// Hold services to the images that wrote their data, by an override file with digests.
    #[arg(long)]
    pub(crate) pin: bool,
    /// Print one JSON document on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `drill`.
#[derive(Debug, Args)]
pub(crate) struct DrillArgs {
    /// Which dump.
    #[command(flatten)]
    pub(crate) choice: DumpChoice,
    /// Write the result and its date beside the dump, as `<name>.drill.json`.
    #[arg(long)]
    pub(crate) record: bool,
    /// Print one JSON document on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}
