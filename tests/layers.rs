//! Which part of the library may know which, read off the sources: `docs/design.md` draws the layers,
//! this keeps them.
//!
//! Only what is compiled into the program counts: a file's tests, and files of tests, may do as they
//! need.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file without its tests and comments.
struct Source {
    /// Below `src/`.
    path: String,
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let sources: Vec<Source> = files
        .iter()
        .map(|file| Source {
            path: below(&root, file),
            code: code_of(&fs::read_to_string(file).expect("a source file")),
        })
        .filter(|source| !is_of_tests(&source.path))
        .collect();
    assert!(sources.len() > 100, "the sources are in `src/`");
    sources
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn below(root: &Path, file: &Path) -> String {
    let relative = file.strip_prefix(root).expect("it was found there");
    relative.to_str().expect("ASCII names").to_owned()
}

/// Modules that are declared under `#[cfg(test)]`, and the engine in memory.
fn is_of_tests(path: &str) -> bool {
    let parts: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    let marks = ["tests", "samples", "conformance", "fake"];
    parts
        .iter()
        .any(|part| marks.contains(part) || part.ends_with("_test"))
}

/// The text without comments and without what follows `#[cfg(test)] mod tests`, which ends a file.
fn code_of(text: &str) -> String {
    let lines = text.lines().collect::<Vec<_>>();
    let tests = lines
        .windows(2)
        .position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod tests {"));
    let tests = tests.or_else(|| {
        lines.windows(3).position(|lines| {
            lines[0] == "#[cfg(test)]"
                && lines[1].starts_with("#[allow")
                && lines[2].starts_with("mod tests {")
        })
    });
    let code = &lines[..tests.unwrap_or(lines.len())];
    let without_comment = |line: &&&str| !line.trim_start().starts_with("//");
    let code = code.iter().filter(without_comment).copied();
    code.collect::<Vec<_>>().join("\n")
}

/// The modules of this crate that the code names, be it in a `use` or in a path.
fn modules(code: &str) -> Vec<String> {
    let mut modules = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => {
                let group = &group[..group.find("};").unwrap_or(group.len())];
                let names = group.split(',').map(|name| first_word(name.trim()));
                modules.extend(names.map(str::to_owned));
            }
            None => modules.push(first_word(rest).to_owned()),
        }
    }
    modules
}

fn first_word(text: &str) -> &str {
    let end = text.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    &text[..end.unwrap_or(text.len())]
}

/// Whether the code uses this word as a whole.
fn has_word(code: &str, word: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    code.match_indices(word).any(|(at, _)| {
        !code[..at].ends_with(is_letter) && !code[at + word.len()..].starts_with(is_letter)
    })
}

