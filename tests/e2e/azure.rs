//! Dumps that go to Azure Blob Storage, for which Microsoft's emulator stands.
//!
//! `tests/lab/azurite.sh up` says where it is.

use crate::support::{IMAGE, Project};

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set: eval \"$(tests/lab/azurite.sh up)\", which needs Node.js and npm"
        )
    })
}

/// Targets of both formats that keep one dump, below a prefix of the project's own.
fn targets(project: &Project) -> String {
    let target = |name: &str, format: &str| {
        format!(
            "  {name}: {{url: 'az://{}/{}/{name}', endpoint: '{}', account_name: '{}', \
             account_key: '${{AZURITE_KEY}}', allow_http: true, format: {format}, keep: {{last: 1}}}}\n",
            variable("AZURITE_CONTAINER"),
            project.name,
            variable("AZURITE_ENDPOINT"),
            variable("AZURITE_ACCOUNT"),
        )
    };
    [target("archives", "archive"), target("trees", "directory")].concat()
}

#[test]
#[ignore = "needs an engine, Compose v2 and Azurite: tests/run.sh"]
fn dumps_in_azure_are_written_listed_verified_restored_and_pruned() {
    let project = Project::new(&format!(
        "services: {{db: {{image: {IMAGE}, network_mode: none, volumes: ['data:/data']}}}}\nvolumes: {{data: {{}}}}\n"
    ));
    let text = format!(
        "version: 1\ncompression: none\ntargets:\n{}",
        targets(&project)
    );
    project.write("compose-dump.yml", &text);
    project.up();
    // Several parts.
    project.sh("db", "dd if=/dev/urandom of=/data/file bs=1M count=40 2>&1");
    let original = std::fs::read(project.volume_dir("data").join("file")).unwrap();

    let listed = || -> Vec<String> {
        let rows = project.dump(&["list", "--json"]).expect(0).json();
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row["path"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = project.dump(&["run", "--json"]).expect(0);
    assert!(!first.stderr.contains(&variable("AZURITE_KEY")));
    let before = listed();
    assert_eq!(before.len(), 2, "one at each target: {before:?}");
    for (number, url) in before.iter().enumerate() {
        project.dump(&["verify", url]).expect(0);
        let to = project.beside(&format!("restored-{number}"));
        let to = to.to_str().unwrap();
        let file = ["--volume", "data", "--path", "file", "--to", to];
        project
            .dump(&[&["restore", url], &file[..]].concat())
            .expect(0);
        let restored = std::fs::read(format!("{to}/file")).unwrap();
        assert!(restored == original, "{url}");
    }

    project.dump(&["run"]).expect(0).says(&["removed"]);
    let after = listed();
    assert_eq!(after.len(), 2);
    assert!(after.iter().all(|url| !before.contains(url)));
    for url in &before {
        project.dump(&["verify", url]).expect(10);
    }
    let left = project
        .dump(&["prune", "--incomplete", "--json"])
        .expect(0)
        .json();
    assert_eq!(
        left["targets"][0]["leftovers"].as_array().unwrap().len(),
        0,
        "{left}"
    );
    project.assert_nothing_left();
}
