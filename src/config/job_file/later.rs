//! What the file's format has a place for, and this version does not execute: refused with a
//! sentence, never accepted and ignored. A row goes when its feature comes.

use super::key_path::KeyPath;

struct Row {
    /// The keys that lead to it; `*` is any name.
    path: &'static [&'static str],
    /// What it would do.
    does: &'static str,
}

const fn key(path: &'static [&'static str], does: &'static str) -> Row {
    Row { path, does }
}

const TABLE: [Row; 1] = [key(&["hooks"], "running commands before and after a dump")];

/// What this key would do in a later version.
pub(super) fn later_key(path: &KeyPath) -> Option<&'static str> {
    // A job has the keys of the top level.
    let keys = match path.keys() {
        [jobs, _, keys @ ..] if jobs == "jobs" => keys,
        keys => keys,
    };
    let leads_here = |row: &&Row| {
        row.path.len() == keys.len()
            && row
                .path
                .iter()
                .zip(keys)
                .all(|(pattern, key)| *pattern == "*" || pattern == key)
    };
    TABLE.iter().find(leads_here).map(|row| row.does)
}
