//! Restores that are asked for more than usual: images held to their digests, volumes of others made.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::restore::{assert_up_changes_nothing, dump, restore};
use crate::support::{IMAGE, Project, Volume, docker, mountpoint};

/// A registry for images, which gives them digests; ended with the test.
struct Registry {
    child: Child,
    /// A reference to an image that it has, and that the engine has too.
    image: String,
}

impl Registry {
    /// Starts one and pushes the waiting image to it.
    fn start(project: &Project) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/registry.py");
        let mut command = Command::new("python3");
        let mut child = command.arg(script).stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut port).unwrap();
        let image = format!("127.0.0.1:{}/{}:1", port.trim(), project.name);
        docker(&["tag", IMAGE, &image]);
        let registry = Self { child, image };
        docker(&["push", "--quiet", &registry.image]);
        registry
    }

    /// The image's name with its digest.
    fn digest(&self) -> String {
        let format = "{{range .RepoDigests}}{{println .}}{{end}}";
        let all = docker(&["image", "inspect", "--format", format, &self.image]);
        let name = self.image.trim_end_matches(":1");
        let own = all.lines().find(|digest| digest.starts_with(name));
        own.expect("a push gives a digest").to_owned()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let digest = self.digest();
        for reference in [&self.image, &digest] {
            let mut remove = Command::new("docker");
            remove.args(["image", "rm", "-f", reference]);
            let _ = remove.stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn services_are_held_to_the_images_that_wrote_their_data() {
    let project = Project::new("");
    let registry = Registry::start(&project);
    let image = &registry.image;
    project.write(
        "compose.yaml",
        &format!(
            "services:
  db: {{image: '{image}', network_mode: none, volumes: ['data:/data']}}
  web: {{image: '{IMAGE}:user', network_mode: none}}
volumes: {{data: {{}}}}
"
        ),
    );
    project.up();
    let dump = dump(&project);
    let dump = dump.to_str().unwrap();
    project.compose(&["down", "-v", "--timeout", "1"]);
    restore(&project, &[dump, "--pin"])
        .expect(0)
        .says(&["no digest to pin: web"]);

    let written = std::fs::read_to_string(project.path("compose.override.yaml")).unwrap();
    let digest = registry.digest();
    assert!(written.contains(&format!("image: {digest}")), "{written}");
    assert!(written.contains("restore --pin"), "{written}");
    let container = project.container("db");
    let used = docker(&["inspect", "--format", "{{.Config.Image}}", &container]);
    assert_eq!(used, digest, "what Compose makes of the file");
    assert_up_changes_nothing(&project);

    // A file that the project has is not changed.
    project.compose(&["down", "-v", "--timeout", "1"]);
    project.write("compose.override.yaml", "services: {}\n");
    restore(&project, &[dump, "--pin", "--volumes"])
        .expect(0)
        .says(&["not pinned", "override file"]);
    let kept = std::fs::read_to_string(project.path("compose.override.yaml")).unwrap();
    assert_eq!(kept, "services: {}\n");
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn an_external_volume_is_made_when_that_is_said() {
    let project = Project::new("");
    let shared = Volume::create(
        format!("{}-shared", project.name),
        &["--label", "of=others"],
    );
    project.write(
        "compose.yaml",
        &format!(
            "services: {{app: {{image: {IMAGE}, network_mode: none, volumes: ['shared:/data']}}}}
volumes: {{shared: {{external: true, name: {}}}}}
",
            shared.name
        ),
    );
    project.write(
        "compose-dump.yml",
        "version: 1\nvolumes: {shared: {external: true}}\n",
    );
    project.up();
    project.sh("app", "echo kept >/data/file");
    let dump = dump(&project);
    let dump = dump.to_str().unwrap();
    project.compose(&["down", "--timeout", "1"]);
    docker(&["volume", "rm", &shared.name]);

    restore(&project, &[dump]).expect(2).says(&[
        "the volume `shared`",
        "is external and does not exist",
        "--create-external",
    ]);
    let all = docker(&["volume", "ls", "-q"]);
    assert!(!all.contains(&shared.name), "nothing was made: {all}");
    restore(&project, &[dump, "--create-external"]).expect(0);
    let content = std::fs::read_to_string(mountpoint(&shared.name).join("file")).unwrap();
    assert_eq!(content, "kept\n");
    let labels = docker(&[
        "volume",
        "inspect",
        "--format",
        "{{json .Labels}}",
        &shared.name,
    ]);
    assert_eq!(labels, r#"{"of":"others"}"#);
    assert_eq!(project.states()["app-1"], "running");
    assert_up_changes_nothing(&project);
    project.compose(&["down", "-v", "--timeout", "1"]);
}
