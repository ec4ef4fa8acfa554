//! Files that change while they are read: never a silent gap.

use crate::support::{IMAGE, Project, only_entry, run, verify};
use crate::verified::Dump;

fn project() -> Project {
    let project = Project::new(&format!(
        "services: {{db: {{image: {IMAGE}, network_mode: none, volumes: ['data:/data']}}}}\nvolumes: {{data: {{}}}}\n"
    ));
    project.up();
    project
}

/// Starts a script in the container that goes on for ever.
fn write_for_ever(project: &Project, script: &str) {
    let container = project.container("db");
    crate::support::docker(&["exec", "-d", &container, "sh", "-c", script]);
}

/// Exit code and manifest have to tell the same.
fn dump(project: &Project, reader: &str, form: &str) -> (i32, Option<Dump>, String) {
    let target = project.new_target();
    let archive = target.with_extension("tar.zst");
    let target = if form == "archive" { archive } else { target };
    let mut command = project.program(&[
        "backup",
        "--volumes",
        "--no-pause",
        "-t",
        target.to_str().unwrap(),
    ]);
    let ran = run(command.env("COMPOSE_DUMP_READER", reader));
    let code = ran.code.unwrap();
    let dump = match (code, form) {
        (0 | 3, "archive") => Some(verify(&target)),
        (0 | 3, _) => Some(verify(&only_entry(&target))),
        // The only member could not be read at all.
        (1, _) => None,
        _ => panic!("{code}: {}", ran.stderr),
    };
    if let Some(dump) = &dump {
        assert_eq!(dump.manifest()["complete"], code == 0, "{}", ran.stderr);
        assert_eq!(dump.failed().is_empty(), code == 0, "{}", ran.stderr);
    }
    if code != 0 {
        assert!(
            ran.stderr.contains("volumes/project/data"),
            "{}",
            ran.stderr
        );
    }
    (code, dump, ran.stderr)
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_file_that_grows_is_stored_up_to_where_it_was() {
    let project = project();
    write_for_ever(
        &project,
        "i=0; while :; do i=$((i+1)); echo line $i >>/data/log; done",
    );
    project.sh("db", "sleep 0.5");
    for (reader, form) in [
        ("auto", "folder"),
        ("auto", "archive"),
        ("engine", "folder"),
    ] {
        let (code, dump, said) = dump(&project, reader, form);
        let dump = dump.unwrap_or_else(|| panic!("{reader} {form}: {code}: {said}"));
        let entry = &dump.tar("volumes/project/data.tar")["./log"];
        assert!(entry["size"].as_u64().unwrap() > 0, "{said}");
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_file_that_shrinks_is_never_passed_over() {
    let project = project();
    // Small files in front keep the reader busy between its two looks at the large one.
    project.sh("db", "for i in `seq 500`; do echo $i >/data/a$i; done");
    write_for_ever(
        &project,
        "while :; do dd if=/dev/zero of=/data/shrinks bs=1M count=30; : >/data/shrinks; done",
    );
    project.sh("db", "sleep 0.5");
    for reader in ["auto", "engine"] {
        let mut seen = Vec::new();
        for _ in 0..25 {
            let (code, dump, said) = dump(&project, reader, "archive");
            seen.push(code);
            if code == 3 {
                let dump = dump.expect("a dump is there");
                assert!(said.contains("shrinks"), "{said}");
                assert!(
                    dump.failed().contains_key("volumes/project/data.tar"),
                    "{said}"
                );
                break;
            }
            if code == 1 {
                break;
            }
        }
        assert!(
            seen.iter().any(|code| *code != 0),
            "{reader} never met it: {seen:?}"
        );
    }
    project.assert_nothing_left();
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn files_that_come_and_go_leave_a_readable_dump() {
    let project = project();
    write_for_ever(
        &project,
        "while :; do for i in `seq 200`; do echo $i >/data/$i; done; rm -f /data/*; done",
    );
    project.sh("db", "sleep 0.3");
    for (reader, form) in [
        ("auto", "folder"),
        ("auto", "archive"),
        ("auto", "archive"),
        ("engine", "folder"),
        ("engine", "archive"),
    ] {
        dump(&project, reader, form);
    }
}
