//! The plan of a restore as plain data: what `restore --dry-run` prints, with `--json` as a document, is what the
//! executor executes.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::diagnostic::Finding;
use crate::engine::NewVolume;
use crate::plan::model::ContainerCommand;

/// Everything that a restore will do.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// The dump.
    pub dump: DumpRow,
    /// The project that it is put back as.
    pub project: String,
    /// Its folder.
    #[serde(serialize_with = "as_text")]
    pub folder: PathBuf,
    /// The engine; `None` where it is not needed or does not answer.
    pub engine: Option<EngineRow>,
    /// Why there is no engine.
    pub no_engine: Option<String>,
    /// Compose files and what they name.
    pub config: Option<ConfigPlan>,
    /// Mounted folders and files.
    pub mounted: Vec<MountedPlan>,
    /// Volumes.
    pub volumes: Vec<VolumePlan>,
    /// Exports.
    pub exports: Vec<ExportPlan>,
    /// What is in the dump and is not put back, and why.
    pub left_out: Vec<LeftOut>,
    /// Containers that are stopped first, in this order.
    pub stop: Vec<StopPlan>,
    /// How services come to run.
    pub start: StartPlan,
    /// Variables that `.env` gets, and files that are written beside the dump's own.
    pub writes: Vec<WritePlan>,
    /// Whether what exists may lose its place, also what came to be since.
    #[serde(skip)]
    pub replaces: bool,
    /// What speaks against it; nothing is done while there is any.
    pub conflicts: Vec<Conflict>,
    /// What is worth knowing before.
    pub warnings: Vec<String>,
}

/// The dump that is put back.
#[derive(Debug, Clone, Serialize)]
pub struct DumpRow {
    /// Its id.
    pub id: String,
    /// The project that it is of.
    pub project: String,
    /// The host that it was made on.
    pub host: String,
    /// When.
    pub invoked: Timestamp,
    /// Whether everything that was planned is in it.
    pub complete: bool,
}

/// The engine that the project is put back on.
#[derive(Debug, Clone, Serialize)]
pub struct EngineRow {
    /// Its version.
    pub version: String,
    /// Where it was reached.
    pub endpoint: String,
}

/// What becomes of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Does {
    /// It does not exist, and is made.
    Create,
    /// It exists and is empty.
    Fill,
    /// It has other content, whose place is taken.
    Replace,
}

impl Does {
    /// The word for a table.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Fill => "fill",
            Self::Replace => "replace",
        }
    }
}

/// The config tree, file by file.
#[derive(Debug, Clone, Serialize)]
pub struct ConfigPlan {
    /// The member.
    pub member: String,
    /// Files that do not exist.
    pub create: u64,
    /// Files that are there as the dump has them.
    pub keep: u64,
    /// Files that differ.
    pub replace: u64,
    /// The first of them, by path in the project folder.
    pub differing: Vec<String>,
}

/// A mounted folder or file.
#[derive(Debug, Clone, Serialize)]
pub struct MountedPlan {
    /// The member.
    pub member: String,
    /// Its path in the project folder.
    pub path: String,
    /// What becomes of it.
    pub does: Does,
    /// Bytes in it.
    pub bytes: u64,
}

/// A volume.
#[derive(Debug, Clone, Serialize)]
pub struct VolumePlan {
    /// The member.
    pub member: String,
    /// As it is named on the command line: the model's name, or `service:/path`.
    pub name: String,
    /// What it is made from; the name of one that belongs to a container is not known before the container
    /// is there.
    #[serde(serialize_with = "volume_row")]
    pub volume: Target,
    /// Who writes it.
    pub writer: Writer,
    /// What becomes of it.
    pub does: Does,
    /// Whether a restore that was cut off has left it half written.
    pub unfinished: bool,
    /// Bytes in it.
    pub bytes: u64,
}

/// An export that is loaded when its service runs.
#[derive(Debug, Clone, Serialize)]
pub struct ExportPlan {
    /// The member.
    pub member: String,
    /// The service whose command loads it.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Bytes of it.
    pub bytes: u64,
    /// What loads it; its words cannot be shown.
    #[serde(skip)]
    pub command: ContainerCommand,
}

/// Which volume of the engine is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The one of that name.
    Named(NewVolume),
    /// The one that a container has at a path.
    OfContainer {
        /// The service.
        service: String,
        /// The container's number, from 1.
        replica: u32,
        /// Where the container mounts it.
        path: String,
        /// The volume, where the container is there.
        name: Option<String>,
    },
}

impl Target {
    /// The engine's name of it, where that is known.
    #[must_use]
    pub fn real_name(&self) -> Option<&str> {
        match self {
            Self::Named(volume) => Some(&volume.name),
            Self::OfContainer { name, .. } => name.as_deref(),
        }
    }
}

/// Who writes a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "by", content = "because")]
pub enum Writer {
    /// We do, in its folder.
    Direct,
    /// The engine does, through a helper container.
    Engine(String),
}

/// What is not put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// What it is.
    pub what: String,
    /// Why.
    pub why: String,
}

/// A container that is stopped before its content changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StopPlan {
    /// Full id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its service.
    pub service: String,
    /// How long it may take.
    #[serde(serialize_with = "as_seconds")]
    pub grace: Duration,
    /// What it uses that changes.
    pub uses: Vec<String>,
}

/// How services come to run again.
#[derive(Debug, Clone, Default, Serialize)]
pub struct StartPlan {
    /// Services in the order in which they start; none with `--no-start`.
    pub services: Vec<String>,
    /// Those that have no container yet, which Compose makes.
    pub create: Vec<String>,
    /// Whether Compose brings existing containers up to date with files that are replaced.
    pub recreate: bool,
    /// Containers that are removed, because a volume that the engine writes has to be made anew.
    pub remove: Vec<RemovePlan>,
    /// What a person types to run Compose on the project, where it can be found.
    pub compose: Option<String>,
}

/// A container that is removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemovePlan {
    /// Full id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A file that is written and is not in the dump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WritePlan {
    /// Its path in the project folder.
    pub path: String,
    /// What it says.
    pub what: String,
}

/// What speaks against a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// Stable name of the rule.
    pub code: &'static str,
    /// What is in the way.
    pub what: String,
    /// What to do about it.
    pub help: String,
}

/// The code of the only conflict that nobody has to mend a file, an option or a project for.
pub const NO_ENGINE: &str = "restore::no_engine";

impl From<Conflict> for Finding {
    fn from(conflict: Conflict) -> Self {
        Self::new(conflict.code, conflict.what).with_help(conflict.help)
    }
}

fn as_text<S: Serializer>(path: &std::path::Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&crate::text::path(path))
}

fn as_seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

/// A volume in a document: what its options say may be a secret.
fn volume_row<S: Serializer>(target: &Target, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Row<'r> {
        name: Option<&'r str>,
        driver: Option<&'r str>,
        labels: Option<&'r std::collections::BTreeMap<String, String>>,
    }
    let volume = match target {
        Target::Named(volume) => Some(volume),
        Target::OfContainer { .. } => None,
    };
    Row {
        name: target.real_name(),
        driver: volume.map(|volume| volume.driver.as_str()),
        labels: volume.map(|volume| &volume.labels),
    }
    .serialize(serializer)
}
