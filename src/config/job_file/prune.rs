//! Takes what was found wrong out of the values, so that the rest can be looked at in the same run.

use serde_json::Value;

use super::key_path::KeyPath;

/// Keys without which the mapping that has them is nothing.
const NEEDED: [&str; 5] = ["path", "codec", "command", "preset", "database"];

/// Lists of names that are looked up one by one. A wrong name in them becomes empty, which no form
/// allows and so nobody looks up: the others keep the index that their place is found by.
const NAMES: [&str; 2] = ["services", "to"];

/// Removes what `path` leads to. Where it is in a list, later elements may move up: of several paths
/// the last has to come first.
pub(super) fn prune(root: &mut Value, path: &KeyPath) {
    let Some((last, parents)) = path.keys().split_last() else {
        *root = Value::Object(serde_json::Map::new());
        return;
    };
    let parent = parents
        .iter()
        .try_fold(&mut *root, |value, key| match value {
            Value::Object(map) => map.get_mut(key),
            Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
            _ => None,
        });
    match parent {
        Some(Value::Object(_)) if !parents.is_empty() && NEEDED.contains(&last.as_str()) => {
            prune(root, &path.parent().unwrap_or_default());
        }
        Some(Value::Object(map)) => {
            map.remove(last);
        }
        Some(Value::Array(items)) => {
            let index = last
                .parse()
                .ok()
                .filter(|&index: &usize| index < items.len());
            let is_name = parents
                .last()
                .is_some_and(|key| NAMES.contains(&key.as_str()));
            match index {
                Some(index) if is_name => items[index] = Value::String(String::new()),
                Some(index) => {
                    items.remove(index);
                }
                None => {}
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_wrong_goes_and_the_rest_stays() {
        let mut values = json!({
            "services": ["a", "b"],
            "scopes": ["x", "config"],
            "targets": {"one": {"path": 1}, "two": {"path": "/x", "form": 1}},
        });
        for pointer in [
            "/targets/one/path",
            "/targets/two/form",
            "/services/0",
            "/scopes/0",
            "/no/such",
        ] {
            prune(&mut values, &KeyPath::from_pointer(pointer));
        }
        let rest = json!({
            "services": ["", "b"],
            "scopes": ["config"],
            "targets": {"two": {"path": "/x"}},
        });
        assert_eq!(values, rest);
        prune(&mut values, &KeyPath::default());
        assert_eq!(values, json!({}));
    }
}
