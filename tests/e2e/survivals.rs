//! What survives which way out of a volume and back, kind by kind: the table of `docs/fidelity.md`, which
//! this test makes by doing it, beside GNU tar doing the same, and with other programs unpacking our tars.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::fidelity::{Listing, listing_of, lose_and_restore};
use crate::support::{IMAGE, Project, Volume, mountpoint, only_entry, run, succeed};

/// The row of the volume's own folder.
const ROOT: &str = "the volume's own folder";
/// What a cell says of a kind of which nothing is lost.
const KEPT: &str = "kept";

/// The first columns are what compose-dump does; others follow.
const OWN_COLUMNS: usize = 5;

/// A column: its heading, and everything that came out at the end of this way.
struct Way {
    heading: &'static str,
    after: Listing,
}

fn member(dump: &Path) -> PathBuf {
    dump.join("volumes/project/data.tar")
}

/// Dumps the volume in both formats, gives the folder and the archive.
fn dump(project: &Project, reader: &str) -> [PathBuf; 2] {
    let folder = project.new_target();
    let archive = project.new_target().with_extension("tar");
    let mut command = project.program(&["backup", "--volumes"]);
    command.arg("-t").arg(&folder).arg("-t").arg(&archive);
    run(command.env("COMPOSE_DUMP_READER", reader)).expect(0);
    [only_entry(&folder), archive]
}

/// Restores a dump in place of the volume, by the writer that goes with that reader.
fn restored(project: &Project, heading: &'static str, dump: &Path, reader: &str) -> Way {
    lose_and_restore(project, &[dump.to_str().unwrap()], reader, None);
    let after = listing_of(&project.volume_dir("data"));
    Way { heading, after }
}

/// Has another program unpack a tar into a new folder of the same file system.
fn unpacked(heading: &'static str, scratch: &Volume, program: &[&str], tar: &Path) -> Way {
    let folder = mountpoint(&scratch.name).join(heading);
    std::fs::create_dir(&folder).unwrap();
    let mut command = Command::new(program[0]);
    succeed(command.args(&program[1..]).arg(tar).current_dir(&folder));
    let after = listing_of(&folder);
    Way { heading, after }
}

const GNU_TAR_PACKS: &str =
    "tar --xattrs --xattrs-include='*' --acls --sparse --numeric-owner --format=pax -cf";
const GNU_TAR_UNPACKS: [&str; 6] = [
    "tar",
    "--xattrs",
    "--xattrs-include=*",
    "--acls",
    "--numeric-owner",
    "-xpf",
];
const BSDTAR_UNPACKS: [&str; 3] = ["bsdtar", "--numeric-owner", "-xpf"];
const PYTHON_UNPACKS: [&str; 3] = [
    "python3",
    "-c",
    "import sys, tarfile; tarfile.open(sys.argv[1]).extractall(numeric_owner=True)",
];

/// The kind that an entry belongs to: its first folder.
fn kind(path: &str) -> &str {
    let below = path.strip_prefix("./").unwrap_or(ROOT);
    below.split('/').next().unwrap_or(below)
}

/// What became of one entry, in the words of the table.
fn losses(before: &Value, after: Option<&Value>) -> BTreeSet<&'static str> {
    let Some(after) = after else {
        return BTreeSet::from(["left out"]);
    };
    let differs = |field: &str| before.get(field) != after.get(field);
    let words = [
        ("mode", "other mode"),
        ("owner", "other owner"),
        ("device", "other device"),
        ("first", "a file of its own"),
        ("target", "other target"),
        ("size", "other size"),
        ("content", "other content"),
        ("data", "zeros"),
        ("flags", "lost"),
    ];
    let words = words.into_iter().filter(|(field, _)| differs(field));
    let words = words.map(|(_, word)| word);
    let time = differs("mtime").then(|| time(before, after));
    let attributes = differs("attributes").then(|| attributes(before, after));
    words.chain(time).chain(attributes).collect()
}

fn time(before: &Value, after: &Value) -> &'static str {
    let (before, after) = (nanoseconds(before), nanoseconds(after));
    match after {
        0 => "1970",
        _ if after == before.div_euclid(1_000_000_000) * 1_000_000_000 => "whole seconds",
        _ if after.abs_diff(before) < 1000 => "microseconds",
        _ => "other time",
    }
}

/// The time of an entry; nanoseconds since 1970 do not fit 64 bits for all that a file system has.
fn nanoseconds(entry: &Value) -> i128 {
    let negative = entry["mtime"].as_i64().map(i128::from);
    let large = || entry["mtime"].as_u64().map(i128::from);
    negative.or_else(large).expect("a number")
}

fn attributes(before: &Value, after: &Value) -> &'static str {
    match after["attributes"].as_object() {
        Some(after) if after.is_empty() => "lost",
        _ if before["attributes"] == Value::Null => "new attributes",
        _ => "other attributes",
    }
}

