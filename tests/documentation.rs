//! What the documentation says, held against the code and the files that it names.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use compose_dump::exit::Exit;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
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
            let path = root().join(&target);
            assert!(path.exists(), "{page} links to {target}");
        }
    }
}

/// The paths that a page names in backquotes, `a/{b,c}` taken apart. A path may begin below `src/`.
fn named_paths(page: &str) -> Vec<String> {
    let quoted = page.split('`').skip(1).step_by(2);
    let is_path = |word: &&str| {
        let begins = word.split('/').next().unwrap_or_default();
        word.contains('/')
            && !begins.is_empty()
            && !word.contains([' ', '<', '*', ':', '$', '='])
            && (root().join(begins).is_dir() || root().join("src").join(begins).is_dir())
    };
    quoted.filter(is_path).flat_map(alternatives).collect()
}

fn alternatives(word: &str) -> Vec<String> {
    let Some((before, rest)) = word.split_once('{') else {
        return vec![word.to_owned()];
    };
    let (inside, after) = rest.split_once('}').unwrap();
    let whole = |part: &str| format!("{before}{part}{after}");
    inside.split(',').map(whole).collect()
}

#[test]
fn the_pages_name_files_that_are_there() {
    let mut count = 0;
    for page in ["CONTRIBUTING.md", "docs/design.md", "README.md"] {
        for path in named_paths(&read(page)) {
            let there = |path: &Path| path.exists() || path.with_extension("rs").exists();
            let found = there(&root().join(&path)) || there(&root().join("src").join(&path));
            assert!(found, "{page} names {path}");
            count += 1;
        }
    }
    assert!(count > 30, "{count} names found");
}

#[test]
fn every_decision_has_the_same_parts() {
    let folder = root().join("docs/adr");
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
