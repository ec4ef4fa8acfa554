//! Keys that are wrong: unknown, missing, or not such as a name may be.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::complaint::Complaint;
use super::words::{place, quoted};
use crate::config::job_file::document::Part;
use crate::config::job_file::formats::complaint;
use crate::config::job_file::key_path::KeyPath;
use crate::config::job_file::schema::part;
use crate::diagnostic::did_you_mean;

/// A key that is not there.
pub(super) fn unknown_key(path: &KeyPath, key: &str, known: &[&str]) -> Complaint {
    let at = path.join(key);
    let shown = key.escape_debug();
    let whole_file = known.contains(&"jobs");
    let help = match did_you_mean(key, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "remove it".to_owned(),
        None if !whole_file && TOP_LEVEL.contains(&key) => {
            format!("`{shown}` stands at the top level of the file only")
        }
        None => format!("the keys here are {}", quoted(known)),
    };
    Complaint::new(
        "config::unknown_key",
        format!("there is no key `{shown}` {}", place(path)),
        at,
        Part::Key,
    )
    .with_help(help)
}

/// Keys that no job has.
const TOP_LEVEL: [&str; 5] = ["version", "host", "project", "targets", "jobs"];

/// A name that is not such as the schema wants it.
pub(super) fn bad_key(path: &KeyPath, error: &ValidationError<'_>) -> Complaint {
    let key = error.instance().as_str().unwrap_or_default();
    let at = path.join(key);
    let finding = match error.kind() {
        Kind::Format { format } => complaint(format, key),
        _ => None,
    };
    match finding {
        Some(finding) => Complaint {
            help: finding.help,
            ..Complaint::new(finding.code, finding.message, at, Part::Key)
        },
        None => Complaint::new(
            "config::name",
            format!("`{}` cannot be a name in `{path}`", key.escape_debug()),
            at,
            Part::Key,
        )
        .with_help(NAME_HELP),
    }
}

const NAME_HELP: &str =
    "start with a letter or digit; go on with letters, digits, `_`, `.` and `-`";

/// A mapping without a key that it needs.
pub(super) fn missing_key(path: KeyPath, property: &Value) -> Complaint {
    let key = property.as_str().unwrap_or_default();
    let help = match key {
        "version" => "write `version: 1` as the first line".to_owned(),
        "codec" => "write `codec: zst`; level and threads belong to a codec".to_owned(),
        other => format!("write `{other}: ...`"),
    };
    // A file that only lacks its version can be looked at further.
    let removed = if path.keys().is_empty() {
        path.join(key)
    } else {
        path.clone()
    };
    Complaint {
        removed,
        ..Complaint::new(
            "config::missing_key",
            format!("the key `{key}` is missing {}", place(&path)),
            path,
            Part::Key,
        )
    }
    .with_help(help)
}

/// The keys that the schema has where one is unknown.
pub(super) fn known_keys(error: &ValidationError<'_>) -> Vec<&'static str> {
    let (parent, _) = error
        .schema_path()
        .as_str()
        .rsplit_once('/')
        .unwrap_or_default();
    part(parent)
        .and_then(|schema| schema["properties"].as_object())
        .map(|keys| keys.keys().map(String::as_str).collect())
        .unwrap_or_default()
}
