//! `schemas/compose-dump.schema.json` and the types say the same.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::formats::FORMATS;
use super::model::{JobFile, JobRules, TargetRules};
use super::rules::{TakeMounted, TakeVolume};
use super::schema::{PARSED, VALIDATOR, part};
use crate::retention::Policy;

fn keys(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

/// The part of the schema behind a reference.
fn resolved(schema: &Value) -> &Value {
    match schema["$ref"].as_str() {
        Some(reference) => part(&reference[1..]).unwrap(),
        None => schema,
    }
}

#[test]
fn the_schema_has_every_field_and_no_other() {
    let target: TargetRules = serde_json::from_value(json!({"path": "/x"})).unwrap();
    let file = serde_json::to_value(JobFile::default()).unwrap();
    for (instance, pointer) in [
        (file.clone(), ""),
        (file["project"].clone(), "/properties/project"),
        (file["config"].clone(), "/$defs/config"),
        (file["pause"].clone(), "/$defs/pause"),
        (file["compression"].clone(), "/$defs/compression/anyOf/1"),
        (file["spool"].clone(), "/$defs/spool"),
        (serde_json::to_value(target).unwrap(), "/$defs/target"),
        (
            serde_json::to_value(Policy::default()).unwrap(),
            "/$defs/keep",
        ),
        (
            serde_json::to_value(JobRules::default()).unwrap(),
            "/$defs/job",
        ),
        (
            serde_json::to_value(TakeMounted::default()).unwrap(),
            "/$defs/mounted_rule/anyOf/1",
        ),
        (
            serde_json::to_value(TakeVolume::default()).unwrap(),
            "/$defs/volume_rule/anyOf/1",
        ),
    ] {
        assert_eq!(
            keys(&instance),
            keys(&part(pointer).unwrap()["properties"]),
            "{pointer}"
        );
    }
}

#[test]
fn the_defaults_of_the_schema_are_those_of_the_types() {
    let file = serde_json::to_value(JobFile::default()).unwrap();
    for (name, property) in PARSED["properties"].as_object().unwrap() {
        if name != "version" {
            assert_eq!(file[name], property["default"], "{name}");
        }
    }
    let target: TargetRules = serde_json::from_value(json!({"path": "/x"})).unwrap();
    for (instance, pointer) in [
        (file["project"].clone(), "/properties/project"),
        (file["config"].clone(), "/$defs/config"),
        (file["pause"].clone(), "/$defs/pause"),
        (file["spool"].clone(), "/$defs/spool"),
        (serde_json::to_value(target).unwrap(), "/$defs/target"),
        (
            serde_json::to_value(TakeVolume::default()).unwrap(),
            "/$defs/volume_rule/anyOf/1",
        ),
    ] {
        for (name, property) in part(pointer).unwrap()["properties"].as_object().unwrap() {
            if name != "path" || pointer != "/$defs/target" {
                let default = property.get("default");
                assert_eq!(instance.get(name), default, "{pointer} {name}");
            }
        }
    }
}

#[test]
fn every_property_has_a_description_and_examples_that_are_valid() {
    let mut count = 0;
    each_property(&PARSED, &mut |name, property| {
        count += 1;
        let behind = resolved(property);
        let get = |key: &str| property.get(key).or_else(|| behind.get(key));
        let description = get("description").and_then(Value::as_str);
        assert!(
            description.is_some_and(|text| text.ends_with('.')),
            "{name}"
        );
        let mut alone = property.clone();
        alone["$defs"] = PARSED["$defs"].clone();
        let validator = jsonschema::validator_for(&alone).unwrap();
        let examples = get("examples").and_then(Value::as_array);
        for example in examples.unwrap_or_else(|| panic!("{name}: no example")) {
            assert!(validator.is_valid(example), "{name}: {example}");
        }
        if let Some(default) = property.get("default") {
            assert!(validator.is_valid(default), "{name}: {default}");
        }
    });
    assert!(count > 50, "{count} properties were looked at");
}

fn each_property(schema: &Value, visit: &mut impl FnMut(&str, &Value)) {
    for key in ["properties", "$defs"] {
        for (name, property) in schema[key].as_object().unwrap_or(&Map::new()) {
            visit(name, property);
            each_property(property, visit);
        }
    }
    for branch in schema["anyOf"].as_array().into_iter().flatten() {
        each_property(branch, visit);
    }
}

#[test]
fn every_format_of_the_schema_is_checked() {
    let mut used = BTreeSet::new();
    formats(&PARSED, &mut used);
    let known: BTreeSet<&str> = FORMATS.iter().map(|format| format.name).collect();
    assert_eq!(used, known);
}

fn formats<'a>(schema: &'a Value, found: &mut BTreeSet<&'a str>) {
    match schema {
        Value::Object(map) => {
            found.extend(map.get("format").and_then(Value::as_str));
            // An example's `format` is a target's.
            let parts = map.iter().filter(|(key, _)| *key != "examples");
            parts.for_each(|(_, value)| formats(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| formats(item, found)),
        _ => {}
    }
}

#[test]
fn the_schema_is_a_schema_and_takes_the_default_file() {
    jsonschema::meta::validate(&PARSED).unwrap();
    let file = serde_json::to_value(JobFile::default()).unwrap();
    assert!(VALIDATOR.is_valid(&file));
    let again: JobFile = serde_json::from_value(file).unwrap();
    assert_eq!(again, JobFile::default());
}
