//! What a journal says, line by line, and what is left to do once it has been read.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::archive::manifest::model::Hold;
use crate::config::job_file::commands::{Variables, Words};
use crate::plan::model::{ContainerCommand, HookCommand, HostCommand};

/// The version of the format. A journal of another one is left alone.
pub(super) const FORMAT: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub(crate) enum Record {
    /// The first line: whose journal it is.
    Run(Head),
    /// These containers are held next.
    Hold {
        /// Who, in the order in which it is done.
        containers: Vec<Intent>,
    },
    /// This command is due when services are back.
    Hook {
        /// What it is and where.
        hook: HookIntent,
    },
    /// The command of that number ran, however it ended.
    HookDone {
        /// Its number among the hooks.
        index: usize,
    },
    /// These containers are back, or were not ours to hold.
    Released {
        /// Their full ids.
        ids: Vec<String>,
    },
}

/// Whose journal it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// The version of the format.
    pub(crate) format: u32,
    /// The run's id.
    pub(crate) run: String,
    /// The project id.
    pub(crate) project: String,
    /// The run's process, as [`crate::process::ProcessId`] writes it.
    pub(crate) process: String,
    /// The engine's id.
    pub(crate) engine: String,
    /// The beginning of a command line that reaches the engine, for people.
    pub(crate) command: String,
    /// When the run began to touch anything.
    pub(crate) began: Timestamp,
}

/// A command that is due. Its words and variables are in the journal, which nobody else can read, and can
/// be shown nowhere else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HookIntent {
    /// Its number among the hooks.
    pub(crate) index: usize,
    /// How messages call it.
    pub(crate) label: String,
    /// Compose's name of the project.
    pub(crate) project: String,
    /// The service in whose container it runs; `None`: on this machine.
    service: Option<String>,
    words: Vec<String>,
    env: BTreeMap<String, String>,
    user: Option<String>,
    workdir: Option<PathBuf>,
    timeout: Duration,
}

impl HookIntent {
    /// What is written of a command.
    pub(crate) fn new(index: usize, label: String, project: &str, command: &HookCommand) -> Self {
        let intent = |service, words: &Words, env: &Variables, timeout| Self {
            index,
            label,
            project: project.to_owned(),
            service,
            words: words.0.clone(),
            env: env.0.clone(),
            user: None,
            workdir: None,
            timeout,
        };
        match command {
            HookCommand::Service { service, command } => Self {
                user: command.user.clone(),
                workdir: command.workdir.as_ref().map(PathBuf::from),
                ..intent(
                    Some(service.clone()),
                    &command.words,
                    &command.env,
                    command.timeout,
                )
            },
            HookCommand::Host(command) => Self {
                workdir: Some(command.workdir.clone()),
                ..intent(None, &command.words, &command.env, command.timeout)
            },
        }
    }

    /// The command again.
    pub(crate) fn command(&self) -> HookCommand {
        let (words, env) = (Words(self.words.clone()), Variables(self.env.clone()));
        match &self.service {
            Some(service) => HookCommand::Service {
                service: service.clone(),
                command: ContainerCommand {
                    words,
                    env,
                    user: self.user.clone(),
                    workdir: self
                        .workdir
                        .as_ref()
                        .map(|it| it.to_string_lossy().into_owned()),
                    timeout: self.timeout,
                },
            },
            None => HookCommand::Host(HostCommand {
                words,
                env,
                workdir: self.workdir.clone().unwrap_or_else(|| PathBuf::from("/")),
                timeout: self.timeout,
            }),
        }
    }
}

impl fmt::Debug for HookIntent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.label)
    }
}

/// A container that is about to be held, as it was before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Intent {
    /// Full id.
    pub(crate) id: String,
    /// Name.
    pub(crate) name: String,
    /// Service.
    pub(crate) service: String,
    /// What is done to it.
    pub(crate) how: Hold,
    /// Those of a higher rank depend on it.
    pub(crate) rank: u32,
    /// Its state before: always `running`, for whoever reads the file.
    pub(crate) state: String,
    /// When it had been started, as the engine writes it. Neither pausing nor stopping changes it.
    pub(crate) started_at: Option<String>,
    /// How long it may take to stop.
    pub(crate) grace: Duration,
    /// Whether a health check says when it is back.
    pub(crate) has_health_check: bool,
    /// Whether that said so before.
    pub(crate) was_healthy: bool,
    /// When this was written.
    pub(crate) at: Timestamp,
}

/// What a run that is over has not undone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Pending {
    /// Containers that may still be held, in the order in which that was done.
    pub(crate) containers: Vec<Intent>,
    /// Commands that are due, in the order of their hooks: they run in reverse.
    pub(crate) hooks: Vec<HookIntent>,
}

impl Pending {
    /// Whether there is nothing to undo.
    pub(crate) fn is_empty(&self) -> bool {
        self.containers.is_empty() && self.hooks.is_empty()
    }

    /// Takes one more line into account.
    pub(super) fn take(&mut self, record: Record) {
        match record {
            Record::Run(_) => {}
            Record::Hold { containers } => self.containers.extend(containers),
            Record::Hook { hook } => self.hooks.push(hook),
            Record::HookDone { index } => self.hooks.retain(|hook| hook.index != index),
            Record::Released { ids } => self.containers.retain(|held| !ids.contains(&held.id)),
        }
    }
}
