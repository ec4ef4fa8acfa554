//! `run` where no engine is needed: which jobs are refused, and what is told of files and folders.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{program, run};

const FILE: &str = "{version: 1, targets: {out: {path: '-'}, disk: {path: dumps}}, jobs: {a: {to: [out]}, b: {to: [disk]}}}";

fn project(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("compose.yaml"), "services: {a: {image: x}}\n").unwrap();
    fs::write(folder.join("compose-dump.yml"), FILE).unwrap();
}

/// The codes of the findings that stop the program before it looks for an engine.
fn rejected(folder: &Path, arguments: &[&str]) -> Vec<String> {
    let mut program = program(&[&["run", "--json"], arguments].concat());
    program.current_dir(folder);
    program.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let output = run(&mut program);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = document["findings"].as_array();
    let codes = findings.into_iter().flatten();
    codes
        .map(|finding| finding["code"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn one_place_for_one_dump_does_not_take_several() {
    let top = tempfile::tempdir().unwrap();
    let blog = top.path().join("blog");
    project(&blog);
    let stdout = ["cli::stdout_shared"];
    let archive = ["cli::archive_shared"];
    assert_eq!(rejected(&blog, &["a", "b", "-t", "-"]), stdout);
    assert_eq!(rejected(&blog, &["a", "default"]), stdout);
    assert_eq!(rejected(&blog, &["a", "b", "-t", "x.tar.gz"]), archive);
    assert_eq!(rejected(&blog, &["a", "b"]), [""; 0]);

    let under = |arguments: &[&str]| rejected(top.path(), &[&["--under", "."], arguments].concat());
    assert_eq!(under(&["b", "-t", "-"]), [""; 0], "one project, one job");
    project(&top.path().join("shop"));
    assert_eq!(under(&["b", "-t", "-"]), stdout);
    assert_eq!(under(&["a"]), stdout);
    assert_eq!(under(&["b", "-t", "x.tar"]), archive);
    assert!(!top.path().join("x.tar").exists());
}

#[test]
fn a_file_with_nearly_the_right_name_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    project(folder.path());
    let wrong = folder.path().join("compose-dump.yaml");
    fs::rename(folder.path().join("compose-dump.yml"), wrong).unwrap();
    assert_eq!(rejected(folder.path(), &[]), ["config::file_name"]);
    let mut backup = program(&["backup", "--config", "--dry-run"]);
    let output = run(backup.current_dir(folder.path()));
    let said = String::from_utf8(output.stderr).unwrap();
    let warning = "there is no `compose-dump.yml`, but a `compose-dump.yaml`, which is not read";
    assert!(said.contains(warning), "{said}");
    assert_eq!(output.status.code(), Some(0));
    let mut quiet = program(&["backup", "--config", "--dry-run", "--no-job-file"]);
    let output = run(quiet.current_dir(folder.path()));
    assert!(
        !String::from_utf8(output.stderr)
            .unwrap()
            .contains("compose-dump.yaml")
    );
}

#[test]
fn a_folder_that_cannot_be_looked_into_makes_the_run_partial() {
    let top = tempfile::tempdir().unwrap();
    let blog = top.path().join("blog");
    project(&blog);
    fs::write(
        blog.join("compose-dump.yml"),
        "{version: 1, scopes: [config], targets: {a: {path: d}}}",
    )
    .unwrap();
    let under = |expected: i32, said: &[&str]| {
        let mut program = program(&["run", "--dry-run", "--under", "."]);
        program.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
        let output = run(program.current_dir(top.path()));
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(expected), "{stderr}");
        for words in said {
            assert!(stderr.contains(words), "{stderr}");
        }
    };
    under(0, &["1 of 1 project wholly done"]);
    // Even root cannot look into a path that is longer than the system takes.
    let long = "x".repeat(250);
    let deep: PathBuf = [&*long; 10].iter().collect();
    for half in ["upper", "lower"] {
        fs::create_dir_all(top.path().join(half).join(&deep)).unwrap();
    }
    let below = top.path().join("upper").join(&deep).join("lower");
    fs::rename(top.path().join("lower"), below).unwrap();
    under(
        3,
        &[
            "warning: cannot look into",
            "1 of 1 project wholly done",
            "not looked into: ",
        ],
    );
}
