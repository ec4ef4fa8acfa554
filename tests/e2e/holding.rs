//! Who is held still: the engine's own events say it.

use crate::support::{
    IMAGE, Project, Stranger, Tmpfs, bash, docker, entries, now, paused, run, verify,
};

/// One service for each way to use, or not to use, what is read.
fn project() -> Project {
    let project = Project::new(&format!(
        "x-common: &common {{image: {IMAGE}, network_mode: none}}
services:
  writer: {{<<: *common, volumes: ['data:/data']}}
  mounter: {{<<: *common, volumes: ['./media:/media']}}
  reader: {{<<: *common, volumes: ['data:/data:ro', './media:/media:ro']}}
  idle: {{<<: *common}}
  paused: {{<<: *common, volumes: ['data:/data']}}
  stopped: {{<<: *common, volumes: ['data:/data']}}
volumes: {{data: {{}}}}
"
    ));
    project.write("media/picture", "a picture");
    project.up();
    project.sh("writer", "echo content >/data/file");
    docker(&["pause", &project.container("paused")]);
    docker(&["stop", "-t", "1", &project.container("stopped")]);
    project
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn only_running_services_that_write_to_what_is_read_are_paused() {
    let project = project();
    let data = format!("{}:/data", project.volume("data"));
    let _stranger = Stranger::run(format!("{}-stranger", project.name), &["-v", &data]);
    let before = project.states();
    assert_eq!(before["paused-1"], "paused");
    assert_eq!(before["stopped-1"], "exited");

    for (arguments, wanted) in [
        (&[][..], &["mounter-1", "writer-1"][..]),
        (&["--volumes"], &["writer-1"]),
        (&["--mounted"], &["mounter-1"]),
        (&["--config"], &[]),
        (&["--no-pause"], &[]),
        (&["mounter"], &["mounter-1"]),
    ] {
        let since = now();
        let dump = project.dump_to_folder(arguments);
        assert_eq!(paused(&project, &since), wanted, "{arguments:?}");
        assert_eq!(project.states(), before, "{arguments:?}");

        let held = verify(&dump).manifest()["held"].clone();
        let mut names: Vec<String> = held
            .as_array()
            .unwrap()
            .iter()
            .map(|row| project.short(row["container"].as_str().unwrap()))
            .collect();
        names.sort();
        assert_eq!(names, wanted, "{arguments:?}");
    }
    project.assert_nothing_left();
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn services_go_on_when_the_target_is_refused() {
    let project = project();
    let before = project.states();
    let read_only = Tmpfs::mount(project.beside("read-only"), "ro");
    project.write("taken", "no folder can be made here");
    for target in [read_only.dir.clone(), project.path("taken/dumps")] {
        let since = now();
        let target = target.to_str().unwrap();
        let code = project
            .dump(&["backup", "-t", target])
            .says(&["target"])
            .code;
        assert_eq!(code, Some(1), "{target}");
        assert_eq!(
            paused(&project, &since),
            [""; 0],
            "refused before anything is touched"
        );
        assert_eq!(project.states(), before);
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn services_are_back_when_the_disk_is_full() {
    let project = project();
    project.sh(
        "writer",
        "dd if=/dev/urandom of=/data/large bs=1M count=8 2>&1",
    );
    let before = project.states();
    let small = Tmpfs::mount(project.beside("small"), "size=4m");

    for arguments in [&["--volumes"][..], &["--volumes", "-x", "zst"]] {
        let since = now();
        let mut all = vec!["backup", "-t", small.dir.to_str().unwrap()];
        all.extend_from_slice(arguments);
        project.dump(&all).expect(1).says(&["No space left"]);
        assert_eq!(paused(&project, &since), ["writer-1"], "{arguments:?}");
        assert_eq!(project.states(), before);
        assert_eq!(entries(&small.dir), [""; 0], "{arguments:?}");
    }
    project.assert_nothing_left();
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn services_are_back_when_the_spool_is_full() {
    let project = project();
    project.sh(
        "writer",
        "dd if=/dev/urandom of=/data/large bs=1M count=8 2>&1",
    );
    let before = project.states();
    let small = Tmpfs::mount(project.beside("small"), "size=4m");
    let since = now();
    let mut command = project.program(&["backup", "--volumes"]);
    command.env("COMPOSE_DUMP_SPOOL__DIR", &small.dir);
    run(&mut command)
        .expect(1)
        .says(&["no space left to spool", "No space left", "spool.dir"]);
    assert_eq!(paused(&project, &since), ["writer-1"]);
    assert_eq!(project.states(), before);
    assert_eq!(entries(&small.dir), [""; 0]);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn services_are_back_when_nobody_reads_standard_output_any_more() {
    let project = project();
    project.sh(
        "writer",
        "dd if=/dev/urandom of=/data/large bs=1M count=8 2>&1",
    );
    let before = project.states();
    let since = now();
    let ran = bash(
        &project,
        "compose-dump backup --volumes 2>err | head -c 1000 >/dev/null; echo ${PIPESTATUS[0]}",
    );
    let said = std::fs::read_to_string(project.path("err")).unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "1\n", "{said}");
    assert!(said.contains("the reading end was closed"), "{said}");
    assert_eq!(paused(&project, &since), ["writer-1"]);
    assert_eq!(project.states(), before);
    project.assert_nothing_left();
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn whoever_mounts_a_part_of_what_is_read_is_paused_too() {
    let project = Project::new(&format!(
        "x-common: &common {{image: {IMAGE}, network_mode: none}}
services:
  whole: {{<<: *common, volumes: ['./media:/media']}}
  part: {{<<: *common, volumes: ['./media/deep:/deep']}}
  link: {{<<: *common, volumes: ['./link:/link']}}
  file: {{<<: *common, volumes: ['./other/file:/file']}}
  idle: {{<<: *common}}
"
    ));
    project.write("media/deep/file", "deep");
    project.write("media/file", "flat");
    project.write("other/file", "other");
    project.link("media", "link");
    project.up();

    let since = now();
    let dump = verify(&project.dump_to_folder(&["--mounted", "whole"]));
    assert_eq!(paused(&project, &since), ["link-1", "part-1", "whole-1"]);
    assert_eq!(
        dump.files("volumes/mounted"),
        ["media/deep/file", "media/file"],
        "what only `part` mounts by itself is part of what `whole` mounts"
    );

    let since = now();
    let dump = verify(&project.dump_to_folder(&["--mounted"]));
    assert_eq!(
        paused(&project, &since),
        ["file-1", "link-1", "part-1", "whole-1"]
    );
    assert_eq!(
        dump.files("volumes/mounted"),
        ["link", "media/deep/file", "media/file", "other/file"]
    );
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn the_project_folder_may_be_named_by_a_link() {
    let project = project();
    let link = project.beside("").join("link");
    std::os::unix::fs::symlink(&project.dir, &link).unwrap();
    let link = link.to_str().unwrap();
    for arguments in [
        ["-C", link, "-p", &project.name],
        ["-f", &format!("{link}/compose.yaml"), "-p", &project.name],
    ] {
        let since = now();
        let dump = verify(&project.dump_to_folder(&arguments));
        assert_eq!(
            paused(&project, &since),
            ["mounter-1", "writer-1"],
            "{arguments:?}"
        );
        assert_eq!(dump.files("volumes/mounted"), ["media/picture"]);
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_service_that_starts_again_and_again_does_not_stop_a_dump() {
    let project = Project::new(&format!(
        "services:
  broken: {{image: {IMAGE}, network_mode: none, restart: always, command: sleep 0.1, volumes: ['data:/data']}}
  short: {{image: {IMAGE}, network_mode: none, command: 'true', volumes: ['data:/data']}}
  web: {{image: {IMAGE}, network_mode: none, volumes: ['data:/data']}}
volumes: {{data: {{}}}}
"
    ));
    project.up();
    for _ in 0..6 {
        let dump = verify(&project.dump_to_folder(&[]));
        assert_eq!(dump.members(), ["config", "volumes/project/data.tar"]);
        assert_eq!(project.states()["web-1"], "running");
        assert_eq!(project.states()["short-1"], "exited");
        assert_ne!(project.states()["broken-1"], "paused");
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn dumps_of_one_second_get_names_of_their_own() {
    let project = project();
    let dumps = project.new_target();
    let target = dumps.to_str().unwrap();
    let pattern = "dump_{date}_at_{time}";
    let script = format!(
        "for i in 1 2 3; do compose-dump backup --config -t '{target}' --target-pattern '{pattern}' & runs=\"$runs $!\"; done; for run in $runs; do wait $run || exit 1; done"
    );
    bash(&project, &script).expect(0);
    let names = entries(&dumps);
    assert_eq!(names.len(), 3, "{names:?}");
    for name in names {
        verify(&dumps.join(name));
    }
    let archives = project.new_target();
    let target = archives.to_str().unwrap();
    project
        .dump(&["backup", "--config", "-x", "gz", "-t", target])
        .expect(0);
    let archive = entries(&archives)
        .into_iter()
        .find(|name| name.ends_with(".tar.gz"))
        .expect("an archive");
    assert!(verify(&archives.join(archive)).has_marker());
    assert_eq!(entries(&archives).len(), 2);
}