/// One cell: what this way does to entries of that kind.
fn cell(before: &Listing, way: &Way, row: &str) -> String {
    let of_kind = before.iter().filter(|(path, _)| kind(path) == row);
    let words: BTreeSet<&str> = of_kind
        .flat_map(|(path, entry)| losses(entry, way.after.get(path)))
        .collect();
    if words.is_empty() {
        return KEPT.to_owned();
    }
    words.into_iter().collect::<Vec<_>>().join(", ")
}

/// The table as Markdown, its rows in the order of `rows`.
fn table(before: &Listing, ways: &[Way], rows: &[&str]) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let headings = ways.iter().map(|way| way.heading.to_owned());
    let mut text = line(std::iter::once("kind".to_owned()).chain(headings).collect());
    text += &line(vec!["---".to_owned(); ways.len() + 1]);
    for row in rows {
        let cells = ways.iter().map(|way| cell(before, way, row));
        text += &line(std::iter::once((*row).to_owned()).chain(cells).collect());
    }
    text
}

/// The table that `docs/fidelity.md` has.
fn documented() -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/fidelity.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows = page.lines().filter(|line| line.starts_with('|'));
    rows.map(|line| format!("{line}\n")).collect()
}

/// The rows of a table, cell by cell.
fn cells(table: &str) -> Vec<Vec<&str>> {
    let rows = table.lines().map(|line| line.trim_matches('|').split('|'));
    rows.map(|row| row.map(str::trim).collect()).collect()
}

/// Whether a cell is as documented. Other versions of the other programs may lose less.
fn is_as_documented(column: usize, found: &str, documented: &str) -> bool {
    if found == documented {
        return true;
    }
    let known: BTreeSet<&str> = documented.split(", ").collect();
    let of_others = column > OWN_COLUMNS;
    of_others && (found == KEPT || found.split(", ").all(|word| known.contains(word)))
}

/// The cells that are not as documented, with their row and column.
fn wrong(found: &str, documented: &str) -> Vec<String> {
    let (found, documented) = (cells(found), cells(documented));
    assert_eq!(found.len(), documented.len(), "rows");
    let mut wrong = Vec::new();
    for (found_row, documented_row) in found.iter().zip(&documented) {
        assert_eq!(found_row.len(), documented_row.len(), "columns");
        for (column, (is, said)) in found_row.iter().zip(documented_row).enumerate() {
            if !is_as_documented(column, is, said) {
                let (row, way) = (found_row[0], found[0][column]);
                wrong.push(format!("{row}, {way}: {is}, documented is {said}"));
            }
        }
    }
    wrong
}

#[test]
#[ignore = "needs an engine and Compose v2, and its root: tests/run.sh"]
fn what_survives_is_what_the_documentation_says() {
    let project = Project::new(&format!(
        "services: {{app: {{image: {IMAGE}, network_mode: none, volumes: ['data:/data']}}}}\nvolumes: {{data: {{}}}}\n"
    ));
    project.up();
    let scratch = Volume::create(format!("{}-scratch", project.name), &[]);
    let kinds = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/kinds.py");
    let place = project.volume_dir("data");
    let kinds = succeed(Command::new("python3").arg(kinds).arg(&place));
    let rows: Vec<&str> = kinds.lines().chain([ROOT]).collect();
    let before = listing_of(&place);

    let theirs = project.beside("tars").join("theirs.tar");
    let pack = format!("{GNU_TAR_PACKS} '{}' .", theirs.display());
    succeed(
        Command::new("bash")
            .args(["-ec", &pack])
            .current_dir(&place),
    );
    let [folder, archive] = dump(&project, "direct");
    let [engine_folder, engine_archive] = dump(&project, "engine");
    let ours = member(&folder);
    let ways = [
        restored(&project, "direct, directory", &folder, "direct"),
        restored(&project, "direct, archive", &archive, "direct"),
        restored(&project, "engine, directory", &engine_folder, "engine"),
        restored(&project, "engine, archive", &engine_archive, "engine"),
        restored(&project, "direct, then engine", &archive, "engine"),
        unpacked("GNU tar alone", &scratch, &GNU_TAR_UNPACKS, &theirs),
        unpacked("ours by GNU tar", &scratch, &GNU_TAR_UNPACKS, &ours),
        unpacked("ours by bsdtar", &scratch, &BSDTAR_UNPACKS, &ours),
        unpacked("ours by Python", &scratch, &PYTHON_UNPACKS, &ours),
    ];

    for way in &ways {
        let unknown = way.after.keys().find(|path| !before.contains_key(*path));
        assert_eq!(unknown, None, "{} makes something up", way.heading);
    }
    let found = table(&before, &ways, &rows);
    println!("{found}");
    let wrong = wrong(&found, &documented());
    assert!(wrong.is_empty(), "{wrong:#?}\n{found}");
    project.assert_nothing_left();
}
