//! The names of dumps, by a pattern.
//!
//! Names must sort, must not collide, and must be safe on every file system and in every command
//! line: no colon, no slash, no leading dot or dash.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::identity::Identity;
use crate::diagnostic::{Finding, did_you_mean};

/// `{host}_{name}__{path_hash}___{date}_{time}`.
pub const DEFAULT_PATTERN: &str = "{host}_{name}__{path_hash}___{date}_{time}";

const FIELDS: [&str; 8] = [
    "host",
    "name",
    "path_hash",
    "date",
    "time",
    "isodate",
    "job",
    "id",
];

/// A pattern for the names of dumps, checked: it gives every run a name of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct DumpName(String);

/// What the fields of a pattern stand for in one run.
#[derive(Debug, Clone)]
pub struct NameFields<'a> {
    /// `{host}`, `{name}`, `{path_hash}`.
    pub identity: &'a Identity,
    /// `{job}`.
    pub job: &'a str,
    /// `{id}`: the run's random id.
    pub id: &'a str,
    /// `{date}`, `{time}`, `{isodate}`: when the run was invoked; written in UTC.
    pub invoked: Timestamp,
}

impl DumpName {
    /// Checks a pattern.
    ///
    /// # Errors
    /// A finding that says which field is unknown, which character cannot be part of a name, or that
    /// the names would not be unique.
    pub fn parse(pattern: &str) -> Result<Self, Finding> {
        let fields = fields_of(pattern)?;
        let has = |field: &str| fields.contains(&field);
        let dated = has("isodate") || (has("date") && has("time"));
        if !dated && !has("id") {
            return Err(Finding::new(
                "config::name_not_unique",
                format!("the dump name pattern `{pattern}` gives two runs the same name"),
            )
            .with_help("add `{date}` and `{time}`, `{isodate}`, or `{id}`"));
        }
        Ok(Self(pattern.to_owned()))
    }

    /// The name of one run's dump.
    #[must_use]
    pub fn render(&self, fields: &NameFields<'_>) -> String {
        let utc = fields.invoked.to_zoned(TimeZone::UTC);
        self.preview(fields.identity, fields.job)
            .replace("{date}", &utc.strftime("%Y-%m-%d").to_string())
            .replace("{time}", &utc.strftime("%H%M%S").to_string())
            .replace("{isodate}", &utc.strftime("%Y%m%dT%H%M%SZ").to_string())
            .replace("{id}", fields.id)
    }

    /// The name with everything filled in that does not change from run to run.
    #[must_use]
    pub fn preview(&self, identity: &Identity, job: &str) -> String {
        self.0
            .replace("{host}", &identity.host)
            .replace("{name}", &identity.name)
            .replace("{path_hash}", &identity.path_hash)
            .replace("{job}", job)
    }
}

/// The fields that a pattern names.
fn fields_of(pattern: &str) -> Result<Vec<&str>, Finding> {
    let mut fields = Vec::new();
    let mut literal = String::new();
    let mut rest = pattern;
    while let Some(open) = rest.find('{') {
        literal.push_str(&rest[..open]);
        let (field, tail) = rest[open + 1..].split_once('}').ok_or_else(|| {
            Finding::new(
                "config::name_pattern",
                format!("the dump name pattern `{pattern}` has a `{{` without its `}}`"),
            )
            .with_help(fields_help())
        })?;
        if !FIELDS.contains(&field) {
            return Err(unknown_field(pattern, field));
        }
        fields.push(field);
        rest = tail;
    }
    literal.push_str(rest);
    check_literal(pattern, &literal)?;
    Ok(fields)
}

fn unknown_field(pattern: &str, field: &str) -> Finding {
    let finding = Finding::new(
        "config::name_field",
        format!("the dump name pattern `{pattern}` has the unknown field `{{{field}}}`"),
    );
    finding.with_help(match did_you_mean(field, FIELDS) {
        Some(near) => format!("did you mean `{{{near}}}`?"),
        None => fields_help(),
    })
}

fn fields_help() -> String {
    let fields = FIELDS.map(|known| format!("{{{known}}}"));
    format!("the fields are {}", fields.join(", "))
}

fn check_literal(pattern: &str, literal: &str) -> Result<(), Finding> {
    let wrong = literal.chars().find(|&character| {
        character.is_control()
            || matches!(
                character,
                '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '}'
            )
    });
    if let Some(character) = wrong {
        return Err(Finding::new(
            "config::name_character",
            format!(
                "the dump name pattern `{}` holds `{}`",
                pattern.escape_debug(),
                character.escape_debug()
            ),
        )
        .with_help("use letters, digits, `-`, `_`, `.` and spaces beside the fields"));
    }
    if pattern.starts_with(['.', '-']) {
        return Err(Finding::new(
            "config::name_start",
            format!(
                "the dump name pattern `{pattern}` starts with `{}`",
                &pattern[..1]
            ),
        )
        .with_help("a leading dot hides the dump, a leading dash makes it look like an option"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_default_pattern_renders_as_the_contract_shows() {
        let identity = Identity::new("web-1", "blog", Path::new("/srv/blog"));
        let invoked = "2026-11-23T01:42:05Z".parse().expect("a timestamp");
        let fields = NameFields {
            identity: &identity,
            job: "manual",
            id: "5e3f",
            invoked,
        };
        let name = DumpName::parse(DEFAULT_PATTERN).expect("the default is valid");
        assert_eq!(
            name.render(&fields),
            "web-1_blog__c205361c___2026-11-23_014205"
        );
        assert_eq!(
            name.preview(&identity, "manual"),
            "web-1_blog__c205361c___{date}_{time}"
        );
    }

    #[test]
    fn patterns_that_cannot_be_unique_or_safe_are_refused() {
        let cases = [
            ("{host}", "config::name_not_unique"),
            ("{date}", "config::name_not_unique"),
            ("{date}_{tiem}", "config::name_field"),
            ("{date", "config::name_pattern"),
            ("{date}:{time}", "config::name_character"),
            ("../{id}", "config::name_character"),
            (".{id}", "config::name_start"),
            ("-{id}", "config::name_start"),
        ];
        for (pattern, code) in cases {
            assert_eq!(
                DumpName::parse(pattern).expect_err(pattern).code,
                code,
                "{pattern}"
            );
        }
        assert!(DumpName::parse("{id}").is_ok());
        assert!(DumpName::parse("{name}-{isodate}").is_ok());
    }
}
