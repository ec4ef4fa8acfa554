//! After a merge, entries of a service's lists that mean the same thing: the later one takes the
//! place of the earlier one (compose-go, `override.EnforceUnicity`). Only for lists that are read.

use std::collections::BTreeMap;

use super::mounts;
use super::path::clean_target;
use super::session::Session;
use crate::yaml::node::{Data, Node};

/// Makes the lists of every service in `model` unique.
pub(super) fn enforce(session: &Session, model: &mut Node) {
    let Some(services) = model.as_map_mut().and_then(|map| map.get_mut("services")) else {
        return;
    };
    let Some(services) = services.as_map_mut() else {
        return;
    };
    for service in services.values_mut().filter_map(Node::as_map_mut) {
        for (key, node) in service.iter_mut() {
            match key.as_str() {
                "volumes" => {
                    // First as written, then by what it means: which one is left depends on it.
                    unique(node, volume_target);
                    unique(node, |item| Some(clean_target(&volume_target(item)?)));
                }
                "env_file" => unique(node, |item| env_file(session, item)),
                "secrets" => unique(node, |item| target(item, "/run/secrets/")),
                "configs" => unique(node, |item| target(item, "/")),
                "profiles" | "tmpfs" => unique(node, before_equals),
                "build" => {
                    let contexts = node
                        .as_map_mut()
                        .and_then(|map| map.get_mut("additional_contexts"));
                    contexts
                        .into_iter()
                        .for_each(|node| unique(node, before_equals));
                }
                _ => {}
            }
        }
    }
}

/// Keeps the last of the items with the same key, at the place of the first. Items without a key all
/// stay.
fn unique(node: &mut Node, key: impl Fn(&Node) -> Option<String>) {
    let Data::List(items) = &mut node.data else {
        return;
    };
    let mut places = BTreeMap::new();
    let mut kept: Vec<Node> = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        let place = key(&item).map_or(kept.len(), |key| *places.entry(key).or_insert(kept.len()));
        match kept.get_mut(place) {
            Some(earlier) => *earlier = item,
            None => kept.push(item),
        }
    }
    *items = kept;
}

fn volume_target(item: &Node) -> Option<String> {
    match &item.data {
        Data::Map(map) => Some(map.get("target")?.scalar()?.to_owned()),
        _ => mounts::parse_short(item.scalar()?)
            .ok()
            .map(|short| short.target),
    }
}

fn env_file(session: &Session, item: &Node) -> Option<String> {
    let path = item.get("path").unwrap_or(item);
    let path = session.resolve(path.scalar()?, path.origin);
    Some(path.to_string_lossy().into_owned())
}

fn target(item: &Node, default_folder: &str) -> Option<String> {
    match item.get("target").and_then(Node::scalar) {
        Some(target) => Some(target.to_owned()),
        None => {
            let name = item.get("source").unwrap_or(item).scalar()?;
            Some(format!("{default_folder}{name}"))
        }
    }
}

fn before_equals(item: &Node) -> Option<String> {
    let text = item.scalar()?;
    Some(text.split('=').next().unwrap_or(text).to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::yaml;

    fn left(key: &str, items: &str) -> usize {
        let text = format!("services: {{w: {{{key}: {items}}}}}");
        let mut model = yaml::parse(text.as_bytes(), 0).unwrap().documents.remove(0);
        enforce(&Session::new(None), &mut model);
        let service = model.get("services").and_then(|s| s.get("w")).unwrap();
        match &service.get(key).unwrap().data {
            Data::List(items) => items.len(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_same_target_counts_once() {
        for (key, items, expected) in [
            (
                "volumes",
                "[aa:/x, 'bb:/x/', {type: volume, target: /x}]",
                1,
            ),
            ("volumes", "[aa:/x, bb:/y, /zz, /zz]", 3),
            (
                "secrets",
                "[a, {source: b, target: /run/secrets/a}, {source: a}]",
                1,
            ),
            ("configs", "[a, {source: b, target: /a}, c]", 2),
            ("profiles", "[a, b, a]", 2),
            ("tmpfs", "['/run:size=1', '/run:size=2', /tmp]", 2),
            ("ports", "[1, 1]", 2),
        ] {
            assert_eq!(left(key, items), expected, "{key}: {items}");
        }
    }
}
