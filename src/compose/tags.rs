//! `!reset` and `!override`: taken out of a layer, applied to what is below it.

use crate::yaml::node::{Data, MergeTag, Node};

/// The paths that one layer resets or overrides.
#[derive(Debug, Clone, Default)]
pub(super) struct Resets {
    paths: Vec<Vec<String>>,
}

impl Resets {
    /// Takes the tags out of `layer`: what is reset goes, what overrides stays without its tag.
    pub(super) fn take(layer: &mut Node) -> Self {
        let mut resets = Self::default();
        resets.walk(layer, &mut Vec::new());
        resets
    }

    /// Adds the paths of another layer.
    pub(super) fn extend(&mut self, other: Self) {
        self.paths.extend(other.paths);
    }

    /// Removes the paths from `model`, what is accumulated below the layer.
    pub(super) fn apply(&self, model: &mut Node) {
        for path in &self.paths {
            remove(model, path);
        }
    }

    /// As [`Resets::apply`], for a value that will stand at `at`.
    pub(super) fn apply_at(&self, node: &mut Node, at: &[&str]) {
        for path in &self.paths {
            let inside = path.len() > at.len() && path.iter().zip(at).all(|(a, b)| a == b);
            if inside {
                remove(node, &path[at.len()..]);
            }
        }
    }

    fn walk(&mut self, node: &mut Node, path: &mut Vec<String>) {
        match &mut node.data {
            Data::Map(map) => map.retain(|key, value| {
                path.push(key.clone());
                let keep = self.visit(value, path);
                path.pop();
                keep
            }),
            // Compose drops a reset item but cannot address items of the layers below.
            Data::List(items) => items.retain_mut(|item| {
                let keep = item.tag != Some(MergeTag::Reset);
                item.tag = None;
                if keep {
                    self.walk(item, path);
                }
                keep
            }),
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) => {}
        }
    }

    /// Handles the value at `path`; whether it stays.
    fn visit(&mut self, value: &mut Node, path: &mut Vec<String>) -> bool {
        let tag = value.tag.take();
        if tag.is_some() {
            self.paths.push(path.clone());
        }
        if tag != Some(MergeTag::Reset) {
            self.walk(value, path);
        }
        tag != Some(MergeTag::Reset)
    }
}

fn remove(node: &mut Node, path: &[String]) {
    let Some((key, rest)) = path.split_first() else {
        return;
    };
    let Some(map) = node.as_map_mut() else { return };
    if rest.is_empty() {
        map.remove(key);
    } else if let Some(inner) = map.get_mut(key) {
        remove(inner, rest);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::yaml;

    fn node(text: &str) -> Node {
        yaml::parse(text.as_bytes(), 0).unwrap().documents.remove(0)
    }

    #[test]
    fn a_layer_removes_what_is_below() {
        let mut layer = node("s: {w: {a: !reset null, b: !override [1], c: [!reset 1, 2]}}");
        let resets = Resets::take(&mut layer);
        let w = layer.get("s").and_then(|s| s.get("w")).unwrap();
        assert!(w.get("a").is_none());
        assert_eq!(w.get("b").unwrap().tag, None);
        assert!(matches!(&w.get("c").unwrap().data, Data::List(items) if items.len() == 1));

        let mut below = node("s: {w: {a: 1, b: 1, c: [1]}, x: {a: 1}}");
        resets.apply(&mut below);
        let left: Vec<_> = below
            .get("s")
            .and_then(|s| s.get("w"))
            .unwrap()
            .as_map()
            .unwrap()
            .keys()
            .collect();
        assert_eq!(left, ["c"]);
        assert!(
            below
                .get("s")
                .and_then(|s| s.get("x"))
                .unwrap()
                .get("a")
                .is_some()
        );

        let mut service = node("{a: 1, d: 1}");
        resets.apply_at(&mut service, &["s", "w"]);
        assert!(service.get("a").is_none() && service.get("d").is_some());
        resets.apply_at(&mut service, &["s", "y"]);
        assert!(service.get("d").is_some());
    }
}
