//! The way back: what was dumped, lost and restored is what it was, and runs.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{IMAGE, Project, Ran, docker, entries, run, succeed};
use crate::whole_project::Everything;

/// The program in the project folder, with Compose v2 where it looks for Compose.
pub(crate) fn restoring(project: &Project, arguments: &[&str]) -> Command {
    let mut command = project.program(arguments);
    let folder = project.beside("bin");
    let compose = folder.join("docker-compose");
    if !compose.exists() {
        let v2 = std::env::var_os("COMPOSE_V2").expect("COMPOSE_V2 names a Compose v2 program");
        symlink(v2, &compose).expect("it is not there yet");
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).expect("they were joined before");
    command
        .env("PATH", path)
        .env("COMPOSE_DUMP_STATE_DIR", project.beside("state"));
    command
}

pub(crate) fn restore(project: &Project, arguments: &[&str]) -> Ran {
    let all = [&["restore"], arguments].concat();
    run(&mut restoring(project, &all))
}

/// Everything of a folder, by GNU find and the tools for attributes: owner, mode, time, links, holes, content.
fn listing(folder: &Path) -> String {
    let script = r"
        find . -mindepth 1 ! -type s -printf '%P|%y|%m|%U:%G|%s|%T@|%l\n' | sed 's/|d\(|[^|]*|[^|]*\)|[0-9]*|/|d\1|-|/' | sort
        find . -printf '' ; stat -c '%a %u:%g' .
        find . -type f ! -name sparse -exec sha256sum {} + | sort
        find . -type f -name sparse -exec stat -c '%n %b' {} +
        find . ! -type l ! -type s -exec getfattr -h -d -m - {} + 2>/dev/null | sort
        find . -type f -links +1 | sort
    ";
    succeed(
        Command::new("bash")
            .args(["-ec", script])
            .current_dir(folder),
    )
}

/// What is in every volume of a project, by the volume's name or its place in a container.
fn contents(everything: &Everything) -> Vec<(String, String)> {
    let project = &everything.project;
    let named = ["data", "inner", "lazy", "stopped"];
    let mut all: Vec<(String, String)> = named
        .iter()
        .map(|key| ((*key).to_owned(), listing(&project.volume_dir(key))))
        .collect();
    for (container, path) in [
        ("web-1", "/srv/anon"),
        ("web-2", "/srv/anon"),
        ("db-1", "/anon"),
    ] {
        let format = format!(
            "{{{{range .Mounts}}}}{{{{if eq .Destination \"{path}\"}}}}{{{{.Source}}}}{{{{end}}}}{{{{end}}}}"
        );
        let container = format!("{}-{container}", project.name);
        let source = docker(&["inspect", "--format", &format, &container]);
        all.push((format!("{container}:{path}"), listing(Path::new(&source))));
    }
    all
}

/// The files of the project that a dump holds.
fn files(project: &Project) -> String {
    let script = r"find . -type f ! -name '*.tmp' ! -path './media/cache/*' ! -name a.log \
        ! -name not-named ! -path './app/modules/*' ! -path './app/src/c.tmp' -exec sha256sum {} + | sort";
    succeed(
        Command::new("bash")
            .args(["-ec", script])
            .current_dir(&project.dir),
    )
}

/// Loses everything but what lies outside of the project: containers, volumes, and the folder.
fn lose(project: &Project) {
    project.compose(&["--profile", "*", "down", "-v", "--timeout", "1"]);
    std::fs::remove_dir_all(&project.dir).unwrap();
    std::fs::create_dir(&project.dir).unwrap();
}

