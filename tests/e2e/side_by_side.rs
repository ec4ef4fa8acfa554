//! Volumes that are read side by side, by either reader, into every kind of target.

use std::path::Path;

use crate::support::{IMAGE, Project, entries, now, only_entry, paused, verify};

const VOLUMES: [&str; 4] = ["one", "two", "three", "four"];

/// A service that writes to four volumes of unequal sizes.
fn project() -> Project {
    let mounts = VOLUMES.map(|name| format!("'{name}:/{name}'")).join(", ");
    let volumes = VOLUMES.map(|name| format!("{name}: {{}}")).join(", ");
    let project = Project::new(&format!(
        "services: {{app: {{image: {IMAGE}, network_mode: none, volumes: [{mounts}]}}}}\nvolumes: {{{volumes}}}\n"
    ));
    project.up();
    for (megabytes, name) in VOLUMES.iter().enumerate() {
        let script = format!(
            "cd /{name} && head -c {}000000 /dev/urandom > random && for i in $(seq 200); do echo {name} $i > $i; done",
            7 * megabytes
        );
        project.sh("app", &script);
    }
    project
}

fn as_text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn volumes_read_side_by_side_are_what_they_are_one_after_the_other() {
    let project = project();
    let one_by_one = project.dump_to_folder(&["--volumes"]);
    let wanted = verify(&one_by_one);
    assert_eq!(wanted.members().len(), VOLUMES.len());
    for reader in ["direct", "engine"] {
        let folder = project.new_target();
        let archives = project.beside(&format!("{reader}-archives"));
        let places = ["a.tar", "b.tar.zst", "c.tar.gz"].map(|name| archives.join(name));
        let mut arguments = vec!["backup", "--volumes", "-t", as_text(&folder)];
        for place in &places {
            arguments.extend(["-t", as_text(place)]);
        }
        let since = now();
        let mut command = project.program(&arguments);
        command.env("COMPOSE_DUMP_VOLUMES_AT_ONCE", "3");
        crate::support::run(command.env("COMPOSE_DUMP_READER", reader)).expect(0);
        assert_eq!(paused(&project, &since), ["app-1"], "once for all");
        let beside = verify(&only_entry(&folder));
        assert_eq!(beside.members(), wanted.members(), "{reader}");
        if reader == "direct" {
            assert_eq!(beside.content(), wanted.content());
        }
        for place in &places {
            let archive = verify(place);
            assert_eq!(archive.content(), beside.content(), "{reader} {place:?}");
        }
        assert_eq!(entries(&archives).len(), 2 * places.len());
    }
    project.assert_nothing_left();
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn the_plan_says_what_waits_beside_another_volume() {
    let project = project();
    project.write("compose-dump.yml", "version: 1\nvolumes_at_once: 2\n");
    let archive = project.beside("out").join("a.tar.zst");
    let plan = ["plan", "-t", as_text(&archive)];
    let told = crate::support::run(&mut project.program(&plan)).expect(0);
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(
        text.contains("volumes that are read beside another one first go to"),
        "{text}"
    );
    project.write(
        "compose-dump.yml",
        "version: 1\nvolumes_at_once: 2\nspool: {mode: never}\n",
    );
    crate::support::run(&mut project.program(&plan))
        .expect(2)
        .says(&["`volumes_at_once` is more than 1", "directory format"]);
}
