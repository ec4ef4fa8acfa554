//! What users get wrong, and what goes wrong around them: a message, an exit code, nothing left behind.

use std::os::unix::net::UnixListener;

use crate::support::{
    IMAGE, Project, bash, docker, entries, now, only_entry, paused, program, run, verify,
};

fn compose() -> String {
    format!(
        "services:
  web: {{image: {IMAGE}, network_mode: none, build: ./app, volumes: ['data:/data', './media:/media']}}
volumes: {{data: {{}}}}
"
    )
}

/// A project that is not up.
fn files() -> Project {
    let project = Project::new(&compose());
    project.write("media/file", "mounted");
    project.write("app/Dockerfile", "FROM scratch\n");
    project
}

/// A project that is up.
pub(crate) fn up() -> Project {
    let project = files();
    project.up();
    project.sh("web", "echo content >/data/file");
    project
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn wrong_options_are_refused_with_a_hint() {
    let project = files();
    project.write("there.tar.gz", "an old dump");
    project.write("some-file", "no folder");
    let cases: &[(&[&str], &[&str])] = &[
        (&["backup", "webb"], &["webb", "did you mean `web`"]),
        (&["backup", "--exports"], &["exports", "compose-dump.yml"]),
        (&["backup", "--volume"], &["--volume"]),
        (&["backup", "-x", "rar"], &["rar", "zst"]),
        (
            &["backup", "-x", "zst", "-t", "new.tar.gz"],
            &["new.tar.gz", "zst"],
        ),
        (
            &["backup", "-t", "there.tar.gz"],
            &["there.tar.gz", "exists already"],
        ),
        (&["backup", "-t", "some-file"], &["some-file", "no folder"]),
        (&["backup", "-t", "media/dumps"], &["media/dumps", "inside"]),
        (&["backup", "-t", "media"], &["media", "inside"]),
        (&["backup", "-t", "app/dumps"], &["app/dumps", "inside"]),
        (&["backup", "-t", "app/a.tar"], &["app/a.tar", "inside"]),
        (
            &["backup", "-t", "dumps", "-t", "dumps"],
            &["dumps", "twice"],
        ),
        (
            &["backup", "-t", "new.tar", "-t", "new.tar.gz"],
            &["new.tar.gz", "twice"],
        ),
        (&["backup", "-t", "ftp://host/x"], &["`ftp` is none of s3"]),
        (
            &["backup", "-t", "dumps", "--target-pattern", "{nam}"],
            &["{nam}", "{name}"],
        ),
        (
            &["backup", "-t", "dumps", "--target-pattern", "always"],
            &["{date}"],
        ),
        (
            &["backup", "-t", "dumps", "--target-pattern", "{id}/{date}"],
            &["/"],
        ),
        (&["backup", "-f", "nothing.yaml"], &["nothing.yaml"]),
        (&["backup", "-C", "nowhere"], &["nowhere"]),
        (&["backup", "--dry-run", "webb"], &["did you mean `web`"]),
    ];
    let before = entries(&project.dir);
    for (arguments, words) in cases {
        let ran = project.dump(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{arguments:?}");
        ran.says(words);
        assert_eq!(entries(&project.dir), before, "{arguments:?}");
    }
    assert_eq!(entries(&project.path("media")), ["file"]);
    assert_eq!(
        std::fs::read(project.path("there.tar.gz")).unwrap(),
        b"an old dump"
    );
    project.dump(&[]).expect(2).says(&["Usage"]);
    let ran = project.dump(&["backup", "--json"]).expect(2);
    let ran = ran.says(&["JSON", "standard output"]);
    let document: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(document["error"]["code"], "cli::json_and_stdout");
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn unknown_settings_are_refused() {
    let project = files();
    for (name, value, words) in [
        ("COMPOSE_DUMP_READR", "auto", "COMPOSE_DUMP_READER"),
        ("COMPOSE_DUMP_READER", "fast", "COMPOSE_DUMP_READER"),
        ("COMPOSE_DUMP_SPOOL__MOD", "auto", "COMPOSE_DUMP_SPOOL__"),
        (
            "COMPOSE_DUMP_COMPRESSION",
            "rar",
            "COMPOSE_DUMP_COMPRESSION",
        ),
    ] {
        let mut command = project.program(&["backup", "--config"]);
        run(command.env(name, value)).expect(2).says(&[words]);
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_project_that_cannot_be_loaded_is_named() {
    let project = files();
    let empty = project.beside("empty");
    let mut nowhere = program(&["backup"]);
    run(nowhere.current_dir(&empty))
        .expect(2)
        .says(&["no Compose file", "-f"]);

    project.write("compose.yaml", "services:\n  web: {image: [\n");
    project.dump(&["backup"]).expect(2).says(&["compose.yaml"]);
    project.write(
        "compose.yaml",
        "services:\n  web:\n    image: a\n    image: b\n",
    );
    project
        .dump(&["backup"])
        .expect(2)
        .says(&["compose.yaml", "line 3", "twice"]);
    project.write("compose.yaml", "- a list\n");
    project
        .dump(&["backup"])
        .expect(2)
        .says(&["compose.yaml", "line 1 is a list"]);
    project.write(
        "compose.yaml",
        "services: {a: {extends: {file: gone.yaml, service: b}, image: x}}\n",
    );
    project
        .dump(&["backup", "--config"])
        .expect(3)
        .says(&["warning: `gone.yaml` does not exist"]);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_terminal_gets_no_dump() {
    let project = up();
    let since = now();
    let program = env!("CARGO_BIN_EXE_compose-dump");
    let script = format!("script -qec '{program} backup' /dev/null");
    let ran = bash(&project, &script).expect(2);
    let screen = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(screen.contains("terminal"), "{screen}");
    assert_eq!(paused(&project, &since), [""; 0]);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_target_in_a_volume_that_is_read_is_refused() {
    let project = up();
    let inside = project.volume_dir("data").join("dumps");
    project
        .dump(&["backup", "-t", inside.to_str().unwrap()])
        .expect(2)
        .says(&["inside the volume `data`"]);
    assert_eq!(entries(&project.volume_dir("data")), ["file"]);
    // Through a link, too.
    std::os::unix::fs::symlink(project.volume_dir("data"), project.path("link")).unwrap();
    project
        .dump(&["backup", "-t", "link"])
        .expect(2)
        .says(&["inside the volume `data`"]);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn without_an_engine_the_files_are_dumped() {
    let project = files();
    let gone = "unix:///nonexistent/docker.sock";
    let mut all = project.program(&["backup"]);
    run(all.env("DOCKER_HOST", gone)).expect(1).says(&[
        "/nonexistent/docker.sock",
        "DOCKER_HOST",
        "--config --mounted",
    ]);

    let target = project.new_target();
    let arguments = [
        "backup",
        "--config",
        "--mounted",
        "-t",
        target.to_str().unwrap(),
    ];
    run(project.program(&arguments).env("DOCKER_HOST", gone)).expect(0);
    let dump = verify(&only_entry(&target));
    assert_eq!(dump.members(), ["config", "volumes/mounted/media"]);
    let reason = &dump.left_out()["volume data"];
    assert!(reason.contains("scope"), "{reason}");
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn an_engine_that_hangs_is_given_up() {
    let project = files();
    let socket = project.beside("engine").join("docker.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    // Connections are taken and never answered.
    let taken = std::thread::spawn(move || {
        listener
            .incoming()
            .take(8)
            .filter_map(Result::ok)
            .collect::<Vec<_>>()
    });
    let mut command = project.program(&["backup"]);
    command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
    let ran = run(&mut command).expect(1);
    assert!(ran.took.as_secs() < 60, "it took {:?}", ran.took);
    ran.says(&[socket.to_str().unwrap()]);
    drop(taken);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_volume_that_does_not_exist_is_listed() {
    let project = up();
    let name = project.volume("data");
    docker(&["rm", "-fv", &project.container("web")]);
    docker(&["volume", "rm", &name]);
    let dump = verify(&project.dump_to_folder(&[]));
    assert!(dump.left_out()["volume data"].contains("does not exist"));
    let volumes = docker(&["volume", "ls", "-q", "--filter", &format!("name={name}")]);
    assert_eq!(volumes, "", "the dump has not made it");
    project
        .dump(&["backup", "--volumes", "-t", "dumps"])
        .expect(2)
        .says(&["nothing", "volume data: does not exist"]);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_volume_whose_folder_is_gone_is_reported() {
    let project = up();
    std::fs::remove_dir_all(project.volume_dir("data")).unwrap();
    let target = project.new_target();
    project
        .dump(&["backup", "-t", target.to_str().unwrap()])
        .expect(3)
        .says(&["volumes/project/data.tar", "no such file or directory"]);
    let dump = verify(&only_entry(&target));
    assert!(dump.failed().contains_key("volumes/project/data.tar"));
    assert_eq!(dump.members(), ["config", "volumes/mounted/media"]);
    project.assert_nothing_left();
}
