//! `${VAR}`, `${VAR:-x}`, `${VAR:?message}` and the literal `$${` in the file's texts.
//!
//! Variables come in as data. Keys are left as they are, and a value that comes out is never looked
//! at again: no variable can bring in another one.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use super::document::{Document, LOCATED_LIMIT, Part};
use super::key_path::KeyPath;
use crate::diagnostic::{Finding, did_you_mean};
use crate::yaml::node::{Data, Node};

/// Variables by name.
pub(super) type Environment = BTreeMap<OsString, OsString>;

/// How many bytes may be filled in: a long variable may be named many times.
const ROOM: usize = 1 << 20;

/// Why an expression has no value. Never holds a variable's value.
#[derive(Debug, PartialEq, Eq)]
enum Problem {
    Unset(String),
    Required { name: String, message: String },
    NotText(String),
    TooLong,
    Invalid,
}

/// Fills in the variables of every text of the document. What has no value is left as it is, with its
/// path and a finding.
pub(super) fn fill_in(
    document: &mut Document,
    environment: &Environment,
) -> Vec<(KeyPath, Finding)> {
    let mut walk = Walk {
        environment,
        filled: BTreeSet::new(),
        room: ROOM,
        problems: Vec::new(),
    };
    walk.node(&mut document.root, &KeyPath::default());
    let filled = walk.filled;
    let findings = walk
        .problems
        .into_iter()
        .take(2 * LOCATED_LIMIT)
        .map(|(path, problem)| {
            let finding = finding(document, &path, &problem, environment);
            (path, finding)
        })
        .collect();
    document.filled = filled;
    findings
}

struct Walk<'a> {
    environment: &'a Environment,
    filled: BTreeSet<KeyPath>,
    /// Bytes that may still be filled in.
    room: usize,
    problems: Vec<(KeyPath, Problem)>,
}

impl Walk<'_> {
    fn node(&mut self, node: &mut Node, path: &KeyPath) {
        match &mut node.data {
            Data::Text(text) if text.contains("${") => {
                match expand(text, self.environment, self.room) {
                    Ok(filled) => {
                        self.room -= filled.len();
                        *text = filled;
                        self.filled.insert(path.clone());
                    }
                    Err(problem) => self.problems.push((path.clone(), problem)),
                }
            }
            Data::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.node(item, &path.join(index));
                }
            }
            Data::Map(map) => {
                for (key, value) in map {
                    let path = path.join(key);
                    if !is_command(&path) {
                        self.node(value, &path);
                    }
                }
            }
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) => {}
        }
    }
}

/// Whether the value is a command: that is for whoever runs it, a shell in a container perhaps.
fn is_command(path: &KeyPath) -> bool {
    let keys = match path.keys() {
        [jobs, _, keys @ ..] if jobs == "jobs" => keys,
        keys => keys,
    };
    match keys {
        [exports, _, _, key] if exports == "exports" => key == "command" || key == "load",
        [hooks, _, key] if hooks == "hooks" => key == "before" || key == "after",
        _ => false,
    }
}

/// Fills in the variables of a text, which may get `room` bytes long.
fn expand(text: &str, environment: &Environment, room: usize) -> Result<String, Problem> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if let Some(before) = rest[..at].strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        out.push_str(&rest[..at]);
        let (expression, tail) = rest[at + 2..].split_once('}').ok_or(Problem::Invalid)?;
        out.push_str(&value(expression, environment)?);
        rest = tail;
        if out.len() + rest.len() > room {
            return Err(Problem::TooLong);
        }
    }
    out.push_str(rest);
    if out.len() > room {
        return Err(Problem::TooLong);
    }
    Ok(out)
}

