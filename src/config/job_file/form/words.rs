//! Values and lists as messages name them.

use serde_json::Value;

use crate::config::job_file::key_path::KeyPath;

/// Where a key is missing or unknown.
pub(super) fn place(path: &KeyPath) -> String {
    if path.keys().is_empty() {
        "at the top level".to_owned()
    } else {
        format!("in `{path}`")
    }
}

/// `a`, `b` or `c`.
pub(super) fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.join(""),
    }
}

/// A value for a message: scalars as they are, at most 60 characters of them.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let short: String = text.chars().take(60).collect();
            let dots = if short.len() < text.len() { "..." } else { "" };
            format!("`{}{dots}`", short.escape_debug())
        }
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        other => kind_of(other).to_owned(),
    }
}

/// The type of a value with its article.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty",
        Value::Bool(_) => "`true` or `false`",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
