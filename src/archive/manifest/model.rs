//! The manifest's keys as types, in the order in which they are written.
//!
//! Unknown keys are tolerated when reading: a later version of the same format may add some. Every
//! field is described in `schemas/manifest.schema.json` with an example.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::digest::Sha256Digest;

/// All that a manifest says, but for its last line, the seal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the dump format; see [`super::FORMAT`].
    pub format: u32,
    /// Unique id of the dump.
    pub id: String,
    /// Whose dump it is.
    pub project: Project,
    /// What it is compared with when dumps are counted.
    pub series: Series,
    /// When, where and how it was made.
    pub meta: Meta,
    /// The Compose model that was found.
    pub compose: Compose,
    /// Every stored part.
    pub members: Vec<Member>,
    /// Stored volumes and mounted paths by name, as the predecessor's manifests listed them.
    #[serde(default)]
    pub volumes: VolumeFiles,
    /// Who was held still, from when to when.
    #[serde(default)]
    pub held: Vec<Held>,
    /// What the plan left out, and why.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// What was to be stored and is not, not wholly, or not as of one moment, and why.
    #[serde(default)]
    pub failed: Vec<LeftOut>,
    /// Volumes of the model that were to be stored, by name, and that the engine did not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_volumes: Vec<String>,
    /// Warnings that belong to no single member.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The archive file that this manifest lies beside; only in `<name>.manifest.yml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveFile>,
    /// The tars that hold the trees, where a store has no plain files; empty elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trees: Vec<TreeFile>,
    /// What was too long for one object, by its path in the dump or the archive's name: the objects that
    /// make it when they are joined in this order.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub segments: BTreeMap<String, Vec<Segment>>,
    /// Whether everything that was planned is in the dump, and nothing in `failed`.
    pub complete: bool,
}

/// The project that was dumped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Compose's project name.
    pub name: String,
    /// `<host>/<name>/<path hash>`, or what the configuration says.
    pub id: String,
    /// The project folder on that host; for the reader, never used by a restore.
    pub folder: String,
}

/// Dumps of one project by one job.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Series {
    /// The project's id.
    pub project: String,
    /// The job's name.
    pub job: String,
}

/// When, where and how a dump was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// Start of the run.
    pub invocation_time: Timestamp,
    /// When all sources had been read.
    pub finish_time: Timestamp,
    /// Host name.
    pub host: String,
    /// User id of the process.
    pub uid: u32,
    /// Group id of the process.
    pub gid: u32,
    /// Version of compose-dump.
    pub version: String,
    /// Options by name, secrets left out.
    #[serde(default)]
    pub options: BTreeMap<String, serde_json::Value>,
}

/// The Compose model that was found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Compose {
    /// The Compose files in the order of their merge.
    #[serde(default)]
    pub files: Vec<ComposeFile>,
    /// Services by name.
    #[serde(default)]
    pub services: BTreeMap<String, Service>,
}

/// A Compose file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComposeFile {
    /// Path relative to the project folder, or absolute outside it.
    pub path: String,
    /// Of its bytes.
    pub sha256: Sha256Digest,
}

/// What ran for a service.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Service {
    /// Compose's own hash of the service's configuration, from the container's label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_hash: Option<String>,
    /// Image reference as the container was created from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Local id of that image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<String>,
    /// Repository digests of that image.
    #[serde(default)]
    pub digests: Vec<String>,
}

/// A stored part of the dump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Path in the dump, the codec's extension included.
    pub path: String,
    /// How the content lies in the dump.
    pub kind: MemberKind,
    /// What it was read from.
    pub source: Source,
    /// Bytes as they stand in the dump; of a tree, the sum of its files' lengths.
    pub bytes: u64,
    /// Of the bytes as they stand in the dump; of a tree, of its uncompressed index text.
    pub sha256: Sha256Digest,
    /// Bytes before compression.
    pub raw_bytes: u64,
    /// Of the bytes before compression.
    pub raw_sha256: Sha256Digest,
    /// Files, folders, links and special files in it; absent for plain bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
    /// Who read it.
    pub reader: Reader,
    /// How true the copy can be with that reader.
    pub fidelity: Fidelity,
    /// What was odd.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Its index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<IndexFile>,
    /// The volume that it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<Volume>,
}

