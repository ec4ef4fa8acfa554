//! A Compose project in a folder of its own, removed at the end with all that the engine has of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use super::engine::{lines, mountpoint, remove};
use super::running::clean;
use super::{IMAGE, Ran, docker, entries, only_entry, program, run, succeed};

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

    /// One service with a volume of 6 MiB and a mounted folder, up.
    pub(crate) fn small() -> Self {
        let project = Self::new(&format!(
            "services: {{db: {{image: {IMAGE}, network_mode: none, volumes: ['data:/data', './media:/m']}}}}\nvolumes: {{data: {{}}}}\n"
        ));
        project.write("media/file", "mounted");
        project.up();
        project.sh("db", "dd if=/dev/urandom of=/data/file bs=1M count=6 2>&1");
        project
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
            .env("TMPDIR", self.beside("spool"))
            .env("COMPOSE_DUMP_STATE_DIR", self.beside("state"));
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
        let journals = entries(&self.beside("state").join("journals"));
        assert!(
            journals.is_empty(),
            "left in the state folder: {journals:?}"
        );
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
