//! Somebody else's hands on containers that stand still while they are read: the dump says so.

use std::io::Read;
use std::process::{Child, ChildStdout, Stdio};
use std::time::Instant;

use crate::support::{IMAGE, Project, Ran, docker, ran, verify};
use crate::verified::Dump;

/// Bytes that come only once services are held: config is far smaller.
const BEGUN: usize = 2 << 20;

/// A service that writes to a volume which takes a while to read, and one that writes to another.
fn project(restart: &str) -> Project {
    let project = Project::new(&format!(
        "services:
  db: {{image: {IMAGE}, network_mode: none, restart: '{restart}', volumes: ['data:/data']}}
  web: {{image: {IMAGE}, network_mode: none, volumes: ['more:/more']}}
volumes: {{data: {{}}, more: {{}}}}
"
    ));
    project.up();
    project.sh(
        "db",
        "dd if=/dev/urandom of=/data/large bs=1M count=60 2>&1",
    );
    project.sh("web", "echo content >/more/file");
    project
}

/// A run that stands still in the middle of its reading, because nobody takes what it writes.
struct Standing {
    child: Child,
    stdout: ChildStdout,
    taken: Vec<u8>,
    began: Instant,
}

impl Standing {
    fn start(project: &Project) -> Self {
        Self::start_of("state", project)
    }

    /// One that keeps its lock and its journal in a folder of that name.
    fn start_of(state: &str, project: &Project) -> Self {
        let mut command = project.program(&["backup"]);
        command.env("COMPOSE_DUMP_STATE_DIR", project.beside(state));
        command.env("COMPOSE_DUMP_SPOOL__MODE", "never");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let mut taken = vec![0; BEGUN];
        stdout.read_exact(&mut taken).unwrap();
        Self {
            child,
            stdout,
            taken,
            began: Instant::now(),
        }
    }

    /// Takes the rest.
    fn end(mut self, project: &Project) -> (Ran, Dump) {
        self.stdout.read_to_end(&mut self.taken).unwrap();
        let ran = ran(self.child.wait_with_output().unwrap(), self.began);
        let archive = project.beside("dumps").join("dump.tar");
        std::fs::write(&archive, &self.taken).unwrap();
        (ran, verify(&archive))
    }
}

/// The members that the manifest calls not whole.
fn failed(dump: &Dump) -> Vec<String> {
    let manifest = dump.manifest();
    let rows = manifest["failed"].as_array().unwrap();
    assert_eq!(manifest["complete"], rows.is_empty());
    rows.iter()
        .map(|row| row["what"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn whoever_did_not_stay_paused_is_named_and_left_as_it_is() {
    let project = project("no");
    let db = project.container("db");
    for (steps, why, after) in [
        (&["unpause"][..], "somebody unpaused it", "running"),
        (&["unpause", "pause"], "somebody unpaused it", "running"),
        (&["unpause", "restart"], "somebody unpaused it", "running"),
        (&["kill"], "", "exited"),
        (&["start"], "", "running"),
        (&["rm -f"], "", ""),
    ] {
        // A container that does not run is not held: this row only brings it back.
        if steps == ["start"] {
            docker(&["start", &db]);
            continue;
        }
        let standing = Standing::start(&project);
        for step in steps {
            let mut arguments: Vec<&str> = step.split(' ').collect();
            arguments.push(&db);
            docker(&arguments);
        }
        let (ran, dump) = standing.end(&project);
        let said = format!("did not stay paused: {why}");
        let ran = ran.expect(3).says(&["warning: ", &db, &said]);
        assert_eq!(failed(&dump), ["volumes/project/data.tar"], "{steps:?}");
        let states = project.states();
        let state = states.get("db-1").map_or("", String::as_str);
        assert_eq!(state, after, "{steps:?}: {}", ran.stderr);
        assert_eq!(states["web-1"], "running", "{steps:?}");
        let resumed = ran.stderr.contains(&format!("resumed {db}"));
        let was_ours_to_resume = *steps == ["unpause", "pause"];
        assert_eq!(resumed, was_ours_to_resume, "{steps:?}: {}", ran.stderr);
    }
    project.assert_nothing_left();
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_restart_policy_that_brings_it_back_is_seen() {
    let project = project("always");
    let db = project.container("db");
    let standing = Standing::start(&project);
    docker(&["restart", "-t", "1", &db]);
    let (ran, dump) = standing.end(&project);
    ran.expect(3).says(&["did not stay paused", &db]);
    assert_eq!(failed(&dump), ["volumes/project/data.tar"]);
    assert_eq!(project.states()["db-1"], "running");
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn one_that_somebody_else_has_paused_is_watched() {
    let project = project("no");
    let db = project.container("db");
    docker(&["pause", &db]);
    let plan = project.dump(&["plan", "-t", "-"]).expect(0);
    let table = String::from_utf8_lossy(&plan.stdout).into_owned();
    assert!(table.contains("already, by somebody else"), "{table}");
    for (steps, failed_members, after) in [
        (&[][..], &[][..], "paused"),
        (
            &["unpause", "pause"],
            &["volumes/project/data.tar"],
            "paused",
        ),
        (&["unpause"], &["volumes/project/data.tar"], "running"),
    ] {
        let standing = Standing::start(&project);
        for step in steps {
            docker(&[step, &db]);
        }
        let (ran, dump) = standing.end(&project);
        let ran = ran.expect(if steps.is_empty() { 0 } else { 3 });
        assert_eq!(failed(&dump), failed_members, "{}", ran.stderr);
        assert_eq!(project.states()["db-1"], after, "it is not ours");
        assert_eq!(project.states()["web-1"], "running");
        assert!(!ran.stderr.contains(&format!("resumed {db}")));
    }
    project.assert_nothing_left();
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn two_runs_at_the_same_time_do_not_take_each_other_for_quiet() {
    let project = project("no");
    let first = Standing::start(&project);
    // Of another user, say, so that the first one's lock is not seen.
    let second = Standing::start_of("state of another", &project);
    // The first one ends, and lets go what the second still reads.
    let (ran, dump) = first.end(&project);
    ran.expect(0);
    assert_eq!(failed(&dump), [""; 0]);
    let (ran, dump) = second.end(&project);
    ran.expect(3).says(&["did not stay paused"]);
    assert!(failed(&dump).contains(&"volumes/project/data.tar".to_owned()));
    let states = project.states();
    assert_eq!(
        (&*states["db-1"], &*states["web-1"]),
        ("running", "running")
    );
    project.assert_nothing_left();
}
