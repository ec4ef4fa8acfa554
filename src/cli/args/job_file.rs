//! What is about `compose-dump.yml` itself: `check`, `init`, `schema`.

use clap::{Args, ValueEnum};

/// `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Also fail on services, mounts and volumes of the project that no rule speaks of.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Print the findings as one JSON array on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Print the file on standard output, and write nothing.
    #[arg(long)]
    pub(crate) print: bool,
}

/// `schema`.
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// Which one.
    #[arg(value_enum, default_value_t)]
    pub(crate) name: SchemaName,
}

/// A schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum SchemaName {
    /// Of compose-dump.yml.
    #[default]
    Config,
    /// Of a dump's manifest.
    Manifest,
}
