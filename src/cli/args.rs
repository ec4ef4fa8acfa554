//! The command line as types. What the options mean is said here once; nothing is done.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::codecs::Codec;
use crate::config::span::Span;

/// Back up Docker Compose projects: configuration, mounted folders and volumes, as plain tar and YAML.
#[derive(Debug, Parser)]
#[command(
    name = "compose-dump",
    version,
    arg_required_else_help = true,
    propagate_version = true
)]
#[command(
    after_help = "Exit codes: 0 done, 1 no dump, 2 rejected, 3 dump with gaps, 4 old dumps not removed, 10 no such dump, 11 locked, 13 dump damaged, 20 services not brought back, 130/143 interrupted."
)]
pub(super) struct Cli {
    /// Options that every command takes.
    #[command(flatten)]
    pub(super) global: Global,
    /// The command.
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Project and engine")]
pub(super) struct Global {
    /// Project folder [default: where Compose finds its file, from the working folder upwards].
    #[arg(short = 'C', long, value_name = "DIR", global = true)]
    pub(super) project_dir: Option<PathBuf>,
    /// Compose file; repeat it for overrides.
    #[arg(short, long = "file", value_name = "FILE", global = true)]
    pub(super) files: Vec<PathBuf>,
    /// Project name.
    #[arg(short, long, value_name = "NAME", global = true)]
    pub(super) project_name: Option<String>,
    /// Job file; `-` reads it from standard input [default: `compose-dump.yml` in the project folder].
    #[arg(short = 'c', long, value_name = "FILE", global = true)]
    pub(super) job_file: Option<PathBuf>,
    /// File with variables, in place of `.env`; repeat it for more.
    #[arg(long = "env-file", value_name = "FILE", global = true)]
    pub(super) env_files: Vec<PathBuf>,
    /// Profile whose services are taken; repeat it for more [default: all].
    #[arg(long = "profile", value_name = "NAME", global = true)]
    pub(super) profiles: Vec<String>,
    /// Engine to talk to, as in `DOCKER_HOST`: unix://, tcp://, ssh://.
    #[arg(short = 'H', long, value_name = "URL", global = true)]
    pub(super) host: Option<String>,
    /// Docker context to use.
    #[arg(long, value_name = "NAME", global = true)]
    pub(super) context: Option<String>,
    /// How and what is said on standard error.
    #[command(flatten)]
    pub(super) talk: Talk,
}

/// How and what is said on standard error.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct Talk {
    /// Say each step; twice: what the engine is asked, too.
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub(super) verbose: u8,
    /// Say nothing but errors and warnings.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Form of what is said on standard error.
    #[arg(long, value_name = "FORM", value_enum, default_value_t, global = true)]
    pub(super) log_format: LogFormat,
    /// Colour on standard error.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, global = true)]
    pub(super) color: When,
    /// Progress on standard error.
    #[arg(long, value_name = "HOW", value_enum, default_value_t, global = true)]
    pub(super) progress: ProgressStyle,
}

/// `--log-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum When {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// `--progress`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum ProgressStyle {
    /// A bar on a terminal, else nothing.
    #[default]
    Auto,
    /// A line that is rewritten.
    Bar,
    /// A line every few seconds.
    Plain,
    /// Nothing.
    None,
}

/// A command.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Execute jobs that the project's compose-dump.yml declares.
    Run(RunArgs),
    /// Dump the project now, as flags say; the rules of a compose-dump.yml apply if there is one.
    Backup(BackupArgs),
    /// Show what a run would do: what is taken or not and why, who is paused, where it goes. Without a
    /// compose-dump.yml: what a backup would do.
    Plan(PlanArgs),
    /// Check a compose-dump.yml: everything that is wrong with it, without an engine.
    Check(CheckArgs),
    /// Write a compose-dump.yml for the project, with the schema that editors explain it by.
    Init(InitArgs),
    /// List the dumps at the file's targets, or in a folder, the oldest first.
    List(ListArgs),
    /// Show what a dump holds, or the entries of one of its members.
    Show(ShowArgs),
    /// Read every stored byte of a dump and compare it with the manifest.
    Verify(VerifyArgs),
    /// Bring back services that a killed run has left paused or stopped. Every run does so first.
    Recover(RecoverArgs),
    /// Put a dump back: configuration, mounted folders and volumes, and start the project.
    Restore(RestoreArgs),
    /// Restore a dump's volumes into volumes that nobody uses, compare them with the dump, and remove them.
    Drill(DrillArgs),
    /// Remove the dumps that the targets' `keep` does not keep.
    Prune(PruneArgs),
    /// Print the JSON Schema of compose-dump.yml, or that of a dump's manifest.
    Schema(SchemaArgs),
    /// Watch over a run: the other end is on standard input.
    #[command(hide = true)]
    Watch(WatchArgs),
}

