//! What `keep` keeps: after runs, and when `prune` is asked; what is foreign or unfinished; which dump a
//! name means.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{IMAGE, Project, Tmpfs, docker, entries, only_entry, run, succeed};

/// A project of files alone, with this job file, in which `TARGET` stands for a folder of dumps.
fn project(job_file: &str) -> (Project, PathBuf) {
    let project = Project::new("services: {web: {image: none}}\n");
    let folder = project.new_target();
    let text = job_file.replace("TARGET", folder.to_str().unwrap());
    project.write("compose-dump.yml", &format!("version: 1\n{text}"));
    (project, folder)
}

/// Gives a copy of a dump another time and id, sealed as the format says.
fn age(manifest: &Path, time: &str) {
    let script = r#"
import hashlib, re, sys
path, time = sys.argv[1:]
text = open(path, newline="").read().rsplit("sha256: ", 1)[0]
text = re.sub(r"(?m)^(\s+invocation_time:).*", r"\1 " + time, text)
text = re.sub(r"(?m)^id:.*", "id: " + hashlib.sha256(path.encode()).hexdigest()[:16], text)
seal = hashlib.sha256(text.encode()).hexdigest()
open(path, "w", newline="").write(f"{text}sha256: {seal}\n")
"#;
    succeed(
        Command::new("python3")
            .args(["-c", script])
            .arg(manifest)
            .arg(time),
    );
}

fn copy_dump(dump: &Path, name: &str, time: &str) {
    let copy = dump.with_file_name(name);
    succeed(Command::new("cp").arg("-a").arg(dump).arg(&copy));
    age(&copy.join("Manifest.yml"), time);
}