/// How a member's content lies in the dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberKind {
    /// Files and folders.
    Tree,
    /// One tar.
    Tar,
    /// Bytes of which nothing is known: an export.
    Bytes,
}

/// What a member was read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Source {
    /// Compose files and what they reference, inside the project folder.
    Config,
    /// Referenced files outside the project folder.
    ConfigOutside,
    /// A bind mount inside the project folder.
    Mounted {
        /// Relative to the project folder.
        path: String,
    },
    /// A named volume.
    ProjectVolume {
        /// The name in the Compose model.
        name: String,
    },
    /// An anonymous volume, or one that an image declares.
    ServiceVolume {
        /// The service.
        service: String,
        /// The container's number, from 1.
        replica: u32,
        /// Where the container has it.
        path: String,
    },
    /// A command's output.
    Export {
        /// The service that it ran in.
        service: String,
        /// The export's name.
        name: String,
    },
}

/// Who read a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reader {
    /// Files, directly.
    Direct,
    /// The engine's archive API.
    Engine,
    /// A command in a container.
    Command,
}

/// How true a copy can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fidelity {
    /// All that a file system has: nanoseconds, attributes, ACLs, holes.
    Full,
    /// What the engine's archive API keeps: whole seconds, no attributes but capabilities, no holes.
    Engine,
}

/// A member's index: one line for each entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexFile {
    /// Path in the dump.
    pub path: String,
    /// Bytes as they stand in the dump.
    pub bytes: u64,
    /// Of the bytes as they stand in the dump.
    pub sha256: Sha256Digest,
}

/// A volume as the engine has it; what a restore creates it anew from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// The engine's name of it.
    pub name: String,
    /// Driver.
    pub driver: String,
    /// Driver options, values of secrets left out.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// Stored volumes and mounted paths by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VolumeFiles {
    /// Path in the dump by the model's volume name.
    #[serde(default)]
    pub project: BTreeMap<String, String>,
    /// Paths relative to the project folder.
    #[serde(default)]
    pub mounted: Vec<String>,
    /// Path in the dump by service and container path; of several replicas, the first one's.
    #[serde(default)]
    pub services: BTreeMap<String, BTreeMap<String, String>>,
}

/// A container that was held still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its service.
    pub service: String,
    /// Its name.
    pub container: String,
    /// How.
    pub how: Hold,
    /// The members that it was held for.
    #[serde(default, rename = "for", skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
    /// When it stood still.
    pub from: Timestamp,
    /// When it ran again, or was found to be no longer held; absent when it is held still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
}

/// How a container is held still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// Frozen.
    Paused,
    /// Stopped.
    Stopped,
}

impl std::fmt::Display for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        })
    }
}

/// Something that is not in the dump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// What it is: a path, a volume, a mount.
    pub what: String,
    /// Why it is not there.
    pub reason: String,
}

/// A tar that holds all trees below one folder of the layout, by their paths in the dump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeFile {
    /// That folder: `config`, `config-outside`, `volumes/mounted`.
    pub root: String,
    /// Path in the dump, the codec's extension included.
    pub path: String,
    /// Bytes as they stand in the dump.
    pub bytes: u64,
    /// Of the bytes as they stand in the dump.
    pub sha256: Sha256Digest,
}

/// One of the objects that a long one is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Path in the dump, or the name beside the manifest.
    pub path: String,
    /// Its length.
    pub bytes: u64,
}

/// An archive file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveFile {
    /// Its name, in the folder of the manifest.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// Of the whole file.
    pub sha256: Sha256Digest,
}