/// `recover`.
#[derive(Debug, Args)]
pub(super) struct RecoverArgs {
    /// Print one JSON document on standard output.
    #[arg(long)]
    pub(super) json: bool,
}

/// `watch`.
#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    /// The journal of the run.
    #[arg(value_name = "JOURNAL")]
    pub(super) journal: PathBuf,
}

/// `check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Also fail on services, mounts and volumes of the project that no rule speaks of.
    #[arg(long)]
    pub(super) strict: bool,
    /// Print the findings as one JSON array on standard output.
    #[arg(long)]
    pub(super) json: bool,
}

/// `init`.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Print the file on standard output, and write nothing.
    #[arg(long)]
    pub(super) print: bool,
}

/// `list`.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// A target of the project's compose-dump.yml, a folder of dumps, or the URL of a prefix in an object
    /// store [default: every target].
    #[arg(value_name = "TARGET")]
    pub(super) target: Option<PathBuf>,
    /// List the dumps of other projects at the file's targets, too; of a URL, all at any depth below it.
    #[arg(long)]
    pub(super) all_projects: bool,
    /// Print the dumps as one JSON array on standard output.
    #[arg(long)]
    pub(super) json: bool,
}

/// `prune`.
#[derive(Debug, Args)]
pub(super) struct PruneArgs {
    /// A target of the project's compose-dump.yml [default: each that has a `keep`].
    #[arg(value_name = "TARGET")]
    pub(super) target: Option<String>,
    /// Print what stays, by which rule, and what would be removed, and remove nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Also remove what killed runs have left behind.
    #[arg(long)]
    pub(super) incomplete: bool,
    /// Print one JSON document on standard output.
    #[arg(long)]
    pub(super) json: bool,
}

/// Which dump is meant.
#[derive(Debug, Clone, Args)]
pub(super) struct DumpChoice {
    /// A dump's folder, an archive, `-`, or a name or `latest`: in a folder of dumps (`FOLDER/latest`), below
    /// a URL (`s3://bucket/prefix/latest`), or alone in the targets of the project's compose-dump.yml.
    #[arg(value_name = "DUMP")]
    pub(super) dump: OsString,
    /// Look for the name in this target of the file only.
    #[arg(long, value_name = "NAME")]
    pub(super) target: Option<String>,
    /// Take dumps of this job only, of which `latest` is the newest [default: `default`, if it has any].
    #[arg(long, value_name = "NAME")]
    pub(super) job: Option<String>,
}

/// `show`.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Which dump.
    #[command(flatten)]
    pub(super) choice: DumpChoice,
    /// List the entries of a member: its path in the dump, or the volume's or mounted path's name.
    #[arg(long = "files", value_name = "MEMBER")]
    pub(super) member: Option<String>,
    /// Print one JSON document on standard output: the manifest, or the entries.
    #[arg(long)]
    pub(super) json: bool,
}

/// `verify`.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Which dump.
    #[command(flatten)]
    pub(super) choice: DumpChoice,
    /// Print one JSON document on standard output.
    #[arg(long)]
    pub(super) json: bool,
}

/// `restore`.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command line"
)]
pub(super) struct RestoreArgs {
    /// Which dump.
    #[command(flatten)]
    pub(super) choice: DumpChoice,
    /// Services whose mounts, volumes and exports are put back [default: all].
    #[arg(value_name = "SERVICE")]
    pub(super) services: Vec<String>,
    /// Compose files and everything that they reference in the project folder.
    #[arg(long)]
    pub(super) config: bool,
    /// Bind mounts inside the project folder.
    #[arg(long)]
    pub(super) mounted: bool,
    /// Named and anonymous volumes.
    #[arg(long)]
    pub(super) volumes: bool,
    /// Exports, all of them; without it, those whose service gets no volume back.
    #[arg(long)]
    pub(super) exports: bool,
    /// A volume by its name in the Compose files, or as `service:/path`; repeat it for more.
    #[arg(long = "volume", value_name = "VOLUME")]
    pub(super) volume: Vec<String>,
    /// Take files and folders out of one member (`--volume`) into a folder (`--to`); repeat it for more.
    #[arg(
        long = "path",
        value_name = "PATH",
        requires = "volume",
        requires = "to"
    )]
    pub(super) paths: Vec<PathBuf>,
    /// The folder to put the project into [default: the project folder].
    #[arg(long, value_name = "DIR")]
    pub(super) to: Option<PathBuf>,
    /// Make an independent copy of the project with this name, and volumes of its own.
    #[arg(long = "as", value_name = "NAME", conflicts_with = "project_name")]
    pub(super) copy_as: Option<String>,
    /// Take the place of files and volumes that exist; on failure they are put back.
    #[arg(long)]
    pub(super) replace: bool,
    /// Do not start services at the end; those that were stopped stay so.
    #[arg(long)]
    pub(super) no_start: bool,
    /// Print the plan and do nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Create external volumes that do not exist.
    #[arg(long)]
    pub(super) create_external: bool,
    /// Make device nodes that the dump holds.
    #[arg(long)]
    pub(super) devices: bool,
    /// Load exports as the dump's own compose-dump.yml says: its commands run in your containers.
    #[arg(long)]
    pub(super) trust_dump: bool,
    /// Hold services to the images that wrote their data, by an override file with digests.
    #[arg(long)]
    pub(super) pin: bool,
    /// Print one JSON document on standard output.
    #[arg(long)]
    pub(super) json: bool,
}

