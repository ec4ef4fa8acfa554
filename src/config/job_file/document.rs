//! The file as located values: text in, values and places out. Knows no key.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::str::Utf8Error;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::key_path::KeyPath;
use crate::diagnostic::{Finding, Place, SourceText};
use crate::yaml::node::{Data, Node};
use crate::yaml::{self, YamlError};

/// How many brackets may open. The parser's time grows with the square of their depth.
const BRACKET_LIMIT: usize = 10_000;

/// How many findings get a place. Each one costs a run of the parser, and nobody reads more.
pub const LOCATED_LIMIT: usize = 100;

/// Which half of a `key: value` a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The key.
    Key,
    /// The value; the key for a mapping, a list, and nothing.
    Value,
}

/// A parsed file.
#[derive(Debug)]
pub struct Document {
    source: Arc<SourceText>,
    pub(super) root: Node,
    /// What variables were filled into: it may be a secret, and no message shows it.
    pub(super) filled: BTreeSet<KeyPath>,
    located: Cell<usize>,
}

impl Document {
    /// Parses the bytes of a file that findings call `name`.
    ///
    /// # Errors
    /// A finding with the place of what is not text, not YAML, or too much.
    pub(super) fn parse(name: String, bytes: Vec<u8>) -> Result<Self, Finding> {
        let source = to_text(name, bytes)?;
        let text = source.text.as_bytes();
        let brackets = text.iter().filter(|byte| matches!(byte, b'[' | b'{'));
        if brackets.count() > BRACKET_LIMIT {
            return Err(too_much(&source));
        }
        let parsed = yaml::parse(text, 0).map_err(|error| unparsed(&source, error))?;
        if let Some(origin) = parsed.bad_merge_keys.first() {
            let place = place(&source, origin.ordinal, String::new());
            let finding = Finding::new(
                "config::merge_key",
                "`<<` wants a mapping or a list of them",
            );
            return Err(with(finding, place)
                .with_help("write `<<: *name` after an anchor `&name` on a mapping"));
        }
        if let Some((tag, origin)) = &parsed.tagged {
            let message = format!("the tag `{}` means nothing here", tag.escape_debug());
            let place = place(&source, origin.ordinal, String::new());
            return Err(with(Finding::new("config::tag", message), place)
                .with_help("remove the tag; text that starts with `!` stands in quotes"));
        }
        let mut documents = parsed.documents.into_iter();
        let first = documents.next().filter(|node| !node.is_null());
        let (root, more) = match (first, documents.next()) {
            (Some(root), more) => (root, more),
            (None, _) => return Err(empty(&source)),
        };
        if let Some(more) = more {
            let finding = Finding::new(
                "config::documents",
                "the file holds more than one YAML document",
            );
            let place = place(&source, more.origin.ordinal, String::new());
            return Err(with(finding, place)
                .with_help("remove the line `---` between them: one file, one document"));
        }
        Ok(Self {
            source,
            root,
            filled: BTreeSet::new(),
            located: Cell::new(0),
        })
    }

    /// A finding about what `path` leads to, with its place as far as it can be found. The message is
    /// not told where it may hold what a variable stands for.
    #[must_use]
    pub fn finding(
        &self,
        code: &'static str,
        message: impl Into<String>,
        (path, part): (&KeyPath, Part),
    ) -> Finding {
        // In order, what lies below a path comes right after it.
        let next = self.filled.range(path..).next();
        let is_filled = next.is_some_and(|filled| filled.keys().starts_with(path.keys()));
        let message = if part == Part::Value && is_filled {
            format!("`{path}` does not fit: a variable gives its value, which is not shown")
        } else {
            message.into()
        };
        with(Finding::new(code, message), self.place(path, part))
    }

    fn place(&self, path: &KeyPath, part: Part) -> Option<Place> {
        if self.located.replace(self.located.get() + 1) >= LOCATED_LIMIT {
            return None;
        }
        let node = find(&self.root, path.keys())?;
        let in_list = path.keys().last().is_some_and(|key| {
            let parent = path.parent().unwrap_or_default();
            find(&self.root, parent.keys()).is_some_and(|node| node.get(key).is_none())
        });
        let is_scalar = node.scalar().is_some();
        // A key is counted right before its value.
        let ordinal = match part {
            Part::Value if is_scalar => node.origin.ordinal,
            _ if in_list || path.keys().is_empty() => node.origin.ordinal,
            Part::Key | Part::Value => node.origin.ordinal - 1,
        };
        place(&self.source, ordinal, path.to_string())
    }

    /// The names in the mapping that `path` leads to; none if there is no mapping.
    #[must_use]
    pub fn keys_of(&self, path: &KeyPath) -> Vec<&str> {
        find(&self.root, path.keys())
            .and_then(Node::as_map)
            .map(|map| map.keys().map(String::as_str).collect())
            .unwrap_or_default()
    }

    /// The values as JSON, which is what schemas speak of.
    pub(super) fn to_json(&self) -> Value {
        to_json(&self.root)
    }
}

