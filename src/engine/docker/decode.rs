//! The API library's types turned into ours. Pure; environments are dropped here.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use bollard::models;

use crate::engine::model::labels;
use crate::engine::{Container, ContainerMount, ContainerState, Daemon, Image, MountKind, Volume};

/// A container from its inspection.
pub(super) fn container(inspected: models::ContainerInspectResponse) -> Container {
    let config = inspected.config.unwrap_or_default();
    let host = inspected.host_config.unwrap_or_default();
    let labels = sorted(config.labels.unwrap_or_default());
    let label = |name: &str| labels.get(name).cloned();
    let status = inspected.state.and_then(|state| state.status);
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
        mounts: mounts(
            inspected.mounts.unwrap_or_default(),
            host.tmpfs.unwrap_or_default(),
        ),
        labels,
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

fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn sorted(map: HashMap<String, String>) -> BTreeMap<String, String> {
    map.into_iter().collect()
}
