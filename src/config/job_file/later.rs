//! What the file's format has a place for, and this version does not execute: refused with a
//! sentence, never accepted and ignored. A row goes when its feature comes.

use super::key_path::KeyPath;

struct Row {
    /// The keys that lead to it; `*` is any name.
    path: &'static [&'static str],
    /// The value that is refused; `None` refuses the key.
    value: Option<&'static str>,
    /// What it would do.
    does: &'static str,
}

const fn key(path: &'static [&'static str], does: &'static str) -> Row {
    Row {
        path,
        value: None,
        does,
    }
}

const fn value(path: &'static [&'static str], value: &'static str, does: &'static str) -> Row {
    Row {
        path,
        value: Some(value),
        does,
    }
}

const TABLE: [Row; 3] = [
    key(
        &["exports"],
        "running commands in services and storing their output",
    ),
    key(&["hooks"], "running commands before and after a dump"),
    value(
        &["scopes", "*"],
        "exports",
        "storing the output of commands",
    ),
];

/// What this key would do in a later version.
pub(super) fn later_key(path: &KeyPath) -> Option<&'static str> {
    find(path, |row| row.value.is_none())
}

/// What this value would do in a later version.
pub(super) fn later_value(path: &KeyPath, text: &str) -> Option<&'static str> {
    find(path, |row| row.value == Some(text))
}

fn find(path: &KeyPath, fits: impl Fn(&Row) -> bool) -> Option<&'static str> {
    // A job has the keys of the top level.
    let keys = match path.keys() {
        [jobs, _, keys @ ..] if jobs == "jobs" => keys,
        keys => keys,
    };
    let leads_here = |row: &Row| {
        row.path.len() == keys.len()
            && row
                .path
                .iter()
                .zip(keys)
                .all(|(pattern, key)| *pattern == "*" || pattern == key)
    };
    let row = TABLE.iter().find(|row| fits(row) && leads_here(row))?;
    Some(row.does)
}
