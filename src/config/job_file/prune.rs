//! Takes what was found wrong out of the values, so that the rest can be looked at in the same run.

use serde_json::Value;

use super::key_path::KeyPath;

/// Removes what `path` leads to. From a list too: later elements move up, so the last path has to
/// come first.
pub(super) fn prune(root: &mut Value, path: &KeyPath) {
    let Some((last, parents)) = path.keys().split_last() else {
        *root = Value::Object(serde_json::Map::new());
        return;
    };
    let parent = parents.iter().try_fold(root, |value, key| match value {
        Value::Object(map) => map.get_mut(key),
        Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
        _ => None,
    });
    match parent {
        Some(Value::Object(map)) => {
            map.remove(last);
        }
        Some(Value::Array(items)) => {
            let index = last.parse().ok().filter(|&index| index < items.len());
            if let Some(index) = index {
                items.remove(index);
            }
        }
        _ => {}
    }
}
