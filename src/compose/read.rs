//! Reads values of the finished model by the forms that Compose allows. What has another form is a
//! warning, not an error.

use std::time::Duration;

use super::session::Session;
use crate::yaml::node::{Data, Map, Node, Origin};

/// The string (or another scalar) of `node`; null is none.
pub(super) fn text(session: &mut Session, node: Option<&Node>, path: &str) -> Option<String> {
    let node = node?;
    match node.scalar() {
        Some(text) => Some(text.to_owned()),
        None => {
            expect(session, node, path, "a string");
            None
        }
    }
}

/// The truth value of `node`, by the words of YAML 1.1; false if there is none.
pub(super) fn flag(session: &mut Session, node: Option<&Node>, path: &str) -> bool {
    let Some(node) = node else { return false };
    match node.scalar().map(str::to_ascii_lowercase).as_deref() {
        Some("true" | "yes" | "y" | "on" | "1") => true,
        Some("false" | "no" | "n" | "off" | "0") => false,
        _ => {
            expect(session, node, path, "a boolean");
            false
        }
    }
}

/// The count in `node`.
pub(super) fn count(session: &mut Session, node: Option<&Node>, path: &str) -> Option<u64> {
    let node = node?;
    let count = node.scalar().and_then(|text| text.parse().ok());
    if count.is_none() {
        expect(session, node, path, "a count");
    }
    count
}

/// The duration in `node`, as `1m30s`.
pub(super) fn duration(session: &mut Session, node: Option<&Node>, path: &str) -> Option<Duration> {
    let node = node?;
    let duration = node.scalar().and_then(parse_duration);
    if duration.is_none() {
        expect(session, node, path, "a duration");
    }
    duration
}

/// The entries of the mapping in `node`.
pub(super) fn map<'a>(
    session: &mut Session,
    node: Option<&'a Node>,
    path: &str,
) -> Option<&'a Map> {
    let node = node?;
    let map = node.as_map();
    if map.is_none() {
        expect(session, node, path, "a mapping");
    }
    map
}

/// The items of a list with their key paths. A single value counts as a list of one.
pub(super) fn items<'a>(node: Option<&'a Node>, path: &str) -> Vec<(String, &'a Node)> {
    match node.map(|node| (&node.data, node)) {
        None | Some((Data::Null, _)) => Vec::new(),
        Some((Data::List(items), _)) => items
            .iter()
            .enumerate()
            .map(|(index, item)| (format!("{path}[{index}]"), item))
            .collect(),
        Some((_, single)) => vec![(path.to_owned(), single)],
    }
}

/// The strings of a list, or of a single one.
pub(super) fn texts(session: &mut Session, node: Option<&Node>, path: &str) -> Vec<String> {
    let items = items(node, path).into_iter();
    items
        .filter_map(|(path, item)| text(session, Some(item), &path))
        .collect()
}

/// A `key=value` pair.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pair {
    /// Its key.
    pub(super) key: String,
    /// Its value; empty if there is none.
    pub(super) value: String,
    /// Where the value stands.
    pub(super) origin: Origin,
}

/// The pairs of a mapping of scalars, or of a list of `key=value`.
pub(super) fn pairs(session: &mut Session, node: Option<&Node>, path: &str) -> Vec<Pair> {
    if let Some(map) = node.and_then(Node::as_map) {
        let pair = |(key, value): (&String, &Node)| Pair {
            key: key.clone(),
            value: value.scalar().unwrap_or_default().to_owned(),
            origin: value.origin,
        };
        return map.iter().map(pair).collect();
    }
    let mut pairs = Vec::new();
    for (path, item) in items(node, path) {
        if let Some(text) = text(session, Some(item), &path) {
            let (key, value) = text.split_once('=').unwrap_or((&text, ""));
            pairs.push(Pair {
                key: key.to_owned(),
                value: value.to_owned(),
                origin: item.origin,
            });
        }
    }
    pairs
}

/// Warns that the value at `path` is not what it should be. Null is no value at all.
fn expect(session: &mut Session, node: &Node, path: &str, wanted: &str) {
    if !node.is_null() {
        let what = match node.scalar() {
            Some(text) => format!("`{text}`"),
            None => node.kind().to_owned(),
        };
        session.warn(node.origin, format!("`{path}` wants {wanted}, not {what}"));
    }
}

/// A duration as Go and Compose write it: numbers with the units `ns us ms s m h d w`.
fn parse_duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.len()
            - rest
                .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.')
                .len();
        let (number, after) = rest.split_at(digits);
        let unit_len = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_len);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        total = total.checked_add(part)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, expected) in [
            ("10s", Some(Duration::from_secs(10))),
            ("1m30s", Some(Duration::from_secs(90))),
            ("1.5h", Some(Duration::from_secs(5_400))),
            ("500ms", Some(Duration::from_millis(500))),
            ("1w1d", Some(Duration::from_secs(691_200))),
            ("0s", Some(Duration::ZERO)),
            ("", None),
            ("10", None),
            ("s", None),
            ("10x", None),
            ("99999999999999999999w", None),
        ] {
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }
}
