//! The examples, and what the documents tell people to type.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{program, root, rows, run};

/// Every file below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(below(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The job files of all examples.
pub(crate) fn job_files() -> Vec<PathBuf> {
    let mut files = below(&root("examples"));
    files.retain(|file| file.ends_with("compose-dump.yml"));
    assert!(files.len() >= 10, "{} examples", files.len());
    files
}

#[test]
fn the_examples_pass_the_strict_check() {
    for file in job_files() {
        let folder = file.parent().and_then(Path::to_str).unwrap();
        let output = run(&mut program(&["check", "--strict", "--json", "-C", folder]));
        assert_eq!(rows(&output), Vec::<Value>::new(), "{folder}");
    }
}

#[test]
fn every_example_says_what_it_is_and_is_in_the_list() {
    let list = fs::read_to_string(root("examples/README.md")).unwrap();
    for entry in fs::read_dir(root("examples")).unwrap() {
        let folder = entry.unwrap().path();
        if folder.is_dir() {
            let name = folder.file_name().unwrap().to_str().unwrap();
            assert!(list.contains(&format!("[{name}](")), "{name} is not listed");
        }
    }
    for file in job_files() {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("# "), "{} has no comment", file.display());
    }
}

/// The arguments of every call of the program in a text. What ends a call in a shell, a comment or
/// prose ends it here.
fn calls(text: &str) -> Vec<Vec<&str>> {
    let starts = text.split("compose-dump ").skip(1);
    let ends = ['\n', '`', '|', '>', '<', ';', '&', '#', ')'];
    starts
        .map(|rest| rest.split(ends).next().unwrap_or(rest))
        .map(|call| call.split_whitespace().collect())
        .collect()
}

/// The code blocks of a Markdown file that are for a shell.
fn shell_blocks(text: &str) -> String {
    let blocks = text.split("```sh\n").skip(1);
    let blocks = blocks.filter_map(|rest| rest.split("```").next());
    blocks.collect::<Vec<_>>().join("\n")
}

/// With `--help` at their end, calls are parsed and nothing is done.
#[track_caller]
fn every_call_is_one(text: &str, name: &str) -> usize {
    let calls = calls(text);
    for call in &calls {
        let output = run(&mut program(&[&call[..], &["--help"]].concat()));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {call:?}: {said}");
    }
    calls.len()
}

#[test]
fn what_people_are_told_to_type_is_understood() {
    let mut count = 0;
    for file in below(&root("examples")) {
        if file.starts_with(root("examples/quickstart")) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        count += every_call_is_one(&text, &file.display().to_string());
    }
    assert!(count >= 20, "{count} calls in examples");
    for document in ["README.md", "docs/jobs.md"] {
        let text = fs::read_to_string(root(document)).unwrap();
        let count = every_call_is_one(&shell_blocks(&text), document);
        assert!(count >= 4, "{count} calls in {document}");
    }
}

#[test]
fn a_call_with_an_unknown_option_would_be_seen() {
    let calls = calls("x=$(compose-dump run -t - | gzip) # `compose-dump plan --jsn`");
    assert_eq!(calls, [&["run", "-t", "-"][..], &["plan", "--jsn"]]);
    let output = run(&mut program(&["plan", "--jsn", "--help"]));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_scripts_are_bash() {
    let mut scripts = below(&root("examples"));
    scripts.retain(|file| file.extension().is_some_and(|extension| extension == "sh"));
    assert!(scripts.len() >= 3);
    for script in scripts {
        let output = Command::new("bash")
            .arg("-n")
            .arg(&script)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", script.display());
    }
}

/// A new volume in the Compose file, without a rule, ends the pipeline.
#[test]
fn the_check_of_the_pipeline_sees_a_new_volume() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["compose.yaml", "compose-dump.yml", "check.sh"] {
        fs::copy(root("examples/ci").join(name), folder.path().join(name)).unwrap();
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_compose-dump"));
    let path = format!("{}:/usr/bin:/bin", binary.parent().unwrap().display());
    let check = || {
        let mut check = Command::new(folder.path().join("check.sh"));
        run(check.env_clear().env("PATH", &path))
    };
    assert_eq!(check().status.code(), Some(0));
    let compose = folder.path().join("compose.yaml");
    let text = fs::read_to_string(&compose).unwrap();
    fs::write(
        &compose,
        text.replace("  files: {}\n", "  files: {}\n  more: {}\n"),
    )
    .unwrap();
    let output = check();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("`more`"), "{said}");
    let findings = fs::read_to_string(folder.path().join("findings.json")).unwrap();
    assert!(findings.contains("project::not_covered"), "{findings}");
}
