//! `init`: what it writes, that `check --strict` likes it, and that it leaves everything else alone.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::{program, root, rows, run};

const FILE: &str = "compose-dump.yml";
const SCHEMA: &str = "compose-dump.schema.json";

/// A project in a folder of its own, removed at the end.
pub(crate) struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new(compose: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("compose.yaml"), compose).expect("a file");
        Self { folder }
    }

    fn small() -> Self {
        Self::new(&fs::read_to_string(root("tests/configs/documented/compose.yaml")).unwrap())
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn init(&self, arguments: &[&str]) -> Output {
        run(program(&[&["init"], arguments].concat()).current_dir(self.path()))
    }

    fn file(&self) -> String {
        fs::read_to_string(self.path().join(FILE)).expect("it was written")
    }

    /// What `check --strict` finds, called as without options.
    fn complaints(&self) -> Vec<Value> {
        rows(&run(
            program(&["check", "--strict", "--json"]).current_dir(self.path())
        ))
    }

    fn names(&self) -> Vec<String> {
        names(self.path())
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

#[test]
fn a_project_gets_a_file_and_the_schema_and_is_told_what_is_next() {
    let project = Project::small();
    let mode = fs::Permissions::from_mode(0o640);
    fs::set_permissions(project.path().join("compose.yaml"), mode).unwrap();
    let output = project.init(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(project.names(), [SCHEMA, FILE, "compose.yaml"]);
    assert_eq!(project.complaints(), Vec::<Value>::new());
    let schema = fs::read(project.path().join(SCHEMA)).unwrap();
    assert_eq!(
        schema,
        fs::read(root("schemas/compose-dump.schema.json")).unwrap()
    );
    for name in [FILE, SCHEMA] {
        let metadata = fs::metadata(project.path().join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o640, "{name}");
    }
    let first = "# yaml-language-server: $schema=./compose-dump.schema.json\n";
    assert!(project.file().starts_with(first));
    let told = stdout(&output);
    for part in [FILE, SCHEMA, "compose-dump plan", "compose-dump run"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(stdout(&project.init(&["--print"])), project.file());
}

#[test]
fn nothing_is_written_over_or_beside_what_is_there() {
    for taken in [&[FILE][..], &[SCHEMA], &[FILE, SCHEMA]] {
        let project = Project::small();
        for name in taken {
            symlink("nowhere", project.path().join(name)).unwrap();
        }
        let before = project.names();
        let output = project.init(&[]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(taken.iter().all(|name| said.contains(name)), "{said}");
        assert!(output.stdout.is_empty());
        assert_eq!(project.names(), before);
    }
}

#[test]
fn of_many_at_once_one_writes() {
    let project = Project::small();
    let start = || {
        let mut command = program(&["init"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.current_dir(project.path()).spawn().unwrap()
    };
    let children: Vec<_> = (0..8).map(|_| start()).collect();
    let codes = children
        .into_iter()
        .map(|mut child| child.wait().unwrap().code());
    let mut codes: Vec<_> = codes.collect();
    codes.sort_unstable();
    assert_eq!(codes[0], Some(0));
    assert!(codes[1..].iter().all(|code| *code == Some(2)), "{codes:?}");
    assert_eq!(project.names(), [SCHEMA, FILE, "compose.yaml"]);
    assert_eq!(project.complaints(), Vec::<Value>::new());
}

#[test]
fn print_writes_nothing() {
    let project = Project::small();
    let output = project.init(&["--print"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("version: 1\n"));
    assert_eq!(project.names(), ["compose.yaml"]);
}

#[test]
fn what_options_say_of_the_project_is_written_down() {
    let project = Project::new("services: {}\n");
    let write = |name: &str, text: &str| fs::write(project.path().join(name), text).unwrap();
    write("a.yaml", "services: {web: {volumes: [\"${KEY}:/data\"]}}\n");
    write(
        "b.yaml",
        "services: {db: {profiles: [more], volumes: [store:/data]}}\n",
    );
    write("my ${x}.env", "KEY=uploads\n");
    let path = |name: &str| project.path().join(name).to_str().unwrap().to_owned();
    let arguments = [
        "init",
        "-f",
        &path("a.yaml"),
        "-f",
        &path("b.yaml"),
        "-p",
        "shop",
        "--env-file",
        &path("my ${x}.env"),
        "--profile",
        "more",
    ];
    let output = run(program(&arguments).current_dir("/"));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let file = project.file();
    for line in [
        "files: [a.yaml, b.yaml]",
        "env_files: [\"my $${x}.env\"]",
        "name: shop",
        "profiles: [more]",
        "uploads: {}",
        "store: {}",
    ] {
        assert!(file.contains(line), "{line}: {file}");
    }
    assert_eq!(project.complaints(), Vec::<Value>::new(), "{file}");
    let call = format!("compose-dump -C {} plan", project.path().display());
    assert!(stdout(&output).contains(&call), "{}", stdout(&output));
}

/// Names with a meaning to YAML or to globs, as Compose files write them in double quotes.
const AWKWARD: [&str; 20] = [
    "a: b",
    "a #b",
    "*x",
    "{x}",
    "[x]",
    "a[b",
    "x y",
    "null",
    "Yes",
    "1.0",
    "-",
    "?",
    "!x",
    "&x",
    "'",
    "\\\"",
    "é",
    "a\\u2028b",
    "@x",
    "\\\\",
];

/// A project with volumes, bind mounts and anonymous volumes of such names.
pub(crate) fn awkward_names() -> Project {
    let mounts = |mount: &dyn Fn(&str) -> String| AWKWARD.map(mount).concat();
    let volumes = mounts(&|name| {
        format!("      - {{type: volume, source: \"{name}\", target: \"/named/{name}\"}}\n")
    });
    let anonymous =
        mounts(&|name| format!("      - {{type: volume, target: \"/anonymous/{name}\"}}\n"));
    let binds = mounts(&|name| {
        format!("      - {{type: bind, source: \"./{name}\", target: \"/bound/{name}\"}}\n")
    });
    let declared = mounts(&|name| format!("  \"{name}\": {{}}\n"));
    Project::new(&format!(
        "services:\n  web:\n    image: x\n    volumes:\n{volumes}{anonymous}{binds}volumes:\n{declared}"
    ))
}

/// The file that a project gets.
pub(crate) fn first_file(project: &Project) -> PathBuf {
    let output = project.init(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    project.path().join(FILE)
}

#[test]
fn names_that_mean_something_to_yaml_or_to_globs_are_only_names() {
    let project = awkward_names();
    let file = fs::read_to_string(first_file(&project)).unwrap();
    assert_eq!(project.complaints(), Vec::<Value>::new(), "{file}");
    for (start, count) in [("mounted:\n", 20), ("volumes:\n", 40)] {
        let rules = file.split_once(start).unwrap().1.lines();
        let rules = rules.take_while(|line| line.starts_with("  ") && line.contains(": {} "));
        assert_eq!(rules.count(), count, "{file}");
    }
}

#[test]
fn a_project_that_no_file_can_speak_of_is_refused() {
    let many: String = (0..5000)
        .map(|one| format!("  volume-of-a-long-name-{one}: {{}}\n"))
        .collect();
    for (compose, part) in [
        (
            "services: {\"a:b\": {image: x, volumes: [/data]}}\n".to_owned(),
            "`a:b:/data`",
        ),
        (format!("services: {{}}\nvolumes:\n{many}"), "128"),
    ] {
        let project = Project::new(&compose);
        let output = project.init(&[]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(part) && said.contains("by hand"), "{said}");
        assert_eq!(project.names(), ["compose.yaml"]);
    }
}

#[test]
fn without_a_project_and_for_another_name_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(program(&["init"]).current_dir(folder.path()));
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert_eq!(names(folder.path()), Vec::<String>::new());
    let project = Project::small();
    let output = project.init(&["-c", "other.yml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("other.yml"));
    assert_eq!(project.names(), ["compose.yaml"]);
}

/// A file system in memory on a project's folder, with the same Compose file.
fn mounted(project: &Project, options: &str) -> Mounted {
    let compose = fs::read(project.path().join("compose.yaml")).unwrap();
    let mount = |options: &str| {
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", options, "tests"])
            .arg(project.path());
        assert!(mount.status().unwrap().success(), "this test needs root");
    };
    mount(options);
    let mounted = Mounted(project.path().to_owned());
    fs::write(project.path().join("compose.yaml"), compose).unwrap();
    mounted
}

/// Unmounted at the end.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
#[ignore = "needs root: tests/run.sh"]
fn a_full_disk_gets_both_files_or_none() {
    let schema = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/schemas/compose-dump.schema.json"
    );
    let schema_pages = fs::metadata(schema).unwrap().len().div_ceil(4096);
    let mut refused = 0;
    for pages in 1..=schema_pages + 4 {
        let project = Project::small();
        let _mounted = mounted(&project, &format!("size={}k", 4 * pages));
        let output = project.init(&[]);
        let said = stderr(&output);
        if output.status.success() {
            assert_eq!(project.names(), [SCHEMA, FILE, "compose.yaml"]);
            assert_eq!(project.complaints(), Vec::<Value>::new());
        } else {
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains("No space left"), "{said}");
            assert_eq!(project.names(), ["compose.yaml"]);
            refused += 1;
        }
    }
    // Not even the schema fits in the first of them, and both files fit in the last.
    let expected = schema_pages..schema_pages + 4;
    assert!(expected.contains(&refused), "{refused} refused");
}

#[test]
#[ignore = "needs root: tests/run.sh"]
fn a_folder_that_cannot_be_written_to_stays_as_it_is() {
    let project = Project::small();
    let place = tempfile::tempdir().unwrap();
    let binary = place.path().join("compose-dump");
    fs::copy(env!("CARGO_BIN_EXE_compose-dump"), &binary).unwrap();
    for folder in [place.path(), project.path()] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(&binary)
        .arg("init")
        .current_dir(project.path())
        .output()
        .unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("Permission denied"), "{said}");
    assert_eq!(project.names(), ["compose.yaml"]);

    let _mounted = mounted(&project, "size=1m");
    let mut remount = Command::new("mount");
    remount.args(["-o", "remount,ro"]).arg(project.path());
    assert!(remount.status().unwrap().success());
    let output = project.init(&[]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(project.names(), ["compose.yaml"]);
}
