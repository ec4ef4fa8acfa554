//! A container as plain data, with its state and mounts.
//!
//! Its environment is left out on purpose: it holds secrets, and what is not here cannot get into a
//! log, an error or a manifest.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::model::labels;

/// How long the engine lets a container that declares nothing take to stop.
pub const DEFAULT_STOP_GRACE: Duration = Duration::from_secs(10);

/// A container's state, as `docker inspect` names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContainerState {
    /// Never started.
    Created,
    /// Runs.
    Running,
    /// Frozen.
    Paused,
    /// Between two runs, by its restart policy.
    Restarting,
    /// Has ended, or was stopped.
    Exited,
    /// Could not be removed.
    Dead,
    /// Is being removed.
    Removing,
    /// A state that this program does not know.
    Unknown(String),
}

impl ContainerState {
    /// The state of that name; never fails, see [`ContainerState::Unknown`].
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "created" => Self::Created,
            "running" => Self::Running,
            "paused" => Self::Paused,
            "restarting" => Self::Restarting,
            "exited" => Self::Exited,
            "dead" => Self::Dead,
            "removing" => Self::Removing,
            other => Self::Unknown(other.to_owned()),
        }
    }

    /// Whether processes of the container may write now: it runs, or may any moment.
    #[must_use]
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Running | Self::Restarting | Self::Unknown(_))
    }
}

impl fmt::Display for ContainerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Exited => "exited",
            Self::Dead => "dead",
            Self::Removing => "removing",
            Self::Unknown(name) => name,
        })
    }
}

/// What a container's health check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// Started, and its check has not passed yet.
    Starting,
    /// The check passed.
    Healthy,
    /// The check failed as often as it may.
    Unhealthy,
}

/// What kind of thing is mounted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum MountKind {
    /// A path of the engine's host.
    Bind,
    /// A volume, named or anonymous.
    Volume,
    /// Memory.
    Tmpfs,
    /// The content of an image, read-only.
    Image,
    /// Anything else: `npipe`, `cluster`, or what a newer engine has.
    Other(String),
}

impl MountKind {
    /// The kind of that name; never fails, see [`MountKind::Other`].
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "bind" => Self::Bind,
            "volume" => Self::Volume,
            "tmpfs" => Self::Tmpfs,
            "image" => Self::Image,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// One mount of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerMount {
    /// Kind.
    pub kind: MountKind,
    /// The volume's real name, for [`MountKind::Volume`].
    pub name: Option<String>,
    /// Path on the engine's host, where there is one: the folder of a bind, a volume's mountpoint.
    pub source: Option<PathBuf>,
    /// Where it is mounted, absolute in the container.
    pub destination: String,
    /// Whether the container may write to it.
    pub writable: bool,
    /// The volume's driver, for [`MountKind::Volume`].
    pub driver: Option<String>,
}

/// A container, without its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Full id.
    pub id: String,
    /// Name without the leading slash.
    pub name: String,
    /// Compose project, by label.
    pub project: Option<String>,
    /// Compose service, by label.
    pub service: Option<String>,
    /// Number of the replica from 1, by label.
    pub number: Option<u32>,
    /// Made by `docker compose run`.
    pub oneoff: bool,
    /// Removed by the engine as soon as it stops (`--rm`).
    pub auto_remove: bool,
    /// State.
    pub state: ContainerState,
    /// The image as it was written when the container was created.
    pub image: String,
    /// The image's id, `sha256:...`.
    pub image_id: String,
    /// Compose's hash of the service's configuration, by label.
    pub config_hash: Option<String>,
    /// When it was created, RFC 3339.
    pub created_at: Option<String>,
    /// When it was started last, as the engine writes it; pausing does not change it.
    pub started_at: Option<String>,
    /// When it ended last, by the engine's clock; of one that never did, `None` or long ago.
    pub finished_at: Option<Timestamp>,
    /// Whether the engine starts it again when it ends by itself.
    pub restarts: bool,
    /// The code that it exited with; of one that never ran or runs, 0.
    pub exit_code: i64,
    /// What its health check says; `None` without one, and of one that does not run.
    pub health: Option<Health>,
    /// Whether a health check is declared, by Compose or in the image.
    pub has_health_check: bool,
    /// How long it may take to stop before it is killed; the engine's default where none is declared.
    pub stop_grace: Duration,
    /// Mounts, sorted by destination; those from `volumes_from` and `--tmpfs` too.
    pub mounts: Vec<ContainerMount>,
    /// All labels.
    pub labels: BTreeMap<String, String>,
}

