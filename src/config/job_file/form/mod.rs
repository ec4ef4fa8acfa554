//! Holds the values against the schema, and says what is wrong in words of the file.

mod complaint;
mod keys;
mod values;
mod words;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use self::complaint::Complaint;
use super::document::{Document, Part};
use super::key_path::KeyPath;
use super::schema::VALIDATOR;
use crate::diagnostic::Finding;

/// A file of another version is not looked at further: everything in it may mean something else.
pub(super) fn other_version(document: &Document, values: &Value) -> Option<Finding> {
    let version = values.get("version")?;
    if version == "1" {
        let message = "the version of the file is text, and has to be the number 1";
        let at = &KeyPath::new(["version"]);
        let finding = document.finding("config::version", message, (at, Part::Value));
        return Some(finding.with_help("write `version: 1`, without quotes"));
    }
    (*version != 1).then(|| {
        let message = format!(
            "the version of the file is {}, and this program reads version 1",
            words::shown(version)
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
    found
}

fn of_error(error: &ValidationError<'_>, found: &mut Vec<Complaint>) {
    let path = KeyPath::from_pointer(error.instance_path().as_str());
    let value = error.instance();
    let complaint = match error.kind() {
        Kind::AnyOf { context } => return of_branches(error, context, found),
        Kind::AdditionalProperties { unexpected } => {
            let known = keys::known_keys(error);
            let unknown = unexpected.iter();
            found.extend(unknown.map(|key| keys::unknown_key(&path, key, &known)));
            return;
        }
        Kind::PropertyNames { error } => keys::bad_key(&path, error),
        Kind::Required { property } => keys::missing_key(path, property),
        Kind::Type { .. } => values::wrong_type(error, path, value),
        Kind::Enum { options } => values::unknown_value(path, value, options),
        Kind::Format { format } => values::bad_format(path, value, format),
        Kind::Pattern { .. } => values::bad_name(path, value),
        Kind::MinLength { .. } | Kind::MinItems { .. } | Kind::MinProperties { .. } => {
            values::empty(path, value)
        }
        Kind::Minimum { limit } => values::out_of_range(path, value, "at least", limit),
        Kind::Maximum { limit } => values::out_of_range(path, value, "at most", limit),
        Kind::UniqueItems => values::listed_twice(path, value),
        rule => values::other(path, rule.keyword()),
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
            found.push(values::wrong_type(error, path, error.instance()));
        }
    }
}
