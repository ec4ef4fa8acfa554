//! Top-level `configs` and `secrets` that are files.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::Found;
use super::session::Session;
use super::{Role, read};
use crate::yaml::node::Node;

/// Notes the file of each entry, with the services that use it.
pub(super) fn note(session: &mut Session, model: &Node) {
    for (section, role) in [("configs", Role::ConfigFile), ("secrets", Role::SecretFile)] {
        let users = users(model, section);
        let Some(entries) = read::map(session, model.get(section), section) else {
            continue;
        };
        for (name, entry) in entries {
            let named_by = format!("{section}.{name}.file");
            let file = entry.get("file");
            let Some(text) = read::text(session, file, &named_by) else {
                continue;
            };
            let origin = file.unwrap_or(entry).origin;
            let path = session.resolve(&text, origin);
            let found = Found {
                path,
                role,
                named_by: &named_by,
                required: true,
                origin,
            };
            let nobody = BTreeSet::new();
            session.refer_from_all(users.get(name).unwrap_or(&nobody), &found);
        }
    }
}

/// The services that use each entry of a section, for building too.
fn users(model: &Node, section: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut users: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let services = model.get("services").and_then(Node::as_map);
    for (service, node) in services.into_iter().flatten() {
        let build = node.get("build").and_then(|build| build.get(section));
        let used = read::items(node.get(section), "")
            .into_iter()
            .chain(read::items(build, ""));
        for (_, item) in used {
            if let Some(name) = item.get("source").unwrap_or(item).scalar() {
                users
                    .entry(name.to_owned())
                    .or_default()
                    .insert(service.clone());
            }
        }
    }
    users
}
