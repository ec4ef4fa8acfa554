//! The schema of the file, and the validator that is made of it. What it finds is told in `form`.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

use super::formats::FORMATS;

/// `schemas/compose-dump.schema.json`.
pub const SCHEMA: &str = include_str!("../../../schemas/compose-dump.schema.json");

/// The schema as values.
pub(super) static PARSED: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(SCHEMA).expect("a test parses the embedded schema"));

/// The validator, which also knows the formats that JSON Schema does not.
pub(super) static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let mut options = jsonschema::options().should_validate_formats(true);
    for format in &FORMATS {
        options = options.with_format(format.name, |text| (format.check)(text).is_ok());
    }
    options
        .build(&PARSED)
        .expect("a test builds the validator of the embedded schema")
});

/// The part of the schema that a JSON pointer leads to.
pub(super) fn part(pointer: &str) -> Option<&'static Value> {
    PARSED.pointer(pointer)
}
