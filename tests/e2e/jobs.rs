//! `run`: what a `compose-dump.yml` declares, from the file, from standard input, under variables and
//! flags, for one job, several, and many projects.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::plans::lasting;
use crate::support::{
    IMAGE, Project, Tmpfs, entries, events, now, only_entry, paused, program, run, verify,
};
use crate::verified::text;

const COMPOSE: &str = "
services:
  db: {image: IMAGE, network_mode: none, volumes: ['data:/data', 'cache:/cache', './media:/media']}
  web: {image: IMAGE, network_mode: none, volumes: ['tmp_x:/x']}
volumes: {data: {}, cache: {}, tmp_x: {}}
";

/// A project that is up, with a job file; `{target}` in it is a folder beside the project.
fn project(job_file: &str) -> Project {
    let project = Project::new(&COMPOSE.replace("IMAGE", IMAGE));
    project.write("media/keep", "keep");
    project.write("media/thumbs/one", "thumb");
    project.write("media/deep/x.tmp", "tmp");
    let target = project.beside("dumps");
    let text = job_file.replace("{target}", target.to_str().unwrap());
    project.write("compose-dump.yml", &text);
    project.up();
    project.sh(
        "db",
        "echo keep >/data/keep; echo part >/data/x.part; echo c >/cache/c",
    );
    project
}

const RULES: &str = "
version: 1
mounted:
  ./media: {exclude: ['thumbs/', '*.tmp']}
volumes:
  cache: skip
  'tmp_*': skip
  data: {exclude: ['*.part']}
targets:
  local: {path: '{target}/local'}
";

