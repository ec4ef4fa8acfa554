//! `docs/diagnostics.md` shows what the program prints.

use std::fs;

use crate::support::{program, root, rows, run};

/// The files whose findings the page shows.
const SHOWN: [&str; 9] = [
    "key_near_miss",
    "version_missing",
    "type_volume_rule_null",
    "value_codec",
    "value_level_range",
    "variable_near",
    "duplicate_key",
    "project_volume",
    "target_in_mount",
];

/// Set to rewrite the page.
const REWRITE: &str = "CDUMP_TEST_REWRITE";

const MARK: &str = "<!-- from here on the page is written by tests/job_file/diagnostics.rs -->\n";

fn section(name: &str) -> String {
    let invalid = root("tests/configs/invalid").join(format!("{name}.yml"));
    let text = fs::read_to_string(invalid).expect("it is there");
    let file: String = text
        .lines()
        .filter(|line| !line.starts_with("# expect"))
        .map(|line| format!("{line}\n"))
        .collect();
    let folder = tempfile::tempdir().expect("temporary folders can be made");
    fs::copy(
        root("tests/configs/project/compose.yaml"),
        folder.path().join("compose.yaml"),
    )
    .expect("it can be copied");
    fs::write(folder.path().join("compose-dump.yml"), file).expect("it can be written");
    let check = |arguments: &[&str]| {
        let output = run(program(arguments).current_dir(folder.path()));
        assert_eq!(output.status.code(), Some(2));
        output
    };
    let rows = rows(&check(&["check", "--json"]));
    let code = rows[0]["code"].as_str().expect("a code").to_owned();
    let said = String::from_utf8(check(&["check"]).stderr).expect("text");
    let lines: Vec<&str> = said.lines().map(str::trim_end).collect();
    format!(
        "\n## {code}\n\n```console\n$ compose-dump check\n{}\n```\n",
        lines.join("\n")
    )
}

#[test]
fn the_page_shows_what_is_printed() {
    let path = root("docs/diagnostics.md");
    let page = fs::read_to_string(&path).expect("the page is there");
    let (head, _) = page.split_once(MARK).expect("the page has its mark");
    let sections: String = SHOWN.into_iter().map(section).collect();
    let fresh = format!("{head}{MARK}{sections}");
    if std::env::var_os(REWRITE).is_some() {
        fs::write(&path, &fresh).expect("it can be written");
    } else {
        assert!(
            page == fresh,
            "docs/diagnostics.md is stale: run `{REWRITE}=1 cargo test --test job_file`"
        );
    }
}
