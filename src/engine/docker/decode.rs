//! The API library's types turned into ours. Pure; environments are dropped here.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use bollard::models;
use jiff::Timestamp;

use crate::engine::container::DEFAULT_STOP_GRACE;
use crate::engine::model::labels;
use crate::engine::{
    Change, Container, ContainerMount, ContainerState, Daemon, Health, Image, MountKind,
    StateChange, Volume,
};

/// A container from its inspection.
pub(super) fn container(inspected: models::ContainerInspectResponse) -> Container {
    let config = inspected.config.unwrap_or_default();
    let host = inspected.host_config.unwrap_or_default();
    let labels = sorted(config.labels.unwrap_or_default());
    let label = |name: &str| labels.get(name).cloned();
    let state = inspected.state.unwrap_or_default();
    let status = state.status;
    let checks = config
        .healthcheck
        .and_then(|check| check.test)
        .unwrap_or_default();
    Container {
        id: inspected.id.unwrap_or_default(),
        name: inspected
            .name
            .unwrap_or_default()
            .trim_start_matches('/')
            .to_owned(),
        project: label(labels::PROJECT),
        service: label(labels::SERVICE),
        number: label(labels::NUMBER).and_then(|number| number.parse().ok()),
        oneoff: label(labels::ONEOFF).is_some_and(|oneoff| oneoff.eq_ignore_ascii_case("true")),
        auto_remove: host.auto_remove.unwrap_or_default(),
        state: ContainerState::from_name(status.as_ref().map_or("", |status| status.as_ref())),
        image: config.image.unwrap_or_default(),
        image_id: inspected.image.unwrap_or_default(),
        config_hash: label(labels::CONFIG_HASH),
        created_at: inspected.created,
        started_at: given(state.started_at),
        finished_at: state.finished_at.and_then(|at| at.parse().ok()),
        restarts: host.restart_policy.is_some_and(|policy| restarts(&policy)),
        exit_code: state.exit_code.unwrap_or_default(),
        health: state
            .health
            .and_then(|health| health.status)
            .and_then(health),
        // `["NONE"]` switches an image's check off.
        has_health_check: checks.first().is_some_and(|kind| kind != "NONE"),
        stop_grace: config
            .stop_timeout
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map_or(DEFAULT_STOP_GRACE, Duration::from_secs),
        mounts: mounts(
            inspected.mounts.unwrap_or_default(),
            host.tmpfs.unwrap_or_default(),
        ),
        labels,
    }
}

fn restarts(policy: &models::RestartPolicy) -> bool {
    use models::RestartPolicyNameEnum::{ALWAYS, EMPTY, NO, ON_FAILURE, UNLESS_STOPPED};
    match policy.name {
        Some(ALWAYS | UNLESS_STOPPED | ON_FAILURE) => true,
        Some(EMPTY | NO) | None => false,
    }
}

fn health(status: models::HealthStatusEnum) -> Option<Health> {
    match status {
        models::HealthStatusEnum::STARTING => Some(Health::Starting),
        models::HealthStatusEnum::HEALTHY => Some(Health::Healthy),
        models::HealthStatusEnum::UNHEALTHY => Some(Health::Unhealthy),
        models::HealthStatusEnum::EMPTY | models::HealthStatusEnum::NONE => None,
    }
}

/// `--tmpfs` stands apart from the other mounts in an inspection; here they are one list.
fn mounts(listed: Vec<models::MountPoint>, tmpfs: HashMap<String, String>) -> Vec<ContainerMount> {
    let mut mounts: Vec<_> = listed.into_iter().map(mount).collect();
    for destination in tmpfs.into_keys() {
        if mounts.iter().all(|mount| mount.destination != destination) {
            mounts.push(ContainerMount {
                kind: MountKind::Tmpfs,
                name: None,
                source: None,
                destination,
                writable: true,
                driver: None,
            });
        }
    }
    mounts.sort_by(|one, other| one.destination.cmp(&other.destination));
    mounts
}

fn mount(listed: models::MountPoint) -> ContainerMount {
    ContainerMount {
        kind: MountKind::from_name(&listed.typ.unwrap_or_default()),
        name: given(listed.name),
        source: given(listed.source).map(PathBuf::from),
        destination: listed.destination.unwrap_or_default(),
        writable: listed.rw.unwrap_or(true),
        driver: given(listed.driver),
    }
}

/// A volume from an inspection or a list.
pub(super) fn volume(listed: models::Volume) -> Volume {
    Volume {
        name: listed.name,
        driver: listed.driver,
        mountpoint: given(Some(listed.mountpoint)).map(PathBuf::from),
        options: sorted(listed.options),
        labels: sorted(listed.labels),
        created_at: given(listed.created_at),
        scope: listed
            .scope
            .map_or_else(String::new, |scope| scope.to_string()),
    }
}

/// An image from its inspection.
pub(super) fn image(inspected: models::ImageInspect) -> Image {
    Image {
        id: inspected.id.unwrap_or_default(),
        tags: inspected.repo_tags.unwrap_or_default(),
        digests: inspected.repo_digests.unwrap_or_default(),
    }
}

