//! The files that a service's keys name, `build` and mounts aside.

use std::path::Path;

use super::findings::Found;
use super::path::resolve;
use super::session::Session;
use super::{Role, read};
use crate::yaml::node::Node;

/// Notes the files of `service`, whose values are below `path`. `dir` is the project directory.
pub(super) fn note(session: &mut Session, service: &str, node: &Node, dir: &Path) {
    let path = format!("services.{service}");
    env_files(session, service, node, &path);
    for (named_by, item) in read::items(node.get("label_file"), &format!("{path}.label_file")) {
        name(session, service, item, (Role::LabelFile, &named_by, true));
    }
    for (named_by, item) in read::items(
        get(node, &["develop", "watch"]),
        &format!("{path}.develop.watch"),
    ) {
        let named_by = format!("{named_by}.path");
        if let Some(watched) = item.get("path") {
            name(
                session,
                service,
                watched,
                (Role::WatchedPath, &named_by, false),
            );
        }
    }
    security_profiles(session, service, node, dir);
    if let Some(file) = get(node, &["credential_spec", "file"]) {
        let message = format!(
            "`{path}.credential_spec.file` names a file of the engine's host; it is not backed up"
        );
        session.warn(file.origin, message);
    }
}

fn env_files(session: &mut Session, service: &str, node: &Node, path: &str) {
    for (named_by, item) in read::items(node.get("env_file"), &format!("{path}.env_file")) {
        let required = match item.get("required") {
            Some(flag) => read::flag(session, Some(flag), &format!("{named_by}.required")),
            None => true,
        };
        let file = if item.as_map().is_some() {
            item.get("path")
        } else {
            Some(item)
        };
        if let Some(file) = file {
            name(session, service, file, (Role::EnvFile, &named_by, required));
        }
    }
}

/// `security_opt: seccomp=FILE`, which `docker compose` itself reads, relative to the project
/// directory wherever the key stands.
fn security_profiles(session: &mut Session, service: &str, node: &Node, dir: &Path) {
    let path = format!("services.{service}.security_opt");
    for (named_by, item) in read::items(node.get("security_opt"), &path) {
        let text = item.scalar().unwrap_or_default();
        let profile = text
            .strip_prefix("seccomp=")
            .or_else(|| text.strip_prefix("seccomp:"));
        let Some(profile) = profile.filter(|name| !matches!(*name, "" | "unconfined" | "builtin"))
        else {
            continue;
        };
        let path = resolve(profile, dir, None);
        let role = Role::SeccompProfile;
        let found = Found {
            path,
            role,
            named_by: &named_by,
            required: true,
            origin: item.origin,
        };
        session.refer_from(service, &found);
    }
}

/// Notes the file that `node` names.
fn name(session: &mut Session, service: &str, node: &Node, what: (Role, &str, bool)) {
    let (role, named_by, required) = what;
    if let Some(text) = read::text(session, Some(node), named_by) {
        let path = session.resolve(&text, node.origin);
        let found = Found {
            path,
            role,
            named_by,
            required,
            origin: node.origin,
        };
        session.refer_from(service, &found);
    }
}

fn get<'a>(node: &'a Node, keys: &[&str]) -> Option<&'a Node> {
    keys.iter().try_fold(node, |node, key| node.get(key))
}
