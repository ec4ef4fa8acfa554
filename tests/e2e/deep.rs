//! A tree that is deeper than a path can be long: read directly it is whole, and the engine's reader,
//! whose archive is silently cut, says that it may not be.

use std::path::Path;
use std::process::Command;

use crate::support::{IMAGE, Project, only_entry, run, succeed, verify};

/// Folders, one in another; their names make a path of 10 000 bytes.
const DEPTH: usize = 1500;

fn dig(folder: &Path) {
    let script = "import os, sys
os.chdir(sys.argv[1])
for _ in range(int(sys.argv[2])):
    os.mkdir('folder')
    os.chdir('folder')
open('bottom', 'w').write('reached')";
    let mut command = Command::new("python3");
    succeed(
        command
            .args(["-c", script])
            .arg(folder)
            .arg(DEPTH.to_string()),
    );
}

#[test]
#[ignore = "needs an engine and Compose v2, and its root: tests/run.sh"]
fn what_is_too_deep_for_the_engine_is_not_called_whole() {
    let project = Project::new(&format!(
        "services: {{db: {{image: {IMAGE}, network_mode: none, volumes: ['data:/data']}}}}\nvolumes: {{data: {{}}}}\n"
    ));
    project.up();
    dig(&project.volume_dir("data"));
    let member = "volumes/project/data.tar";

    let whole = verify(&project.dump_to_folder(&["--volumes"]));
    // The volume's root and the file at the bottom come on top.
    assert_eq!(whole.member(member)["entries"], DEPTH + 2);

    let target = project.new_target();
    let mut command = project.program(&["backup", "--volumes", "-t", target.to_str().unwrap()]);
    command.env("COMPOSE_DUMP_READER", "engine");
    let ran = run(&mut command).expect(3).says(&["warning: ", "so deep"]);
    let cut = verify(&only_entry(&target));
    let entries = cut.member(member)["entries"].as_u64().unwrap();
    assert!(entries < DEPTH as u64, "{entries}: {}", ran.stderr);
    assert_eq!(cut.manifest()["complete"], false);
    assert!(cut.failed().contains_key(member));
}
