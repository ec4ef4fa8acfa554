//! One run of a project at a time.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::Duration;

use crate::support::{IMAGE, Project, entries, run};

fn project() -> Project {
    Project::new(&format!(
        "services:
  db: {{image: {IMAGE}, network_mode: none, volumes: ['data:/data']}}
volumes: {{data: {{}}}}
"
    ))
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_second_run_waits_as_long_as_it_is_told_and_a_killed_one_locks_nobody_out() {
    let project = project();
    project.up();
    project.sh(
        "db",
        "dd if=/dev/urandom of=/data/large bs=1M count=20 2>&1",
    );
    // It holds the lock for as long as nobody reads what it writes.
    let mut command = project.program(&["backup"]);
    let mut first = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut some = [0; 1024];
    first
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut some)
        .unwrap();

    let who = format!("process {}", first.id());
    let target = project.new_target();
    let target = target.to_str().unwrap();
    let now = ["backup", "-t", target, "--lock-timeout", "0s"];
    project
        .dump(&now)
        .expect(11)
        .says(&["another run of", &who, "--lock-timeout"]);
    let mut soon = project.program(&["backup", "-t", target]);
    soon.env("COMPOSE_DUMP_LOCK_WAIT", "1s");
    run(&mut soon).expect(11).says(&["waiting up to 1s"]);
    // Looking needs no lock.
    project.dump(&["plan"]).expect(0);

    first.kill().unwrap();
    first.wait().unwrap();
    project.dump(&now).expect(0);
    project.assert_nothing_left();
}

/// A hook keeps the run from its end; the restore has chosen the older dump before it waits.
#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_restore_that_waited_takes_the_dump_that_was_made_meanwhile() {
    let project = project();
    project.write(
        "compose-dump.yml",
        &format!(
            "version: 1
hooks: [{{on_host: true, before: [sh, -c, 'while [ -e wait ]; do touch held; sleep 0.1; done']}}]
targets: {{local: {{path: '{}'}}}}
",
            project.beside("dumps").display()
        ),
    );
    project.up();
    project.sh("db", "echo old >/data/which");
    project.dump(&["run"]).expect(0);

    project.sh("db", "echo new >/data/which");
    project.write("wait", "");
    let mut waits = project.program(&["run"]).spawn().unwrap();
    while !project.path("held").exists() {
        assert!(
            waits.try_wait().unwrap().is_none(),
            "it ended before its hook"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut command = project.program(&["restore", "latest", "--replace"]);
    let mut restore = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(restore.stderr.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("waiting up to")));
    let names = entries(&project.beside("dumps"));
    let published = names.iter().filter(|name| !name.starts_with('.'));
    assert_eq!(published.count(), 1, "{names:?}");
    std::fs::remove_file(project.path("wait")).unwrap();

    assert!(waits.wait().unwrap().success());
    let rest: Vec<String> = said.map(|line| line.unwrap()).collect();
    assert!(restore.wait().unwrap().success(), "{rest:#?}");
    assert_eq!(project.sh("db", "cat /data/which"), "new");
}