/// The engine, from its version and its information; `api_version` is the one agreed on.
pub(super) fn daemon(
    version: models::SystemVersion,
    info: models::SystemInfo,
    api_version: String,
) -> Daemon {
    let product = version.components.unwrap_or_default().into_iter().next();
    let security = info.security_options.unwrap_or_default();
    // An option is `name=rootless`, or `name=seccomp,profile=default`.
    let has = |name: &str| {
        security
            .iter()
            .any(|option| option.split(',').any(|part| part == format!("name={name}")))
    };
    Daemon {
        id: info.id.unwrap_or_default(),
        name: info.name.unwrap_or_default(),
        product: product.map_or_else(String::new, |component| match component.name.as_str() {
            "Engine" => "Docker Engine".to_owned(),
            _ => component.name,
        }),
        server_version: version.version.unwrap_or_default(),
        api_version,
        os: version.os.unwrap_or_default(),
        root_dir: given(info.docker_root_dir).map(PathBuf::from),
        cgroup_driver: given(info.cgroup_driver.map(|driver| driver.to_string())),
        cgroup_version: given(info.cgroup_version.map(|version| version.to_string())),
        rootless: has("rootless"),
        userns_remap: has("userns"),
    }
}

/// The time by the engine's clock, as it stands in its information.
pub(super) fn clock(info: models::SystemInfo) -> Option<Timestamp> {
    info.system_time?.parse().ok()
}

/// What an event says of whether a container runs; `None` for any other event.
pub(super) fn state_change(event: models::EventMessage) -> Option<StateChange> {
    let what = match event.action?.as_str() {
        "pause" => Change::Paused,
        "unpause" => Change::Unpaused,
        "start" => Change::Started,
        // Podman says `died` and `remove`.
        "die" | "died" => Change::Ended,
        "destroy" | "remove" => Change::Removed,
        _ => return None,
    };
    let nanoseconds = i128::from(event.time_nano?);
    Some(StateChange {
        container: event.actor?.id?,
        what,
        at: Timestamp::from_nanosecond(nanoseconds).ok()?,
    })
}

fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn sorted(map: HashMap<String, String>) -> BTreeMap<String, String> {
    map.into_iter().collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;

    /// Recorded with `GET /v1.41/containers/blog-web-1/json`; the container was made with
    /// `--env PASSWORD=hunter2 --tmpfs /scratch --mount type=tmpfs,dst=/memory -v /srv:/srv/host:ro
    /// -v blog_data:/srv/data` and Compose's labels, from an image with `VOLUME /srv/anon`.
    const DOCKER_20: &str = include_str!("../../../tests/data/engine/inspect-20.10.json");
    const DOCKER_26: &str = include_str!("../../../tests/data/engine/inspect-26.1.json");
    const PODMAN_4: &str = include_str!("../../../tests/data/engine/inspect-podman-4.3.json");

    fn decoded(recorded: &Value) -> Container {
        container(serde_json::from_value(recorded.clone()).unwrap())
    }

    fn check(recorded: &Value) {
        let web = decoded(recorded);
        assert_eq!(web.name, "blog-web-1");
        assert_eq!(web.state, ContainerState::Running);
        assert_eq!(
            (web.project.as_deref(), web.service.as_deref()),
            (Some("blog"), Some("web"))
        );
        assert_eq!(
            (web.number, web.oneoff, web.auto_remove),
            (Some(1), false, false)
        );
        assert!(web.image.ends_with("web:volume"), "{}", web.image);
        let at = |path: &str| {
            web.mounts
                .iter()
                .find(|mount| mount.destination == path)
                .unwrap()
        };
        assert_eq!(at("/memory").kind, MountKind::Tmpfs);
        assert_eq!(at("/scratch").kind, MountKind::Tmpfs);
        assert_eq!(at("/srv/host").source.as_deref(), Some(Path::new("/srv")));
        assert!(!at("/srv/host").writable && at("/srv/host").name.is_none());
        assert_eq!(at("/srv/data").name.as_deref(), Some("blog_data"));
        assert_eq!(at("/srv/anon").driver.as_deref(), Some("local"));
        assert!(
            !format!("{web:?}").contains("hunter2"),
            "the environment is dropped"
        );
    }

    #[test]
    fn recorded_inspections_are_understood() {
        for recorded in [DOCKER_20, DOCKER_26, PODMAN_4] {
            check(&serde_json::from_str(recorded).unwrap());
        }
    }

    /// What 28 and 29 changed, done to the recording of 26.1: no engine of theirs could be had.
    #[test]
    fn the_shapes_of_newer_engines_are_understood() {
        let mut newer: Value = serde_json::from_str(DOCKER_26).unwrap();
        newer["GraphDriver"] = json!({"Data": null, "Name": "overlayfs"});
        newer["ImageManifestDescriptor"] = json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": format!("sha256:{}", "1".repeat(64)),
            "size": 2476,
            "platform": {"architecture": "amd64", "os": "linux"}
        });
        let image =
            json!({"Type": "image", "Source": "", "Destination": "/srv/image", "RW": false});
        newer["Mounts"].as_array_mut().unwrap().push(image);
        check(&newer);

        let top = newer.as_object_mut().unwrap();
        top.remove("GraphDriver");
        top.insert(
            "Storage".into(),
            json!({"RootFS": {"Snapshot": {"Name": "overlayfs"}}}),
        );
        top.insert("SomethingNew".into(), json!({"nobody": ["knows"]}));
        top.insert(
            "NetworkSettings".into(),
            json!({"SandboxID": "", "Ports": {}, "Networks": {}}),
        );
        newer["State"]["Status"] = json!("stopping");
        let web = decoded(&newer);
        assert_eq!(web.state, ContainerState::Unknown("stopping".into()));
        assert!(
            web.mounts
                .iter()
                .any(|mount| mount.kind == MountKind::Image)
        );
    }
}
