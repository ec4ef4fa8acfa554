//! A disk that cannot be read in one place: the file that lies there is named, everything else is in the dump.

use std::path::PathBuf;
use std::process::Command;

use crate::support::{IMAGE, Project, only_entry, run, succeed, verify};

/// A file system on a loop device whose last part is not there any more: reading there is an I/O error.
struct BrokenDisk {
    dir: PathBuf,
    device: String,
}

fn shell(script: &str) -> String {
    succeed(Command::new("bash").args(["-ec", script]))
        .trim()
        .to_owned()
}

impl BrokenDisk {
    /// One that is mounted on a folder, with `a`, `long` and `z` in it; of `long` the second half cannot be read.
    fn mount(dir: PathBuf, image: PathBuf) -> Self {
        let (mount, file) = (dir.display(), image.display());
        shell(&format!("truncate -s 32M '{file}'"));
        let device = shell(&format!("losetup --show -f '{file}'"));
        let disk = Self {
            dir: dir.clone(),
            device,
        };
        let device = &disk.device;
        shell(&format!(
            "mkfs.ext4 -q -F -b 4096 -O ^has_journal {device}; mount {device} '{mount}'
            echo first >'{mount}/a'; echo last >'{mount}/z'
            head -c 8M /dev/urandom >'{mount}/long'; umount '{mount}'"
        ));
        let blocks = shell(&format!("debugfs -R 'blocks /long' {device} 2>/dev/null"));
        let blocks: Vec<u64> = blocks
            .split(' ')
            .map(|block| block.parse().unwrap())
            .collect();
        let cut = blocks[blocks.len() / 2 + 64];
        shell(&format!(
            "truncate -s {} '{file}'; mount {device} '{mount}'",
            cut * 4096
        ));
        disk
    }
}

impl Drop for BrokenDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.dir).status();
        let _ = Command::new("losetup").args(["-d", &self.device]).status();
    }
}

#[test]
#[ignore = "needs an engine and Compose v2, and its root: tests/run.sh"]
fn what_the_disk_does_not_give_is_named_and_the_rest_is_stored() {
    let project = Project::new(&format!(
        "services: {{db: {{image: {IMAGE}, network_mode: none, volumes: ['data:/data', 'other:/other']}}}}
volumes: {{data: {{}}, other: {{}}}}
"
    ));
    project.compose(&["create"]);
    let disk = BrokenDisk::mount(
        project.volume_dir("data"),
        project.beside("disk").join("image"),
    );
    project.up();
    project.sh("db", "echo whole >/other/file");
    let member = "volumes/project/data.tar";
    for form in ["folder", "archive"] {
        let target = project.new_target();
        let archive = target.with_extension("tar");
        let to = if form == "folder" { &target } else { &archive };
        project
            .dump(&["backup", "--volumes", "-t", to.to_str().unwrap()])
            .expect(3)
            .says(&["`long` cannot be read: Input/output error"]);
        let dump = if form == "folder" {
            only_entry(&target)
        } else {
            archive
        };
        let dump = verify(&dump);
        let tar = dump.tar(member);
        assert_eq!(tar["./z"]["size"], 5);
        assert_eq!(tar["./long"]["size"], 8 << 20);
        assert!(dump.failed().contains_key(member), "{form}");
        assert!(dump.tar("volumes/project/other.tar").contains_key("./file"));
    }
    assert_eq!(project.states()["db-1"], "running");

    // The engine ends its stream in the middle, as if all was well.
    let target = project.new_target();
    let mut command = project.program(&["backup", "--volumes", "-t", target.to_str().unwrap()]);
    command.env("COMPOSE_DUMP_READER", "engine");
    run(&mut command).expect(3).says(&[member, "long"]);
    let dump = verify(&only_entry(&target));
    assert!(dump.failed().contains_key(member));
    assert!(dump.tar("volumes/project/other.tar").contains_key("./file"));
    project.compose(&["down", "--timeout", "1"]);
    drop(disk);
    project.assert_nothing_left();
}
