//! What reads or removes dumps that are stored: `list`, `show`, `verify`, `prune`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

/// Which dump is meant.
#[derive(Debug, Clone, Args)]
pub(crate) struct DumpChoice {
    /// A dump's folder, an archive, `-`, or a name or `latest`: in a folder of dumps (`FOLDER/latest`), below
    /// a URL (`s3://bucket/prefix/latest`), or alone in the targets of the project's compose-dump.yml.
    #[arg(value_name = "DUMP")]
    pub(crate) dump: OsString,
    /// Look for the name in this target of the file only.
    #[arg(long, value_name = "NAME")]
    pub(crate) target: Option<String>,
    /// Take dumps of this job only, of which `latest` is the newest [default: `default`, if it has any].
    #[arg(long, value_name = "NAME")]
    pub(crate) job: Option<String>,
}

/// `list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// A target of the project's compose-dump.yml, a folder of dumps, or the URL of a prefix in an object
    /// store [default: every target].
    #[arg(value_name = "TARGET")]
    pub(crate) target: Option<PathBuf>,
    /// List the dumps of other projects at the file's targets, too; of a URL, all at any depth below it.
    #[arg(long)]
    pub(crate) all_projects: bool,
    /// Print the dumps as one JSON array on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Which dump.
    #[command(flatten)]
    pub(crate) choice: DumpChoice,
    /// List the entries of a member: its path in the dump, or the volume's or mounted path's name.
    #[arg(long = "files", value_name = "MEMBER")]
    pub(crate) member: Option<String>,
    /// Print one JSON document on standard output: the manifest, or the entries.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Which dump.
    #[command(flatten)]
    pub(crate) choice: DumpChoice,
    /// Print one JSON document on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `prune`.
#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    /// A target of the project's compose-dump.yml [default: each that has a `keep`].
    #[arg(value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// Print what stays, by which rule, and what would be removed, and remove nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Also remove what killed runs have left behind.
    #[arg(long)]
    pub(crate) incomplete: bool,
    /// Print one JSON document on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}
