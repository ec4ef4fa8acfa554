//! What the documentation says, held against the code and the files that it names.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use compose_dump::exit::Exit;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The numbers in the first column of the README's table of exit codes.
fn exit_codes_of_the_readme() -> Vec<u8> {
    let readme = read("README.md");
    let table = readme.split("| exit code | meaning |").nth(1).unwrap();
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.split('|').nth(1).unwrap().to_owned());
    let numbers = cells.flat_map(|cell| {
        let codes = cell.split(',').map(|code| code.trim().parse().unwrap());
        codes.collect::<Vec<u8>>()
    });
    numbers.collect()
}

#[test]
fn the_readme_lists_every_exit_code() {
    let mut codes: Vec<u8> = Exit::BY_WEIGHT.iter().map(|exit| exit.code()).collect();
    codes.sort_unstable();
    assert_eq!(exit_codes_of_the_readme(), codes);
}

/// Targets of the links of a page, without their anchors; links to elsewhere are left out.
fn links(page: &str) -> Vec<String> {
    let targets = page
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let local = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    local
        .map(|target| target.split('#').next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn the_pages_link_to_what_is_there() {
    for page in ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"] {
        for target in links(&read(page)) {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&target);
            assert!(path.exists(), "{page} links to {target}");
        }
    }
}

#[test]
fn the_pages_name_files_that_are_there() {
    for page in ["CONTRIBUTING.md", "docs/design.md", "README.md"] {
        let text = read(page);
        let quoted = text.split('`').skip(1).step_by(2);
        let is_path = |word: &&str| {
            let rooted = [
                "src/",
                "tests/",
                "docs/",
                "examples/",
                "schemas/",
                "benches/",
            ];
            rooted.iter().any(|root| word.starts_with(root)) && !word.contains(['{', '<', ' ', '*'])
        };
        for word in quoted.filter(is_path) {
            assert!(
                Path::new(env!("CARGO_MANIFEST_DIR")).join(word).exists(),
                "{page} names {word}"
            );
        }
    }
}

#[test]
fn every_decision_has_the_same_parts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/adr");
    let mut pages = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let short = text.lines().count() <= 60;
        let has_parts = ["**Context.**", "**Decision.**", "**Rejected.**"]
            .iter()
            .all(|part| text.contains(part));
        assert!(
            short && (has_parts || text.contains("| crate |")),
            "{}",
            path.display()
        );
        pages += 1;
    }
    assert!(pages >= 6, "{pages} decisions");
}
