//! The plan as plain data: what a job would do, complete, without side effects.
//!
//! What `plan` prints is this value, and it is all that the executor gets.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::archive::manifest::model::{Hold, LeftOut};
use crate::codecs::Compression;
use crate::config::dump_name::DumpName;
use crate::config::identity::Identity;
use crate::config::job_file::commands::{Variables, Words};
use crate::config::job_file::model::TargetFormat;
pub use crate::config::job_file::rules::Window;
pub use crate::config::scope::Scope;
use crate::config::span::Span;
use crate::retention::{Policy, Share};
use crate::store::{StoreOptions, StoreUrl};
use crate::text;

pub use super::missing::Missing;

/// What a job would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The job's name; `manual` for an ad-hoc one.
    pub job: String,
    /// The project.
    pub project: ProjectPlan,
    /// The engine that answers, if one does.
    pub engine: Option<EnginePlan>,
    /// Why no engine answers, if none does.
    pub no_engine: Option<String>,
    /// The scopes that were asked for.
    pub scopes: Vec<Scope>,
    /// The services that content is restricted to; empty for all.
    pub services: Vec<String>,
    /// Whether a dump with gaps is given up.
    pub strict: bool,
    /// The share of the dump before it below which the dump removes no others.
    pub shrink_guard: Share,
    /// Every file and folder of scope `config`.
    pub config: Vec<PathPlan>,
    /// Every bind mount.
    pub mounted: Vec<PathPlan>,
    /// Every volume.
    pub volumes: Vec<VolumePlan>,
    /// Every declared export.
    pub exports: Vec<ExportPlan>,
    /// The pairs of commands around the reading.
    pub hooks: Vec<HookPlan>,
    /// Who is held still meanwhile.
    pub hold: HoldPlan,
    /// Where the dump goes.
    pub targets: Vec<TargetPlan>,
    /// The members of the dump, by their paths in it without a codec's extension.
    pub members: Vec<String>,
    /// What the manifest will list as left out.
    pub left_out: Vec<LeftOut>,
    /// What does not stop a run but should be known.
    pub warnings: Vec<String>,
    /// What the Compose files declare and what is not there.
    pub missing: Missing,
    /// The folder of temporary files.
    #[serde(serialize_with = "as_text")]
    pub spool_dir: PathBuf,
    /// What the trees are read by; a consequence of the rows above.
    #[serde(skip)]
    pub trees: Vec<TreePlan>,
}

/// The project that is dumped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectPlan {
    /// Host, name, path hash.
    #[serde(flatten)]
    pub identity: Identity,
    /// `<host>/<name>/<path hash>`.
    pub id: String,
    /// The project folder.
    #[serde(serialize_with = "as_text")]
    pub folder: PathBuf,
    /// The Compose files in the order in which they are merged.
    #[serde(serialize_with = "as_texts")]
    pub compose_files: Vec<PathBuf>,
}

/// The engine that a plan relies on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnginePlan {
    /// Where it was reached.
    pub endpoint: String,
    /// Its version.
    pub version: String,
    /// The negotiated version of its API.
    pub api_version: String,
    /// Why volumes can be read directly, or why not.
    pub direct: String,
}

/// Whether something is stored, and why or why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Whether it is stored.
    pub taken: bool,
    /// The rule that decided.
    pub why: String,
}

impl Decision {
    /// Stored, because of `why`.
    #[must_use]
    pub fn taken(why: impl Into<String>) -> Self {
        Self {
            taken: true,
            why: why.into(),
        }
    }

    /// Left out, because of `why`.
    #[must_use]
    pub fn left_out(why: impl Into<String>) -> Self {
        Self {
            taken: false,
            why: why.into(),
        }
    }
}