fn find<'a>(root: &'a Node, keys: &[String]) -> Option<&'a Node> {
    keys.iter().try_fold(root, |node, key| match &node.data {
        Data::List(items) => items.get(key.parse::<usize>().ok()?),
        _ => node.get(key),
    })
}

fn to_json(node: &Node) -> Value {
    match &node.data {
        Data::Null => Value::Null,
        Data::Bool(value) => Value::Bool(*value),
        // What YAML calls a number and JSON does not, such as `.nan`, is text.
        Data::Number(text) => serde_json::from_str(text)
            .ok()
            .filter(Value::is_number)
            .unwrap_or_else(|| Value::String(text.clone())),
        Data::Text(text) => Value::String(text.clone()),
        Data::List(items) => Value::Array(items.iter().map(to_json).collect()),
        Data::Map(map) => Value::Object(
            map.iter()
                .map(|(key, value)| (key.clone(), to_json(value)))
                .collect::<Map<_, _>>(),
        ),
    }
}

fn with(finding: Finding, place: Option<Place>) -> Finding {
    match place {
        Some(place) => finding.with_place(place),
        None => finding,
    }
}

fn place(source: &Arc<SourceText>, ordinal: u32, path: String) -> Option<Place> {
    let location = yaml::place_of(source.text.as_bytes(), ordinal)?;
    Some(Place::new(
        source,
        (location.line(), location.column()),
        path,
    ))
}

/// What some editors begin UTF-8 text with. It is no part of the first line.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

fn to_text(name: String, mut bytes: Vec<u8>) -> Result<Arc<SourceText>, Finding> {
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    let (text, error) = match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let at = error.utf8_error();
            (
                String::from_utf8_lossy(error.as_bytes()).into_owned(),
                Some(at),
            )
        }
    };
    let source = Arc::new(SourceText { name, text });
    if let Some(error) = error {
        return Err(not_text(&source, error));
    }
    if let Some(at) = source.text.find('\0') {
        let finding = Finding::new("config::nul", "the file holds a NUL byte");
        let place = Place::new(&source, position(&source.text, at), String::new());
        return Err(finding
            .with_place(place)
            .with_help("save it as UTF-8 text: UTF-16 is full of NUL bytes"));
    }
    Ok(source)
}

fn not_text(source: &Arc<SourceText>, error: Utf8Error) -> Finding {
    // Up to the wrong byte, the lossy text is the file's.
    let place = Place::new(
        source,
        position(&source.text, error.valid_up_to()),
        String::new(),
    );
    Finding::new("config::not_utf8", "the file is not UTF-8 text")
        .with_place(place)
        .with_help("save it as UTF-8")
}

/// Line and column, from 1, of a byte.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}

fn empty(source: &Arc<SourceText>) -> Finding {
    let place = Place::new(source, (1, 1), String::new());
    Finding::new("config::empty", "the file is empty")
        .with_place(place)
        .with_help("its first line is `version: 1`; nothing else is needed")
}

fn too_much(source: &Arc<SourceText>) -> Finding {
    let place = Place::new(source, (1, 1), String::new());
    let message = format!(
        "the file has more than {} values or too much text with its aliases resolved, or more than {BRACKET_LIMIT} brackets",
        yaml::NODE_LIMIT
    );
    Finding::new("config::too_many_values", message)
        .with_place(place)
        .with_help("write the values out; aliases of aliases multiply")
}

fn unparsed(source: &Arc<SourceText>, error: YamlError) -> Finding {
    let (error, duplicate) = match error {
        YamlError::TooManyNodes => return too_much(source),
        YamlError::Syntax { error, duplicate } => (error, duplicate),
    };
    if let Some((key, origin)) = duplicate {
        let message = format!("the key `{}` is there twice", key.escape_debug());
        let place = place(source, origin.ordinal, key);
        return with(Finding::new("config::duplicate_key", message), place)
            .with_help("put both into one, or remove one of them");
    }
    let at = error
        .location()
        .map_or((1, 1), |location| (location.line(), location.column()));
    let place = Place::new(source, at, String::new());
    let line = source.text.lines().nth(at.0.saturating_sub(1));
    let indented_by_tab = line.is_some_and(|line| {
        let content = line.trim_start();
        line[..line.len() - content.len()].contains('\t')
    });
    if indented_by_tab {
        let start = line.and_then(|line| line.find('\t')).unwrap_or_default();
        let place = Place::new(source, (at.0, start + 1), String::new());
        return Finding::new(
            "config::tab",
            "the line is indented by a tab, which YAML forbids",
        )
        .with_place(place)
        .with_help("indent with spaces");
    }
    let reason = error.to_string();
    let reason = reason.split(" at line ").next().unwrap_or_default();
    Finding::new("config::syntax", format!("the file is not YAML: {reason}"))
        .with_place(place)
        .with_help("look at this line and the ones before it: indentation, a missing quote, bracket or colon")
}
