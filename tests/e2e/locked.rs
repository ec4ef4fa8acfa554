//! One run of a project at a time.

use std::io::Read;
use std::process::Stdio;

use crate::support::{IMAGE, Project, run};

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_second_run_waits_as_long_as_it_is_told_and_a_killed_one_locks_nobody_out() {
    let project = Project::new(&format!(
        "services:
  db: {{image: {IMAGE}, network_mode: none, volumes: ['data:/data']}}
volumes: {{data: {{}}}}
"
    ));
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
