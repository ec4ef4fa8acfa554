//! The plan as plain data: what a job would do, complete, without side effects.
//!
//! What `plan` prints is this value, and it is all that the executor gets.

mod commands;
mod content;
mod hold;
mod in_text;
mod targets;
mod trees;

use std::num::NonZero;
use std::path::PathBuf;

use serde::Serialize;

use crate::archive::manifest::model::LeftOut;
use crate::config::identity::Identity;
pub use crate::config::job_file::rules::Window;
pub use crate::config::scope::Scope;
use crate::retention::Share;

pub use self::commands::{ContainerCommand, ExportPlan, HookCommand, HookPlan, HostCommand};
pub use self::content::{DriverPlan, PathPlan, ReaderPlan, VolumeKind, VolumePlan};
pub use self::hold::{GoesOn, HeldPlan, HoldPlan};
pub use self::targets::{SpoolPlan, SpoolWhat, TargetKind, TargetPlan};
pub use self::trees::{TreePlan, TreeReader, TreeRoot};
pub use super::missing::{Elsewhere, Missing};

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
    /// How many volumes are read side by side.
    pub volumes_at_once: NonZero<u8>,
    /// The folder of temporary files.
    #[serde(serialize_with = "in_text::path")]
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
    #[serde(serialize_with = "in_text::path")]
    pub folder: PathBuf,
    /// The Compose files in the order in which they are merged.
    #[serde(serialize_with = "in_text::paths")]
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