/// A file or folder of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PathPlan {
    /// Relative to the project folder where it lies below it, else absolute.
    pub path: String,
    /// `file`, `folder`, `link`, `missing`, `socket`, ...
    pub kind: &'static str,
    /// The keys that name it: `services.web.env_file[0]`.
    pub named_by: Vec<String>,
    /// Where it is in the dump, if it is taken.
    pub member: Option<String>,
    /// Length of a file.
    pub bytes: Option<u64>,
    /// Patterns of what is left out inside, in gitignore syntax, by the rule for it.
    pub exclude: Vec<String>,
    /// Taken or not.
    #[serde(flatten)]
    pub decision: Decision,
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VolumePlan {
    /// What it is.
    pub kind: VolumeKind,
    /// Its name at the engine; `None` while it does not exist.
    pub name: Option<String>,
    /// Path of its tar in the dump without a codec's extension, if it is taken.
    pub member: Option<String>,
    /// How it is read, if it is taken.
    pub reader: Option<ReaderPlan>,
    /// Driver, options and labels, as a restore needs them.
    pub driver: Option<DriverPlan>,
    /// The services that mount it.
    pub services: Vec<String>,
    /// Patterns of what is left out inside, in gitignore syntax, by the rule for it.
    pub exclude: Vec<String>,
    /// Whether it is left out because an export has its content.
    pub exported: bool,
    /// Taken or not.
    #[serde(flatten)]
    pub decision: Decision,
}

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

/// What a volume is to its project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum VolumeKind {
    /// A named volume of the project.
    Project {
        /// Its key in the Compose file.
        key: String,
    },
    /// An anonymous volume of one container.
    Service {
        /// The service.
        service: String,
        /// The container's number among the service's replicas.
        replica: u32,
        /// Where it is mounted.
        path: String,
    },
}

impl std::fmt::Display for VolumeKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Project { key } => write!(formatter, "{key}"),
            Self::Service {
                service,
                replica,
                path,
            } => write!(formatter, "{service}/{replica}:{path}"),
        }
    }
}

/// How a volume's content is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reader", rename_all = "lowercase")]
pub enum ReaderPlan {
    /// From its folder on this machine.
    Direct {
        /// The folder.
        #[serde(serialize_with = "as_text")]
        mountpoint: PathBuf,
    },
    /// Through the Engine's archive API, by a container that is never started.
    Engine {
        /// Why not `direct`.
        because: String,
    },
}

impl ReaderPlan {
    /// `direct` or `engine`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Direct { .. } => "direct",
            Self::Engine { .. } => "engine",
        }
    }
}

/// What a restore needs to create a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DriverPlan {
    /// Volume driver.
    pub driver: String,
    /// Driver options; `***` in place of what looks like a secret.
    pub options: std::collections::BTreeMap<String, String>,
    /// Labels.
    pub labels: std::collections::BTreeMap<String, String>,
}

/// Who is held still while volumes and mounted paths are read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct HoldPlan {
    /// For how much at a time.
    pub window: Window,
    /// How long a window may last; `None` for as long as it takes.
    pub max_downtime: Option<Span>,
    /// The containers that are stopped.
    pub stop: Vec<HeldPlan>,
    /// The containers that are paused, in this order.
    pub pause: Vec<HeldPlan>,
    /// Containers that would be held and are paused already, by somebody else. They are left as they
    /// are, and watched.
    pub paused: Vec<HeldPlan>,
    /// Containers that use what is read and go on running, with the reason.
    pub go_on: Vec<GoesOn>,
}

impl HoldPlan {
    /// Everybody who is held, as far as it can be known: who is paused already may run by then.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = &HeldPlan> {
        self.stop.iter().chain(&self.pause).chain(&self.paused)
    }

    /// Whether a run holds anybody.
    pub(crate) fn holds_somebody(&self) -> bool {
        self.everybody().next().is_some()
    }
}

/// A container that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldPlan {
    /// The container's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its service.
    pub service: String,
    /// What is done to it.
    pub how: Hold,
    /// Services of a higher rank depend on it: they stop before it, and start after it.
    pub rank: u32,
    /// The members that it can write to.
    pub uses: Vec<String>,
}

/// A container that is not held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoesOn {
    /// Its name.
    pub name: String,
    /// Why it goes on.
    pub why: String,
}

/// A place where the dump goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetPlan {
    /// How reports call it: as it was given.
    pub name: String,
    /// What it is and where.
    #[serde(flatten)]
    pub kind: TargetKind,
    /// Compression of members (folder) or of the whole (archive).
    pub compression: Compression,
    /// What is written to the spool folder first.
    pub spool: SpoolPlan,
    /// Memory that the codec may take, in bytes.
    pub codec_memory: u64,
    /// Free bytes on the target's file system, where it has one.
    pub free: Option<u64>,
    /// Whether it is a folder that does not exist yet.
    pub will_be_created: bool,
    /// Whether the run fails with it.
    pub required: bool,
    /// Which dumps stay there after a complete run; `None`: all.
    pub keep: Option<Policy>,
}

