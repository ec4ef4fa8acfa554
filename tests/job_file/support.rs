//! The program, and what it says of a file.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

pub(crate) fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The program with nothing of the developer's shell that would change what it finds.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_compose-dump"));
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env(
            "COMPOSE_DUMP_STATE_DIR",
            concat!(env!("CARGO_TARGET_TMPDIR"), "/state"),
        )
        .env("CHECK_HOST", "web-1")
        .current_dir(root("tests/configs/project"))
        .args(arguments);
    command
}

/// What `check --json` prints of a file that is held against the project of `tests/configs`.
pub(crate) fn check(file: &Path) -> (Option<i32>, Vec<Value>) {
    let path = file.to_str().expect("our files have plain names");
    let compose = root("tests/configs/project/compose.yaml");
    let compose = compose.to_str().expect("our files have plain names");
    let output = run(&mut program(&[
        "check", "--json", "-f", compose, "-c", path,
    ]));
    (output.status.code(), rows(&output))
}

pub(crate) fn run(command: &mut Command) -> Output {
    command.output().expect("the program starts")
}

pub(crate) fn rows(output: &Output) -> Vec<Value> {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        panic!("no JSON array ({error}); standard error: {stderr}")
    })
}

/// The files with that ending in a folder, sorted.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root(folder)).expect("the folder is there");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    files.sort();
    files
}
