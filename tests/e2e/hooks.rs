//! Hooks: in services and on this machine, after success, failure and `kill -9`.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::{IMAGE, Project, entries, only_entry, run, verify};

const COMPOSE: &str = "
services:
  app: {image: IMAGE, network_mode: none, volumes: ['data:/data']}
volumes: {data: {}}
";

/// A project that is up, with this in its job file.
fn project(rules: &str) -> Project {
    let project = Project::new(&COMPOSE.replace("IMAGE", IMAGE));
    let target = project.beside("dumps");
    let text = format!(
        "version: 1\n{rules}\ntargets: {{local: {{path: '{}'}}}}\n",
        target.display()
    );
    project.write("compose-dump.yml", &text);
    project.up();
    project
}

const PAIRS: &str = "
hooks:
  - service: app
    before: [sh, -c, 'echo maintenance >/data/mode; echo hunter2']
    after: [sh, -c, 'echo open >/data/mode']
  - {on_host: true, before: [touch, begun], after: [touch, ended]}
";

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn what_a_before_does_is_in_the_dump_and_its_after_undoes_it() {
    let project = project(PAIRS);
    let plan = project.dump(&["plan"]).expect(0);
    assert!(String::from_utf8_lossy(&plan.stdout).contains("hooks[0]"));
    project.dump(&["run"]).expect(0);
    let dump = verify(&only_entry(&project.beside("dumps")));
    let mode = &dump.tar("volumes/project/data.tar.zst")["./mode"];
    assert_eq!(mode["size"], "maintenance\n".len());
    assert!(!dump.manifest().to_string().contains("hunter2"));
    assert_eq!(project.sh("app", "cat /data/mode"), "open");
    assert!(project.path("begun").exists() && project.path("ended").exists());
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_before_that_fails_ends_the_run_with_its_last_lines() {
    let project = project(&PAIRS.replace(
        "[touch, begun]",
        "[sh, -c, 'echo the disk is not there; exit 5']",
    ));
    project.dump(&["run"]).expect(1).says(&[
        "`hooks[1].before` on this machine",
        "ended with status 5; it said: the disk is not there",
    ]);
    assert!(entries(&project.beside("dumps")).is_empty());
    assert_eq!(project.sh("app", "cat /data/mode"), "open");
    assert!(project.path("ended").exists(), "its `before` was started");
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn an_after_runs_although_the_run_was_killed() {
    let project = project(&format!(
        "{PAIRS}\nexports: {{app: {{slow: {{command: [sh, -c, 'sleep 600']}}}}}}"
    ));
    let mut child = project.program(&["run"]).spawn().unwrap();
    let since = Instant::now();
    let waited = || {
        assert!(
            since.elapsed() < Duration::from_secs(60),
            "it takes for ever"
        )
    };
    while !project.sh("app", "ps").contains("sleep 600") {
        waited();
    }
    assert_eq!(project.sh("app", "cat /data/mode"), "maintenance");
    run(std::process::Command::new("kill").args(["-KILL", &child.id().to_string()])).expect(0);
    child.wait().unwrap();
    while project.sh("app", "cat /data/mode") != "open" || !project.path("ended").exists() {
        waited();
        std::thread::sleep(Duration::from_millis(50));
    }
    fs::remove_file(project.path("ended")).unwrap();
    // Once is enough.
    project.dump(&["recover"]).expect(0);
    assert!(!project.path("ended").exists());
}
