//! What every test here needs: a project that is removed again, the program, and the engine's own view.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

/// The image that waits, and ends at once when it is told to; `tests/lab/image.sh` imports it.
pub(crate) const IMAGE: &str = "compose-dump-test";

/// Variables that a developer's shell may have and that change what Compose or the program does.
const NOT_INHERITED: [&str; 3] = ["COMPOSE_", "COMPOSE_DUMP_", "TMPDIR"];

/// A Compose project in a folder of its own, whose name is the project's.
pub(crate) struct Project {
    root: Arc<TempDir>,
    /// Compose's name of it.
    pub(crate) name: String,
    /// The project folder.
    pub(crate) dir: PathBuf,
}

impl Project {
    /// A project with this Compose file, not brought up.
    pub(crate) fn new(compose: &str) -> Self {
        let root = tempfile::Builder::new()
            .prefix("compose-dump-e2e-")
            .tempdir()
            .expect("temporary folders can be made");
        Self::within(Arc::new(root), "compose.yaml", compose)
    }

    /// Another project, in a folder beside this one's.
    pub(crate) fn sibling(&self, file: &str, compose: &str) -> Self {
        Self::within(Arc::clone(&self.root), file, compose)
    }

    fn within(root: Arc<TempDir>, file: &str, compose: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("e2e{}x{count}", std::process::id());
        let dir = root.path().join(&name);
        fs::create_dir(&dir).expect("the folder is new");
        let project = Self { root, name, dir };
        project.write(file, compose);
        project
    }

    /// A folder beside the project folder, for targets; made when it is not there.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        let path = self.root.path().join(name);
        fs::create_dir_all(&path).expect("it can be made");
        path
    }

    /// A path in the project folder.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.dir.join(relative)
    }

    /// Writes a file of the project, and its folders.
    pub(crate) fn write(&self, relative: &str, content: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("folders can be made");
        fs::write(path, content).expect("it can be written");
    }

    /// Makes a symbolic link in the project.
    pub(crate) fn link(&self, target: &str, relative: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("folders can be made");
        std::os::unix::fs::symlink(target, path).expect("there is nothing yet");
    }

    /// Brings the project up.
    pub(crate) fn up(&self) {
        self.compose(&["up", "-d", "--no-build", "--quiet-pull"]);
    }

    /// Runs Compose v2 in the project folder.
    pub(crate) fn compose(&self, arguments: &[&str]) -> String {
        let program = std::env::var_os("COMPOSE_V2")
            .expect("COMPOSE_V2 names a Compose v2 program: tests/lab/compose-v2.sh prints one");
        let mut command = clean(Command::new(program));
        succeed(command.current_dir(&self.dir).args(arguments))
    }

    /// The name of a service's first container, as Compose v2 gives it.
    pub(crate) fn container(&self, service: &str) -> String {
        format!("{}-{service}-1", self.name)
    }

    /// Runs a shell command in a service's container.
    pub(crate) fn sh(&self, service: &str, script: &str) -> String {
        docker(&["exec", &self.container(service), "sh", "-ec", script])
    }

    /// The engine's name of a volume of the model.
    pub(crate) fn volume(&self, key: &str) -> String {
        format!("{}_{key}", self.name)
    }

    /// Where a volume's content lies on this machine.
    pub(crate) fn volume_dir(&self, key: &str) -> PathBuf {
        mountpoint(&self.volume(key))
    }

    /// Every container of the project with its state, in the engine's words.
    pub(crate) fn states(&self) -> BTreeMap<String, String> {
        let filter = format!("label=com.docker.compose.project={}", self.name);
        let rows = docker(&[
            "ps",
            "-a",
            "--filter",
            &filter,
            "--format",
            "{{.Names}} {{.State}}",
        ]);
        rows.lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, state)| (self.short(name), state.to_owned()))
            .collect()
    }

    /// A container's name without the project's.
    pub(crate) fn short(&self, container: &str) -> String {
        let prefix = format!("{}-", self.name);
        container
            .strip_prefix(&prefix)
            .unwrap_or(container)
            .to_owned()
    }

    /// The program in the project folder, with an environment that says nothing. Temporary files go
    /// to a folder that [`Self::assert_nothing_left`] looks into.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut command = program(arguments);
        command
            .current_dir(&self.dir)
            .env("TMPDIR", self.beside("spool"));
        command
    }

    /// Runs the program in the project folder to its end.
    pub(crate) fn dump(&self, arguments: &[&str]) -> Ran {
        run(&mut self.program(arguments))
    }

    /// Runs the program, which has to succeed, into a new folder of dumps; gives the one dump in it.
    pub(crate) fn dump_to_folder(&self, arguments: &[&str]) -> PathBuf {
        let dumps = self.new_target();
        let mut all = vec!["backup", "-t", dumps.to_str().expect("it is text")];
        all.extend_from_slice(arguments);
        self.dump(&all).expect(0);
        only_entry(&dumps)
    }

    /// A path beside the project folder where nothing is yet.
    pub(crate) fn new_target(&self) -> PathBuf {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        self.root.path().join(format!("target{count}"))
    }

    /// No temporary file, and no container that reads one of the project's volumes.
    pub(crate) fn assert_nothing_left(&self) {
        let spool = entries(&self.beside("spool"));
        assert!(spool.is_empty(), "left in the spool folder: {spool:?}");
        for volume in self.volumes() {
            let filter = format!("volume={volume}");
            let users = docker(&[
                "ps",
                "-aq",
                "--filter",
                &filter,
                "--filter",
                "label=io.github.compose-dump.helper",
            ]);
            assert_eq!(users, "", "helpers of the volume {volume}");
        }
    }

    fn volumes(&self) -> Vec<String> {
        let filter = format!("label=com.docker.compose.project={}", self.name);
        lines(&docker(&["volume", "ls", "-q", "--filter", &filter]))
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let filter = format!("label=com.docker.compose.project={}", self.name);
        remove(&["ps", "-aq", "--filter", &filter], &["rm", "-fv"]);
        remove(
            &["volume", "ls", "-q", "--filter", &filter],
            &["volume", "rm", "-f"],
        );
        remove(
            &["network", "ls", "-q", "--filter", &filter],
            &["network", "rm"],
        );
    }
}

