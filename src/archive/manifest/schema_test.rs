//! `schemas/manifest.schema.json` and the types say the same.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{Draft, Manifest, SCHEMA, StoredDump, samples};

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

fn rendered(draft: &Draft, stored: &StoredDump) -> Value {
    serde_yaml::from_slice(&draft.render(stored).unwrap()).unwrap()
}

fn exhaustive() -> Value {
    let (draft, stored) = samples::exhaustive();
    rendered(&draft, &stored)
}

/// The paths at which the schema finds something wrong.
fn findings(instance: &Value) -> Vec<String> {
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema())
        .unwrap();
    validator
        .iter_errors(instance)
        .map(|error| error.instance_path().to_string())
        .collect()
}

#[test]
fn rendered_manifests_are_valid() {
    assert_eq!(findings(&exhaustive()), [""; 0]);
    let minimal = rendered(&samples::minimal(), &StoredDump::default());
    assert_eq!(findings(&minimal), [""; 0]);
}

#[test]
fn the_example_of_the_documentation_is_valid() {
    let document = include_str!("../../../docs/format.md");
    let example = document
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let example: Value = serde_yaml::from_str(example.unwrap()).unwrap();
    assert_eq!(findings(&example), [""; 0]);
    serde_json::from_value::<Manifest>(example).unwrap();
}

#[test]
fn every_key_is_documented() {
    let document = include_str!("../../../docs/format.md");
    let mut described = BTreeSet::new();
    properties(&schema(), &schema(), "", &mut described);
    for path in described {
        let key = path.rsplit('/').next().unwrap();
        assert!(document.contains(&format!("`{key}`")), "{path}");
    }
}

#[test]
fn wrong_values_are_found_where_they_are() {
    let cases = [
        ("/format", json!(2)),
        ("/members/2/sha256", json!("beef")),
        ("/members/2/kind", json!("zip")),
        ("/members/2/source", json!({"type": "project_volume"})),
        ("/held/0/from", json!("yesterday")),
        ("/complete", json!("yes")),
    ];
    for (path, wrong) in cases {
        let mut instance = exhaustive();
        *instance.pointer_mut(path).unwrap() = wrong;
        assert_eq!(findings(&instance), [path]);
    }
}

#[test]
fn examples_are_valid_and_every_property_has_one_and_a_description() {
    let schema = schema();
    let mut count = 0;
    each_property(&schema, &mut |name, property| {
        count += 1;
        assert!(
            property["description"]
                .as_str()
                .is_some_and(|text| text.ends_with('.')),
            "{name}"
        );
        let mut alone = property.clone();
        alone["$defs"] = schema["$defs"].clone();
        let validator = jsonschema::validator_for(&alone).unwrap();
        let examples = property["examples"]
            .as_array()
            .unwrap_or_else(|| panic!("{name}: no example"));
        for example in examples {
            assert!(validator.is_valid(example), "{name}: {example}");
        }
    });
    assert!(count > 60, "{count} properties were looked at");
}

/// Calls `visit` for each property that is described, in `$defs` too; not for those of `oneOf`.
fn each_property(schema: &Value, visit: &mut impl FnMut(&str, &Value)) {
    for key in ["properties", "$defs"] {
        for (name, property) in schema[key].as_object().unwrap_or(&Map::new()) {
            visit(name, property);
            each_property(property, visit);
        }
    }
}

#[test]
fn the_schema_has_every_field_and_no_other() {
    let mut written = BTreeSet::new();
    keys(&exhaustive(), &schema(), &schema(), "", &mut written);
    let mut described = BTreeSet::new();
    properties(&schema(), &schema(), "", &mut described);
    assert_eq!(written, described);
}

fn resolve<'a>(part: &'a Value, root: &'a Value) -> &'a Value {
    match part["$ref"].as_str() {
        Some(reference) => root.pointer(&reference[1..]).unwrap(),
        None => part,
    }
}

/// Paths of all properties; `*` stands for a name that is data, `[]` for a place in a list.
fn properties(part: &Value, root: &Value, path: &str, found: &mut BTreeSet<String>) {
    let part = resolve(part, root);
    for (name, property) in part["properties"].as_object().unwrap_or(&Map::new()) {
        let path = format!("{path}/{name}");
        found.insert(path.clone());
        properties(property, root, &path, found);
    }
    for (key, sign) in [("items", "[]"), ("additionalProperties", "*")] {
        if part[key].is_object() {
            properties(&part[key], root, &format!("{path}/{sign}"), found);
        }
    }
}

/// Paths of all keys of an instance, in the form of [`properties`]. The schema only tells data from
/// names, so that a key that it lacks is found all the same.
fn keys(value: &Value, part: &Value, root: &Value, path: &str, found: &mut BTreeSet<String>) {
    let part = resolve(part, root);
    match value {
        Value::Array(items) => items
            .iter()
            .for_each(|item| keys(item, &part["items"], root, &format!("{path}/[]"), found)),
        Value::Object(map) if part["properties"].is_object() => {
            for (name, value) in map {
                let path = format!("{path}/{name}");
                found.insert(path.clone());
                keys(value, &part["properties"][name], root, &path, found);
            }
        }
        Value::Object(map) => map.values().for_each(|value| {
            keys(
                value,
                &part["additionalProperties"],
                root,
                &format!("{path}/*"),
                found,
            );
        }),
        _ => {}
    }
}