/// Of the first target's dumps those that stay, by name, with their rules.
fn rows(told: &Value) -> Vec<(String, bool, usize)> {
    let series = told["targets"][0]["series"].as_array().unwrap();
    let dumps = series
        .iter()
        .flat_map(|series| series["dumps"].as_array().unwrap());
    let row = |dump: &Value| {
        let name = dump["name"].as_str().unwrap().to_owned();
        let removed = dump["removed"].as_bool().unwrap();
        (name, removed, dump["rules"].as_array().unwrap().len())
    };
    dumps.map(row).collect()
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_dry_run_says_what_a_real_one_does_and_nothing_foreign_goes() {
    let (project, folder) = project(
        "scopes: [config]\ntargets: {local: {path: TARGET, keep: {last: 2, monthly: 3}}}\njobs: {small: {}}\n",
    );
    project.dump(&["run"]).expect(0);
    let first = only_entry(&folder);
    for (name, time) in [
        ("old-1", "2015-01-05T03:00:00Z"),
        ("old-2", "2015-02-05T03:00:00Z"),
        ("old-3", "2015-02-28T03:00:00Z"),
        ("old-4", "2015-03-05T03:00:00Z"),
        ("old-5", "2015-03-06T03:00:00Z"),
        ("future", "2200-01-01T00:00:00Z"),
    ] {
        copy_dump(&first, name, time);
    }
    project.dump(&["run", "small"]).expect(0);
    project
        .dump(&[
            "backup",
            "--config",
            "-x",
            "gz",
            "-t",
            folder.to_str().unwrap(),
        ])
        .expect(0);
    let other = project.sibling("compose.yaml", "services: {web: {image: none}}\n");
    other
        .dump(&["backup", "--config", "-t", folder.to_str().unwrap()])
        .expect(0);
    // What only looks like dumps.
    fs::create_dir(folder.join("old-0")).unwrap();
    fs::write(folder.join("old-0/file"), "mine").unwrap();
    fs::write(folder.join("old.tar.gz"), "mine").unwrap();
    fs::write(folder.join(".compose-dump-mine.partial"), "mine").unwrap();
    fs::create_dir(folder.join("torn")).unwrap();
    fs::write(folder.join("torn/Manifest.yml"), "format: 1\n").unwrap();

    let before = entries(&folder);
    let dry = project.dump(&["prune", "--dry-run", "--json"]).expect(0);
    assert_eq!(entries(&folder), before);
    let real = project.dump(&["prune", "--json"]).expect(0);
    let (dry, real) = (rows(&dry.json()), rows(&real.json()));
    assert_eq!(dry, real);
    assert!(
        dry.iter()
            .all(|(_, removed, rules)| *removed == (*rules == 0))
    );
    let going: Vec<&str> = dry
        .iter()
        .filter(|(_, removed, _)| *removed)
        .map(|(name, ..)| &**name)
        .collect();
    // Two months, and the newest; `old-5` is the last but one as well.
    assert_eq!(going, ["old-1", "old-2", "old-4"]);
    let expected: BTreeSet<String> = before
        .into_iter()
        .filter(|name| !going.contains(&&**name))
        .collect();
    assert_eq!(
        entries(&folder).into_iter().collect::<BTreeSet<_>>(),
        expected
    );
    project.dump(&["prune", "local"]).expect(0);
    project
        .dump(&["prune", "elsewhere"])
        .expect(2)
        .says(&["no target `elsewhere`"]);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_complete_run_removes_old_dumps_and_a_shrunken_one_none() {
    let (project, folder) = project(
        "scopes: [config]\ncompression: gz\ntargets: {local: {path: TARGET, format: archive, keep: {last: 1}}}\nconfig: {dockerignore: false}\n",
    );
    project.write(
        "compose.yaml",
        "services: {web: {image: none, env_file: big.env}}\n",
    );
    project.write("big.env", &"A=1\n".repeat(40_000));
    project.dump(&["run"]).expect(0);
    let first = entries(&folder);
    let report = project
        .dump(&["run", "--json"])
        .expect(0)
        .says(&["removed"])
        .json();
    assert_eq!(
        report["targets"][0]["pruned"]["removed"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let second = entries(&folder);
    assert_eq!(
        (first.len(), second.len()),
        (2, 2),
        "an archive and its marker"
    );
    assert_ne!(first, second);

    // Something has emptied a file: the dump in which it was whole stays.
    project.write("big.env", "A=1\n");
    project.dump(&["run"]).expect(4).says(&[
        "nothing was removed, because the new dump holds",
        "old dumps were not all removed",
    ]);
    assert_eq!(entries(&folder).len(), 4);
    project.dump(&["prune", "--dry-run"]).expect(4);
    let ran = run(project
        .program(&["prune"])
        .env("COMPOSE_DUMP_SHRINK_GUARD", "0%"));
    ran.expect(0);
    assert_eq!(entries(&folder).len(), 2);

    // A run with gaps removes nothing.
    project.write(
        "compose.yaml",
        "include: [gone.yaml]\nservices: {web: {image: none}}\n",
    );
    project.dump(&["run"]).expect(3);
    assert_eq!(entries(&folder).len(), 4);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn what_cannot_be_removed_is_told_and_still_there() {
    let (project, folder) =
        project("scopes: [config]\ntargets: {local: {path: TARGET, keep: {last: 1}}}\n");
    fs::create_dir(&folder).unwrap();
    let mounted = Tmpfs::mount(folder.clone(), "size=8m");
    project.dump(&["run"]).expect(0);
    copy_dump(&only_entry(&folder), "old", "2015-01-05T03:00:00Z");
    let before = entries(&folder);
    let remount = |how: &str| {
        succeed(Command::new("mount").args(["-o", how]).arg(&mounted.dir));
    };
    remount("remount,ro");
    project
        .dump(&["prune"])
        .expect(4)
        .says(&["cannot remove", "Read-only file system"]);
    assert_eq!(entries(&folder), before);
    remount("remount,rw");
    project.dump(&["prune"]).expect(0);
    assert_eq!(entries(&folder).len(), 1);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn leftovers_of_a_killed_run_go_and_those_of_a_running_one_stay() {
    let (project, folder) = project("scopes: [config]\ntargets: {local: {path: TARGET}}\n");
    project.write("compose.yaml", "services: {web: {image: none, build: .}}\n");
    let noise = fs::File::open("/dev/urandom").unwrap().take(64 << 20);
    std::io::copy(
        &mut BufReader::new(noise),
        &mut fs::File::create(project.path("noise")).unwrap(),
    )
    .unwrap();
    let mut child = project
        .program(&[
            "backup",
            "--config",
            "-x",
            "xz",
            "-t",
            folder.to_str().unwrap(),
        ])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while entries(&folder).is_empty() {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before it wrote");
    }
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    assert_eq!(entries(&folder).len(), 1);
    project
        .dump(&["prune"])
        .expect(2)
        .says(&["no target of the file has a `keep`"]);
    let told = project
        .dump(&["prune", "--incomplete", "--json"])
        .expect(0)
        .json();
    assert_eq!(
        told["targets"][0]["leftovers"][0]["removed"], false,
        "{told}"
    );
    assert_eq!(entries(&folder).len(), 1);

    child.kill().unwrap();
    child.wait().unwrap();
    let left = entries(&folder);
    assert_eq!(left.len(), 1, "{left:?}");
    project.dump(&["list"]).expect(0).says(&[]);
    let dry = project
        .dump(&["prune", "--incomplete", "--dry-run", "--json"])
        .expect(0)
        .json();
    assert_eq!(dry["targets"][0]["leftovers"][0]["removed"], true, "{dry}");
    assert_eq!(entries(&folder), left);
    project.dump(&["prune", "--incomplete"]).expect(0);
    assert!(entries(&folder).is_empty());
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_name_alone_is_looked_up_in_the_files_targets() {
    let (project, folder) = project(
        "scopes: [config]\ntargets: {local: {path: TARGET}, other: {path: TARGET-other}}\njobs: {hourly: {to: [other]}}\n",
    );
    project
        .dump(&["show", "latest"])
        .expect(10)
        .says(&["`local`, `other`"]);
    project.dump(&["run", "default", "hourly"]).expect(0);
    let other = project.sibling("compose.yaml", "services: {web: {image: none}}\n");
    other
        .dump(&["backup", "--config", "-t", folder.to_str().unwrap()])
        .expect(0);

    let listed = project.dump(&["list", "--json"]).expect(0).json();
    let jobs: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["job"].as_str().unwrap())
        .collect();
    assert_eq!(jobs, ["default", "default", "hourly"]);
    let all = project
        .dump(&["list", "--all-projects", "--json"])
        .expect(0)
        .json();
    assert_eq!(all.as_array().unwrap().len(), 4);
    let one = project.dump(&["list", "local", "--json"]).expect(0).json();
    assert_eq!(one[0]["target"], "local");

    let shown = |arguments: &[&str]| {
        let ran = project.dump(&[&["show", "--json"], arguments].concat());
        ran.expect(0).json()["series"]["job"].clone()
    };
    assert_eq!(shown(&["latest"]), "default");
    assert_eq!(shown(&["latest", "--job", "hourly"]), "hourly");
    assert_eq!(shown(&["latest", "--target", "local"]), "default");
    let name = listed[2]["name"].as_str().unwrap();
    assert_eq!(shown(&[name, "--target", "other"]), "hourly");
    project.dump(&["verify", name]).expect(0);
    project
        .dump(&["show", "latest", "--target", "local", "--job", "hourly"])
        .expect(10);
    project
        .dump(&["show", "latest", "--target", "nowhere"])
        .expect(2);
    // Two projects have dumps there: from this folder, its own is meant.
    let latest = folder.join("latest");
    assert_eq!(shown(&[latest.to_str().unwrap()]), "default");
}

/// All that is left is a job file, in the same folder of a new machine.
#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_job_file_alone_finds_the_dumps_of_the_project_that_is_lost() {
    let (project, folder) = project("scopes: [config]\ntargets: {local: {path: TARGET}}\n");
    project.dump(&["run"]).expect(0);
    let other = project.sibling("compose.yaml", "services: {web: {image: none}}\n");
    other
        .dump(&["backup", "--config", "-t", folder.to_str().unwrap()])
        .expect(0);
    fs::remove_file(project.path("compose.yaml")).unwrap();

    let listed = project.dump(&["list", "--json"]).expect(0).json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let mut elsewhere = project.program(&["show", "latest", "--json"]);
    let shown = run(elsewhere.env("COMPOSE_DUMP_HOST", "new"))
        .expect(0)
        .says(&["no dump of `new/", "are taken"]);
    assert_eq!(shown.json()["project"]["name"], *project.name);
    project
        .dump(&["run"])
        .expect(2)
        .says(&["no Compose file in"]);
    project.dump(&["restore", "latest", "--no-start"]).expect(0);
    let compose = fs::read_to_string(project.path("compose.yaml")).unwrap();
    assert_eq!(compose, "services: {web: {image: none}}\n");
}

/// A project that is up and has a small volume `data` and a large one, and a folder of dumps of which one is to be kept; and
/// its job file.
fn project_with_volumes() -> (Project, PathBuf, String) {
    let project = Project::new(&format!(
        "services:
  web: {{image: {IMAGE}, network_mode: none, volumes: ['data:/data', 'cache:/cache']}}
volumes: {{data: {{}}, cache: {{}}}}
"
    ));
    let folder = project.new_target();
    let rules = format!(
        "version: 1\ntargets: {{local: {{path: '{}', keep: {{last: 1}}}}}}\n",
        folder.display()
    );
    project.write("compose-dump.yml", &rules);
    project.up();
    project.sh(
        "web",
        "echo precious >/data/rows; head -c 100000 /dev/zero >/cache/large",
    );
    project.dump(&["run"]).expect(0);
    (project, folder, rules)
}

/// A volume that is gone fails nothing: what there is is dumped. But the last dump that holds it must not go.
#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn the_last_dump_with_a_volume_that_is_gone_stays_until_it_is_back() {
    let (project, folder, _) = project_with_volumes();
    let holder = only_entry(&folder);
    project.compose(&["down"]);
    docker(&["volume", "rm", &project.volume("data")]);
    for _ in 0..2 {
        project
            .dump(&["run", "-q"])
            .expect(4)
            .says(&["the last dump with `data` stays", "`compose-dump restore`"]);
    }
    assert!(holder.exists());
    assert_eq!(entries(&folder).len(), 2, "the one between has gone");
    let told = project.dump(&["prune", "--dry-run"]).expect(4);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(
        told.contains("the last one with a volume that is missing now"),
        "{told}"
    );

    let holder = holder.to_str().unwrap();
    let back = ["restore", holder, "--volume", "data", "--no-start"];
    project.dump(&back).expect(0);
    project.up();
    assert_eq!(project.sh("web", "cat /data/rows"), "precious");
    project.dump(&["run"]).expect(0);
    only_entry(&folder);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_volume_that_the_rules_skip_is_not_missed() {
    let (project, folder, rules) = project_with_volumes();
    project.compose(&["down"]);
    docker(&["volume", "rm", &project.volume("data")]);
    project.write(
        "compose-dump.yml",
        &format!("{rules}volumes: {{data: skip}}\n"),
    );
    project.dump(&["run"]).expect(0);
    only_entry(&folder);
}
