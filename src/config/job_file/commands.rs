//! `exports` and `hooks`: commands of the user's. Their words and variables may hold passwords, so they
//! can be run and not shown.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use crate::config::presets::Preset;
use crate::config::size::Size;
use crate::config::span::Span;

/// What stands in place of what may be a secret.
const HIDDEN: &str = "***";

/// Hooks, in their order.
pub type Hooks = Vec<HookRule>;

/// Exports by service and by name.
pub type Exports = BTreeMap<String, BTreeMap<String, ExportRule>>;

/// A program and its arguments.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Words(pub Vec<String>);

impl fmt::Debug for Words {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Words({})", self.0.len())
    }
}

impl Serialize for Words {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|_| HIDDEN))
    }
}

/// Variables of a command.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Variables(pub BTreeMap<String, String>);

impl fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl Serialize for Variables {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.keys().map(|name| (name, HIDDEN)))
    }
}

/// An export of a service. Either a preset, or a command and what loads its output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExportRule {
    /// What writes the content to its standard output.
    pub command: Option<Words>,
    /// What reads the content from its standard input at restore.
    pub load: Option<Words>,
    /// The name of a database whose commands are known.
    pub preset: Option<&'static Preset>,
    /// The file of a database that is one file.
    pub database: Option<String>,
    /// How long the command may take.
    pub timeout: Span,
    /// Content of fewer bytes is none.
    pub min_size: Size,
    /// Who it runs as.
    pub user: Option<String>,
    /// Where it runs.
    pub workdir: Option<String>,
    /// Variables beside the container's.
    pub env: Variables,
}

impl Default for ExportRule {
    fn default() -> Self {
        Self {
            command: None,
            load: None,
            preset: None,
            database: None,
            timeout: Span(Duration::from_secs(60 * 60)),
            min_size: Size(1),
            user: None,
            workdir: None,
            env: Variables::default(),
        }
    }
}

/// A pair of commands around a dump, in a service's container or on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HookRule {
    /// The service in whose container both run.
    pub service: Option<String>,
    /// Whether both run on this machine.
    pub on_host: bool,
    /// Runs before anything is read.
    pub before: Option<Words>,
    /// Runs once the services run again, if `before` was started.
    pub after: Option<Words>,
    /// How long each may take.
    pub timeout: Span,
    /// Who they run as in the container.
    pub user: Option<String>,
    /// Where they run.
    pub workdir: Option<String>,
    /// Variables beside those that are there.
    pub env: Variables,
}

impl Default for HookRule {
    fn default() -> Self {
        Self {
            service: None,
            on_host: false,
            before: None,
            after: None,
            timeout: Span(Duration::from_secs(60)),
            user: None,
            workdir: None,
            env: Variables::default(),
        }
    }
}