impl Container {
    /// What Compose names as its `-f` files: absolute paths from v2, as typed from v1; `-` is stdin.
    pub fn config_files(&self) -> impl Iterator<Item = &str> {
        self.list_label(labels::CONFIG_FILES)
    }

    /// What Compose names as its `--env-file` files.
    pub fn env_files(&self) -> impl Iterator<Item = &str> {
        self.list_label(labels::ENV_FILES)
    }

    /// The project directory that Compose used.
    #[must_use]
    pub fn working_dir(&self) -> Option<PathBuf> {
        self.labels.get(labels::WORKING_DIR).map(PathBuf::from)
    }

    /// The services that Compose (v2) started before it, by label: `db:service_healthy:false,...`.
    /// Empty for containers of v1, which has no such label.
    pub fn depends_on(&self) -> impl Iterator<Item = &str> {
        self.list_label(labels::DEPENDS_ON)
            .map(|dependency| dependency.split(':').next().unwrap_or(dependency))
    }

    /// Whether it mounts the volume of that real name.
    #[must_use]
    pub fn mounts_volume(&self, name: &str) -> bool {
        let names_it = |mount: &ContainerMount| {
            mount.kind == MountKind::Volume && mount.name.as_deref() == Some(name)
        };
        self.mounts.iter().any(names_it)
    }

    /// `web` of one replica or `web/2`, else the container's name: for messages.
    #[must_use]
    pub fn display_name(&self) -> String {
        match (&self.service, self.number) {
            (Some(service), Some(number)) if number > 1 => format!("{service}/{number}"),
            (Some(service), _) => service.clone(),
            (None, _) => self.name.clone(),
        }
    }

    fn list_label(&self, label: &str) -> impl Iterator<Item = &str> {
        let text = self.labels.get(label).map_or("", String::as_str);
        text.split(',').filter(|item| !item.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(labels: &[(&str, &str)]) -> Container {
        Container {
            id: "1".into(),
            name: "blog-web-2".into(),
            project: Some("blog".into()),
            service: Some("web".into()),
            number: Some(2),
            oneoff: false,
            auto_remove: false,
            state: ContainerState::Running,
            image: "web:1".into(),
            image_id: "sha256:1".into(),
            config_hash: None,
            created_at: None,
            started_at: None,
            finished_at: None,
            restarts: false,
            exit_code: 0,
            health: None,
            has_health_check: false,
            stop_grace: DEFAULT_STOP_GRACE,
            mounts: Vec::new(),
            labels: labels
                .iter()
                .map(|(key, value)| ((*key).into(), (*value).into()))
                .collect(),
        }
    }

    #[test]
    fn lists_in_labels_are_split_and_may_be_missing() {
        let files = container(&[(labels::CONFIG_FILES, "/a/compose.yaml,/a/b.yaml")]);
        assert_eq!(
            files.config_files().collect::<Vec<_>>(),
            ["/a/compose.yaml", "/a/b.yaml"]
        );
        assert_eq!(container(&[]).config_files().count(), 0);
        assert_eq!(container(&[(labels::ENV_FILES, "")]).env_files().count(), 0);
    }

    #[test]
    fn states_and_kinds_that_nobody_knows_are_kept() {
        assert_eq!(ContainerState::from_name("paused"), ContainerState::Paused);
        let odd = ContainerState::from_name("hibernating");
        assert_eq!(odd.to_string(), "hibernating");
        assert!(odd.is_active(), "what is unknown may write");
        assert_eq!(
            MountKind::from_name("npipe"),
            MountKind::Other("npipe".into())
        );
    }

    #[test]
    fn replicas_have_their_number_in_messages() {
        let mut it = container(&[]);
        assert_eq!(it.display_name(), "web/2");
        it.number = Some(1);
        assert_eq!(it.display_name(), "web");
        it.service = None;
        assert_eq!(it.display_name(), "blog-web-2");
    }
}
