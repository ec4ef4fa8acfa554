//! Top-level `volumes`: what the engine calls them and what is behind them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::path::clean;
use super::session::Session;
use super::{Volume, read};
use crate::yaml::node::Node;

/// Reads every volume of the model of `project`.
pub(super) fn read(session: &mut Session, model: &Node, project: &str) -> BTreeMap<String, Volume> {
    let mut volumes = BTreeMap::new();
    let Some(entries) = read::map(session, model.get("volumes"), "volumes") else {
        return volumes;
    };
    for (key, node) in entries {
        let volume = volume(session, key, node, project);
        volumes.insert(key.clone(), volume);
    }
    volumes
}

/// A volume that is used but not declared.
pub(super) fn undeclared(key: &str, project: &str) -> Volume {
    Volume {
        key: key.to_owned(),
        name: format!("{project}_{key}"),
        external: false,
        driver: None,
        driver_opts: BTreeMap::new(),
        labels: BTreeMap::new(),
        bind_device: None,
    }
}

fn volume(session: &mut Session, key: &str, node: &Node, project: &str) -> Volume {
    let path = format!("volumes.{key}");
    let mut volume = undeclared(key, project);
    if read::map(session, Some(node), &path).is_none() {
        return volume;
    }
    let external = node.get("external");
    let old_name = external.and_then(|external| external.get("name"));
    volume.external = match external {
        Some(external) if external.as_map().is_some() => true,
        flag => read::flag(session, flag, &format!("{path}.external")),
    };
    let name = read::text(
        session,
        node.get("name").or(old_name),
        &format!("{path}.name"),
    );
    volume.name = match name.filter(|name| !name.is_empty()) {
        Some(name) => name,
        None if volume.external => key.to_owned(),
        None => volume.name,
    };
    volume.driver = read::text(session, node.get("driver"), &format!("{path}.driver"));
    let labels = read::pairs(session, node.get("labels"), &format!("{path}.labels"));
    volume.labels = labels
        .into_iter()
        .map(|pair| (pair.key, pair.value))
        .collect();
    driver_opts(session, node, &mut volume);
    volume
}

/// Reads `driver_opts`, and finds the host folder behind a volume that is a bind mount.
fn driver_opts(session: &mut Session, node: &Node, volume: &mut Volume) {
    let path = format!("volumes.{}.driver_opts", volume.key);
    for pair in read::pairs(session, node.get("driver_opts"), &path) {
        volume.driver_opts.insert(pair.key, pair.value);
    }
    let is_bind = |text: &String| {
        text.split(',')
            .any(|word| matches!(word.trim(), "bind" | "rbind"))
    };
    let is_local = volume
        .driver
        .as_deref()
        .is_none_or(|driver| driver == "local");
    let options = &volume.driver_opts;
    let bind = is_local
        && ["o", "type"]
            .iter()
            .any(|key| options.get(*key).is_some_and(is_bind));
    let Some(device) = options.get("device").filter(|_| bind).cloned() else {
        return;
    };
    // Only in this form does Compose itself resolve a relative device (compose-go,
    // `paths.volumeDriverOpts`); in any other the engine gets it as it is.
    let resolves = volume.driver.is_some() && options.get("o").is_some_and(|o| o == "bind");
    let origin = node
        .get("driver_opts")
        .and_then(|opts| opts.get("device"))
        .unwrap_or(node)
        .origin;
    let device: PathBuf = if resolves {
        session.resolve(&device, origin)
    } else {
        device.into()
    };
    if device.is_absolute() {
        if resolves {
            let text = device.to_string_lossy().into_owned();
            volume.driver_opts.insert("device".to_owned(), text);
        }
        volume.bind_device = Some(clean(Path::new(&device)));
    } else {
        let message = format!("`{path}.device` is a relative path that Compose does not resolve");
        session.warn(origin, message);
    }
}
