//! Exports, without a database: where they stand in a run, what becomes of commands that fail, and
//! that no secret gets out.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{IMAGE, Project, docker, entries, only_entry, run, succeed, verify};

const COMPOSE: &str = "
services:
  app: {image: IMAGE, network_mode: none, environment: {KEY: of-the-container}, volumes: ['data:/data']}
volumes: {data: {}}
";

/// A project that is up, with these exports of its service, and a folder as target.
fn project(exports: &str) -> Project {
    let project = Project::new(&COMPOSE.replace("IMAGE", IMAGE));
    let target = project.beside("dumps");
    project.write(
        "compose-dump.yml",
        &format!(
            "version: 1\nexports:\n  app:\n{exports}\ntargets: {{local: {{path: '{}'}}}}\n",
            target.display()
        ),
    );
    project.up();
    project.sh("app", "echo rows >/data/rows");
    project
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn what_a_command_writes_is_stored_whole_in_every_shape_of_a_dump() {
    let project = project(
        "    rows: {command: [sh, -c, 'cat rows; echo $KEY $MORE ${PWD}; id -u', sh], workdir: /data, user: '7', env: {MORE: and-more}}
    big.bin: {command: [sh, -c, 'head -c 30000000 /dev/urandom | tee /tmp/big']}",
    );
    let big = project.beside("spool");
    let archive = project.beside("archives");
    let archive = archive.to_str().unwrap();
    project.dump(&["run"]).expect(0);
    let place = only_entry(&project.beside("dumps"));
    let dump = verify(&place);
    let rows = place.join("exports/app/rows.zst");
    let text = succeed(Command::new("zstd").arg("-dc").arg(rows));
    assert_eq!(text, "rows\nof-the-container and-more /data\n7\n");
    let rows = dump.member("exports/app/rows.zst");
    assert_eq!(
        (&rows["kind"], &rows["reader"]),
        (&"bytes".into(), &"command".into())
    );
    assert_eq!(rows["source"]["name"], "rows");
    let size = docker(&["exec", &project.container("app"), "sha256sum", "/tmp/big"]);
    let sha256 = size.split(' ').next().unwrap();
    assert_eq!(dump.member("exports/app/big.bin.zst")["raw_sha256"], sha256);
    // An archive has to know the size first, so it is spooled; standard output, too.
    project.dump(&["run", "-t", archive, "-x", "gz"]).expect(0);
    let found = fs::read_dir(archive)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let found = found
        .into_iter()
        .find(|path| path.extension().is_some_and(|it| it == "gz"));
    let listed = succeed(Command::new("tar").arg("-tvzf").arg(found.unwrap()));
    assert!(
        listed.contains(" 30000000 ") && listed.contains("exports/app/rows"),
        "{listed}"
    );
    assert!(entries(&big).is_empty(), "temporary files are gone");
    let name = place.to_str().unwrap();
    project.dump(&["verify", name]).expect(0);
    let shown = project.dump(&["show", name]).expect(0).stdout;
    assert!(String::from_utf8_lossy(&shown).contains("exports/app/rows"));
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_command_that_fails_leaves_no_member_and_is_told_without_its_words() {
    let project = project(
        "    good: {command: [echo, good]}
    bad: {command: [sh, -c, 'echo half; echo it broke >&2; exit 3', hunter2], env: {P: hunter3}}
    gone: {command: [no-such-program, hunter4]}
    mute: {command: ['true']}
    slow: {command: [sh, -c, 'echo x; sleep 600'], timeout: 1s}",
    );
    let plan = project.dump(&["plan", "--json"]).expect(0);
    let ran = project.dump(&["run", "--json", "-v"]).expect(3).says(&[
        "exports/app/bad",
        "ended with status 3; it said: it broke",
        "exports/app/gone",
        "could not be started (12",
        "exports/app/mute: the command ended well, and gave nothing",
        "exports/app/slow",
        "did not end within 1s",
    ]);
    let place = only_entry(&project.beside("dumps"));
    let dump = verify(&place);
    let manifest = dump.manifest();
    assert_eq!(manifest["complete"], false);
    assert_eq!(manifest["failed"].as_array().unwrap().len(), 4);
    assert_eq!(entries(&place.join("exports/app")), ["good.zst"]);
    let manifest = manifest.to_string();
    for text in [
        &*plan.stdout,
        &*ran.stdout,
        ran.stderr.as_bytes(),
        manifest.as_bytes(),
    ] {
        assert!(!String::from_utf8_lossy(text).contains("hunter"));
    }
    // What took too long runs no more.
    let processes = project.sh("app", "ps");
    assert!(!processes.contains("sleep 600"), "{processes}");
    // A dump with gaps is not published where that was asked for.
    project
        .dump(&[
            "run",
            "--strict",
            "-t",
            project.beside("strict").to_str().unwrap(),
        ])
        .expect(2);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_signal_ends_the_command_in_the_container() {
    let project =
        project("    slow: {command: [sh, -c, 'echo begun; touch /tmp/begun; sleep 500']}");
    let mut command = project.program(&["run"]);
    let mut child = command.spawn().unwrap();
    let since = Instant::now();
    while docker(&["exec", &project.container("app"), "ls", "/tmp"]).is_empty() {
        assert!(
            since.elapsed() < Duration::from_secs(60),
            "the command does not begin"
        );
    }
    run(Command::new("kill").args(["-TERM", &child.id().to_string()])).expect(0);
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(!project.sh("app", "ps").contains("sleep 500"));
    assert!(entries(&project.beside("dumps")).is_empty());
}
