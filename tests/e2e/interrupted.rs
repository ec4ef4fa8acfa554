//! Signals at any moment: services are as they were, and nothing half-written can be seen.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{IMAGE, Project, bash, entries, now, only_entry, paused, ran, verify};

/// Moments of a run at which it is interrupted.
const MOMENTS: u32 = 12;

/// A project whose dump takes a while.
fn project() -> Project {
    let project = Project::new(&format!(
        "services:
  db: {{image: {IMAGE}, network_mode: none, volumes: ['data:/data']}}
  web: {{image: {IMAGE}, network_mode: none, volumes: ['data:/data', 'more:/more']}}
volumes: {{data: {{}}, more: {{}}}}
"
    ));
    project.up();
    project.sh(
        "db",
        "for i in 1 2 3; do dd if=/dev/urandom of=/data/$i bs=1M count=20; done 2>&1",
    );
    project.sh("web", "for i in `seq 300`; do echo $i >/more/$i; done");
    project
}

fn start(project: &Project, arguments: &[String], reader: &str) -> Child {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut command = project.program(&arguments);
    command.env("COMPOSE_DUMP_READER", reader);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, as a shell would give it.
    command.process_group(0);
    command.spawn().unwrap()
}

fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    // It may have ended just now.
    let _ = kill_process(pid, signal);
}

/// Interrupts runs at growing delays; says how many had finished before.
fn interrupt(project: &Project, reader: &str, arguments: impl Fn(u32) -> Vec<String>) -> u32 {
    let before = project.states();
    let mut finished = 0;
    let began = Instant::now();
    let child = start(project, &arguments(MOMENTS), reader);
    let whole = ran(child.wait_with_output().unwrap(), began).expect(0).took;
    for moment in 0..MOMENTS {
        let (signal, code) = match moment % 3 {
            0 => (Signal::INT, 130),
            1 => (Signal::TERM, 143),
            _ => (Signal::HUP, 143),
        };
        let since = now();
        let began = Instant::now();
        let child = start(project, &arguments(moment), reader);
        // Not before it has begun to listen: until then the system ends it at once, and nothing has
        // been touched.
        std::thread::sleep(whole * (moment + 1) / (MOMENTS + 1));
        send(&child, signal);
        let output = child.wait_with_output().unwrap();
        let by_the_system = std::os::unix::process::ExitStatusExt::signal(&output.status);
        let ran = ran(output, began);
        let names = paused(project, &since);
        assert!(
            names.iter().all(|name| name == "db-1" || name == "web-1"),
            "{names:?}"
        );
        assert_eq!(project.states(), before, "moment {moment}: {}", ran.stderr);
        project.assert_nothing_left();
        match ran.code {
            Some(0) => finished += 1,
            None => assert!(
                names.is_empty() && by_the_system == Some(signal.as_raw()),
                "moment {moment}: {}",
                ran.stderr
            ),
            other => assert_eq!(other, Some(code), "moment {moment}: {}", ran.stderr),
        }
    }
    assert!(finished < MOMENTS, "no signal has ended a run");
    finished
}

/// Each dump that can be seen is whole, and nothing else is there.
fn assert_only_whole(dumps: &Path, finished: u32) {
    let names = entries(dumps);
    let whole: Vec<&String> = names
        .iter()
        .filter(|name| !name.ends_with(".manifest.yml"))
        .collect();
    // The one run that was let through comes on top.
    assert_eq!(whole.len(), finished as usize + 1, "{names:?}");
    for name in whole {
        assert!(!name.starts_with('.'), "{names:?}");
        verify(&dumps.join(name));
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_dump_into_a_folder_can_be_interrupted_at_any_moment() {
    let project = project();
    let dumps = project.beside("dumps");
    let target = dumps.to_str().unwrap().to_owned();
    let finished = interrupt(&project, "auto", |_| {
        ["backup", "-t", &target].map(str::to_owned).to_vec()
    });
    assert_only_whole(&dumps, finished);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_dump_into_an_archive_through_the_engine_can_be_interrupted_at_any_moment() {
    let project = project();
    let dumps = project.beside("dumps");
    let target = dumps.to_str().unwrap().to_owned();
    let finished = interrupt(&project, "engine", |count| {
        let archive = format!("{target}/{count}.tar.zst");
        ["backup", "-t", &archive].map(str::to_owned).to_vec()
    });
    assert_only_whole(&dumps, finished);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_dump_that_nobody_reads_can_be_interrupted() {
    let project = project();
    let before = project.states();
    for (signals, code) in [
        (vec![Signal::INT], 130),
        (vec![Signal::TERM, Signal::INT], 143),
    ] {
        let since = now();
        let began = Instant::now();
        let mut child = start(&project, &["backup".to_owned()], "auto");
        wait_for_release(&project, &since);
        assert!(
            child.try_wait().unwrap().is_none(),
            "it waits for its reader"
        );
        for signal in signals {
            send(&child, signal);
            std::thread::sleep(Duration::from_millis(100));
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                child.kill().unwrap();
                panic!("it still waits");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let ran = ran(child.wait_with_output().unwrap(), began).expect(code);
        assert_eq!(
            paused(&project, &since),
            ["db-1", "web-1"],
            "{}",
            ran.stderr
        );
        assert_eq!(project.states(), before);
        project.assert_nothing_left();
    }
}

/// What is spooled does not hold services: they run again although nobody takes the dump.
fn wait_for_release(project: &Project, since: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let events = crate::support::events(project, since);
        if events
            .iter()
            .filter(|event| event.starts_with("unpause"))
            .count()
            == 2
        {
            return;
        }
        assert!(Instant::now() < deadline, "not released: {events:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn an_ignored_signal_stays_ignored() {
    let project = project();
    let target = project.new_target();
    let script = format!(
        "trap '' HUP; compose-dump backup -t '{}' & sleep 0.1; kill -HUP $!; wait $!",
        target.display()
    );
    bash(&project, &script).expect(0);
    verify(&only_entry(&target));
}
