//! The engine's answers as plain data: only what the program uses, nothing of the API library.
//! Containers have [`super::container`] to themselves.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;

/// Labels that Docker Compose (v1 and v2) sets.
pub mod labels {
    /// The project's name, on containers, volumes and networks.
    pub const PROJECT: &str = "com.docker.compose.project";
    /// The service's name, on containers.
    pub const SERVICE: &str = "com.docker.compose.service";
    /// The replica's number, from 1, on containers.
    pub const NUMBER: &str = "com.docker.compose.container-number";
    /// `True` on containers of `docker compose run`, else `False`.
    pub const ONEOFF: &str = "com.docker.compose.oneoff";
    /// What the service depends on, comma-separated `service:condition:restart`, on containers of v2.
    pub const DEPENDS_ON: &str = "com.docker.compose.depends_on";
    /// Hash of the service's configuration, in an algorithm of that Compose version.
    pub const CONFIG_HASH: &str = "com.docker.compose.config-hash";
    /// The `-f` files, comma-separated; absolute from v2, as typed from v1.
    pub const CONFIG_FILES: &str = "com.docker.compose.project.config_files";
    /// The project directory.
    pub const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
    /// The `--env-file` files, comma-separated; absolute from v2.
    pub const ENV_FILES: &str = "com.docker.compose.project.environment_file";
    /// The volume's name in the model, on volumes.
    pub const VOLUME: &str = "com.docker.compose.volume";
}

/// Whether an engine has made the text up: 64 hex digits, the id of an object or the name of an anonymous
/// volume.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == 64 && text.bytes().all(is_digit)
}

/// As much of a name as tells it from others: the beginning of one that an engine has made up, else all of it.
#[must_use]
pub fn short(name: &str) -> &str {
    if is_id(name) { &name[..12] } else { name }
}

/// Facts about an engine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Daemon {
    /// Identity of the engine's data, stable over restarts; empty where it gives none.
    pub id: String,
    /// Name of the host that it runs on.
    pub name: String,
    /// What it calls itself: `Docker Engine`, `Podman Engine`.
    pub product: String,
    /// Its version, `20.10.24+dfsg1`.
    pub server_version: String,
    /// The API version that we speak with it, `1.41`.
    pub api_version: String,
    /// Operating system of its containers, `linux` or `windows`.
    pub os: String,
    /// Where it keeps its data, on its own host.
    pub root_dir: Option<PathBuf>,
    /// `cgroupfs`, `systemd`, or `none` where containers cannot be frozen (rootless on cgroup v1).
    pub cgroup_driver: Option<String>,
    /// `1` or `2`.
    pub cgroup_version: Option<String>,
    /// Runs without root: files of volumes have shifted owners on its disk.
    pub rootless: bool,
    /// Remaps user ids: files of volumes have shifted owners on its disk.
    pub userns_remap: bool,
}

impl Daemon {
    /// Whether what [`read_archive`](crate::engine::Engine::read_archive) gives can stand for the
    /// files. Podman (tried: 4.3) gives every entry the owner 0:0.
    #[must_use]
    pub fn archives_are_faithful(&self) -> bool {
        !self.product.starts_with("Podman")
    }

    /// Whether it says that it can freeze containers at all. `true` is no promise.
    #[must_use]
    pub fn can_pause(&self) -> bool {
        self.cgroup_driver.as_deref() != Some("none")
    }
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Volume {
    /// Real name.
    pub name: String,
    /// Driver; `local` is the engine's own.
    pub driver: String,
    /// Folder on the engine's host. Of a `local` volume with mount options it is empty unless some
    /// container uses the volume.
    pub mountpoint: Option<PathBuf>,
    /// Driver options; a `local` volume with any is a bind, a network mount or memory.
    pub options: BTreeMap<String, String>,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// When it was created, as the engine writes it.
    pub created_at: Option<String>,
    /// `local` or `global`.
    pub scope: String,
}

impl Volume {
    /// The volume's name in the Compose model, by label.
    #[must_use]
    pub fn model_name(&self) -> Option<&str> {
        self.labels.get(labels::VOLUME).map(String::as_str)
    }

    /// The Compose project that it belongs to, by label.
    #[must_use]
    pub fn project(&self) -> Option<&str> {
        self.labels.get(labels::PROJECT).map(String::as_str)
    }
}

/// A volume that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewVolume {
    /// Real name.
    pub name: String,
    /// Driver.
    pub driver: String,
    /// Driver options.
    pub options: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    /// Id, `sha256:...`.
    pub id: String,
    /// References by tag.
    pub tags: Vec<String>,
    /// References by the registry's digest; none for images made here.
    pub digests: Vec<String>,
}

/// What a helper container mounts, at [`crate::engine::helper::MOUNT_POINT`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HelperMount {
    /// The volume of that real name.
    Volume(String),
    /// That absolute path of the engine's host, which must exist.
    Path(PathBuf),
}

/// A helper container to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelperSpec {
    /// What it mounts.
    pub mount: HelperMount,
    /// Whether the mount is writable. Reading needs no writable mount.
    pub writable: bool,
    /// Who it belongs to, kept as a label; see [`crate::process::ProcessId`].
    pub owner: String,
}

/// Something that happened to a container and changed whether it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateChange {
    /// The container's full id.
    pub container: String,
    /// What happened.
    pub what: Change,
    /// When, by the engine's own clock.
    pub at: Timestamp,
}

/// What can happen to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was frozen.
    Paused,
    /// It was thawed.
    Unpaused,
    /// It was started, also by `docker restart` or its restart policy.
    Started,
    /// It ended, was stopped or killed.
    Ended,
    /// It was removed.
    Removed,
}
