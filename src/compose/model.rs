//! The project as plain data: what [`super::load()`] takes and gives. No behaviour, no I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// What [`super::load()`] works from. With the file system it determines the result.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Working directory of the call, absolute.
    pub cwd: PathBuf,
    /// `-C`: as Compose's `--project-directory`, relative to [`LoadOptions::cwd`].
    pub project_dir: Option<PathBuf>,
    /// `-f`, in order, relative to [`LoadOptions::cwd`]. Empty: `COMPOSE_FILE`, else discovery.
    pub files: Vec<PathBuf>,
    /// `-p`. Must match `^[a-z0-9][a-z0-9_-]*$`.
    pub project_name: Option<String>,
    /// `--env-file`, in order, relative to [`LoadOptions::cwd`]. They take the place of `.env`.
    pub env_files: Vec<PathBuf>,
    /// `--profile`. Empty or containing `*`: every service is enabled.
    pub profiles: Vec<String>,
    /// The process environment.
    pub env: BTreeMap<OsString, OsString>,
    /// What `~` stands for.
    pub home: Option<PathBuf>,
}

/// A Compose project with everything that its files name on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Project name, by Compose's precedence (`-p`, environment, `name:`, folder).
    pub name: String,
    /// Project directory: absolute, lexically clean, symbolic links kept.
    pub dir: PathBuf,
    /// The Compose files that make up the project, overrides included, in merge order. Included and
    /// extended files are [`Project::references`].
    pub compose_files: Vec<PathBuf>,
    /// Every service by name, also those that the chosen profiles leave out.
    pub services: BTreeMap<String, Service>,
    /// Every volume by model key: the declared ones, used or not, and the used but undeclared ones.
    pub volumes: BTreeMap<String, Volume>,
    /// Every host file and folder that a key names, bind mounts aside, sorted by path. A file that
    /// several keys name is there once per role and key.
    pub references: Vec<Reference>,
    /// What could not be resolved, in the order in which it was found.
    pub warnings: Vec<Warning>,
}

/// A service, as far as a backup needs it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Service {
    /// Name.
    pub name: String,
    /// Image reference.
    pub image: Option<String>,
    /// How its image is built.
    pub build: Option<Build>,
    /// Entries of `volumes` and `tmpfs`, in order.
    pub mounts: Vec<Mount>,
    /// Entries of `volumes_from`.
    pub volumes_from: Vec<VolumesFrom>,
    /// Services that start before it.
    pub depends_on: BTreeMap<String, Condition>,
    /// Its profiles; without any it is always enabled.
    pub profiles: Vec<String>,
    /// Whether the chosen profiles enable it.
    pub enabled: bool,
    /// How long it gets to stop.
    pub stop_grace_period: Option<Duration>,
    /// Fixed name of its container.
    pub container_name: Option<String>,
    /// `scale` or `deploy.replicas`.
    pub replicas: Option<u64>,
}

/// How an image is built. The local folders and files are in [`Project::references`], too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// The build context.
    pub context: BuildSource,
    /// The Dockerfile, absolute and clean; `None` if it is inline or the context is not local.
    pub dockerfile: Option<PathBuf>,
    /// `additional_contexts` by name.
    pub additional_contexts: BTreeMap<String, BuildSource>,
}

/// Where a build context comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildSource {
    /// A folder of the host, absolute and clean.
    Local(PathBuf),
    /// Anything else: a URL, `service:x`, `docker-image://x`, verbatim.
    Other(String),
}

/// One mount of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Kind.
    pub kind: MountKind,
    /// What is mounted; `None` is an anonymous volume or a tmpfs.
    pub source: Option<MountSource>,
    /// Path in the container, lexically clean.
    pub target: String,
    /// Whether the container cannot write to it.
    pub read_only: bool,
    /// Folder inside the volume that is mounted instead of its root.
    pub subpath: Option<String>,
    /// Key path in the merged model, as `services.web.volumes[0]`.
    pub named_by: String,
}

/// The kind of a [`Mount`], as `type:` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountKind {
    /// A file or folder of the host.
    Bind,
    /// A volume, named or anonymous.
    Volume,
    /// Memory.
    Tmpfs,
    /// The content of an image.
    Image,
    /// A Windows named pipe.
    Npipe,
    /// A Swarm cluster volume.
    Cluster,
}

/// What a [`Mount`] mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountSource {
    /// [`MountKind::Bind`]: absolute and clean path on the host.
    HostPath(PathBuf),
    /// [`MountKind::Volume`]: key in [`Project::volumes`].
    VolumeKey(String),
    /// Anything else, verbatim: an image reference, a pipe, a cluster volume, a path of Windows, or a
    /// source that could not be resolved (which is a warning, too).
    Name(String),
}

/// An entry of `volumes_from`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumesFrom {
    /// All mounts of another service.
    Service(String),
    /// All mounts of a container that need not belong to the project.
    Container(String),
}

/// When a dependency counts as fulfilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// `service_started`, the default.
    Started,
    /// `service_healthy`.
    Healthy,
    /// `service_completed_successfully`.
    CompletedSuccessfully,
}

/// A top-level volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Key in the model.
    pub key: String,
    /// The engine's name for it: `name:` verbatim, the key if external, else `<project>_<key>`.
    pub name: String,
    /// Whether it is managed outside of the project.
    pub external: bool,
    /// Driver; `None` is the engine's default.
    pub driver: Option<String>,
    /// Driver options, verbatim but for a relative device that Compose itself makes absolute.
    pub driver_opts: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The host folder behind a `local` volume that is a bind mount, if its path is absolute.
    pub bind_device: Option<PathBuf>,
}

/// A host file or folder that a key names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Absolute, lexically clean; symbolic links are not followed.
    pub path: PathBuf,
    /// What it is for.
    pub role: Role,
    /// What names it: a key path in the merged model (`services.web.env_file[0]`), in the file
    /// that holds the key (`include[1].path`), or an option or variable (`--env-file`).
    pub named_by: String,
    /// The services that use it; empty is the whole project.
    pub services: BTreeSet<String>,
    /// Whether Compose fails without it.
    pub required: bool,
}

/// What a [`Reference`] is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// One of [`Project::compose_files`].
    ComposeFile,
    /// Named by `extends.file`.
    Extended,
    /// Named by `include`.
    Included,
    /// Variables for interpolation: `.env`, `--env-file`, `include.env_file`.
    DotEnv,
    /// Named by a service's `env_file`.
    EnvFile,
    /// Named by a service's `label_file`.
    LabelFile,
    /// Folder named by `build` or `build.context`.
    BuildContext,
    /// Folder named by `build.additional_contexts`.
    AdditionalContext,
    /// A Dockerfile, in the context or outside of it.
    Dockerfile,
    /// `.dockerignore` of a context, or `<dockerfile>.dockerignore`; only where it exists.
    Dockerignore,
    /// File or folder of a top-level `configs` entry.
    ConfigFile,
    /// File or folder of a top-level `secrets` entry.
    SecretFile,
    /// File named by `security_opt: seccomp=`.
    SeccompProfile,
    /// File or folder named by `develop.watch`. It is already part of a source that is built or
    /// mounted, so it does not make content part of a backup by itself.
    WatchedPath,
}

/// Something that could not be resolved; loading went on without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The file that it is about.
    pub file: PathBuf,
    /// Line in that file, from 1; `None` when not known.
    pub line: Option<u64>,
    /// A lower-case sentence without a final period.
    pub message: String,
}
