//! Restores through the engine, of single files and of exports; drills; restores that are cut off.

use std::process::Command;
use std::time::Duration;

use crate::restore::{dump, in_volume, restore, restoring, small};
use crate::support::{IMAGE, Project, docker, entries, run};

fn volumes_of_drills() -> String {
    docker(&["volume", "ls", "-q", "--filter", "name=compose-dump-drill"])
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn what_only_the_engine_can_write_is_replaced_as_a_whole() {
    let project = small();
    let dump = dump(&project);
    let dump = dump.to_str().unwrap();
    project.sh("db", "echo new >/data/file; echo stale >/data/stale");
    let through_engine = |arguments: &[&str]| {
        let mut command = restoring(&project, arguments);
        run(command.env("COMPOSE_DUMP_READER", "engine"))
    };
    through_engine(&["restore", dump, "--volume", "data"])
        .expect(2)
        .says(&["`data`", "is not empty"]);
    through_engine(&["restore", dump, "--volume", "data", "--replace"]).expect(0);
    assert_eq!(in_volume(&project), "old\n");
    assert_eq!(entries(&project.volume_dir("data")), ["file"]);
    assert_eq!(project.states()["db-1"], "running");

    project.compose(&["down", "-v", "--timeout", "1"]);
    through_engine(&["restore", dump, "--volumes"]).expect(0);
    assert_eq!(in_volume(&project), "old\n");
    assert_eq!(project.sh("web", "cat /srv/anon/file"), "old");
    project.assert_nothing_left();
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_drill_touches_nothing_and_finds_what_does_not_come_back() {
    let project = small();
    let dump = dump(&project);
    let path = dump.to_str().unwrap();
    project.sh("db", "echo new >/data/file");
    let ran = project
        .dump(&["drill", path, "--record", "--json"])
        .expect(0);
    assert_eq!(ran.json()["sound"], true);
    let record = format!("{path}.drill.json");
    let record = std::fs::read_to_string(record).unwrap();
    assert!(record.contains("\"sound\": true"), "{record}");
    let mut through_engine = project.program(&["drill", path]);
    let ran = run(through_engine.env("COMPOSE_DUMP_READER", "engine")).expect(0);
    let told = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(told.contains("sound: 2 volumes restored"), "{told}");
    assert_eq!(in_volume(&project), "new\n");
    assert_eq!(project.states()["db-1"], "running");

    let tar = dump.join("volumes/project/data.tar");
    let mut bytes = std::fs::read(&tar).unwrap();
    let end = bytes.len() - 1;
    bytes[end] ^= 1;
    std::fs::write(&tar, bytes).unwrap();
    project.dump(&["drill", path]).expect(13);
    assert_eq!(volumes_of_drills(), "");
    project.assert_nothing_left();
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn single_files_come_out_of_a_volume() {
    let project = small();
    project.sh(
        "db",
        "mkdir -p /data/a/b; echo deep >/data/a/b/c; echo other >/data/a/d",
    );
    let dump = dump(&project);
    let dump = dump.to_str().unwrap();
    let to = project.beside("found");
    let out = to.to_str().unwrap();
    let taken = [
        "restore", dump, "--volume", "data", "--path", "a/b", "--to", out,
    ];
    project.dump(&taken).expect(0);
    assert_eq!(std::fs::read_to_string(to.join("a/b/c")).unwrap(), "deep\n");
    assert_eq!(entries(&to.join("a")), ["b"]);
    project
        .dump(&taken)
        .expect(2)
        .says(&["exists", "--replace"]);
    // The whole volume, into a folder that has one of its files with other content.
    std::fs::write(to.join("a/b/c"), "mine\n").unwrap();
    let whole = [
        "restore", dump, "--volume", "data", "--path", ".", "--to", out,
    ];
    project
        .dump(&whole)
        .expect(2)
        .says(&["a/b/c` exists", "--replace"]);
    assert_eq!(std::fs::read_to_string(to.join("a/b/c")).unwrap(), "mine\n");
    assert_eq!(entries(&to.join("a")), ["b"]);
    project
        .dump(&[&whole[..], &["--replace"]].concat())
        .expect(0);
    assert_eq!(std::fs::read_to_string(to.join("a/b/c")).unwrap(), "deep\n");
    assert_eq!(entries(&to.join("a")), ["b", "d"]);
    project
        .dump(&[
            "restore", dump, "--volume", "data", "--path", "nowhere", "--to", out,
        ])
        .expect(2)
        .says(&["holds no `nowhere`"]);
    project
        .dump(&[
            "restore", dump, "--volume", "dat", "--path", "a", "--to", out,
        ])
        .expect(2)
        .says(&["did you mean `data`"]);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_restore_that_is_cut_off_is_taken_back_or_done_by_the_next_one() {
    let project = small();
    project.sh(
        "db",
        "dd if=/dev/zero of=/data/large bs=1M count=64 2>/dev/null",
    );
    let dump = dump(&project);
    let dump = dump.to_str().unwrap();
    project.sh("db", "echo new >/data/file; echo stale >/data/stale");
    for (signal, wait) in [
        ("-INT", 300),
        ("-TERM", 600),
        ("-KILL", 500),
        ("-KILL", 900),
    ] {
        let mut restoring = restoring(&project, &["restore", dump, "--replace"]);
        let mut child = restoring
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        let _ = Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status();
        child.wait().unwrap();
        if signal != "-KILL" {
            let is_old = in_volume(&project) == "old\n";
            let has_stale = entries(&project.volume_dir("data")).contains(&"stale".to_owned());
            assert_ne!(is_old, has_stale, "everything or nothing, after {signal}");
            assert_eq!(project.states()["db-1"], "running", "after {signal}");
        }
    }
    restore(&project, &[dump, "--replace"]).expect(0);
    assert_eq!(in_volume(&project), "old\n");
    assert_eq!(entries(&project.volume_dir("data")), ["file", "large"]);
    assert_eq!(project.states()["db-1"], "running");
    assert!(entries(&project.beside("state/restores")).is_empty());
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn an_export_is_loaded_by_a_command_that_is_trusted() {
    let project = Project::new(&format!(
        "services: {{app: {{image: {IMAGE}, network_mode: none}}}}\n"
    ));
    project.write(
        "compose-dump.yml",
        "version: 1\nexports:\n  app:\n    users:\n      command: [cat, /users]\n      load: [sh, -c, 'cat >/users']\n",
    );
    project.up();
    project.sh("app", "echo anna >/users");
    let dump = dump(&project);
    let dump = dump.to_str().unwrap();
    project.compose(&["down", "-v", "--timeout", "1"]);
    std::fs::remove_dir_all(&project.dir).unwrap();
    std::fs::create_dir(&project.dir).unwrap();
    restore(&project, &[dump])
        .expect(2)
        .says(&["exports/app/users", "--trust-dump"]);
    restore(&project, &[dump, "--trust-dump"]).expect(0);
    assert_eq!(project.sh("app", "cat /users"), "anna");
}