/// Compose has nothing to do, to say or to ask.
pub(crate) fn assert_up_changes_nothing(project: &Project) {
    let program = std::env::var_os("COMPOSE_V2").expect("COMPOSE_V2 names a Compose v2 program");
    let output = Command::new(program)
        .args(["up", "-d", "--no-build"])
        .current_dir(&project.dir)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for word in [
        "not created by Docker Compose",
        "Recreate",
        "WARN",
        "level=warning",
    ] {
        assert!(!said.contains(word), "{said}");
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn what_was_lost_comes_back_from_a_folder_an_archive_and_a_stream() {
    let everything = Everything::up();
    let project = &everything.project;
    let (_, folder, archive) = everything.dump_twice();
    let (volumes, config) = (contents(&everything), files(project));
    for dump in [folder.to_str().unwrap(), archive.to_str().unwrap(), "-"] {
        lose(project);
        let mut command = restoring(project, &["restore", dump, "--devices"]);
        if dump == "-" {
            command.stdin(std::fs::File::open(&archive).unwrap());
        }
        let restored = run(&mut command).expect(0);
        assert!(restored.stderr.contains("done: "), "{}", restored.stderr);
        assert_eq!(files(project), config, "{dump}");
        for ((name, was), (_, is)) in volumes.iter().zip(contents(&everything)) {
            assert_eq!(*was, is, "{name} from {dump}");
        }
        let states = project.states();
        assert_eq!(states["web-2"], "running", "{states:?}");
        assert_eq!(states["db-1"], "running", "{states:?}");
        assert!(
            !states.contains_key("debug-1"),
            "its profile was not asked for"
        );
        assert_up_changes_nothing(project);
        assert!(entries(&project.beside("state/restores")).is_empty());
        assert!(
            !listing(&project.dir).contains(".restore"),
            "nothing hidden is left"
        );
        project.assert_nothing_left();
    }
}

/// A project with a database, a service that needs it, and content in each kind of place.
pub(crate) fn small() -> Project {
    let project = Project::new(&format!(
        "services:
  db: {{image: {IMAGE}, network_mode: none, volumes: ['data:/data', './media:/media']}}
  web: {{image: '{IMAGE}:volume', network_mode: none, depends_on: [db], env_file: web.env}}
volumes: {{data: {{}}}}
"
    ));
    project.write("web.env", "A=1\n");
    project.write("media/picture", "old\n");
    project.up();
    project.sh("db", "echo old >/data/file");
    project.sh("web", "echo old >/srv/anon/file");
    project
}

pub(crate) fn dump(project: &Project) -> PathBuf {
    project.dump_to_folder(&[])
}

pub(crate) fn in_volume(project: &Project) -> String {
    std::fs::read_to_string(project.volume_dir("data").join("file")).unwrap()
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn what_exists_is_replaced_as_a_whole_or_not_at_all() {
    let project = small();
    let dump = dump(&project);
    let dump = dump.to_str().unwrap();
    project.sh("db", "echo new >/data/file; echo stale >/data/stale");
    project.write("media/picture", "new\n");
    project.write("media/stale", "stale\n");
    project.write("web.env", "A=2\n");
    restore(&project, &[dump]).expect(2).says(&[
        "`web.env` exists and is not what the dump has",
        "`media` exists and is not empty",
        "`data`",
        "`web:/srv/anon`",
        "--replace",
    ]);
    assert_eq!(in_volume(&project), "new\n");

    let planned = restore(&project, &[dump, "--replace", "--dry-run", "--json"])
        .expect(0)
        .json();
    assert_eq!(planned["config"]["differing"][0], "web.env");
    let stopped: Vec<&str> = planned["stop"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["service"].as_str().unwrap())
        .collect();
    assert_eq!(stopped, ["web", "db"], "who needs the other one goes first");

    restore(&project, &[dump, "--replace"]).expect(0);
    assert_eq!(in_volume(&project), "old\n");
    assert_eq!(entries(&project.volume_dir("data")), ["file"]);
    assert_eq!(entries(&project.path("media")), ["picture"]);
    assert_eq!(
        std::fs::read_to_string(project.path("web.env")).unwrap(),
        "A=1\n"
    );
    assert_eq!(project.states()["web-1"], "running");
    assert_up_changes_nothing(&project);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_restore_that_fails_changes_nothing() {
    let project = small();
    let dump = dump(&project);
    project.sh("db", "echo new >/data/file");
    // Damage that only shows in the last member, behind everything that is staged.
    let tar = dump
        .join("volumes/services/web")
        .join(entries(&dump.join("volumes/services/web")).first().unwrap());
    let mut bytes = std::fs::read(&tar).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&tar, bytes).unwrap();
    restore(&project, &[dump.to_str().unwrap(), "--replace"])
        .expect(13)
        .says(&[
            "does not hold what was stored",
            "everything is as it was before",
        ]);
    assert_eq!(in_volume(&project), "new\n");
    assert_eq!(project.states()["db-1"], "running");
    assert_eq!(entries(&project.volume_dir("data")), ["file"]);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_copy_under_another_name_is_independent() {
    let project = small();
    let dump = dump(&project);
    let copy = project.sibling("unused", "");
    std::fs::remove_file(copy.path("unused")).unwrap();
    let to = copy.dir.to_str().unwrap();
    let dump = dump.to_str().unwrap();
    restore(&project, &[dump, "--to", to])
        .expect(2)
        .says(&["Compose calls it", "--as"]);
    std::fs::remove_dir(&copy.dir).unwrap();
    // The name of the folder is not that of the copy.
    let name = format!("{}copy", copy.name);
    restore(&project, &[dump, "--to", to, "--as", &name]).expect(0);
    let of_copy = |what: &[&str]| {
        let filter = format!("label=com.docker.compose.project={name}");
        docker(&[what, &["--filter", &filter]].concat())
    };
    let mode = |dir: &Path| dir.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(
        mode(&copy.dir),
        mode(&project.dir),
        "a new folder is as the old one was"
    );
    assert_eq!(of_copy(&["volume", "ls", "-q"]), format!("{name}_data"));
    assert_eq!(of_copy(&["ps", "-q"]).lines().count(), 2);
    assert_up_changes_nothing(&copy);
    assert_eq!(
        of_copy(&["ps", "-q"]).lines().count(),
        2,
        "they are the copy's own"
    );
    assert_eq!(project.states()["db-1"], "running");
    assert_eq!(in_volume(&project), "old\n");
    copy.compose(&["down", "-v", "--timeout", "1"]);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn names_that_mean_nothing_are_refused_before_anything_happens() {
    let project = small();
    let dump = dump(&project);
    let dump = dump.to_str().unwrap();
    restore(&project, &[dump, "wbe", "--volume", "dta"])
        .expect(2)
        .says(&[
            "no service `wbe`",
            "did you mean `web`",
            "no volume `dta`",
            "`data`",
        ]);
    restore(&project, &["/no/such/dump"]).expect(10);
    let other = project.sibling("compose.yaml", "services: {}");
    let ran = run(restoring(&project, &["restore", dump]).current_dir(&other.dir));
    ran.expect(2)
        .says(&["the dump is of project", "Compose calls it"]);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_single_volume_comes_back_alone() {
    let project = small();
    let dump = dump(&project);
    project.sh("db", "rm /data/file");
    project.write("web.env", "A=2\n");
    let dump = dump.to_str().unwrap();
    restore(&project, &[dump, "--volume", "data"]).expect(0);
    assert_eq!(in_volume(&project), "old\n");
    assert_eq!(
        std::fs::read_to_string(project.path("web.env")).unwrap(),
        "A=2\n"
    );
    assert_eq!(project.states()["db-1"], "running");
}