/// A container outside of any project, removed at the end.
pub(crate) struct Stranger {
    name: String,
}

impl Stranger {
    /// Starts the waiting image with these options of `docker run`.
    pub(crate) fn run(name: String, options: &[&str]) -> Self {
        let mut arguments = vec!["run", "-d", "--network", "none", "--name", &name];
        arguments.extend_from_slice(options);
        arguments.push(IMAGE);
        docker(&arguments);
        Self { name }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        quietly(&["rm", "-fv", &self.name]);
    }
}

/// A volume outside of any project, removed at the end.
pub(crate) struct Volume {
    pub(crate) name: String,
}

impl Volume {
    /// Creates it, with these options of `docker volume create`.
    pub(crate) fn create(name: String, options: &[&str]) -> Self {
        let mut arguments = vec!["volume", "create"];
        arguments.extend_from_slice(options);
        arguments.push(&name);
        docker(&arguments);
        Self { name }
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        quietly(&["volume", "rm", "-f", &self.name]);
    }
}

/// A small file system in memory, unmounted at the end.
pub(crate) struct Tmpfs {
    pub(crate) dir: PathBuf,
}

impl Tmpfs {
    /// Mounts it on a folder that exists.
    pub(crate) fn mount(dir: PathBuf, options: &str) -> Self {
        succeed(
            Command::new("mount")
                .args(["-t", "tmpfs", "-o", options, "e2e"])
                .arg(&dir),
        );
        Self { dir }
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.dir).status();
    }
}

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

