//! What a restore leaves alone: services that it was not asked about, and content that is not of the dump's kind.

use std::fs;

use crate::restore::{dump, restore};
use crate::support::{IMAGE, Project, docker, only_entry, run};

fn two_services(label: &str) -> String {
    format!(
        "services:
  db: {{image: {IMAGE}, network_mode: none, labels: {{x: '{label}'}}, volumes: ['data:/data']}}
  web: {{image: {IMAGE}, network_mode: none, labels: {{x: '{label}'}}, depends_on: [db]}}
volumes: {{data: {{}}}}
"
    )
}

fn id_of(project: &Project, service: &str) -> String {
    docker(&[
        "inspect",
        "--format",
        "{{.Id}}",
        &project.container(service),
    ])
}

fn all_run(project: &Project) {
    for (service, state) in project.states() {
        assert_eq!(state, "running", "{service}");
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn services_that_compose_makes_anew_run_again_and_files_alone_touch_none() {
    let project = Project::new(&two_services("old"));
    project.up();
    project.sh("db", "echo old >/data/file");
    let dump = dump(&project);
    let dump = dump.to_str().unwrap();
    project.write("compose.yaml", &two_services("new"));
    project.up();
    let before = id_of(&project, "web");

    restore(&project, &[dump, "--config", "--replace"])
        .expect(0)
        .says(&["containers stay as they are", "`docker compose up -d`"]);
    assert_eq!(id_of(&project, "web"), before);
    all_run(&project);

    project.write("compose.yaml", &two_services("new"));
    restore(&project, &[dump, "db", "--replace"]).expect(0);
    all_run(&project);
    assert_ne!(id_of(&project, "web"), before, "its definition changed");

    project.write("compose.yaml", &two_services("new"));
    project.up();
    let before = id_of(&project, "web");
    restore(&project, &[dump, "--replace", "--no-start"]).expect(0);
    assert_eq!(id_of(&project, "web"), before);
    assert_eq!(project.states()["web-1"], "running");
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_folder_makes_no_room_for_a_link_and_no_link_is_written_through() {
    let compose = format!(
        "services: {{app: {{image: {IMAGE}, network_mode: none, volumes: ['./media:/m']}}}}\n"
    );
    let project = Project::new(&compose);
    let disk = project.beside("disk");
    fs::write(disk.join("photo"), "precious").unwrap();
    project.link("../disk", "media");
    project.up();
    let target = project.new_target();
    let backup = ["backup", "-t", target.to_str().unwrap()];
    project
        .dump(&backup)
        .expect(0)
        .says(&["warning: `media`", "its content is not in the dump"]);
    let of_link = only_entry(&target);
    project.write(
        "compose-dump.yml",
        &format!(
            "version: 1\nmounted: {{./media: {{}}}}\ntargets: {{local: {{path: '{}'}}}}\n",
            project.new_target().display()
        ),
    );
    project
        .dump(&["run"])
        .expect(3)
        .says(&["mounted content is elsewhere"]);
    project.dump(&["run", "--strict"]).expect(1);
    fs::remove_file(project.path("compose-dump.yml")).unwrap();

    fs::remove_file(project.path("media")).unwrap();
    fs::rename(&disk, project.path("media")).unwrap();
    restore(&project, &[of_link.to_str().unwrap(), "--replace"])
        .expect(1)
        .says(&["is a folder with content, and the dump has a link alone"]);
    assert_eq!(
        fs::read_to_string(project.path("media/photo")).unwrap(),
        "precious"
    );
    all_run(&project);

    let target = project.new_target();
    project
        .dump(&["backup", "-t", target.to_str().unwrap()])
        .expect(0);
    let of_folder = only_entry(&target);
    fs::rename(project.path("media"), &disk).unwrap();
    project.link("../disk", "media");
    restore(&project, &[of_folder.to_str().unwrap(), "--replace"])
        .expect(1)
        .says(&["is a link, and the dump has a folder in its place"]);
    all_run(&project);
}

#[test]
#[ignore = "needs an engine and Compose v2, and its root: tests/run.sh"]
fn devices_are_refused_before_anybody_is_stopped() {
    let project = Project::new(&two_services("same"));
    project.up();
    project.sh("db", "mknod /data/null c 1 3");
    let dump = dump(&project);
    let refused = restore(&project, &[dump.to_str().unwrap(), "--replace"]);
    let refused = refused.expect(1).says(&["it is a device", "--devices"]);
    assert!(!refused.stderr.contains("stopped "), "{}", refused.stderr);
    all_run(&project);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_missing_engine_is_told_as_such() {
    let project = Project::new(&two_services("same"));
    project.up();
    let dump = dump(&project);
    project.compose(&["down", "-v", "--timeout", "1"]);
    for more in [&["--dry-run"][..], &[]] {
        let all = [&["restore", dump.to_str().unwrap()], more].concat();
        let mut command = project.program(&all);
        command.env("DOCKER_HOST", "unix:///nobody/listens/here.sock");
        let ran = run(&mut command).expect(1);
        let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &ran.stderr;
        assert!(said.contains("need an engine, and none answers"), "{said}");
    }
    project.up();
}