/// `drill`.
#[derive(Debug, Args)]
pub(super) struct DrillArgs {
    /// Which dump.
    #[command(flatten)]
    pub(super) choice: DumpChoice,
    /// Write the result and its date beside the dump, as `<name>.drill.json`.
    #[arg(long)]
    pub(super) record: bool,
    /// Print one JSON document on standard output.
    #[arg(long)]
    pub(super) json: bool,
}

/// `schema`.
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Which one.
    #[arg(value_enum, default_value_t)]
    pub(super) name: SchemaName,
}

/// A schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum SchemaName {
    /// Of compose-dump.yml.
    #[default]
    Config,
    /// Of a dump's manifest.
    Manifest,
}

/// Which jobs, and what is said over their file.
#[derive(Debug, Clone, Args)]
pub(super) struct JobArgs {
    /// Jobs of the file [default: `default`, its top level].
    #[arg(value_name = "JOB")]
    pub(super) jobs: Vec<String>,
    /// Every job of the file, one after the other.
    #[arg(long, conflicts_with = "jobs")]
    pub(super) all: bool,
    /// Where it goes, and how.
    #[command(flatten)]
    pub(super) dump: DumpArgs,
    /// Fail on services, mounts and volumes of the project that no rule speaks of, and publish no dump
    /// that has gaps.
    #[arg(long)]
    pub(super) strict: bool,
}

/// Where a dump goes, and how.
#[derive(Debug, Clone, Args)]
pub(super) struct DumpArgs {
    /// Target: a folder of dumps, an archive such as `a.tar.zst`, or `-`, standard output; repeat it
    /// for more.
    #[arg(short, long = "target", value_name = "TARGET")]
    pub(super) targets: Vec<OsString>,
    /// Compress with this codec; dumps in folders named with `-t` become archives.
    #[arg(short = 'x', long, value_name = "CODEC", value_parser = codec_parser())]
    pub(super) compression: Option<String>,
    /// Let services go on while their volumes are read.
    #[arg(long)]
    pub(super) no_pause: bool,
    /// Wait so long for another run of the project, `0s` not at all; as the setting `lock_wait`.
    #[arg(long, value_name = "TIME")]
    pub(super) lock_timeout: Option<Span>,
    /// Print one JSON document on standard output.
    #[arg(long)]
    pub(super) json: bool,
}

/// `run`.
#[derive(Debug, Clone, Args)]
pub(super) struct RunArgs {
    /// Which jobs, and what is said over their file.
    #[command(flatten)]
    pub(super) job: JobArgs,
    /// Every project below this folder that has a compose-dump.yml, one after the other.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["project_dir", "files", "project_name", "job_file"])]
    pub(super) under: Option<PathBuf>,
    /// Print the plan and do nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// `plan`.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// Which jobs, and what is said over their file.
    #[command(flatten)]
    pub(super) job: JobArgs,
}

/// `backup`.
#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// Services whose build contexts, mounts and volumes are taken [default: all].
    #[arg(value_name = "SERVICE")]
    pub(super) services: Vec<String>,
    /// Compose files and everything that they reference in the project folder.
    #[arg(long)]
    pub(super) config: bool,
    /// Bind mounts inside the project folder.
    #[arg(long)]
    pub(super) mounted: bool,
    /// Named and anonymous volumes.
    #[arg(long)]
    pub(super) volumes: bool,
    /// Output of commands that a compose-dump.yml declares.
    #[arg(long)]
    pub(super) exports: bool,
    /// Where it goes, and how.
    #[command(flatten)]
    pub(super) dump: DumpArgs,
    /// Names of dumps in folders, from {host} {name} {path_hash} {date} {time} {isodate} {job} {id}.
    #[arg(long, value_name = "PATTERN")]
    pub(super) target_pattern: Option<String>,
    /// Store what links among the config files point to, in place of the links.
    #[arg(long)]
    pub(super) resolve_symlinks: bool,
    /// Do not use a compose-dump.yml that is there.
    #[arg(long, conflicts_with = "job_file")]
    pub(super) no_job_file: bool,
    /// Print the plan and do nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}
