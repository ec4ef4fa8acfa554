//! What a full disk, a strict umask and `kill -9` leave behind.
//!
//! These need a process of their own: the test starts itself anew, told by a variable which part to
//! play.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::bench::{Bench, Case, Kind, NAME, finish, manifest};
use super::sample::{self, noise};
use crate::archive::manifest::samples;
use crate::targets::{StreamHead, TargetError};

const PART: &str = "CDUMP_TEST_PART";

/// The folder in which this process is to play its part; `None` in the process that checks.
fn part() -> Option<PathBuf> {
    env::var_os(PART).map(PathBuf::from)
}

/// Starts the test `name` of this file anew, by a line of shell that ends in `exec "$@"`.
fn start(name: &str, shell: &str, folder: &std::path::Path) -> Child {
    let test = format!("targets::conformance::crash::{name}");
    Command::new("sh")
        .args(["-c", shell, "sh"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "--include-ignored", "--nocapture", &test])
        .env(PART, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn assert_success(child: Child) {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
fn modes_do_not_depend_on_the_umask() {
    if let Some(folder) = part() {
        for case in Case::named() {
            let bench = Bench::at(case, folder.join(format!("{:?}", case.kind)));
            let mut writer = bench.open().unwrap();
            sample::write(&mut *writer).unwrap();
            finish(writer, &sample::draft());
        }
        return;
    }
    // The strictest takes the owner's own permissions away: then only root can work at all.
    let strictest = rustix::process::geteuid().is_root().then_some("0277");
    for umask in ["000", "077"].into_iter().chain(strictest) {
        let folder = tempfile::tempdir().unwrap();
        let shell = format!("umask {umask}; exec \"$@\"");
        assert_success(start(
            "modes_do_not_depend_on_the_umask",
            &shell,
            folder.path(),
        ));
        let found = Command::new("find")
            .arg(folder.path())
            .args([
                "-mindepth",
                "2",
                "-not",
                "-path",
                "*/config*",
                "-not",
                "-path",
                "*/media*",
            ])
            .args(["-printf", "%y%m\\n"])
            .output()
            .unwrap();
        let found = String::from_utf8(found.stdout).unwrap();
        let modes: std::collections::BTreeSet<&str> = found.lines().collect();
        assert_eq!(
            modes.into_iter().collect::<Vec<_>>(),
            ["d700", "f600"],
            "umask {umask}"
        );
        let config = folder
            .path()
            .join(format!("Tree/{NAME}/config/compose.yaml"));
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(config).unwrap().permissions());
        assert_eq!(mode & 0o7777, 0o644);
    }
}

#[test]
fn a_killed_run_leaves_nothing_but_a_hidden_folder_or_file() {
    if let Some(folder) = part() {
        let kind = if folder.ends_with("Tree") { 0 } else { 1 };
        let mut writer = Bench::at(Case::named()[kind], folder).open().unwrap();
        sample::write(&mut *writer).unwrap();
        writer.begin(&long_stream()).unwrap();
        writer.write(&noise(400_000, 1)).unwrap();
        say_ready();
        std::thread::sleep(Duration::from_secs(60));
        panic!("nobody killed this process");
    }
    for kind in [Kind::Tree, Kind::Archive] {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join(format!("{kind:?}"));
        let name = "a_killed_run_leaves_nothing_but_a_hidden_folder_or_file";
        let mut child = start(name, "exec \"$@\"", &folder);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(
            lines.any(|line| line.unwrap().contains("ready")),
            "{kind:?}"
        );
        child.kill().unwrap();
        child.wait().unwrap();
        let names = super::bench::names(&folder);
        assert_eq!(names.len(), 1, "{names:?}");
        assert!(
            names[0].starts_with(".compose-dump-") && names[0].ends_with(".partial"),
            "{names:?}"
        );
    }
}

fn long_stream() -> StreamHead {
    StreamHead {
        path: "volumes/project/long.tar".to_owned(),
        raw_bytes: Some(20 << 20),
        compress: true,
    }
}

/// Tells the process that watches; the test harness has its own line before it.
#[allow(clippy::print_stdout)]
fn say_ready() {
    println!("ready");
}

#[test]
#[ignore = "mounts a small file system, needs root: tests/run.sh"]
fn a_full_disk_is_named_and_left_as_it_was() {
    if let Some(folder) = part() {
        for case in Case::named() {
            let bench = Bench::at(case, folder.join(format!("{:?}", case.kind)));
            let mut writer = bench.open().unwrap();
            let data = noise(20 << 20, 1);
            let begun = writer
                .begin(&long_stream())
                .and_then(|()| writer.write(&data));
            let error = match begun.and_then(|()| writer.end()) {
                Ok(()) => writer.finish(&samples::minimal()).unwrap_err(),
                Err(error) => {
                    writer.abort();
                    error
                }
            };
            let TargetError::DiskFull { folder, .. } = &error else {
                panic!("{case:?}: {error}");
            };
            assert_eq!(folder, &bench.folder);
            assert_eq!(bench.names(), [""; 0], "{case:?}");
            // There is room again: nothing of it is left.
            let published = finish(bench.open().unwrap(), &samples::minimal());
            assert!(case.kind != Kind::Tree || manifest(&bench.place(&published)).complete);
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(
        "a_full_disk_is_named_and_left_as_it_was",
        // In a mount name space of its own: gone with the process.
        "exec unshare --mount sh -c 'mount -t tmpfs -o size=1m none \"$CDUMP_TEST_PART\" && exec \"$@\"' sh \"$@\"",
        folder.path(),
    );
    let mut text = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert!(
        child.wait().unwrap().success() && text.contains("1 passed"),
        "{text}"
    );
}
