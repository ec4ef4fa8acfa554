//! Values that are wrong: of another type, not one of those that are known, out of their range.

use jsonschema::ValidationError;
use serde_json::Value;

use super::complaint::Complaint;
use super::words::{kind_of, quoted, shown};
use crate::config::job_file::document::Part;
use crate::config::job_file::formats::complaint;
use crate::config::job_file::key_path::KeyPath;
use crate::config::job_file::schema::part;
use crate::diagnostic::did_you_mean;

/// A value of another type.
pub(super) fn wrong_type(error: &ValidationError<'_>, path: KeyPath, value: &Value) -> Complaint {
    let expected = expected(error);
    let is = if path.keys().is_empty() {
        "the file".to_owned()
    } else {
        format!("`{path}`")
    };
    let help = match value {
        Value::Null => format!("write {expected}, or remove the key"),
        Value::String(text) if expected.contains("true") && is_yes_or_no(text) => {
            "write `true` or `false`, without quotes: YAML 1.2 knows no `yes` and `no`".to_owned()
        }
        _ => format!("write {expected}"),
    };
    Complaint::new(
        "config::wrong_type",
        format!("{is} is {}, and has to be {expected}", kind_of(value)),
        path,
        Part::Value,
    )
    .with_help(help)
}

fn is_yes_or_no(text: &str) -> bool {
    let words = ["yes", "no", "on", "off", "true", "false"];
    words.contains(&&*text.to_ascii_lowercase())
}

/// A text that is none of those that are known.
pub(super) fn unknown_value(path: KeyPath, value: &Value, options: &Value) -> Complaint {
    let options: Vec<&str> = options
        .as_array()
        .map(|options| options.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let text = value.as_str().unwrap_or_default();
    let help = match did_you_mean(text, options.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write {}", quoted(&options)),
    };
    Complaint::new(
        "config::unknown_value",
        format!("`{path}` cannot be {}", shown(value)),
        path,
        Part::Value,
    )
    .with_help(help)
}

/// A text that its format has something against.
pub(super) fn bad_format(path: KeyPath, value: &Value, format: &str) -> Complaint {
    match complaint(format, value.as_str().unwrap_or_default()) {
        Some(finding) => Complaint {
            help: finding.help,
            ..Complaint::new(finding.code, finding.message, path, Part::Value)
        },
        None => Complaint::new(
            "config::form",
            format!("`{path}` is not of the format `{format}`"),
            path,
            Part::Value,
        ),
    }
}

/// A text, a list or a mapping without content.
pub(super) fn empty(path: KeyPath, value: &Value) -> Complaint {
    let (code, what, help) = if value.is_array() {
        (
            "config::empty_list",
            "the list ",
            "name at least one, or remove the key for its default",
        )
    } else if value.is_object() {
        (
            "config::empty_mapping",
            "the mapping ",
            "write at least one of its keys, or remove it for its default",
        )
    } else {
        (
            "config::empty_text",
            "",
            "write something, or remove the key",
        )
    };
    Complaint::new(code, format!("{what}`{path}` is empty"), path, Part::Value).with_help(help)
}

/// A number outside of its range; `bound` is `at least` or `at most`.
pub(super) fn out_of_range(path: KeyPath, value: &Value, bound: &str, limit: &Value) -> Complaint {
    let message = format!(
        "`{path}` is {}, and has to be {bound} {limit}",
        shown(value)
    );
    Complaint::new("config::out_of_range", message, path, Part::Value)
        .with_help(format!("write a number that is {bound} {limit}"))
}

/// A list that names something twice.
pub(super) fn listed_twice(path: KeyPath, value: &Value) -> Complaint {
    let item = repeated(value).map(shown).unwrap_or_default();
    let message = format!("the list `{path}` names {item} twice");
    Complaint::new("config::listed_twice", message, path, Part::Value).with_help("name it once")
}

/// What has no words of its own.
pub(super) fn other(path: KeyPath, keyword: &str) -> Complaint {
    let message = format!("`{path}` breaks the rule `{keyword}` of the schema");
    Complaint::new("config::form", message, path, Part::Value)
        .with_help("`compose-dump schema` prints the rules")
}

/// A project's name that Compose would refuse.
pub(super) fn bad_name(path: KeyPath, value: &Value) -> Complaint {
    Complaint::new(
        "config::name",
        format!("{} cannot be a project's name", shown(value)),
        path,
        Part::Value,
    )
    .with_help("use lower-case letters, digits, `-` and `_`, starting with a letter or digit")
}

/// The first item of a list that was there before.
fn repeated(value: &Value) -> Option<&Value> {
    let items = value.as_array()?;
    let mut later = items.iter().enumerate();
    later.find_map(|(index, item)| items[..index].contains(item).then_some(item))
}

/// What the schema expects, in words: the title of that part of it, else its types.
fn expected(error: &ValidationError<'_>) -> String {
    let (parent, _) = error
        .schema_path()
        .as_str()
        .rsplit_once('/')
        .unwrap_or_default();
    let schema = part(parent);
    if let Some(title) = schema
        .and_then(|schema| schema["title"].as_str())
        .filter(|_| !parent.is_empty())
    {
        return title.to_owned();
    }
    let types = schema.map(|schema| &schema["type"]);
    let names: Vec<&str> = match types {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let words = names.iter().filter_map(|name| match *name {
        "object" => Some("a mapping"),
        "array" => Some("a list"),
        "string" => Some("text"),
        "integer" => Some("a whole number"),
        "boolean" => Some("`true` or `false`"),
        _ => None,
    });
    words.collect::<Vec<_>>().join(" or ")
}