/// The members and left-outs that a plan promises.
fn promised(plan: &Value) -> (Vec<String>, Value) {
    let members = plan["members"].as_array().unwrap();
    (members.iter().map(text).collect(), plan["left_out"].clone())
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_plan_is_what_a_run_does_to_the_last_row() {
    for reader in ["auto", "engine"] {
        let project = project(&format!("{RULES}\nreader: {reader}\ncompression: none\n"));
        let since = now();
        let plan = project.dump(&["plan", "--json"]).expect(0);
        let dry = project.dump(&["run", "--dry-run", "--json"]).expect(0);
        assert_eq!(lasting(&plan.stdout), lasting(&dry.stdout));
        assert_eq!(events(&project, &since), [""; 0]);
        assert!(!project.beside("dumps").join("local").exists());

        let (members, left_out) = promised(&plan.json());
        project.dump(&["run"]).expect(0);
        let dump = verify(&only_entry(&project.beside("dumps").join("local")));
        assert_eq!(dump.members(), members);
        assert_eq!(dump.manifest()["left_out"], left_out);
        assert_eq!(dump.manifest()["series"]["job"], "default");
        assert_eq!(dump.manifest()["warnings"], plan.json()["warnings"]);

        assert_eq!(dump.files("volumes/mounted"), ["media/keep"]);
        let data = dump.tar("volumes/project/data.tar");
        let names: Vec<&str> = data.keys().map(String::as_str).collect();
        assert_eq!(names, ["./", "./keep"], "{reader}");
        assert!(
            dump.files("config")
                .contains(&"compose-dump.yml".to_owned())
        );
        assert_eq!(
            paused(&project, &since),
            ["db-1"],
            "web's volume is skipped"
        );
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn variables_lie_over_the_file_and_flags_over_both() {
    let project = project(&format!(
        "{RULES}\ncompression: {{codec: zst, level: 19}}\n"
    ));
    let plan = |variables: &[(&str, &str)], flags: &[&str]| -> Value {
        let mut command = project.program(&[&["plan", "--json"], flags].concat());
        run(command.envs(variables.iter().copied()))
            .expect(0)
            .json()
    };
    let compression = |plan: &Value| plan["targets"][0]["compression"].clone();
    let file = compression(&plan(&[], &[]));
    assert_eq!(
        (&file["codec"], &file["level"]),
        (&"zst".into(), &19.into())
    );
    let variables = [
        ("COMPOSE_DUMP_COMPRESSION", "gz"),
        ("COMPOSE_DUMP_SCOPES", "volumes"),
        ("COMPOSE_DUMP_PAUSE__DEFAULT", "none"),
    ];
    let over = plan(&variables, &[]);
    let gz = compression(&over);
    assert_eq!((&gz["codec"], &gz["level"]), (&"gz".into(), &Value::Null));
    assert_eq!(over["scopes"], serde_json::json!(["volumes"]));
    let why = text(&over["hold"]["go_on"][0]["why"]);
    assert!(why.contains("`COMPOSE_DUMP_PAUSE__DEFAULT`"), "{why}");
    let flags = plan(&variables, &["-x", "xz", "-t", "elsewhere"]);
    assert_eq!(compression(&flags)["codec"], "xz");
    assert_eq!(flags["targets"][0]["kind"], "archives");
    assert_eq!(flags["targets"].as_array().unwrap().len(), 1);

    let mut wrong = project.program(&["run"]);
    wrong.env("COMPOSE_DUMP_SERVICES", "dbb");
    run(&mut wrong)
        .expect(2)
        .says(&["`COMPOSE_DUMP_SERVICES`", "did you mean `db`"]);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_file_from_standard_input_and_from_a_folder_below() {
    let project = project(RULES);
    fs::create_dir_all(project.path("media/inner")).unwrap();
    let mut below = project.program(&["run"]);
    run(below.current_dir(project.path("media/inner"))).expect(0);
    verify(&only_entry(&project.beside("dumps").join("local")));

    let target = project.new_target();
    let text = format!(
        "{{version: 1, scopes: [config], targets: {{other: {{path: '{}', format: archive}}}}}}",
        target.display()
    );
    let mut child = project
        .program(&["run", "-c", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let names = entries(&target);
    assert!(
        names.iter().any(|name| name.ends_with(".tar.zst")),
        "{names:?}"
    );
}

const JOBS: &str = "
version: 1
scopes: [config]
dump_name: '{job}_{id}'
targets:
  local: {path: '{target}/local'}
  spare: {path: '{target}/spare', required: false}
jobs:
  hourly: {scopes: [mounted], to: [local], mounted: {./media: {exclude: [thumbs]}}}
  broken: {scopes: [config], to: [spare]}
";

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn jobs_run_one_by_one_and_the_worst_code_wins() {
    let project = project(JOBS);
    let local = project.beside("dumps").join("local");
    let spare = project.beside("dumps").join("spare");
    let names = |dir: &Path| -> Vec<String> {
        let names = entries(dir);
        let first = |name: &String| name.split('_').next().unwrap_or_default().to_owned();
        names.iter().map(first).collect()
    };
    project.dump(&["run", "hourly"]).expect(0);
    assert_eq!(names(&local), ["hourly"]);
    project.dump(&["run", "hourly", "default"]).expect(0);
    assert_eq!(names(&local), ["default", "hourly", "hourly"]);
    assert_eq!(names(&spare), ["default"]);

    // A file where the spare target's folder should be: partial where it is one of two, and no dump
    // at all where it is the only one.
    fs::remove_dir_all(&spare).unwrap();
    fs::create_dir_all(&spare).unwrap();
    let full = Tmpfs::mount(spare, "size=4k");
    let alone = project.dump(&["run"]);
    let all = project.dump(&["run", "--all", "--json"]);
    drop(full);
    alone.expect(3);
    let all = all.expect(1);
    let rows = all.json();
    let jobs: Vec<String> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| text(&row["job"]))
        .collect();
    assert_eq!(jobs, ["default", "broken", "hourly"]);
    assert_eq!(rows[1]["targets"][0]["dump"], Value::Null);
    assert_ne!(rows[2]["targets"][0]["dump"], Value::Null);

    project
        .dump(&["run", "huorly", "nothing"])
        .expect(2)
        .says(&["did you mean `hourly`?", "no job `nothing`"]);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn strict_refuses_what_no_rule_covers_and_publishes_no_gaps() {
    let project = project(RULES);
    project.dump(&["run", "--strict"]).expect(0);
    project.write(
        "compose.override.yaml",
        "services: {db: {volumes: ['new:/new']}}\nvolumes: {new: {}}\n",
    );
    let before = entries(&project.beside("dumps").join("local"));
    project
        .dump(&["run", "--strict"])
        .expect(2)
        .says(&["no rule of `volumes` speaks of `new`"]);
    assert_eq!(entries(&project.beside("dumps").join("local")), before);
    project.dump(&["run"]).expect(0);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn backup_takes_the_rules_and_not_the_targets() {
    let project = project(&format!("{RULES}\nscopes: [config]\ncompression: xz\n"));
    let target = project.new_target();
    let path = target.to_str().unwrap();
    project.dump(&["backup", "-t", path]).expect(0);
    assert!(!project.beside("dumps").join("local").exists());
    let dump = verify(&only_entry(&target));
    assert_eq!(dump.manifest()["series"]["job"], "manual");
    assert!(
        dump.members()
            .contains(&"volumes/project/data.tar".to_owned())
    );
    assert!(
        !dump
            .members()
            .contains(&"volumes/project/cache.tar".to_owned())
    );
    assert_eq!(dump.files("volumes/mounted"), ["media/keep"]);

    let target = project.new_target();
    let path = target.to_str().unwrap();
    project
        .dump(&["backup", "--no-job-file", "-t", path])
        .expect(0);
    let dump = verify(&only_entry(&target));
    assert!(
        dump.members()
            .contains(&"volumes/project/cache.tar".to_owned())
    );
    assert_eq!(dump.files("volumes/mounted").len(), 3);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn every_project_below_a_folder_has_its_turn() {
    let project = project(RULES);
    let top = project.beside("many");
    let dumps = project.beside("many-dumps");
    for (name, rules) in [
        ("a", "version: 1\nscopes: [config]\n"),
        ("b", "version: 1\nscopse: [config]\n"),
        ("deep/c", "version: 1\nscopes: [config]\nvolumes: {}\n"),
    ] {
        let folder = top.join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("compose.yaml"), "services: {}\n").unwrap();
        let targets = format!("targets: {{local: {{path: '{}'}}}}\n", dumps.display());
        fs::write(folder.join("compose-dump.yml"), format!("{rules}{targets}")).unwrap();
    }
    let ran = run(&mut program(&["run", "--under", top.to_str().unwrap()]));
    let ran = ran.expect(2);
    let said = ran.says(&[
        "did you mean `scopes`?",
        "2 of 3 projects wholly done",
        "b: exit code 2",
    ]);
    drop(said);
    assert_eq!(entries(&dumps).len(), 2, "the others had their turn");
}

/// The file's folder has no Compose file: the project is the working folder's.
#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_job_file_may_lie_elsewhere() {
    let project = project(RULES);
    let elsewhere = project.beside("rules");
    fs::create_dir_all(&elsewhere).unwrap();
    let file = elsewhere.join("nightly.yml");
    fs::rename(project.path("compose-dump.yml"), &file).unwrap();
    project
        .dump(&["run", "-c", file.to_str().unwrap()])
        .expect(0);
    let dump = verify(&only_entry(&project.beside("dumps").join("local")));
    assert_eq!(dump.manifest()["project"]["name"], project.name);
    assert_eq!(dump.files("volumes/mounted").len(), 1, "its rules count");
}
