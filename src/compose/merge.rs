//! Merges a layer over another (compose-go, `override`). Only keys that the loader reads have their
//! special rules here: how `ports` or `command` merge does not matter to it.

use super::session::Session;
use crate::yaml::node::{Data, Map, Node};

/// How the values of a key are made alike before they are merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// As they are.
    AsIs,
    /// A mapping becomes a list of `key=value`.
    Pairs,
    /// A scalar becomes a list of one.
    Items,
    /// `build`: a string becomes `{context: string}`.
    Build,
    /// `depends_on`: a list becomes a mapping.
    Dependencies,
}

/// The rule for the value at `path`.
fn shape(path: &[String]) -> Shape {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["services", _, "env_file" | "label_file" | "tmpfs"] => Shape::Items,
        ["services", _, "build"] => Shape::Build,
        ["services", _, "build", "additional_contexts"] | ["volumes", _, "labels"] => Shape::Pairs,
        ["services", _, "depends_on"] => Shape::Dependencies,
        _ => Shape::AsIs,
    }
}

/// `over` merged over `base`, both at `path` in the model.
pub(super) fn merge(session: &mut Session, base: Node, over: Node, path: &mut Vec<String>) -> Node {
    if over.is_null() {
        return base;
    }
    if base.is_null() {
        return over;
    }
    let shape = shape(path);
    let (base, over) = (convert(base, shape), convert(over, shape));
    let origin = over.origin;
    let data = match (base.data, over.data) {
        (Data::Map(mut base), Data::Map(over)) => {
            merge_maps(session, &mut base, over, path);
            Data::Map(base)
        }
        (Data::List(mut base), Data::List(over)) => {
            base.extend(over);
            Data::List(base)
        }
        (base, over) => {
            // Below that the forms of keys that are not read here may differ for good reasons.
            if path.len() <= 2 && matches!(base, Data::Map(_)) {
                let over = Node::new(over.clone(), origin);
                let message = format!(
                    "`{}` is a mapping; {} cannot be merged over it",
                    path.join("."),
                    over.kind()
                );
                session.warn(origin, message);
                base
            } else {
                over
            }
        }
    };
    Node::new(data, origin)
}

fn merge_maps(session: &mut Session, base: &mut Map, over: Map, path: &mut Vec<String>) {
    for (key, value) in over {
        let merged = match base.remove(&key) {
            Some(below) if !key.starts_with("x-") => {
                path.push(key.clone());
                let merged = merge(session, below, value, path);
                path.pop();
                merged
            }
            _ => value,
        };
        base.insert(key, merged);
    }
}

fn convert(node: Node, shape: Shape) -> Node {
    let origin = node.origin;
    let data = match (shape, node.data) {
        (Shape::Pairs, Data::Map(map)) => Data::List(map.into_iter().map(pair).collect()),
        (Shape::Items, data @ (Data::Text(_) | Data::Map(_))) => {
            Data::List(vec![Node::new(data, origin)])
        }
        (Shape::Build, data @ Data::Text(_)) => {
            Data::Map([("context".to_owned(), Node::new(data, origin))].into())
        }
        (Shape::Dependencies, Data::List(items)) => {
            Data::Map(items.iter().filter_map(dependency).collect())
        }
        (_, data) => data,
    };
    Node::new(data, origin)
}

fn pair((key, value): (String, Node)) -> Node {
    let text = match value.scalar() {
        Some(text) => format!("{key}={text}"),
        None => key,
    };
    Node::new(Data::Text(text), value.origin)
}

fn dependency(item: &Node) -> Option<(String, Node)> {
    let name = item.scalar()?.to_owned();
    let started = Node::new(Data::Text("service_started".to_owned()), item.origin);
    let condition = Data::Map([("condition".to_owned(), started)].into());
    Some((name, Node::new(condition, item.origin)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::yaml;

    fn node(text: &str) -> Node {
        yaml::parse(text.as_bytes(), 0).unwrap().documents.remove(0)
    }

    /// The node as compact text without origins.
    fn plain(node: &Node) -> String {
        match &node.data {
            Data::Null => "~".to_owned(),
            Data::List(items) => format!(
                "[{}]",
                items.iter().map(plain).collect::<Vec<_>>().join(",")
            ),
            Data::Map(map) => {
                let pairs: Vec<_> = map
                    .iter()
                    .map(|(k, v)| format!("{k}:{}", plain(v)))
                    .collect();
                format!("{{{}}}", pairs.join(","))
            }
            _ => node.scalar().unwrap().to_owned(),
        }
    }

    #[test]
    fn the_rules() {
        for (base, over, expected) in [
            ("{a: 1, b: 1}", "{b: 2, c: 2}", "{a:1,b:2,c:2}"),
            ("{a: 1}", "{a: ~}", "{a:1}"),
            ("{a: ~}", "{a: 1}", "{a:1}"),
            ("{a: [1]}", "{a: [1, 2]}", "{a:[1,1,2]}"),
            ("{a: {b: {c: 1}}}", "{a: {b: {d: 2}}}", "{a:{b:{c:1,d:2}}}"),
            ("{x-a: {b: 1}}", "{x-a: {c: 1}}", "{x-a:{c:1}}"),
            ("{a: {b: {c: [1]}}}", "{a: {b: {c: 2}}}", "{a:{b:{c:2}}}"),
            (
                "services: {w: {env_file: a}}",
                "services: {w: {env_file: [b]}}",
                "{services:{w:{env_file:[a,b]}}}",
            ),
            (
                "services: {w: {build: a}}",
                "services: {w: {build: {dockerfile: D}}}",
                "{services:{w:{build:{context:a,dockerfile:D}}}}",
            ),
            (
                "services: {w: {build: {context: a, target: t}}}",
                "services: {w: {build: b}}",
                "{services:{w:{build:{context:b,target:t}}}}",
            ),
            (
                "services: {w: {build: {additional_contexts: {x: a}}}}",
                "services: {w: {build: {additional_contexts: [y=b]}}}",
                "{services:{w:{build:{additional_contexts:[x=a,y=b]}}}}",
            ),
            (
                "services: {w: {depends_on: [a]}}",
                "services: {w: {depends_on: {b: {condition: service_healthy}}}}",
                "{services:{w:{depends_on:{a:{condition:service_started},b:{condition:service_healthy}}}}}",
            ),
        ] {
            let mut session = Session::new(None);
            let got = merge(&mut session, node(base), node(over), &mut Vec::new());
            assert_eq!(plain(&got), expected, "{base} + {over}");
        }
    }
}
