//! The command line as types. What the options mean is said here once; nothing is done.

mod dumping;
mod global;
mod job_file;
mod recovery;
mod restoring;
mod scopes;
mod stored;

use clap::{Parser, Subcommand};

pub(crate) use dumping::{BackupArgs, DumpArgs, JobArgs, PlanArgs, RunArgs};
pub(crate) use global::{Global, LogFormat, ProgressStyle, Talk, When};
pub(crate) use job_file::{CheckArgs, InitArgs, SchemaArgs, SchemaName};
pub(crate) use recovery::{RecoverArgs, WatchArgs};
pub(crate) use restoring::{DrillArgs, RestoreArgs};
pub(crate) use scopes::ScopeArgs;
pub(crate) use stored::{DumpChoice, ListArgs, PruneArgs, ShowArgs, VerifyArgs};

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
pub(crate) struct Cli {
    /// Options that every command takes.
    #[command(flatten)]
    pub(crate) global: Global,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// A command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}
