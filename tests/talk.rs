//! What the program says and how it ends where no engine is needed: on a project of a few files.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Where runs leave their locks.
const STATE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/state");

/// A project folder, and one beside it for dumps.
struct Project {
    place: TempDir,
}

impl Project {
    fn new(compose: &str) -> Self {
        let project = Self {
            place: tempfile::tempdir().expect("temporary folders can be made"),
        };
        fs::create_dir(project.folder()).expect("it can be made");
        project.write("compose.yaml", compose);
        project
    }

    fn folder(&self) -> PathBuf {
        self.place.path().join("blog")
    }

    fn dumps(&self) -> PathBuf {
        self.place.path().join("dumps")
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder().join(name), text).expect("it can be written");
    }

    /// The program in the project folder, with an engine that does not exist.
    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_compose-dump"));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
            .env("COMPOSE_DUMP_STATE_DIR", STATE)
            .current_dir(self.folder())
            .args(arguments);
        command
    }

    /// `backup --config` into the folder of dumps, with more arguments.
    fn backup(&self, more: &[&str]) -> Said {
        let dumps = self.dumps();
        let target = dumps.to_str().expect("a plain path");
        let mut command = self.program(&["backup", "--config", "-t", target]);
        Said::of(command.args(more))
    }
}

/// What a run said.
struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Said {
    fn of(command: &mut Command) -> Self {
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().expect("the program starts");
        Self {
            code: status.code(),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }

    #[track_caller]
    fn expect(&self, code: i32, lines: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        for line in lines {
            assert!(
                self.stderr.contains(line),
                "no `{line}` in: {}",
                self.stderr
            );
        }
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("no JSON ({error}): {} {}", self.stdout, self.stderr);
        })
    }
}

const PLAIN: &str = "services: {web: {image: x}}\n";

fn only_dump(folder: &Path) -> PathBuf {
    let mut entries = fs::read_dir(folder).expect("a folder of dumps");
    let only = entries.next().expect("a dump").expect("it can be read");
    assert!(entries.next().is_none(), "one dump");
    only.path()
}