/// What a target is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum TargetKind {
    /// A folder of dumps, each a tree.
    Folder {
        /// The folder.
        #[serde(serialize_with = "as_text")]
        path: PathBuf,
        /// The names of dumps, as far as they are the same in every run.
        dump_name: DumpName,
    },
    /// A folder of dumps, each an archive.
    Archives {
        /// The folder.
        #[serde(serialize_with = "as_text")]
        path: PathBuf,
        /// The names of dumps, as far as they are the same in every run.
        dump_name: DumpName,
    },
    /// Exactly one archive.
    Archive {
        /// The file.
        #[serde(serialize_with = "as_text")]
        path: PathBuf,
    },
    /// A prefix in an object store.
    Store {
        /// The prefix.
        #[serde(serialize_with = "shown")]
        url: StoreUrl,
        /// What a dump looks like there.
        format: TargetFormat,
        /// The names of dumps, as far as they are the same in every run.
        dump_name: DumpName,
        /// How the store is reached; nothing of it is shown.
        #[serde(skip)]
        options: Box<StoreOptions>,
    },
    /// Standard output, as an archive.
    Stdout,
}

impl TargetKind {
    /// The folder in which dumps appear, where there is one.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder { path, .. } | Self::Archives { path, .. } => Some(path),
            Self::Archive { path } => path.parent(),
            Self::Store { .. } | Self::Stdout => None,
        }
    }
}

/// What a target writes to the spool folder before it goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpoolPlan {
    /// How much.
    pub what: SpoolWhat,
    /// Why.
    pub why: Option<String>,
    /// The folder of temporary files.
    #[serde(serialize_with = "as_text")]
    pub dir: PathBuf,
    /// Free bytes there.
    pub free: Option<u64>,
    /// The most bytes that may be spooled.
    pub limit: Option<u64>,
}

/// Which part of a dump is spooled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpoolWhat {
    /// Nothing.
    Nothing,
    /// Members whose size is not known before their first byte.
    UnknownSize,
    /// Everything that is read while services are held.
    WhileHeld,
}

/// A tree member: where to walk, and what to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreePlan {
    /// The member's path in the dump: `config`, `config-outside`, `volumes/mounted/<path>`.
    pub member: String,
    /// What comes before an entry's path in the dump: `config`, `volumes/mounted`.
    pub prefix: String,
    /// Scope.
    pub scope: Scope,
    /// The folder that paths are relative to, and from which the walk starts.
    pub base: PathBuf,
    /// Where the walk happens.
    pub reader: TreeReader,
    /// What to take, relative to `base`.
    pub roots: Vec<TreeRoot>,
    /// What belongs to somebody else, relative to `base`.
    pub not: Vec<PathBuf>,
    /// Gitignore patterns of the project, from `.backupignore`.
    pub ignore: Option<PathBuf>,
    /// Whether links are replaced by what they point to.
    pub follow_links: bool,
}

/// Whose file system a tree is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreeReader {
    /// This machine's.
    Direct,
    /// The remote engine's, through a container that is never started. Such a tree has one root.
    Engine,
}

/// A file or folder to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeRoot {
    /// Relative to the tree's base; empty for the base itself.
    pub path: PathBuf,
    /// Whether everything below is taken, or just this one.
    pub whole: bool,
    /// The `.dockerignore` that applies below, for a build context.
    pub dockerignore: Option<PathBuf>,
    /// Patterns in gitignore syntax, relative to this root, of what is not taken.
    pub exclude: Vec<String>,
}

impl TreeRoot {
    /// Exactly this file, folder or link.
    #[must_use]
    pub const fn exactly(path: PathBuf) -> Self {
        Self {
            path,
            whole: false,
            dockerignore: None,
            exclude: Vec::new(),
        }
    }
}

fn as_text<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text::path(path))
}

fn shown<S: Serializer>(url: &StoreUrl, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(url)
}

fn as_texts<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| text::path(path)))
}