/// Pauses and the like since `since`, in their order, as `action container`.
pub(crate) fn events(project: &Project, since: &str) -> Vec<String> {
    let label = format!("label=com.docker.compose.project={}", project.name);
    let until = now();
    let mut arguments = vec![
        "events", "--since", since, "--until", &until, "--filter", &label,
    ];
    for action in [
        "pause", "unpause", "stop", "kill", "die", "start", "restart",
    ] {
        arguments.extend(["--filter", action_filter(action)]);
    }
    arguments.extend(["--format", "{{.Action}} {{.Actor.Attributes.name}}"]);
    lines(&docker(&arguments))
        .iter()
        .filter_map(|line| line.split_once(' '))
        .map(|(action, name)| format!("{action} {}", project.short(name)))
        .collect()
}

fn action_filter(action: &str) -> &'static str {
    match action {
        "pause" => "event=pause",
        "unpause" => "event=unpause",
        "stop" => "event=stop",
        "kill" => "event=kill",
        "die" => "event=die",
        "start" => "event=start",
        _ => "event=restart",
    }
}

/// Who was paused since then, sorted. Demands that nothing else was done to a container, and that each
/// was brought back.
#[track_caller]
pub(crate) fn paused(project: &Project, since: &str) -> Vec<String> {
    let mut held = Vec::new();
    let mut all = Vec::new();
    for event in events(project, since) {
        match event.split_once(' ').expect("an action and a name") {
            ("pause", name) => {
                held.push(name.to_owned());
                all.push(name.to_owned());
            }
            ("unpause", name) => {
                let at = held.iter().position(|paused| paused == name);
                held.remove(at.unwrap_or_else(|| panic!("{name} was not paused by us")));
            }
            (action, name) => panic!("{action} of {name}"),
        }
    }
    assert!(held.is_empty(), "still paused: {held:?}");
    all.sort();
    all
}

/// Now, as the engine's events take it.
pub(crate) fn now() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is later than 1970");
    format!("{}.{:09}", now.as_secs(), now.subsec_nanos())
}

/// Runs the docker program; it has to succeed.
pub(crate) fn docker(arguments: &[&str]) -> String {
    succeed(Command::new("docker").args(arguments))
        .trim_end()
        .to_owned()
}

/// Where a volume's content lies on this machine.
pub(crate) fn mountpoint(volume: &str) -> PathBuf {
    docker(&["volume", "inspect", "--format", "{{.Mountpoint}}", volume]).into()
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
        .current_dir(&project.dir)
        .stdin(Stdio::null());
    run(&mut command)
}

/// The one entry of a folder.
#[track_caller]
pub(crate) fn only_entry(dir: &Path) -> PathBuf {
    let all = entries(dir);
    assert_eq!(all.len(), 1, "in {}: {all:?}", dir.display());
    dir.join(&all[0])
}

/// Names in a folder, hidden ones too, sorted; none if there is no folder.
pub(crate) fn entries(dir: &Path) -> Vec<String> {
    let Ok(listing) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut names: Vec<String> = listing
        .map(|entry| {
            entry
                .expect("it can be listed")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

/// The sha256 of bytes, by `sha256sum`.
pub(crate) fn sha256sum(file: &Path) -> String {
    let line = succeed(Command::new("sha256sum").arg(file));
    line.split(' ')
        .next()
        .unwrap_or_default()
        .trim_start_matches('\\')
        .to_owned()
}

fn clean(mut command: Command) -> Command {
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

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn remove(list: &[&str], remove: &[&str]) {
    let found = Command::new("docker").args(list).output();
    let Ok(found) = found else { return };
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    let ids: Vec<&str> = found.split_whitespace().collect();
    if !ids.is_empty() {
        quietly(&[remove, &ids].concat());
    }
}

fn quietly<A: AsRef<OsStr>>(arguments: &[A]) {
    let mut command = Command::new("docker");
    let _ = command
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}
