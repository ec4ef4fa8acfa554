//! A dump as `verify.py` tells it: the manifest, the files as they lie there, and each tar's entries.

use std::collections::BTreeMap;

use serde_json::Value;

/// A dump that holds what it says.
pub(crate) struct Dump {
    all: Value,
}

impl Dump {
    pub(crate) fn new(all: Value) -> Self {
        Self { all }
    }

    /// The manifest.
    pub(crate) fn manifest(&self) -> &Value {
        &self.all["manifest"]
    }

    /// Whether a manifest that says the same lies beside the archive.
    pub(crate) fn has_marker(&self) -> bool {
        self.all["marker"] == true
    }

    /// Paths of the members, sorted.
    pub(crate) fn members(&self) -> Vec<String> {
        let members = self.manifest()["members"].as_array().expect("a list");
        let mut paths: Vec<String> = members.iter().map(|member| text(&member["path"])).collect();
        paths.sort();
        paths
    }

    /// A member's row of the manifest.
    #[track_caller]
    pub(crate) fn member(&self, path: &str) -> &Value {
        let members = self.manifest()["members"].as_array().expect("a list");
        let found = members.iter().find(|member| member["path"] == path);
        found.unwrap_or_else(|| panic!("no member `{path}` in {:?}", self.members()))
    }

    /// Files and links below a folder of the dump, relative to it, sorted. Folders are left out.
    pub(crate) fn files(&self, folder: &str) -> Vec<String> {
        let prefix = format!("{folder}/");
        let files = self.all["files"].as_object().expect("a map");
        let mut names: Vec<String> = files
            .iter()
            .filter(|(_, row)| row["type"] != "d")
            .filter_map(|(name, _)| name.strip_prefix(&prefix))
            .map(str::to_owned)
            .collect();
        names.sort();
        names
    }

    /// What is known of a file, link or folder of the dump; null if there is none.
    pub(crate) fn file(&self, path: &str) -> &Value {
        &self.all["files"][path]
    }

    /// The entries of a volume's tar by name; the root is `./`.
    #[track_caller]
    pub(crate) fn tar(&self, member: &str) -> BTreeMap<String, Value> {
        let entries = self.all["tars"][member].as_object();
        let entries =
            entries.unwrap_or_else(|| panic!("no tar `{member}` in {:?}", self.members()));
        entries
            .iter()
            .map(|(name, row)| (name.clone(), row.clone()))
            .collect()
    }

    /// Reasons of what was left out, by what it is.
    pub(crate) fn left_out(&self) -> BTreeMap<String, String> {
        self.reasons("left_out")
    }

    /// Reasons of what is not, or not wholly, there, by what it is.
    pub(crate) fn failed(&self) -> BTreeMap<String, String> {
        self.reasons("failed")
    }

    fn reasons(&self, key: &str) -> BTreeMap<String, String> {
        let rows = self.manifest()[key].as_array().expect("a list");
        rows.iter()
            .map(|row| (text(&row["what"]), text(&row["reason"])))
            .collect()
    }

    /// What does not depend on when it was made and where it lies: sources, raw content, entries.
    pub(crate) fn content(&self) -> Vec<(String, String, String)> {
        let members = self.manifest()["members"].as_array().expect("a list");
        let mut rows: Vec<_> = members
            .iter()
            .map(|member| {
                (
                    member["source"].to_string(),
                    text(&member["raw_sha256"]),
                    member["entries"].to_string(),
                )
            })
            .collect();
        rows.sort();
        rows
    }
}

/// The text in a JSON string.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}
