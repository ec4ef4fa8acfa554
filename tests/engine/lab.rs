//! A place on a real engine for one test: names of its own, and everything removed at its end.

use std::cell::RefCell;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};

use compose_dump::engine::Engine;
use compose_dump::engine::docker::{DockerEngine, Limits};
use compose_dump::engine::endpoint::{Endpoint, Surroundings, Wish, locate};

/// Runs a program with input and gives what it says; its failure is the test's.
pub(crate) fn run(program: &str, arguments: &[&str], input: &[u8]) -> String {
    String::from_utf8_lossy(&bytes_of(program, arguments, input)).into_owned()
}

/// As [`run`], with the bytes as they are.
pub(crate) fn bytes_of(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("install {program}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A thread, because a program may write before it has read all.
    let feeder = std::thread::spawn(move || stdin.write_all(&input).ok());
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    output.stdout
}

/// Runs the `docker` program, which finds the engine by the same variables as we do.
pub(crate) fn docker(arguments: &[&str]) -> String {
    run("docker", arguments, b"")
}

/// The endpoint that the environment names.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    locate(&Wish::default(), &Surroundings::of_process()).unwrap()
}

/// One test's place.
pub(crate) struct Lab {
    pub(crate) engine: Arc<DockerEngine>,
    prefix: String,
    volumes: RefCell<Vec<String>>,
    folder: tempfile::TempDir,
}

impl Lab {
    /// Connects, and imports the image if it is not there.
    pub(crate) async fn new(test: &str) -> Self {
        let engine = DockerEngine::connect(&endpoints(), Limits::default())
            .await
            .unwrap_or_else(|error| panic!("{error}\nrun: eval \"$(tests/lab/engine.sh up)\""));
        import_image();
        Self {
            engine: Arc::new(engine),
            prefix: format!("engine-{}-{test}", std::process::id()),
            volumes: RefCell::default(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn shared(&self) -> Arc<dyn Engine> {
        Arc::clone(&self.engine) as Arc<dyn Engine>
    }

    /// A name of this test's own.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// A folder of this test's own.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// The imported image with that tag.
    pub(crate) fn image(&self, tag: &str) -> String {
        format!("{IMAGE}:{tag}")
    }

    /// Starts a container that waits; gives its full id.
    pub(crate) fn container(&self, name: &str, options: &[&str]) -> String {
        let name = self.name(name);
        let image = self.image("latest");
        let mut arguments = vec!["run", "--detach", "--network", "none", "--name", &name];
        arguments.extend_from_slice(options);
        arguments.push(&image);
        docker(&arguments).trim().to_owned()
    }

    /// Creates a volume; gives its name.
    pub(crate) fn volume(&self, name: &str) -> String {
        let name = self.name(name);
        docker(&["volume", "create", &name]);
        self.keep_volume(&name);
        name
    }

    /// Has a volume removed at the end of the test; containers are by their names.
    pub(crate) fn keep_volume(&self, name: &str) {
        self.volumes.borrow_mut().push(name.to_owned());
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let quietly = |arguments: &[&str]| {
            drop(Command::new("docker").args(arguments).output());
        };
        let mine = format!("name={}", self.prefix);
        let listed = Command::new("docker")
            .args(["ps", "--all", "--quiet", "--filter", &mine])
            .output()
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        for id in listed.unwrap_or_default().lines() {
            quietly(&["rm", "--force", "--volumes", id]);
        }
        for name in self.volumes.take() {
            quietly(&["volume", "rm", "--force", &name]);
        }
    }
}

const IMAGE: &str = "engine-test";

fn import_image() {
    static IMPORTED: OnceLock<()> = OnceLock::new();
    IMPORTED.get_or_init(|| {
        let there = Command::new("docker")
            .args(["image", "inspect", "engine-test:user"])
            .output();
        if !there.is_ok_and(|output| output.status.success()) {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/image.sh");
            run(script, &[IMAGE], b"");
        }
    });
}
