//! What makes dumps, or shows what would: `run`, `plan`, `backup`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::scopes::ScopeArgs;
use crate::codecs::Codec;
use crate::config::span::Span;

/// Which jobs, and what is said over their file.
#[derive(Debug, Clone, Args)]
pub(crate) struct JobArgs {
    /// Jobs of the file [default: `default`, its top level].
    #[arg(value_name = "JOB")]
    pub(crate) jobs: Vec<String>,
    /// Every job of the file, one after the other.
    #[arg(long, conflicts_with = "jobs")]
    pub(crate) all: bool,
    /// Where it goes, and how.
    #[command(flatten)]
    pub(crate) dump: DumpArgs,
    /// Fail on services, mounts and volumes of the project that no rule speaks of, and publish no dump
    /// that has gaps.
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Where a dump goes, and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct DumpArgs {
    /// Target: a folder of dumps, an archive such as `a.tar.zst`, or `-`, standard output; repeat it
    /// for more.
    #[arg(short, long = "target", value_name = "TARGET")]
    pub(crate) targets: Vec<OsString>,
    /// Compress with this codec; dumps in folders named with `-t` become archives.
    #[arg(short = 'x', long, value_name = "CODEC", value_parser = codec_parser())]
    pub(crate) compression: Option<String>,
    /// Let services go on while their volumes are read.
    #[arg(long)]
    pub(crate) no_pause: bool,
    /// Wait so long for another run of the project, `0s` not at all; as the setting `lock_wait`.
    #[arg(long, value_name = "TIME")]
    pub(crate) lock_timeout: Option<Span>,
    /// Print one JSON document on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `run`.
#[derive(Debug, Clone, Args)]
pub(crate) struct RunArgs {
    /// Which jobs, and what is said over their file.
    #[command(flatten)]
    pub(crate) job: JobArgs,
    /// Every project below this folder that has a compose-dump.yml, one after the other.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["project_dir", "files", "project_name", "job_file"])]
    pub(crate) under: Option<PathBuf>,
    /// Print the plan and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Which jobs, and what is said over their file.
    #[command(flatten)]
    pub(crate) job: JobArgs,
}

/// `backup`.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// Services whose build contexts, mounts and volumes are taken [default: all].
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// Which kinds of content are taken.
    #[command(flatten)]
    pub(crate) scopes: ScopeArgs,
    /// Where it goes, and how.
    #[command(flatten)]
    pub(crate) dump: DumpArgs,
    /// Names of dumps in folders, from {host} {name} {path_hash} {date} {time} {isodate} {job} {id}.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) target_pattern: Option<String>,
    /// Store what links among the config files point to, in place of the links.
    #[arg(long)]
    pub(crate) resolve_symlinks: bool,
    /// Do not use a compose-dump.yml that is there.
    #[arg(long, conflicts_with = "job_file")]
    pub(crate) no_job_file: bool,
    /// Print the plan and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// The codecs' names, `tar` for none as the predecessor had it.
fn codec_parser() -> PossibleValuesParser {
    let compressing = Codec::ALL
        .into_iter()
        .filter(|codec| *codec != Codec::None)
        .map(Codec::name);
    std::iter::once("tar")
        .chain(compressing)
        .collect::<Vec<_>>()
        .into()
}
