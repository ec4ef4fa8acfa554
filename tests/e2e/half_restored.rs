//! Restores that cannot go on: the disk is full, the engine is gone. What was there stays or is marked, the message
//! says what to do, and doing it works.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::restore::{dump, in_volume, restore, restoring, small};
use crate::support::{Project, Tmpfs, Way, entries, run, succeed};

/// What does not compress, so that it takes the room that it seems to take.
fn write_noise(path: &Path, mib: usize) {
    let mut noise = std::io::Read::take(
        std::fs::File::open("/dev/urandom").unwrap(),
        (mib << 20) as u64,
    );
    let mut file = std::fs::File::create(path).unwrap();
    std::io::copy(&mut noise, &mut file).unwrap();
}

fn assert_nothing_changed(project: &Project) {
    assert_eq!(in_volume(project), "new\n");
    let picture = std::fs::read_to_string(project.path("media/picture")).unwrap();
    assert_eq!(picture, "new\n");
    assert_eq!(project.states()["db-1"], "running");
    assert_eq!(entries(&project.volume_dir("data")), ["file", "filling"]);
    assert!(entries(&project.beside("state/restores")).is_empty());
}

#[test]
#[ignore = "needs an engine and Compose v2, and its root: tests/run.sh"]
fn a_full_disk_leaves_everything_as_it_was_until_there_is_room() {
    let project = small();
    write_noise(&project.volume_dir("data").join("large"), 6);
    write_noise(&project.path("media/large"), 6);
    let dump = dump(&project);
    let dump = dump.to_str().unwrap();
    project.compose(&["down", "--timeout", "1"]);
    // The same content as before on file systems that have room for it once, and not twice.
    let place = project.volume_dir("data");
    let disk = Tmpfs::mount(place, "size=9m");
    let folder = Tmpfs::mount(project.path("media"), "size=9m");
    project.up();
    for place in [&disk.dir, &folder.dir] {
        write_noise(&place.join("filling"), 5);
    }
    std::fs::write(disk.dir.join("file"), "new\n").unwrap();
    std::fs::write(folder.dir.join("picture"), "new\n").unwrap();

    for what in ["--volumes", "--mounted"] {
        let place = if what == "--volumes" { &disk } else { &folder };
        restore(&project, &[dump, what, "--replace"])
            .expect(1)
            .says(&[
                "No space left on device",
                "everything is as it was before",
                "free as much space",
            ]);
        assert_nothing_changed(&project);
        assert!(place.dir.join("filling").exists());
    }
    std::fs::remove_file(disk.dir.join("filling")).unwrap();
    std::fs::remove_file(folder.dir.join("filling")).unwrap();
    restore(&project, &[dump, "--volumes", "--mounted", "--replace"]).expect(0);
    assert_eq!(in_volume(&project), "old\n");
    assert_eq!(entries(&disk.dir), ["file", "large"]);
    assert_eq!(entries(&folder.dir), ["large", "picture"]);
    assert_eq!(project.states()["db-1"], "running");
    project.compose(&["down", "--timeout", "1"]);
}

/// The engine takes nothing back, so what it may not have is found before it gets anything.
#[test]
#[ignore = "needs an engine and Compose v2, and its root: tests/run.sh"]
fn what_the_engine_may_not_have_is_refused_before_it_gets_anything() {
    let project = small();
    std::fs::remove_file(project.volume_dir("data").join("file")).unwrap();
    let zero = project.volume_dir("data").join("zero");
    succeed(Command::new("mknod").arg(zero).args(["c", "1", "5"]));
    let dump = dump(&project);
    let dump = dump.to_str().unwrap();
    project.sh("db", "rm /data/zero");
    let before = project.states();
    let through_engine = |more: &[&str]| {
        let arguments = [&["restore", dump, "--volume", "data"], more].concat();
        run(restoring(&project, &arguments).env("COMPOSE_DUMP_READER", "engine"))
    };
    through_engine(&[]).expect(1).says(&[
        "`zero`: it is a device",
        "--devices",
        "everything is as it was before",
    ]);
    assert_eq!(project.states(), before);
    assert!(entries(&project.volume_dir("data")).is_empty());
    through_engine(&["--devices"]).expect(0);
    assert_eq!(entries(&project.volume_dir("data")), ["zero"]);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn an_engine_that_goes_away_leaves_a_mark_that_only_a_restore_removes() {
    let project = small();
    project.sh(
        "db",
        "dd if=/dev/urandom of=/data/large bs=1M count=20 2>/dev/null",
    );
    let dump = dump(&project);
    let dump = dump.to_str().unwrap();
    project.sh("db", "rm /data/*");

    // Through another socket than its own the engine reads and writes for us.
    let way = Way::of_bytes(&project, 5 << 20);
    let mut cut_off = restoring(&project, &["restore", dump, "--volume", "data"]);
    run(cut_off.env("DOCKER_HOST", way.host()))
        .expect(3)
        .says(&["connection to the engine broke", "restore again"]);
    assert_ne!(
        project.states()["db-1"],
        "running",
        "its volume is half written"
    );
    assert_eq!(entries(&project.beside("state/restores")).len(), 1);

    project
        .dump(&["backup", "--volumes", "-t", "dumps"])
        .expect(2)
        .says(&["half written", "restore again"]);
    assert!(!project.path("dumps").exists(), "no dump of half a volume");
    project.write(
        "compose-dump.yml",
        "version: 1\ntargets: {local: {path: dumps}}\n",
    );
    project.dump(&["run"]).expect(2).says(&["half written"]);

    restore(&project, &[dump, "--volume", "data"]).expect(0);
    assert_eq!(in_volume(&project), "old\n");
    assert_eq!(entries(&project.volume_dir("data")), ["file", "large"]);
    assert_eq!(project.states()["db-1"], "running");
    assert!(entries(&project.beside("state/restores")).is_empty());
    project.dump(&["run"]).expect(0);
    project.assert_nothing_left();
}

/// Nobody starts what a killed restore has stopped, but `recover`: it puts back what was there before.
#[test]
#[ignore = "needs an engine and Compose v2, and its root: tests/run.sh"]
fn a_restore_that_was_killed_is_told_of_and_put_right() {
    let project = small();
    write_noise(&project.volume_dir("data").join("large"), 200);
    let dump = dump(&project);
    let dump = dump.to_str().unwrap();
    project.sh("db", "echo new >/data/file; rm /data/large");

    let arguments = ["restore", dump, "--volume", "data", "--replace"];
    let mut killed = restoring(&project, &arguments)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let place = project.volume_dir("data");
    let deadline = Instant::now() + Duration::from_secs(60);
    while entries(&place).len() < 2 {
        assert!(Instant::now() < deadline, "nothing is staged");
        std::thread::sleep(Duration::from_millis(2));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(project.states()["db-1"], "exited");

    let db = project.container("db");
    for command in [&["plan"][..], &["backup", "--volumes", "-t", "dumps"]] {
        let ran = run(&mut restoring(&project, command));
        ran.expect(2)
            .says(&["half written", "compose-dump recover", &db]);
    }
    let recover = || run(&mut restoring(&project, &["recover"]));
    recover().expect(0).says(&[
        "taken back",
        "1 restore put right; 1 container brought back",
    ]);
    assert_eq!(project.states()["db-1"], "running");
    assert_eq!(in_volume(&project), "new\n");
    assert_eq!(entries(&project.volume_dir("data")), ["file"]);
    recover().expect(0).says(&["nothing to recover"]);
    restore(&project, &[dump, "--volume", "data", "--replace"]).expect(0);
    assert_eq!(in_volume(&project), "old\n");
    project.assert_nothing_left();
}
