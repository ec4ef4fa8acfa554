//! A first file from `init`, and the scripts of the examples, on projects that run.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{IMAGE, Project, bash, only_entry, paused, verify};

const COMPOSE: &str = "
services:
  photos:
    image: IMAGE
    network_mode: none
    volumes: ['originals:/o', 'previews:/p', './settings:/s:ro', '/kept']
volumes: {originals: {}, previews: {}}
";

fn project() -> Project {
    let project = Project::new(&COMPOSE.replace("IMAGE", IMAGE));
    project.write("settings/theme", "dark");
    project.up();
    project.sh(
        "photos",
        "echo one >/o/one; echo small >/p/one; echo k >/kept/k",
    );
    project
}

/// An example's file in a project, with the places that it names beside the project.
fn take(project: &Project, example: &str, name: &str) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(example);
    let text = fs::read_to_string(from.join(name)).unwrap();
    let dumps = project.beside("dumps");
    let text = text.replace("/var/backups/compose", dumps.to_str().unwrap());
    let spool = project.beside("spool");
    project.write(name, &text.replace("/var/tmp", spool.to_str().unwrap()));
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(project.path(name), mode).unwrap();
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_first_file_does_what_it_says_without_a_change() {
    let project = project();
    project.dump(&["init"]).expect(0);
    let file = fs::read_to_string(project.path("compose-dump.yml")).unwrap();
    let dumps = project.beside("dumps");
    let dumps = dumps.to_str().unwrap();
    assert!(file.contains("/var/backups/compose-dump"));
    let file = file.replace("/var/backups/compose-dump", dumps);
    project.write("compose-dump.yml", &file);
    project.dump(&["run", "--strict"]).expect(0);
    let dump = verify(&only_entry(Path::new(dumps)));
    let members = dump.members();
    for part in [
        "config",
        "volumes/mounted/settings",
        "originals.tar.zst",
        "previews.tar.zst",
        "kept",
    ] {
        assert!(
            members.iter().any(|member| member.contains(part)),
            "{part}: {members:?}"
        );
    }
    let config = dump.files("config");
    for name in [
        "compose.yaml",
        "compose-dump.yml",
        "compose-dump.schema.json",
    ] {
        assert!(config.contains(&name.to_owned()), "{config:?}");
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn nothing_is_deployed_without_a_dump() {
    let project = Project::new(&format!(
        "services: {{db: {{image: {IMAGE}, network_mode: none, volumes: ['data:/d']}}, api: {{image: {IMAGE}, network_mode: none, volumes: ['files:/f']}}}}\nvolumes: {{data: {{}}, files: {{}}}}\n"
    ));
    project.up();
    for name in ["compose-dump.yml", "deploy.sh"] {
        take(&project, "ci", name);
    }
    let since = crate::support::now();
    bash(&project, "./deploy.sh touch deployed").expect(0);
    assert!(project.path("deployed").exists());
    assert_eq!(paused(&project, &since), ["db-1"]);
    let dump = verify(&only_entry(&project.beside("dumps")));
    assert_eq!(dump.members(), ["config", "volumes/project/data.tar.zst"]);
    let read = |name: &str| fs::read(project.path(name)).unwrap();
    let plan: serde_json::Value = serde_json::from_slice(&read("plan.json")).unwrap();
    assert_eq!(plan["left_out"], dump.manifest()["left_out"]);
    let report: serde_json::Value = serde_json::from_slice(&read("report.json")).unwrap();
    assert_eq!(
        report["targets"].as_array().map(Vec::len),
        Some(1),
        "{report}"
    );

    fs::remove_file(project.path("deployed")).unwrap();
    let job_file = fs::read_to_string(project.path("compose-dump.yml")).unwrap();
    let full = job_file.replace(project.beside("dumps").to_str().unwrap(), "/proc/nowhere");
    project.write("compose-dump.yml", &full);
    let refused = bash(&project, "./deploy.sh touch deployed");
    assert!(refused.code != Some(0), "{}", refused.stderr);
    assert!(!project.path("deployed").exists());
}
