//! The tables of valid and invalid files.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::{check, files, program, root, rows, run};

/// What the header of an invalid file says: code, `line:column` or `?`, a part of the help.
fn expected(text: &str) -> Vec<(String, String, String)> {
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix("# expect "));
    lines
        .map(|line| {
            let (code, rest) = line.split_once(" at ").expect("a code");
            let (place, help) = rest
                .split_once(": ")
                .unwrap_or((rest.trim_end_matches(':'), ""));
            (code.to_owned(), place.to_owned(), help.to_owned())
        })
        .collect()
}

#[test]
fn every_invalid_file_gives_what_its_header_says_and_nothing_else() {
    let files = files("tests/configs/invalid", ".yml");
    assert!(files.len() >= 80, "{} files", files.len());
    let mut wrong = Vec::new();
    for file in &files {
        let wanted = expected(&fs::read_to_string(file).expect("it can be read"));
        let (code, rows) = check(file);
        let fits = |(row, (code, place, help)): (&Value, &(String, String, String))| {
            let got = format!("{}:{}", row["line"], row["column"]);
            row["code"] == **code
                && (place == "?" || got == *place)
                && row["line"].is_u64()
                && row["help"]
                    .as_str()
                    .unwrap_or_default()
                    .contains(help.as_str())
        };
        let same = rows.len() == wanted.len() && rows.iter().zip(&wanted).all(fits);
        if code != Some(2) || wanted.is_empty() || !same {
            let rows: Vec<String> = rows.iter().map(Value::to_string).collect();
            wrong.push(format!(
                "{}: {code:?}\n  {}",
                file.display(),
                rows.join("\n  ")
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_a_variable_stands_for_is_never_shown() {
    let (_, rows) = check(&root("tests/configs/invalid/variable_value.yml"));
    assert_eq!(rows.len(), 3);
    for row in rows {
        assert!(!row.to_string().contains("web-1"), "{row}");
    }
}

#[test]
fn valid_files_have_no_findings() {
    let files = files("tests/configs/valid", ".yml");
    assert!(files.len() >= 3);
    for file in files {
        let (code, rows) = check(&file);
        assert_eq!((code, rows), (Some(0), Vec::new()), "{}", file.display());
    }
}

#[test]
fn the_exhaustive_file_uses_every_property() {
    let schema: Value = serde_json::from_str(compose_dump::config::job_file::SCHEMA).unwrap();
    let text = fs::read_to_string(root("tests/configs/valid/exhaustive.yml")).unwrap();
    let file: Value = serde_yaml::from_str(&text).unwrap();
    let (mut described, mut used) = (BTreeSet::new(), BTreeSet::new());
    properties(&schema, &mut described);
    keys(&file, &mut used);
    let missing: Vec<&String> = described.difference(&used).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let job = schema["$defs"]["job"]["properties"].as_object().unwrap();
    let used = file["jobs"]["every-key"].as_object().unwrap();
    assert!(job.keys().eq(used.keys()), "a job has every key, too");
}

/// The names of all properties of a schema.
fn properties(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.get("properties") {
                found.extend(properties.keys().cloned());
            }
            map.values().for_each(|value| properties(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| properties(item, found)),
        _ => {}
    }
}

fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            found.extend(map.keys().cloned());
            map.values().for_each(|value| keys(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
        _ => {}
    }
}

#[test]
fn strict_names_what_no_rule_speaks_of() {
    let compose = root("tests/configs/project/compose.yaml");
    let file = root("tests/configs/valid/minimal.yml");
    let paths = [compose.to_str().unwrap(), file.to_str().unwrap()];
    let output = run(&mut program(&[
        "check", "--strict", "--json", "-f", paths[0], "-c", paths[1],
    ]));
    let rows = rows(&output);
    let messages: Vec<&str> = rows
        .iter()
        .map(|row| row["message"].as_str().unwrap())
        .collect();
    for name in [
        "./media",
        "./conf/db",
        "data",
        "shared",
        "tmp_one",
        "uploads",
        "web:/var/cache",
    ] {
        let quoted = format!("`{name}`");
        assert!(
            messages.iter().any(|message| message.contains(&quoted)),
            "{name}: {messages:?}"
        );
    }
    assert_eq!(rows.len(), 7);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
#[ignore = "needs Python's jsonschema: tests/run.sh"]
fn an_independent_validator_agrees() {
    // Prints the files that it refuses.
    const SCRIPT: &str = r#"
import json, sys, yaml, jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
for path in sys.argv[2:]:
    if not validator.is_valid(yaml.safe_load(open(path))):
        print(path)
"#;
    let refused = |files: &[std::path::PathBuf]| -> BTreeSet<String> {
        let schema = root("schemas/compose-dump.schema.json");
        let output = Command::new("python3")
            .args(["-c", SCRIPT])
            .arg(schema)
            .args(files)
            .output()
            .expect("python3 is there: apt-get install python3 python3-yaml python3-jsonschema");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "apt-get install python3-yaml python3-jsonschema: {stderr}"
        );
        let stdout = String::from_utf8(output.stdout).expect("paths are text");
        stdout.lines().map(str::to_owned).collect()
    };
    let mut valid = files("tests/configs/valid", ".yml");
    valid.extend(crate::examples::job_files());
    let awkward = crate::init::awkward_names();
    valid.push(crate::init::first_file(&awkward));
    let documented = tempfile::tempdir().expect("a folder");
    valid.extend(crate::documents::files(documented.path()));
    assert_eq!(refused(&valid), BTreeSet::new());
    let of_form = ["key_", "type_", "later_", "version_"];
    let invalid: Vec<_> = files("tests/configs/invalid", ".yml")
        .into_iter()
        .filter(|path| {
            // Python's YAML is 1.1, where `yes` is true.
            let name = path.file_name().unwrap().to_string_lossy();
            of_form.iter().any(|start| name.starts_with(start))
                && !["key_is_list.yml", "type_strict_yes.yml"].contains(&&*name)
        })
        .collect();
    assert_eq!(refused(&invalid).len(), invalid.len());
}
