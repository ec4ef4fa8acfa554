//! Volumes that are not what one expects: nine TiB of holes, a mount inside, the whole machine.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use crate::restore::{restore, restoring};
use crate::support::{IMAGE, Project, Tmpfs, entries, only_entry, run, succeed, verify};

const NINE_TIB: u64 = 9 << 40;

fn project() -> Project {
    let project = Project::new(&format!(
        "services: {{db: {{image: {IMAGE}, network_mode: none, volumes: ['data:/data', './media:/media']}}}}
volumes: {{data: {{}}}}
"
    ));
    std::fs::create_dir(project.path("media")).unwrap();
    project.up();
    project
}

/// A file whose holes no disk has room for, with a little data far behind.
fn make_holes(folder: &Path) {
    let file = File::create(folder.join("holes")).unwrap();
    file.set_len(NINE_TIB).unwrap();
    file.write_all_at(b"far behind", NINE_TIB / 2).unwrap();
}

fn assert_holes(folder: &Path) {
    let file = File::open(folder.join("holes")).unwrap();
    let found = file.metadata().unwrap();
    assert_eq!(found.len(), NINE_TIB);
    assert!(found.blocks() < 1000, "{} blocks", found.blocks());
    let mut data = [0; 10];
    file.read_exact_at(&mut data, NINE_TIB / 2).unwrap();
    assert_eq!(&data, b"far behind");
}

/// Where it is read directly, nobody reads what is not there: neither a volume's nor a mounted folder's holes, neither
/// on the way out nor back.
#[test]
#[ignore = "needs an engine and Compose v2, and its root: tests/run.sh"]
fn nine_tebibytes_of_holes_are_dumped_verified_and_restored() {
    let project = project();
    let (volume, media) = (project.volume_dir("data"), project.path("media"));
    make_holes(&volume);
    make_holes(&media);
    let folder = project.new_target();
    let archive = project.new_target().with_extension("tar.zst");
    let (to, also_to) = (folder.to_str().unwrap(), archive.to_str().unwrap());
    let scopes = ["backup", "--volumes", "--mounted"];
    project
        .dump(&[&scopes[..], &["-t", to, "-t", also_to]].concat())
        .expect(0);
    let dump = only_entry(&folder);
    for dump in [&dump, &archive] {
        let dump = dump.to_str().unwrap();
        project.dump(&["verify", dump]).expect(0);
        // What is there is what the dump has: that is looked at first.
        restore(&project, &[dump, "--mounted", "--dry-run", "--replace"]).expect(0);
        for place in [&volume, &media] {
            std::fs::remove_file(place.join("holes")).unwrap();
        }
        restore(&project, &[dump, "--volumes", "--mounted"]).expect(0);
        assert_holes(&volume);
        assert_holes(&media);
    }
    let listing = succeed(
        std::process::Command::new("tar")
            .arg("-tvf")
            .arg(dump.join("volumes/project/data.tar")),
    );
    assert!(listing.contains(&NINE_TIB.to_string()), "{listing}");
}

/// The engine sends holes as zeros, for hours: services wait no longer than they may, and the restore is refused
/// before the engine fills a disk with them.
#[test]
#[ignore = "needs an engine and Compose v2, and its root: tests/run.sh"]
fn holes_that_the_engine_would_send_end_by_the_longest_downtime() {
    let project = project();
    make_holes(&project.volume_dir("data"));
    project.write(
        "compose-dump.yml",
        "version: 1\npause: {max_downtime: 2s}\n",
    );
    let before = project.states();
    let target = project.new_target();
    let arguments = [
        "backup",
        "--volumes",
        "-x",
        "zst",
        "-t",
        target.to_str().unwrap(),
    ];
    let mut command = project.program(&arguments);
    run(command.env("COMPOSE_DUMP_READER", "engine"))
        .expect(1)
        .says(&["max_downtime"]);
    assert_eq!(project.states(), before);
    project.assert_nothing_left();

    let dump = project.dump_to_folder(&["--volumes"]);
    let holes = project.volume_dir("data").join("holes");
    std::fs::remove_file(holes).unwrap();
    let mut command = restoring(&project, &["restore", dump.to_str().unwrap()]);
    run(command.env("COMPOSE_DUMP_READER", "engine"))
        .expect(1)
        .says(&[
            "refused to have the engine write `holes`",
            "everything is as it was before",
        ]);
    assert_eq!(project.states(), before);
    assert!(entries(&project.beside("state/restores")).is_empty());
    project.assert_nothing_left();
}

#[test]
#[ignore = "needs an engine and Compose v2, and its root: tests/run.sh"]
fn a_mount_inside_of_a_volume_is_left_out_and_told() {
    let project = project();
    let inside = project.volume_dir("data").join("inside");
    std::fs::create_dir(&inside).unwrap();
    let disk = Tmpfs::mount(inside, "size=1m");
    std::fs::write(disk.dir.join("other"), "somebody else's").unwrap();
    std::fs::write(project.volume_dir("data").join("own"), "the volume's").unwrap();
    let target = project.new_target();
    project
        .dump(&["backup", "--volumes", "-t", target.to_str().unwrap()])
        .expect(3)
        .says(&["`inside` is on another file system"]);
    let dump = verify(&only_entry(&target));
    let member = "volumes/project/data.tar";
    let names: Vec<String> = dump.tar(member).keys().cloned().collect();
    assert_eq!(names, ["./", "./inside", "./own"]);
    assert!(dump.failed().contains_key(member));
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_bind_of_the_whole_machine_is_left_out_with_the_reason() {
    let project = Project::new(&format!(
        "services: {{agent: {{image: {IMAGE}, network_mode: none, volumes: ['/:/host:ro', 'data:/data']}}}}
volumes: {{data: {{}}}}
"
    ));
    project.up();
    project.sh("agent", "echo content >/data/file");
    let dump = verify(&project.dump_to_folder(&[]));
    assert_eq!(dump.members(), ["config", "volumes/project/data.tar"]);
    let left_out = dump.left_out();
    let (what, why) = left_out
        .iter()
        .find(|(what, _)| what.ends_with(" /"))
        .unwrap_or_else(|| panic!("{left_out:?}"));
    assert!(why.contains("outside"), "{what}: {why}");
    assert_eq!(project.states()["agent-1"], "running");
}
