//! The bodies and queries that are sent. Pure.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerCreateBody, HostConfig, Mount, MountBindOptions, MountType, MountVolumeOptions,
    VolumeCreateRequest,
};
use bollard::query_parameters::{
    CreateImageOptions, CreateImageOptionsBuilder, EventsOptions, EventsOptionsBuilder,
    ListContainersOptions, ListContainersOptionsBuilder, ListVolumesOptions,
    ListVolumesOptionsBuilder,
};
use jiff::Timestamp;

use crate::engine::helper::{HELPER_IMAGE, HELPER_LABEL, MOUNT_POINT};
use crate::engine::{HelperMount, HelperSpec, NewVolume};

/// All containers, stopped ones too, that a filter lets pass.
pub(super) fn containers_where(filter: &str, value: &str) -> ListContainersOptions {
    let filters = HashMap::from([(filter, vec![value])]);
    ListContainersOptionsBuilder::default()
        .all(true)
        .filters(&filters)
        .build()
}

/// Events of these containers that are over by now: `until` must not lie in the engine's future.
pub(super) fn events_of(ids: &[String], since: Timestamp, until: Timestamp) -> EventsOptions {
    let ids = ids.iter().map(String::as_str).collect();
    let filters = HashMap::from([("type", vec!["container"]), ("container", ids)]);
    EventsOptionsBuilder::default()
        .since(&seconds(since))
        .until(&seconds(until))
        .filters(&filters)
        .build()
}

/// A time as the engine's queries take it: seconds and nanoseconds.
fn seconds(at: Timestamp) -> String {
    format!("{}.{:09}", at.as_second(), at.subsec_nanosecond())
}

/// All volumes that a filter lets pass.
pub(super) fn volumes_where(filter: &str, value: &str) -> ListVolumesOptions {
    let filters = HashMap::from([(filter, vec![value])]);
    ListVolumesOptionsBuilder::default()
        .filters(&filters)
        .build()
}

/// Import of what is sent as the helper image.
pub(super) fn helper_image() -> CreateImageOptions {
    CreateImageOptionsBuilder::default()
        .from_src("-")
        .repo(HELPER_IMAGE)
        .changes(vec![format!("LABEL {HELPER_LABEL}=image")])
        .build()
}

/// A helper container. It gets no network and a command that does not exist: it is never started.
pub(super) fn helper(spec: &HelperSpec, image: &str) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(image.to_owned()),
        cmd: Some(vec!["/never-started".to_owned()]),
        network_disabled: Some(true),
        labels: Some(HashMap::from([(
            HELPER_LABEL.to_owned(),
            spec.owner.clone(),
        )])),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            mounts: Some(vec![mount(spec)]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

fn mount(spec: &HelperSpec) -> Mount {
    let mount = Mount {
        target: Some(MOUNT_POINT.to_owned()),
        read_only: Some(!spec.writable),
        ..Mount::default()
    };
    match &spec.mount {
        HelperMount::Volume(name) => Mount {
            typ: Some(MountType::VOLUME),
            source: Some(name.clone()),
            volume_options: Some(MountVolumeOptions {
                no_copy: Some(true),
                ..MountVolumeOptions::default()
            }),
            ..mount
        },
        HelperMount::Path(path) => Mount {
            typ: Some(MountType::BIND),
            source: Some(path.to_string_lossy().into_owned()),
            bind_options: Some(MountBindOptions {
                create_mountpoint: Some(false),
                ..MountBindOptions::default()
            }),
            ..mount
        },
    }
}

/// A volume to be made.
pub(super) fn new_volume(volume: &NewVolume) -> VolumeCreateRequest {
    let unsorted = |map: &BTreeMap<String, String>| Some(map.clone().into_iter().collect());
    VolumeCreateRequest {
        name: Some(volume.name.clone()),
        driver: Some(volume.driver.clone()),
        driver_opts: unsorted(&volume.options),
        labels: unsorted(&volume.labels),
        ..VolumeCreateRequest::default()
    }
}

/// A name as one segment of a URL's path, since the library puts it there as it is. A slash is kept
/// for image references.
pub(super) fn segment(name: &str) -> String {
    let mut segment = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' | b':' | b'@' => {
                segment.push(char::from(byte));
            }
            other => segment.push_str(&format!("%{other:02X}")),
        }
    }
    segment
}

/// Whether a name could lead to another request than the one meant: empty, or with a path in it that
/// a URL resolves away.
pub(super) fn is_misleading(name: &str) -> bool {
    name.is_empty() || name.split('/').any(|part| matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_lead_elsewhere() {
        assert_eq!(segment("a_b-c.d"), "a_b-c.d");
        assert_eq!(segment("a?force=1#x y%"), "a%3Fforce%3D1%23x%20y%25");
        assert_eq!(
            segment("localhost:5000/a@sha256:ff"),
            "localhost:5000/a@sha256:ff"
        );
        assert!(is_misleading("../containers/x"));
        assert!(is_misleading("") && is_misleading(".") && is_misleading("a//b"));
        assert!(!is_misleading("a..b"));
    }
}
