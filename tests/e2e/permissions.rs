//! Users that may not read everything, or not use the engine.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bad_input::up;
use crate::support::{IMAGE, Project, Tmpfs, entries, only_entry, run, succeed, verify};

/// What an unprivileged user needs: the program, and a way to the project.
struct Unprivileged<'a> {
    project: &'a Project,
    program: PathBuf,
    group: u32,
}

impl<'a> Unprivileged<'a> {
    fn new(project: &'a Project, group: u32) -> Self {
        let program = project.beside("bin").join("compose-dump");
        std::fs::copy(env!("CARGO_BIN_EXE_compose-dump"), &program).unwrap();
        let root = project.dir.parent().unwrap();
        std::fs::set_permissions(root, PermissionsExt::from_mode(0o755)).unwrap();
        for open in ["spool", "dumps", "state"] {
            std::fs::set_permissions(project.beside(open), PermissionsExt::from_mode(0o777))
                .unwrap();
        }
        Self {
            project,
            program,
            group,
        }
    }

    fn dumps(&self) -> PathBuf {
        self.project.beside("dumps")
    }

    fn backup(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        command
            .args([
                "--reuid",
                "65534",
                "--regid",
                &self.group.to_string(),
                "--clear-groups",
            ])
            .arg(&self.program)
            .arg("backup")
            .args(arguments)
            .arg("-t")
            .arg(self.dumps())
            .current_dir(&self.project.dir)
            .env("HOME", self.project.beside("spool"))
            .env("TMPDIR", self.project.beside("spool"))
            .env("COMPOSE_DUMP_STATE_DIR", self.project.beside("state"));
        command
    }
}

/// The group that may talk to the engine.
fn engine_group() -> u32 {
    let host =
        std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
    let socket = host
        .strip_prefix("unix://")
        .expect("the tests' engine is on this machine");
    let metadata = std::fs::metadata(Path::new(socket)).unwrap();
    assert_eq!(metadata.mode() & 0o060, 0o060, "its group may use {socket}");
    metadata.gid()
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn whoever_cannot_read_volumes_reads_them_through_the_engine() {
    let project = up();
    let user = Unprivileged::new(&project, engine_group());
    run(&mut user.backup(&[])).expect(0);
    let dump = verify(&only_entry(&user.dumps()));
    assert_eq!(dump.member("volumes/project/data.tar")["reader"], "engine");
    assert_eq!(dump.tar("volumes/project/data.tar")["./file"]["size"], 8);
    project.assert_nothing_left();
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_file_that_cannot_be_read_is_named() {
    let project = up();
    let private = project.path("media/private");
    project.write("media/private", "for root alone");
    std::fs::set_permissions(&private, PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::create_dir(project.path("media/closed")).unwrap();
    std::fs::set_permissions(
        project.path("media/closed"),
        PermissionsExt::from_mode(0o700),
    )
    .unwrap();
    let user = Unprivileged::new(&project, engine_group());
    run(&mut user.backup(&[]))
        .expect(3)
        .says(&["private", "closed", "Permission denied"]);
    let dump = verify(&only_entry(&user.dumps()));
    assert_eq!(dump.manifest()["complete"], false);
    assert!(
        dump.failed().contains_key("volumes/mounted/media"),
        "{:?}",
        dump.failed()
    );
    let warnings = dump.member("volumes/mounted/media")["warnings"].to_string();
    assert!(
        warnings.contains("private") && warnings.contains("closed"),
        "{warnings}"
    );
    assert!(
        dump.files("volumes/mounted")
            .contains(&"media/file".to_owned())
    );
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_mount_or_config_that_cannot_be_reached_is_named() {
    let project = up();
    project.write("secret.env", "A=1");
    project.write(
        "compose.override.yaml",
        "services: {web: {env_file: secret.env}}",
    );
    std::fs::set_permissions(project.path("secret.env"), PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::set_permissions(project.path("media"), PermissionsExt::from_mode(0o700)).unwrap();
    let user = Unprivileged::new(&project, engine_group());
    run(&mut user.backup(&[]))
        .expect(3)
        .says(&["secret.env", "media", "Permission denied"]);
    let dump = verify(&only_entry(&user.dumps()));
    assert_eq!(dump.manifest()["complete"], false);
    let failed = dump.failed();
    assert!(
        failed.contains_key("config") && failed.contains_key("volumes/mounted/media"),
        "{failed:?}"
    );
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn whoever_may_not_use_the_engine_is_told_so() {
    let project = up();
    let user = Unprivileged::new(&project, 65534);
    run(&mut user.backup(&[]))
        .expect(1)
        .says(&["docker.sock", "ermission"]);
    assert_eq!(entries(&user.dumps()), [""; 0]);
    run(&mut user.backup(&["--config", "--mounted"])).expect(0);
    verify(&only_entry(&user.dumps()));
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_mounted_path_on_a_disk_of_its_own_is_stored() {
    let project = Project::new(&format!(
        "services: {{web: {{image: {IMAGE}, network_mode: none, volumes: ['./disks/data:/data']}}}}\n"
    ));
    std::fs::create_dir_all(project.path("disks/data")).unwrap();
    let disk = Tmpfs::mount(project.path("disks/data"), "size=1m");
    std::fs::write(disk.dir.join("file"), "on a disk of its own").unwrap();
    std::fs::create_dir(disk.dir.join("inner")).unwrap();
    let inner = Tmpfs::mount(disk.dir.join("inner"), "size=1m");
    std::fs::write(inner.dir.join("other"), "somebody else's").unwrap();
    let target = project.new_target();
    let ran = project.dump(&["backup", "--mounted", "-t", target.to_str().unwrap()]);
    ran.expect(3)
        .says(&["disks/data/inner", "another file system"]);
    let dump = verify(&only_entry(&target));
    assert_eq!(dump.files("volumes/mounted"), ["disks/data/file"]);
}

/// What a folder of dumps hands down to new files is neither in a dump nor in what comes out of it.
#[test]
#[ignore = "needs an engine and Compose v2, and its root: tests/run.sh"]
fn a_default_acl_of_the_target_gets_nowhere() {
    let project = up();
    project.write("app.env", "A=b\n");
    std::fs::set_permissions(
        project.path("compose.yaml"),
        PermissionsExt::from_mode(0o640),
    )
    .unwrap();
    let target = project.new_target();
    std::fs::create_dir_all(&target).unwrap();
    succeed(
        Command::new("setfacl")
            .args(["-d", "-m", "u:65534:rwx"])
            .arg(&target),
    );
    project
        .dump(&["backup", "-t", target.to_str().unwrap()])
        .expect(0);
    let dump = only_entry(&target);
    let acls = succeed(Command::new("getfacl").arg("-R").arg(&dump));
    assert!(acls.contains("compose.yaml"));
    assert!(
        !acls.contains("user:nobody") && !acls.contains("user:65534"),
        "{acls}"
    );
    let archive = target.join("a.tar.zst");
    project
        .dump(&["backup", "-t", archive.to_str().unwrap()])
        .expect(0);
    let acls = succeed(Command::new("getfacl").arg(&archive));
    assert!(
        !acls.contains("user:nobody") && !acls.contains("user:65534"),
        "{acls}"
    );
}
