//! Holds the values against the schema, and says what is wrong in words of the file.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::document::{Document, Part};
use super::formats::complaint;
use super::key_path::KeyPath;
use super::later::{later_key, later_value};
use super::schema::{VALIDATOR, part};
use crate::diagnostic::{Finding, did_you_mean};

/// Something that is wrong with the form.
#[derive(Debug)]
pub(super) struct Complaint {
    code: &'static str,
    message: String,
    help: Option<String>,
    /// What it is about.
    pub(super) path: KeyPath,
    part: Part,
    /// What has to go so that the rest is right.
    pub(super) removed: KeyPath,
}

impl Complaint {
    fn new(code: &'static str, message: String, path: KeyPath, part: Part) -> Self {
        Self {
            code,
            message,
            help: None,
            removed: path.clone(),
            path,
            part,
        }
    }

    fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With its place.
    pub(super) fn finding(&self, document: &Document) -> Finding {
        let finding = document.finding(self.code, self.message.clone(), (&self.path, self.part));
        match &self.help {
            Some(help) => finding.with_help(help.clone()),
            None => finding,
        }
    }
}

/// A file of another version is not looked at further: everything in it may mean something else.
pub(super) fn other_version(document: &Document, values: &Value) -> Option<Finding> {
    let version = values.get("version")?;
    (*version != 1).then(|| {
        let message = format!(
            "the version of the file is {}, and this program reads version 1",
            shown(version)
        );
        document
            .finding(
                "config::version",
                message,
                (&KeyPath::new(["version"]), Part::Value),
            )
            .with_help("write `version: 1`, or use the compose-dump that the file was written for")
    })
}

/// Everything that the schema has against the values.
pub(super) fn complaints(values: &Value) -> Vec<Complaint> {
    let mut found = Vec::new();
    for error in VALIDATOR.iter_errors(values) {
        of_error(&error, &mut found);
    }
    let object_stores: Vec<KeyPath> = found
        .iter()
        .filter(|complaint| complaint.path.keys().last().is_some_and(|key| key == "url"))
        .filter_map(|complaint| complaint.path.parent())
        .collect();
    // A target with a URL has no path, and lacks none.
    found.retain(|complaint| {
        complaint.code != "config::missing_key" || !object_stores.contains(&complaint.path)
    });
    found
}

fn of_error(error: &ValidationError<'_>, found: &mut Vec<Complaint>) {
    let path = KeyPath::from_pointer(error.instance_path().as_str());
    let value = error.instance();
    let complaint = match error.kind() {
        Kind::AnyOf { context } => return of_branches(error, context, found),
        Kind::AdditionalProperties { unexpected } => {
            let known = known_keys(error);
            found.extend(unexpected.iter().map(|key| unknown_key(&path, key, &known)));
            return;
        }
        Kind::PropertyNames { error } => bad_key(&path, error),
        Kind::Required { property } => missing_key(path, property),
        Kind::Type { .. } => wrong_type(error, path, value),
        Kind::Enum { options } => unknown_value(path, value, options),
        Kind::Format { format } => bad_format(path, value, format),
        Kind::Pattern { .. } => bad_name(path, value),
        Kind::MinLength { .. } => Complaint::new(
            "config::empty_text",
            format!("`{path}` is empty"),
            path,
            Part::Value,
        )
        .with_help("write something, or remove the key"),
        Kind::MinItems { .. } => Complaint::new(
            "config::empty_list",
            format!("the list `{path}` is empty"),
            path,
            Part::Value,
        )
        .with_help("name at least one, or remove the key for its default"),
        Kind::Minimum { limit } | Kind::Maximum { limit } => {
            let bound = if matches!(error.kind(), Kind::Minimum { .. }) {
                "at least"
            } else {
                "at most"
            };
            Complaint::new(
                "config::out_of_range",
                format!(
                    "`{path}` is {}, and has to be {bound} {limit}",
                    shown(value)
                ),
                path,
                Part::Value,
            )
            .with_help(format!("write a number that is {bound} {limit}"))
        }
        Kind::UniqueItems => {
            let item = repeated(value);
            Complaint::new(
                "config::listed_twice",
                format!(
                    "the list `{path}` names {} twice",
                    item.map(shown).unwrap_or_default()
                ),
                path,
                Part::Value,
            )
            .with_help("name it once")
        }
        other => Complaint::new(
            "config::form",
            format!(
                "`{path}` breaks the rule `{}` of the schema",
                other.keyword()
            ),
            path,
            Part::Value,
        ),
    };
    found.push(complaint);
}

/// Of several forms the one that was meant: the first whose type fits.
fn of_branches(
    error: &ValidationError<'_>,
    branches: &[Vec<ValidationError<'static>>],
    found: &mut Vec<Complaint>,
) {
    let here = error.instance_path();
    let fits = |branch: &&Vec<ValidationError<'static>>| {
        !branch
            .iter()
            .any(|inner| inner.instance_path() == here && matches!(inner.kind(), Kind::Type { .. }))
    };
    match branches.iter().find(fits) {
        Some(branch) => branch.iter().for_each(|inner| of_error(inner, found)),
        None => {
            let path = KeyPath::from_pointer(here.as_str());
            found.push(wrong_type(error, path, error.instance()));
        }
    }
}

fn unknown_key(path: &KeyPath, key: &str, known: &[&str]) -> Complaint {
    let at = path.join(key);
    let shown = key.escape_debug();
    if let Some(does) = later_key(&at) {
        return Complaint::new(
            "config::not_yet",
            format!("the key `{shown}` is not executed by this version: {does} comes later"),
            at,
            Part::Key,
        )
        .with_help("remove the key; it would have no effect");
    }
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

fn place(path: &KeyPath) -> String {
    if path.keys().is_empty() {
        "at the top level".to_owned()
    } else {
        format!("in `{path}`")
    }
}

fn bad_key(path: &KeyPath, error: &ValidationError<'_>) -> Complaint {
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

fn missing_key(path: KeyPath, property: &Value) -> Complaint {
    let key = property.as_str().unwrap_or_default();
    let help = match key {
        "version" => "write `version: 1` as the first line".to_owned(),
        "path" => {
            "write `path: /var/backups/compose`, or `path: \"-\"` for standard output".to_owned()
        }
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

fn wrong_type(error: &ValidationError<'_>, path: KeyPath, value: &Value) -> Complaint {
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

fn unknown_value(path: KeyPath, value: &Value, options: &Value) -> Complaint {
    let options: Vec<&str> = options
        .as_array()
        .map(|options| options.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let text = value.as_str().unwrap_or_default();
    if let Some(does) = later_value(&path, text) {
        return Complaint::new(
            "config::not_yet",
            format!("`{text}` is not executed by this version: {does} comes later"),
            path,
            Part::Value,
        )
        .with_help(format!("write {}", quoted(&options)));
    }
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

fn bad_format(path: KeyPath, value: &Value, format: &str) -> Complaint {
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

fn bad_name(path: KeyPath, value: &Value) -> Complaint {
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

fn known_keys(error: &ValidationError<'_>) -> Vec<&'static str> {
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

fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.join(""),
    }
}

/// A value for a message: scalars as they are, at most 60 characters of them.
fn shown(value: &Value) -> String {
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

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "`true` or `false`",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