/// Fails with all files below `folders` that name one of `forbidden`.
fn forbid(folders: &[&str], forbidden: &[&str]) {
    let mut wrong = Vec::new();
    let mut read = 0;
    for source in sources() {
        let in_folder = |folder: &&str| source.path.starts_with(*folder);
        if !folders.iter().any(in_folder) {
            continue;
        }
        read += 1;
        for module in modules(&source.code) {
            if forbidden.contains(&module.as_str()) {
                wrong.push(format!("src/{} names `crate::{module}`", source.path));
            }
        }
    }
    assert!(read > 0, "no source in {folders:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_reader_of_this_test_sees_uses_and_paths() {
    let code = "use crate::{archive, config::size};\nlet x = crate::engine::Engine;";
    assert_eq!(modules(code), ["archive", "config", "engine"]);
    assert!(has_word("std::fs::read()", "std::fs"));
    assert!(!has_word("std::fsync()", "std::fs"));
    let text = "a\n// crate::plan\n#[cfg(test)]\nmod tests {\ncrate::plan\n}";
    assert_eq!(code_of(text), "a");
}

#[test]
fn targets_files_codecs_and_archive_know_nothing_of_configuration_engine_and_plan() {
    forbid(
        &["targets/", "codecs/", "archive/"],
        &[
            "config", "cli", "compose", "engine", "plan", "executor", "sources",
        ],
    );
    forbid(
        &["files/"],
        &[
            "config", "cli", "compose", "engine", "plan", "executor", "sources", "targets",
            "stored",
        ],
    );
    forbid(&["codecs/", "archive/"], &["targets", "files"]);
    forbid(&["codecs/"], &["archive"]);
}

#[test]
fn sources_know_nothing_of_plan_and_targets() {
    forbid(
        &["sources/"],
        &[
            "plan", "cli", "compose", "config", "executor", "targets", "engine", "codecs",
        ],
    );
}

/// Dumps are read without the project that they are of.
#[test]
fn stored_dumps_are_read_without_configuration_engine_and_plan() {
    forbid(
        &["stored/"],
        &[
            "config", "cli", "compose", "engine", "plan", "executor", "sources",
        ],
    );
}

#[test]
fn the_compose_loader_and_the_engine_stand_alone() {
    forbid(
        &["compose/"],
        &[
            "cli", "config", "engine", "executor", "plan", "sources", "targets", "archive",
        ],
    );
    forbid(
        &["engine/"],
        &[
            "cli", "compose", "config", "executor", "plan", "sources", "targets", "archive",
        ],
    );
    forbid(
        &["config/"],
        &[
            "cli", "compose", "engine", "executor", "plan", "sources", "targets", "archive",
        ],
    );
}

/// Object stores are reached by targets and by those who read dumps, and know neither.
#[test]
fn the_way_to_object_stores_stands_alone() {
    forbid(
        &["store/"],
        &[
            "cli", "compose", "config", "engine", "executor", "plan", "sources", "stored",
            "targets",
        ],
    );
}

#[test]
fn plans_are_executed_and_do_not_execute() {
    forbid(&["plan/"], &["cli", "executor", "targets"]);
    forbid(&["executor/"], &["cli"]);
}

#[test]
fn restores_are_planned_purely_and_know_no_command_line() {
    forbid(&["restore/"], &["cli", "targets"]);
    // Content that was put back is read again as it was read for the dump.
    forbid(
        &["restore/plan/", "restore/executor/"],
        &["sources", "codecs"],
    );
    forbid(&["restore/content/"], &["plan", "compose", "config"]);
    forbid(&["restore/plan/"], &["executor", "stored", "files"]);
}

/// Which dumps stay follows from manifests, a policy and the time alone.
#[test]
fn retention_is_pure_and_pruning_knows_no_configuration() {
    for source in sources() {
        if !source.path.starts_with("retention/") {
            continue;
        }
        assert_eq!(modules(&source.code), [""; 0], "src/{}", source.path);
        for word in ["std::fs", "std::env", "rustix", "tokio", "now"] {
            let call = word == "now" && !source.code.contains("::now(");
            assert!(
                call || !has_word(&source.code, word),
                "src/{}: {word}",
                source.path
            );
        }
    }
    forbid(
        &["prune/"],
        &[
            "config", "cli", "compose", "engine", "plan", "executor", "sources",
        ],
    );
}

/// What a first job file says comes from the Compose files alone.
#[test]
fn a_first_file_is_made_without_engine_and_command_line() {
    forbid(
        &["init/"],
        &["cli", "engine", "executor", "sources", "archive", "codecs"],
    );
}

#[test]
fn only_the_docker_engine_names_its_library() {
    for source in sources() {
        let may = source.path.starts_with("engine/docker");
        assert!(
            may || !has_word(&source.code, "bollard"),
            "src/{}",
            source.path
        );
    }
}

/// Standard output is also a target; that one place is the exception.
#[test]
fn only_the_command_line_talks() {
    for source in sources() {
        let may = source.path.starts_with("cli/") || source.path == "targets/open.rs";
        for word in ["stdout()", "stderr()", "println!", "eprintln!", "print!"] {
            assert!(
                may || !source.code.contains(word),
                "src/{}: {word}",
                source.path
            );
        }
    }
}

/// `facts` is the last look at the world, and `links` part of it.
#[test]
fn planning_is_pure() {
    for source in sources() {
        let looks = ["plan/facts.rs", "plan/links.rs"].contains(&&*source.path);
        let plans = ["plan/", "restore/plan/"]
            .iter()
            .any(|folder| source.path.starts_with(folder));
        if !plans || looks {
            continue;
        }
        for word in [
            "std::fs",
            "std::env",
            "std::io",
            "tokio",
            "rustix",
            "async",
            "SystemTime",
        ] {
            assert!(!has_word(&source.code, word), "src/{}: {word}", source.path);
        }
        for call in [
            ".exists()",
            ".is_dir()",
            ".is_file()",
            ".canonicalize()",
            ".metadata()",
        ] {
            assert!(!source.code.contains(call), "src/{}: {call}", source.path);
        }
    }
}

/// Where async and blocking meet, and where threads are made.
#[test]
fn threads_are_made_in_few_places() {
    let may = [
        "executor/digest.rs",
        "executor/fanout/lane.rs",
        "sources/walk/ahead.rs",
        "sources/walk/scan.rs",
        "stored/ahead.rs",
    ];
    for source in sources() {
        let folders = ["executor/", "restore/", "sources/", "stored/", "files/"];
        let is_watched = folders.iter().any(|folder| source.path.starts_with(folder));
        if !is_watched || may.contains(&&*source.path) {
            continue;
        }
        for word in [
            "spawn_blocking",
            "thread::spawn",
            "thread::Builder",
            "block_on",
        ] {
            assert!(!source.code.contains(word), "src/{}: {word}", source.path);
        }
    }
}
