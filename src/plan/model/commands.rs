//! Commands that a run executes: those whose output is stored, and those around the reading.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::Decision;
use crate::config::job_file::commands::{Variables, Words};

/// An export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportPlan {
    /// The service.
    pub service: String,
    /// Its name among those of the service.
    pub name: String,
    /// The preset that says the commands; `None` for commands of the user's own.
    pub preset: Option<&'static str>,
    /// The container in which the command would run now; the run looks again.
    pub container: Option<String>,
    /// Path in the dump without a codec's extension, if it is taken.
    pub member: Option<String>,
    /// Whether a command is declared that loads it.
    pub has_load: bool,
    /// What is run.
    #[serde(skip)]
    pub run: ContainerCommand,
    /// Fewer bytes count as no content.
    pub min_bytes: u64,
    /// Taken or not.
    #[serde(flatten)]
    pub decision: Decision,
}

/// A pair of commands around the reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HookPlan {
    /// Its place in the file's list, from 0.
    pub index: usize,
    /// The service in whose container they run; `None`: on this machine.
    pub service: Option<String>,
    /// The container in which they would run now; the run looks again.
    pub container: Option<String>,
    /// Whether there is a command that runs before.
    pub has_before: bool,
    /// Whether there is one that runs after.
    pub has_after: bool,
    /// What runs before.
    #[serde(skip)]
    pub before: Option<HookCommand>,
    /// What runs after.
    #[serde(skip)]
    pub after: Option<HookCommand>,
}

impl HookPlan {
    /// How messages call one of its commands.
    #[must_use]
    pub fn label(&self, which: &str) -> String {
        match &self.service {
            Some(service) => format!("`hooks[{}].{which}` in `{service}`", self.index),
            None => format!("`hooks[{}].{which}` on this machine", self.index),
        }
    }
}

/// One command of a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookCommand {
    /// In the first running container of a service.
    Service {
        /// The service.
        service: String,
        /// The command.
        command: ContainerCommand,
    },
    /// On this machine.
    Host(HostCommand),
}

/// A command for this machine. Its words and variables cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostCommand {
    /// The program and its arguments.
    pub words: Words,
    /// Variables beside those of this process.
    pub env: Variables,
    /// Where it runs.
    pub workdir: PathBuf,
    /// How long it may take.
    pub timeout: Duration,
}

/// A command for a service's container. Its words and variables cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerCommand {
    /// The program and its arguments.
    pub words: Words,
    /// Variables beside the container's.
    pub env: Variables,
    /// Who it runs as; `None`: the container's user.
    pub user: Option<String>,
    /// Where it runs; `None`: the container's folder.
    pub workdir: Option<String>,
    /// How long it may take.
    pub timeout: Duration,
}
