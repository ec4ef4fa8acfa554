//! The job files that the documents show are good ones.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{program, root, rows, run};

/// The documents that show whole job files, all for the project in `tests/configs/documented`.
const DOCUMENTS: [&str; 2] = ["README.md", "docs/jobs.md"];

/// The YAML blocks of a document that are job files.
fn blocks(document: &str) -> Vec<String> {
    let text = fs::read_to_string(root(document)).expect("a document");
    let blocks = text.split("```yaml\n").skip(1);
    let blocks = blocks.filter_map(|rest| Some(rest.split_once("\n```")?.0.to_owned()));
    blocks
        .filter(|block| block.contains("version: 1"))
        .collect()
}

/// Writes every block beside the project that they speak of, for the tests that look at files.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let compose = root("tests/configs/documented/compose.yaml");
    fs::copy(compose, folder.join("compose.yaml")).expect("the project");
    let mut written = Vec::new();
    for document in DOCUMENTS {
        let found = blocks(document);
        assert!(!found.is_empty(), "{document} shows a job file");
        for block in found {
            let path = folder.join(format!("{}.yml", written.len()));
            fs::write(&path, block).expect("a file");
            written.push(path);
        }
    }
    written
}

#[test]
fn what_the_documents_show_passes_the_strict_check() {
    let folder = tempfile::tempdir().expect("a folder");
    for file in files(folder.path()) {
        let file = file.to_str().expect("text");
        let output = run(&mut program(&["check", "--strict", "--json", "-c", file]));
        let text = fs::read_to_string(file).expect("a file");
        assert_eq!(rows(&output), Vec::<Value>::new(), "{text}");
    }
}
