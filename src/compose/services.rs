//! `services`: what each one runs, mounts, and depends on.

use std::collections::BTreeMap;
use std::path::Path;

use super::session::Session;
use super::{Condition, Service, Volume, VolumesFrom, build, files, read, service_mounts};
use crate::yaml::node::{Data, Node};

/// What reading services needs to know of the rest.
#[derive(Debug)]
pub(super) struct Context<'a> {
    /// The project directory.
    pub(super) dir: &'a Path,
    /// The declared volumes.
    pub(super) volumes: &'a BTreeMap<String, Volume>,
    /// The chosen profiles; `None` is all.
    pub(super) profiles: Option<&'a [String]>,
}

/// Reads every service of the model, and notes the files that they name.
pub(super) fn read(
    session: &mut Session,
    model: &Node,
    context: &Context<'_>,
) -> BTreeMap<String, Service> {
    let mut services = BTreeMap::new();
    let Some(entries) = read::map(session, model.get("services"), "services") else {
        return services;
    };
    for (name, node) in entries {
        // A service without anything is one without an image; its name still counts.
        read::map(session, Some(node), &format!("services.{name}"));
        files::note(session, name, node, context.dir);
        let service = service(session, name, node, context);
        services.insert(name.clone(), service);
    }
    services
}

fn service(session: &mut Session, name: &str, node: &Node, context: &Context<'_>) -> Service {
    let path = |key: &str| format!("services.{name}.{key}");
    let profiles = read::texts(session, node.get("profiles"), &path("profiles"));
    let replicas = node.get("deploy").and_then(|deploy| deploy.get("replicas"));
    let replicas = read::count(session, node.get("scale").or(replicas), &path("scale"));
    Service {
        name: name.to_owned(),
        image: filled(read::text(session, node.get("image"), &path("image"))),
        build: build::read(session, node.get("build"), name, &path("build")),
        mounts: service_mounts::read(session, node, name, context.volumes),
        volumes_from: volumes_from(session, node, &path("volumes_from")),
        depends_on: depends_on(session, node, &path("depends_on")),
        enabled: is_enabled(&profiles, context.profiles),
        profiles,
        stop_grace_period: read::duration(
            session,
            node.get("stop_grace_period"),
            &path("stop_grace_period"),
        ),
        container_name: filled(read::text(
            session,
            node.get("container_name"),
            &path("container_name"),
        )),
        replicas,
    }
}

/// To Compose, an empty string is the same as none.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn is_enabled(profiles: &[String], chosen: Option<&[String]>) -> bool {
    let Some(chosen) = chosen else { return true };
    profiles.is_empty() || profiles.iter().any(|profile| chosen.contains(profile))
}

fn volumes_from(session: &mut Session, node: &Node, path: &str) -> Vec<VolumesFrom> {
    let entries = read::texts(session, node.get("volumes_from"), path).into_iter();
    let parse = |entry: String| {
        let entry = entry
            .strip_suffix(":ro")
            .or_else(|| entry.strip_suffix(":rw"))
            .unwrap_or(&entry);
        match entry.strip_prefix("container:") {
            Some(container) => VolumesFrom::Container(container.to_owned()),
            None => VolumesFrom::Service(entry.to_owned()),
        }
    };
    entries.map(parse).collect()
}

/// What `depends_on` names, and what other keys imply as Compose does: a service that lends its
/// volumes or a name space, or that is linked to.
fn depends_on(session: &mut Session, node: &Node, path: &str) -> BTreeMap<String, Condition> {
    let mut conditions = implied(node);
    let node = node.get("depends_on");
    let Some(Data::Map(map)) = node.map(|node| &node.data) else {
        let names = read::texts(session, node, path).into_iter();
        conditions.extend(names.map(|name| (name, Condition::Started)));
        return conditions;
    };
    for (name, entry) in map {
        let path = format!("{path}.{name}.condition");
        let condition = match read::text(session, entry.get("condition"), &path).as_deref() {
            None | Some("service_started") => Condition::Started,
            Some("service_healthy") => Condition::Healthy,
            Some("service_completed_successfully") => Condition::CompletedSuccessfully,
            Some(other) => {
                session.warn(
                    entry.origin,
                    format!("`{path}` is `{other}`, which is no condition"),
                );
                Condition::Started
            }
        };
        conditions.insert(name.clone(), condition);
    }
    conditions
}

fn implied(node: &Node) -> BTreeMap<String, Condition> {
    let texts = |key: &str| -> Vec<&str> {
        let items = read::items(node.get(key), key).into_iter();
        items.filter_map(|(_, item)| item.scalar()).collect()
    };
    let lent = ["network_mode", "ipc", "pid"].map(texts).concat();
    let lent = lent
        .into_iter()
        .filter_map(|text| text.strip_prefix("service:"));
    let shared = [texts("volumes_from"), texts("links")].concat().into_iter();
    let shared = shared.filter(|text| !text.starts_with("container:"));
    let names = lent.chain(shared.filter_map(|text| text.split(':').next()));
    names
        .map(|name| (name.to_owned(), Condition::Started))
        .collect()
}
