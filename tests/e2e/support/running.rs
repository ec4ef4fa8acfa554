//! Programs that are run to their end, ours among them.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::Project;

/// Variables that a developer's shell may have and that change what Compose or the program does.
const NOT_INHERITED: [&str; 3] = ["COMPOSE_", "COMPOSE_DUMP_", "TMPDIR"];

/// A program that has ended.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Ran {
    /// Demands an exit code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "it said:\n{}", self.stderr);
        self
    }

    /// Demands that standard error holds each of the words, however the lines are broken.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        let said = self.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        // Messages are drawn with a margin, whose sign may stand between two words.
        let said = said.replace(" | ", " ").replace(" │ ", " ");
        for word in words {
            assert!(said.contains(word), "no `{word}` in:\n{}", self.stderr);
        }
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(&self.stdout)))
    }
}

/// The program, with an environment that says nothing.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = clean(Command::new(env!("CARGO_BIN_EXE_compose-dump")));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs a command to its end, taking what it writes.
pub(crate) fn run(command: &mut Command) -> Ran {
    let began = Instant::now();
    let output = command.output().expect("it can be started");
    ran(output, began)
}

pub(crate) fn ran(output: Output, began: Instant) -> Ran {
    assert_ne!(output.status.signal(), Some(6), "it aborted");
    Ran {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        took: began.elapsed(),
    }
}

/// Runs a command that has to succeed, and gives what it prints.
#[track_caller]
pub(crate) fn succeed(command: &mut Command) -> String {
    let program = command.get_program().to_owned();
    let output = command.stdin(Stdio::null()).output();
    let output =
        output.unwrap_or_else(|error| panic!("{}: {error}; install it", program.display()));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Checks a dump, a folder or an archive, by a program that knows nothing but the format.
#[track_caller]
pub(crate) fn verify(dump: &Path) -> crate::verified::Dump {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/verify.py");
    let json = succeed(Command::new("python3").arg(script).arg(dump));
    crate::verified::Dump::new(serde_json::from_str(&json).expect("it prints JSON"))
}

/// Runs a shell command in the project folder, where `compose-dump` is our program.
pub(crate) fn bash(project: &Project, script: &str) -> Ran {
    let program = Path::new(env!("CARGO_BIN_EXE_compose-dump"));
    let folder = program.parent().expect("it is in a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = vec![folder.to_owned()];
    folders.extend(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).expect("they were joined before");
    let mut command = clean(Command::new("bash"));
    command
        .args(["-o", "pipefail", "-c", script])
        .env("PATH", path)
        .env("TMPDIR", project.beside("spool"))
        .env("COMPOSE_DUMP_STATE_DIR", project.beside("state"))
        .current_dir(&project.dir)
        .stdin(Stdio::null());
    run(&mut command)
}

pub(super) fn clean(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        let drop = NOT_INHERITED
            .iter()
            .any(|prefix| name.to_string_lossy().starts_with(prefix));
        if drop {
            command.env_remove(name);
        }
    }
    command
}
