//! What `init` writes for a case, held against the case as `check --strict` does it.

use std::collections::BTreeMap;
use std::ffi::OsString;

use compose_dump::compose::Project;
use compose_dump::config::job_file::model::ProjectRules;
use compose_dump::config::job_file::{Source, load};
use compose_dump::diagnostic::Finding;
use compose_dump::init::job_file;
use compose_dump::plan::job_file::{findings, uncovered};

use crate::case::Case;

/// Whether the case can be loaded, and then has such a file.
pub(crate) fn check(case: &Case) -> Result<bool, String> {
    let Ok(project) = case.load() else {
        return Ok(false);
    };
    let text = job_file(&project, &ProjectRules::default());
    let jobs = text.find("# jobs:").ok_or("no example of jobs")?;
    let with_jobs = text[jobs..].replace("\n# ", "\n").replacen("# ", "", 1);
    for text in [text.clone(), text[..jobs].to_owned() + &with_jobs] {
        let found = complaints(&text, &project);
        if !found.is_empty() {
            return Err(format!("{}\n{text}", found.join("\n")));
        }
    }
    Ok(true)
}

fn complaints(text: &str, project: &Project) -> Vec<String> {
    let source = Source::Text {
        name: "compose-dump.yml".to_owned(),
        text: text.to_owned(),
    };
    let message = |finding: Finding| finding.message;
    let loaded = match load(&source, &BTreeMap::<OsString, OsString>::new()) {
        Ok(loaded) => loaded,
        Err(finding) => return vec![message(finding)],
    };
    let (file, document) = (&loaded.file, &loaded.document);
    let of_project = findings(file, document, project);
    let left = uncovered(file, document, project);
    let all = loaded.findings.into_iter().chain(of_project).chain(left);
    all.map(message).collect()
}
