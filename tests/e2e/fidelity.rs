//! A volume with every kind of entry, many files and a large one with holes, is the same after it was lost and
//! restored: as its own eyes see it, directly and through the engine, out of every form of a dump.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::restore::restoring;
use crate::support::{IMAGE, Project, only_entry, run, succeed};

pub(crate) type Listing = BTreeMap<String, Value>;

fn python(what: &str, folder: &Path) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/fill.py");
    succeed(Command::new("python3").args([script, what]).arg(folder))
}

fn listing(project: &Project) -> Listing {
    listing_of(&project.volume_dir("data"))
}

/// All that can be known of the entries of a folder, by their paths.
pub(crate) fn listing_of(folder: &Path) -> Listing {
    let lines = python("list", folder);
    let entry = |line: &str| {
        let entry: Value = serde_json::from_str(line).expect("a line of JSON");
        let path = entry["path"].as_str().expect("a path").to_owned();
        (path, entry)
    };
    lines.lines().map(entry).collect()
}

/// What differs, the first few.
#[track_caller]
fn assert_same(before: &Listing, after: &Listing) {
    assert_eq!(before.len(), after.len());
    let differs = before
        .iter()
        .filter(|(path, entry)| after.get(*path) != Some(entry));
    let differs: Vec<_> = differs
        .take(5)
        .map(|(path, entry)| (entry, &after[path]))
        .collect();
    assert!(differs.is_empty(), "{differs:#?}");
}

/// What the engine keeps when it writes: all but holes, and times before 1970.
fn as_written_by_the_engine(listing: &Listing) -> Listing {
    let mut kept = listing.clone();
    for entry in kept.values_mut() {
        let mtime = entry["mtime"].as_i64().expect("a number");
        entry["mtime"] = Value::from(mtime.max(0));
        if let Some(attributes) = entry["attributes"].as_object_mut() {
            attributes.retain(|_, value| *value != "");
        }
        if entry.get("size").is_some() {
            entry["data"] = Value::Null;
        }
    }
    kept
}

/// Destroys the volume, and restores it with these arguments and this standard input.
pub(crate) fn lose_and_restore(
    project: &Project,
    arguments: &[&str],
    reader: &str,
    stdin: Option<File>,
) {
    project.compose(&["down", "-v", "--timeout", "1"]);
    let all = [&["restore"], arguments, &["--volumes", "--devices"]].concat();
    let mut command = restoring(project, &all);
    command.env("COMPOSE_DUMP_READER", reader);
    if let Some(stdin) = stdin {
        command.stdin(stdin);
    }
    run(&mut command).expect(0);
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn a_volume_with_everything_comes_back_identical() {
    let project = Project::new(&format!(
        "services: {{app: {{image: {IMAGE}, network_mode: none, volumes: ['data:/data']}}}}\nvolumes: {{data: {{}}}}\n"
    ));
    project.up();
    python("fill", &project.volume_dir("data"));
    let before = listing(&project);
    assert!(before.len() > 20_000);
    let folder = project.new_target();
    let archive = project.new_target().with_extension("tar.zst");
    let targets = [
        "backup",
        "--volumes",
        "-t",
        folder.to_str().unwrap(),
        "-t",
        archive.to_str().unwrap(),
    ];
    project.dump(&targets).expect(0);
    let dump = only_entry(&folder);
    let (dump, archive) = (dump.to_str().unwrap(), archive.to_str().unwrap());

    lose_and_restore(&project, &[dump], "direct", None);
    assert_same(&before, &listing(&project));
    let stream = File::open(archive).unwrap();
    lose_and_restore(&project, &["-"], "direct", Some(stream));
    assert_same(&before, &listing(&project));

    lose_and_restore(&project, &[archive], "engine", None);
    let after = listing(&project);
    assert_same(
        &as_written_by_the_engine(&before),
        &as_written_by_the_engine(&after),
    );
    project.assert_nothing_left();
}
