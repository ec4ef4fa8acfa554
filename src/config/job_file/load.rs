//! The spine: bytes to a checked file, or everything that speaks against it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use serde_json::Value;

use super::document::Document;
use super::key_path::KeyPath;
use super::model::JobFile;
use super::prune::prune;
use super::source::Source;
use super::{form, sense, variables};
use crate::diagnostic::Finding;

/// What reading the file gives.
#[derive(Debug)]
pub struct Loaded {
    /// The values, without those that a finding is about.
    pub file: JobFile,
    /// Where they stand.
    pub document: Document,
    /// What is wrong with the file by itself.
    pub findings: Vec<Finding>,
}

/// Reads, parses, fills in and checks a `compose-dump.yml`.
///
/// # Errors
/// A finding where there are no values to speak of: no file, no YAML, another version of the format.
pub fn load(
    source: &Source,
    environment: &BTreeMap<OsString, OsString>,
) -> Result<Loaded, Finding> {
    let mut document = Document::parse(source.name(), source.read()?)?;
    let unset = variables::fill_in(&mut document, environment);
    let values = document.to_json();
    if let Some(finding) = form::other_version(&document, &values) {
        return Err(finding);
    }
    let unfilled: BTreeSet<&KeyPath> = unset.iter().map(|(path, _)| path).collect();
    let mut complaints = form::complaints(&values);
    // Of a text whose variable is not set nothing more is to be said.
    complaints.retain(|complaint| !unfilled.contains(&complaint.path));
    let wrong = complaints.iter().map(|complaint| &complaint.removed);
    let file = rest(values, wrong.chain(unfilled).collect());
    let mut findings: Vec<Finding> = unset.iter().map(|(_, finding)| finding.clone()).collect();
    findings.extend(
        complaints
            .iter()
            .map(|complaint| complaint.finding(&document)),
    );
    let file = match file {
        Ok(file) => file,
        // Something is wrong that the schema did not see; never accepted all the same.
        Err(error) if findings.is_empty() => {
            return Err(Finding::new("config::form", error.to_string()));
        }
        Err(_) => JobFile::default(),
    };
    findings.extend(sense::findings(&file, &document));
    Ok(Loaded {
        file,
        document,
        findings,
    })
}

/// The file without what is wrong in it.
fn rest(mut values: Value, mut wrong: Vec<&KeyPath>) -> Result<JobFile, serde_json::Error> {
    // In a list the last comes first, so that the others keep their index.
    wrong.sort_by_key(|path| {
        let keys = path.keys().iter().map(|key| (key.len(), key.as_str()));
        std::cmp::Reverse(keys.collect::<Vec<_>>())
    });
    wrong.dedup();
    for path in wrong {
        prune(&mut values, path);
    }
    serde_json::from_value(values)
}
