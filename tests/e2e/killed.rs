//! Runs that are killed: a watchdog, the next run and `recover` bring services back.

use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{IMAGE, Project, bash, docker, program, run, succeed};

fn project(policy: &str) -> Project {
    let project = Project::new(&format!(
        "services:
  db: {{image: {IMAGE}, network_mode: none, volumes: ['data:/data']}}
  web: {{image: {IMAGE}, network_mode: none, volumes: ['data:/data'], depends_on: [db]}}
volumes: {{data: {{}}}}
"
    ));
    project.up();
    project.sh(
        "db",
        "dd if=/dev/urandom of=/data/large bs=1M count=20 2>&1",
    );
    let job_file = format!("version: 1\npause: {{default: {policy}}}\nspool: {{mode: never}}\n");
    project.write("compose-dump.yml", &job_file);
    project
}

/// A run that holds services for as long as nobody reads what it writes.
fn holding(project: &Project) -> Child {
    let mut command = project.program(&["backup", "--volumes"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut some = vec![0; 2 << 20];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut some)
        .unwrap();
    child
}

/// Kills what watches over a run: its only child.
fn kill_watchdog(run: &Child) {
    succeed(Command::new("pkill").args(["-KILL", "-P", &run.id().to_string()]));
}

fn wait_until(project: &Project, states: &std::collections::BTreeMap<String, String>) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while project.states() != *states {
        assert!(Instant::now() < deadline, "{:?}", project.states());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn services_of_a_killed_run_are_back_in_seconds_without_a_command() {
    for policy in ["pause", "stop"] {
        let project = project(policy);
        let before = project.states();
        let mut child = holding(&project);
        assert_ne!(project.states(), before);
        child.kill().unwrap();
        child.wait().unwrap();
        wait_until(&project, &before);
        project
            .dump(&["recover"])
            .expect(0)
            .says(&["nothing to recover"]);
        project.assert_nothing_left();
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_watchdog_holds_nothing_open_that_the_run_has_inherited() {
    let project = project("pause");
    let before = project.states();
    let path = project.beside("caller").join("file");
    let callers = fs::File::create(&path).unwrap();
    // As it is with what a shell opens: every program that is started from here gets it.
    rustix::io::fcntl_setfd(&callers, rustix::io::FdFlags::empty()).unwrap();
    let mut child = holding(&project);
    let run = child.id().to_string();
    let watchdog = succeed(Command::new("pgrep").args(["-P", &run]));
    let has_it = |pid: &str| {
        let mut files = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        files.any(|file| fs::read_link(file.unwrap().path()).is_ok_and(|file| file == path))
    };
    assert!(has_it(&run));
    assert!(!has_it(watchdog.trim()));
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until(&project, &before);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn recover_and_the_next_run_do_the_work_of_a_watchdog_that_was_killed_too() {
    for policy in ["pause", "stop"] {
        let project = project(policy);
        let before = project.states();
        let target = project.new_target();
        let next = ["backup", "-t", target.to_str().unwrap()];
        for repair in [&["recover"][..], &next] {
            let mut child = holding(&project);
            kill_watchdog(&child);
            child.kill().unwrap();
            child.wait().unwrap();
            assert_ne!(project.states(), before, "nobody has brought them back");
            let db = project.container("db");
            let plan = project.dump(&["plan", "-t", target.to_str().unwrap()]);
            let plan = String::from_utf8(plan.expect(0).stdout).unwrap();
            for words in ["what was killed has left", "compose-dump recover", &db] {
                assert!(plan.contains(words), "{plan}");
            }
            assert!(!plan.contains("somebody else"), "{plan}");
            project
                .dump(repair)
                .expect(0)
                .says(&["ended before all was back"]);
            assert_eq!(project.states(), before, "{policy}: {repair:?}");
            project.assert_nothing_left();
        }
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn what_cannot_be_brought_back_is_said_with_the_command_and_tried_again() {
    let project = Project::new(&format!(
        "services:
  db:
    image: {IMAGE}
    network_mode: none
    volumes: ['data:/data', {{type: bind, source: ./disk, target: /disk, bind: {{create_host_path: false}}}}]
  web: {{image: {IMAGE}, network_mode: none, volumes: ['data:/data']}}
volumes: {{data: {{}}}}
"
    ));
    project.write("disk/file", "on a disk that can be unplugged");
    project.write(
        "compose-dump.yml",
        "version: 1\npause: {default: stop}\nspool: {mode: never}\n",
    );
    project.up();
    project.sh(
        "db",
        "dd if=/dev/urandom of=/data/large bs=1M count=20 2>&1",
    );
    let before = project.states();
    let mut child = holding(&project);
    kill_watchdog(&child);
    child.kill().unwrap();
    child.wait().unwrap();
    fs::rename(project.path("disk"), project.path("unplugged")).unwrap();
    let command = format!("start {}", project.container("db"));
    project
        .dump(&["recover"])
        .expect(20)
        .says(&["is still stopped", &command]);
    assert_eq!(
        project.states()["web-1"],
        "running",
        "the other one is back"
    );
    fs::rename(project.path("unplugged"), project.path("disk")).unwrap();
    project
        .dump(&["recover"])
        .expect(0)
        .says(&["1 container brought back"]);
    assert_eq!(project.states(), before);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn who_was_removed_or_brought_back_by_somebody_else_is_left_alone() {
    let project = project("stop");
    let mut child = holding(&project);
    kill_watchdog(&child);
    child.kill().unwrap();
    child.wait().unwrap();
    docker(&["rm", "-f", &project.container("web")]);
    docker(&["start", &project.container("db")]);
    docker(&["stop", "-t", "1", &project.container("db")]);
    project
        .dump(&["recover"])
        .expect(0)
        .says(&["nobody was held any more"]);
    assert_eq!(
        project.states()["db-1"],
        "exited",
        "somebody stopped it since"
    );
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_pipeline_ends_with_the_run_that_was_killed() {
    let project = project("pause");
    let before = project.states();
    let began = Instant::now();
    bash(
        &project,
        "compose-dump backup --volumes 2>err | { head -c 3000000 >/dev/null; pkill -KILL -P $$ compose-dump; cat >/dev/null; }; true",
    )
    .expect(0);
    assert!(began.elapsed() < Duration::from_secs(20));
    wait_until(&project, &before);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn killed_at_random_moments_runs_leave_nothing_behind() {
    for unwatched in [false, true] {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/campaigns/kills.sh");
        let mut command = Command::new("bash");
        command.arg(script).arg("16");
        if unwatched {
            command.arg("--unwatched");
        }
        command.env("COMPOSE_DUMP", program(&[]).get_program());
        // Other tests run beside it: how soon services are back is what the campaign measures.
        command.env("WITHIN_MS", "60000");
        let ran = run(command.stdin(Stdio::null()));
        let tally = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert_eq!(ran.code, Some(0), "{tally}\n{}", ran.stderr);
        assert!(tally.contains("wrong: 0"), "{tally}");
    }
}

/// Every step of a run, one after the other, as the last thing that it does.
#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn whatever_step_is_the_last_listed_dumps_are_whole_and_services_run() {
    let project = project("stop");
    project.write(
        "compose-dump.yml",
        "version: 1\npause: {default: stop, services: {db: pause}, window: volume}\n",
    );
    project.sh("db", "rm /data/large; echo content >/data/file");
    let before = project.states();
    let target = project.new_target();
    let archive = project.new_target().join("blog.tar.gz");
    let mut steps = 0;
    loop {
        steps += 1;
        let mut command = project.program(&["backup", "-t", target.to_str().unwrap()]);
        command.arg("-t").arg(&archive);
        command.env("CRASH_AT_POINT", steps.to_string());
        let code = run(&mut command).code;
        wait_until(&project, &before);
        let listed = project
            .dump(&["list", target.to_str().unwrap(), "--json"])
            .expect(0)
            .json();
        for dump in listed.as_array().unwrap() {
            let name = target.join(dump["name"].as_str().unwrap());
            project.dump(&["verify", name.to_str().unwrap()]).expect(0);
            fs::remove_dir_all(name).unwrap();
        }
        if archive.with_file_name("blog.manifest.yml").exists() {
            project
                .dump(&["verify", archive.to_str().unwrap()])
                .expect(0);
            fs::remove_file(archive.with_file_name("blog.manifest.yml")).unwrap();
        }
        // Without its marker it is no dump, and its name is taken all the same.
        let _ = fs::remove_file(&archive);
        match code {
            None => {}
            Some(0) => break,
            Some(code) => panic!("exit code {code} at step {steps}"),
        }
    }
    assert!(steps > 20, "a run has more than {steps} steps");
    project.assert_nothing_left();
}

#[test]
#[ignore = "needs root, dockerd and Compose v2: tests/run.sh"]
fn an_engine_that_starts_again_in_the_middle_ends_the_run_and_services_run() {
    for policy in ["pause", "stop"] {
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/campaigns/engine_restart.sh"
        );
        let mut command = Command::new("bash");
        command.args([script, policy]).stdin(Stdio::null());
        command.env("COMPOSE_DUMP", program(&[]).get_program());
        let ran = run(&mut command);
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert_eq!(ran.code, Some(0), "{policy}: {said}\n{}", ran.stderr);
    }
}
