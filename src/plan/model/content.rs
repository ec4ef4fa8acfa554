//! Files, folders and volumes: what they are, and whether and how they are stored.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::{Decision, in_text};

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
        #[serde(serialize_with = "in_text::path")]
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
    pub options: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}