#[test]
fn a_dump_to_a_closed_standard_output_is_refused() {
    let project = Project::new(PLAIN);
    let through = |redirection: &str| {
        let program = env!("CARGO_BIN_EXE_compose-dump");
        let script = format!("exec {program} backup --config {redirection}");
        let mut shell = project.program(&[]);
        let mut sh = Command::new("sh");
        sh.args(["-c", &script])
            .current_dir(project.folder())
            .env_clear()
            .envs(
                shell
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
        shell.env_clear();
        Said::of(&mut sh)
    };
    through(">&-").expect(
        2,
        &["error: the dump would go to standard output, which is closed"],
    );
    through(">/dev/null").expect(
        0,
        &["warning: the dump goes to `/dev/null`, which keeps nothing"],
    );
    let kept = through("");
    kept.expect(0, &[]);
    assert!(!kept.stderr.contains("/dev/null"), "{}", kept.stderr);
    assert!(!kept.stdout.is_empty());
}

#[test]
fn what_compose_needs_and_is_not_there_is_named_at_the_end() {
    let project = Project::new("services: {web: {image: x, env_file: [web.env]}}\n");
    let said = project.backup(&[]);
    said.expect(
        0,
        &["warning: 1 file that Compose needs does not exist: web.env\ndone:"],
    );
    let manifest = fs::read_to_string(only_dump(&project.dumps()).join("Manifest.yml"));
    assert!(manifest.expect("a manifest").contains("complete: true"));
}

#[test]
fn an_include_that_is_not_there_makes_the_dump_partial() {
    let project = Project::new("include: [gone.yaml]\nservices: {web: {image: x}}\n");
    let said = project.backup(&["--json"]);
    said.expect(
        3,
        &["warning: `gone.yaml` does not exist: what it defines is not known, and not in the dump"],
    );
    let report = said.json();
    assert_eq!(report["exit"], 3);
    assert_eq!(report["complete"], false);
    assert_eq!(report["missing"]["definitions"][0], "gone.yaml");
    let manifest = fs::read_to_string(only_dump(&project.dumps()).join("Manifest.yml"));
    assert!(manifest.expect("a manifest").contains("complete: false"));
}

#[test]
fn what_is_no_compose_file_is_refused() {
    for (text, words) in [
        ("- a list\n", "line 1 is a list, not a mapping"),
        ("just text\n", "line 1 is a string, not a mapping"),
        (
            "servics: {web: {image: x}}\n",
            "help: did you mean `services`?",
        ),
        ("web: {image: x}\n", "with services at the top level"),
    ] {
        let project = Project::new(text);
        project.backup(&[]).expect(2, &["error: `", words]);
        assert!(!project.dumps().exists(), "{text}");
    }
    let project = Project::new("services: {web: {image: x}}\nvolums: {data: {}}\n");
    project.backup(&[]).expect(
        0,
        &["warning: compose.yaml:2: `volums` is no key of Compose; did you mean `volumes`?"],
    );
}

#[test]
fn whole_paths_do_not_need_the_working_folder() {
    let project = Project::new(PLAIN);
    let gone = project.place.path().join("gone");
    fs::create_dir(&gone).expect("it can be made");
    let run = |arguments: &str| {
        let program = env!("CARGO_BIN_EXE_compose-dump");
        let script = format!(
            "rmdir {} && exec {program} backup --config {arguments}",
            gone.display()
        );
        let mut sh = Command::new("sh");
        sh.args(["-c", &script])
            .env("COMPOSE_DUMP_STATE_DIR", STATE);
        let said = Said::of(sh.current_dir(&gone));
        fs::create_dir(&gone).expect("it was removed");
        said
    };
    let (folder, dumps) = (project.folder(), project.dumps());
    run(&format!("-C {} -t {}", folder.display(), dumps.display())).expect(0, &["done: 1 dump"]);
    run(&format!("-C {} -t dumps", folder.display())).expect(1, &["error:", "dumps"]);
    run("-t dumps").expect(1, &["error: cannot find the working folder", "help:"]);
}

#[test]
fn quiet_says_nothing_of_what_went_well_and_verbose_says_each_step() {
    let project = Project::new(PLAIN);
    let quiet = project.backup(&["-q"]);
    quiet.expect(0, &[]);
    assert_eq!((&*quiet.stderr, &*quiet.stdout), ("", ""));
    let verbose = project.backup(&["-v"]);
    let steps = [
        "info: the Compose files are read",
        "ms=",
        "reading config\n",
        " in 0.",
    ];
    verbose.expect(0, &steps);
    project.write(
        "compose.yaml",
        "services: {web: {image: x, env_file: web.env}}\n",
    );
    project
        .backup(&["-q"])
        .expect(0, &["warning: compose.yaml:1: "]);
}

#[test]
fn a_rejected_run_is_one_document_where_one_was_asked_for() {
    let project = Project::new(PLAIN);
    for command in ["backup", "plan"] {
        let arguments = [command, "--json", "-t", "a.zip", "-t", "host:/x"];
        let said = Said::of(&mut project.program(&arguments));
        said.expect(2, &["error: the target `a.zip`", "\nhelp: "]);
        let document = said.json();
        assert_eq!(document["exit"], 2);
        assert_eq!(document["error"]["message"], "2 findings");
        assert_eq!(document["findings"][1]["code"], "config::target_remote");
    }
    let mut broken = project.program(&["plan", "--json", "-f", "none.yaml"]);
    let document = Said::of(&mut broken).json();
    assert_eq!(document["error"]["code"], "project");
    let mut no_engine = project.program(&["backup", "--json", "--volumes", "-t", "dumps"]);
    let said = Said::of(&mut no_engine);
    said.expect(
        1,
        &["error: no Docker Engine answers", "help: start the engine"],
    );
    assert_eq!(said.json()["exit"], 1);
}

#[test]
fn a_docker_config_that_cannot_be_used_is_a_warning() {
    let project = Project::new(PLAIN);
    project.write("config.json", "{");
    let mut command = project.program(&["backup", "--dry-run", "--config", "-t", "/nowhere/dumps"]);
    command
        .env_remove("DOCKER_HOST")
        .env("DOCKER_CONFIG", project.folder());
    let said = Said::of(&mut command);
    said.expect(
        0,
        &[
            "warning: cannot understand `",
            "config.json",
            "the default engine is taken",
        ],
    );
    assert!(
        said.stdout.contains("), which will be created, "),
        "{}",
        said.stdout
    );
}

#[test]
fn an_engine_that_hangs_is_named_after_seconds_and_given_up_soon() {
    let project = Project::new(PLAIN);
    let socket = project.place.path().join("hangs.sock");
    let _listener = UnixListener::bind(&socket).expect("a socket");
    let begun = Instant::now();
    let mut command =
        project.program(&["backup", "--dry-run", "--volumes", "-t", "/nowhere/dumps"]);
    command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
    let said = Said::of(&mut command);
    let waited = begun.elapsed();
    said.expect(
        1,
        &[
            "warning: waiting for the engine to tell its version",
            "no answer within 10s",
        ],
    );
    assert!(waited < Duration::from_secs(20), "{waited:?}");
}
