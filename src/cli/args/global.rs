//! Options that every command takes: which project, which engine, and how is talked about it.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Project and engine")]
pub(crate) struct Global {
    /// Project folder [default: where Compose finds its file, from the working folder upwards].
    #[arg(short = 'C', long, value_name = "DIR", global = true)]
    pub(crate) project_dir: Option<PathBuf>,
    /// Compose file; repeat it for overrides.
    #[arg(short, long = "file", value_name = "FILE", global = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Project name.
    #[arg(short, long, value_name = "NAME", global = true)]
    pub(crate) project_name: Option<String>,
    /// Job file; `-` reads it from standard input. Without `-C` and `-f` the project is looked for from its
    /// folder upwards, then from the working folder [default: `compose-dump.yml` in the project folder].
    #[arg(short = 'c', long, value_name = "FILE", global = true)]
    pub(crate) job_file: Option<PathBuf>,
    /// File with variables, in place of `.env`; repeat it for more.
    #[arg(long = "env-file", value_name = "FILE", global = true)]
    pub(crate) env_files: Vec<PathBuf>,
    /// Profile whose services are taken; repeat it for more [default: all].
    #[arg(long = "profile", value_name = "NAME", global = true)]
    pub(crate) profiles: Vec<String>,
    /// Engine to talk to, as in `DOCKER_HOST`: unix://, tcp://, ssh://.
    #[arg(short = 'H', long, value_name = "URL", global = true)]
    pub(crate) host: Option<String>,
    /// Docker context to use.
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) context: Option<String>,
    /// How and what is said on standard error.
    #[command(flatten)]
    pub(crate) talk: Talk,
}

/// How and what is said on standard error.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Talk {
    /// Say each step; twice: what the engine is asked, too.
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    /// Say nothing but errors and warnings.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Form of what is said on standard error.
    #[arg(long, value_name = "FORM", value_enum, default_value_t, global = true)]
    pub(crate) log_format: LogFormat,
    /// Colour on standard error.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, global = true)]
    pub(crate) color: When,
    /// Progress on standard error.
    #[arg(long, value_name = "HOW", value_enum, default_value_t, global = true)]
    pub(crate) progress: ProgressStyle,
}

/// `--log-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum When {
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
pub(crate) enum ProgressStyle {
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