fn value(expression: &str, environment: &Environment) -> Result<String, Problem> {
    let (name, operation) = match expression.split_once(':') {
        Some((name, operation)) => (name, Some(operation)),
        None => (expression, None),
    };
    let first_fits = name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic());
    let all_fit = name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    if !first_fits || !all_fit {
        return Err(Problem::Invalid);
    }
    let set = match environment.get(OsStr::new(name)) {
        Some(value) => Some(
            value
                .to_str()
                .ok_or_else(|| Problem::NotText(name.to_owned()))?,
        ),
        None => None,
    };
    let name = name.to_owned();
    match (
        operation.map(|operation| (operation.chars().next(), operation)),
        set,
    ) {
        (None, Some(value)) => Ok(value.to_owned()),
        (None, None) => Err(Problem::Unset(name)),
        (Some((Some('-' | '?'), _)), Some(value)) if !value.is_empty() => Ok(value.to_owned()),
        (Some((Some('-'), operation)), _) => Ok(operation[1..].to_owned()),
        (Some((Some('?'), operation)), _) => Err(Problem::Required {
            name,
            message: operation[1..].to_owned(),
        }),
        (Some(_), _) => Err(Problem::Invalid),
    }
}

fn finding(
    document: &Document,
    path: &KeyPath,
    problem: &Problem,
    environment: &Environment,
) -> Finding {
    let at = (path, Part::Value);
    match problem {
        Problem::Unset(name) => {
            let known = environment.keys().filter_map(|name| name.to_str());
            let near = did_you_mean(name, known).map(|near| format!("did you mean `{near}`? Else "));
            let message = format!("the environment variable `{name}` is not set");
            document
                .finding("config::unset_variable", message, at)
                .with_help(format!(
                    "{}set it, or write a default: `${{{name}:-value}}`",
                    near.unwrap_or_default()
                ))
        }
        Problem::Required { name, message } => {
            let why = if message.is_empty() { "it is required" } else { message };
            let message = format!("the environment variable `{name}` is not set: {}", why.escape_debug());
            document
                .finding("config::required_variable", message, at)
                .with_help(format!("set `{name}` where compose-dump is started"))
        }
        Problem::NotText(name) => document
            .finding(
                "config::variable_not_text",
                format!("the environment variable `{name}` is not UTF-8 text"),
                at,
            )
            .with_help("set it to text"),
        Problem::TooLong => document
            .finding(
                "config::variables_too_long",
                "with its variables filled in the file gets too long",
                at,
            )
            .with_help("look at what its variables hold"),
        Problem::Invalid => document
            .finding(
                "config::variable_syntax",
                "the text holds a `${` that starts no variable",
                at,
            )
            .with_help("write `${NAME}`, `${NAME:-default}` or `${NAME:?message}`; `$${` is a literal `${`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar() {
        let pairs = [("V", "v${U}"), ("E", "")];
        let environment = pairs
            .map(|(name, value)| (name.into(), value.into()))
            .into();
        let unset = |name: &str| Err(Problem::Unset(name.to_owned()));
        let required = |name: &str, message: &str| {
            Err(Problem::Required {
                name: name.to_owned(),
                message: message.to_owned(),
            })
        };
        for (text, expected) in [
            ("$V $x $$ $", Ok("$V $x $$ $")),
            ("a${V}b", Ok("av${U}b")),
            ("${E}", Ok("")),
            ("${E:-d:e}", Ok("d:e")),
            ("${U:-}", Ok("")),
            ("${V:?m}", Ok("v${U}")),
            ("$${V}${E}", Ok("${V}")),
            ("${U}", unset("U")),
            ("${E:?say}", required("E", "say")),
            ("${U:?}", required("U", "")),
            ("${", Err(Problem::Invalid)),
            ("${1}", Err(Problem::Invalid)),
            ("${V:+x}", Err(Problem::Invalid)),
            ("${V:}", Err(Problem::Invalid)),
            (&*"${V}".repeat(21), Err(Problem::TooLong)),
            (&*"$${".repeat(51), Err(Problem::TooLong)),
        ] {
            assert_eq!(
                expand(text, &environment, 100),
                expected.map(str::to_owned),
                "{text}"
            );
        }
    }
}
