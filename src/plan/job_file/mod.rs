//! Holds a `compose-dump.yml` against the project, as far as that needs no engine, and says which of
//! its rules decides. Pure.

mod cover;
pub(super) mod deciding;
mod names;
mod rule_sets;
mod targets;

use crate::compose::Project;
use crate::config::job_file::{Document, JobFile};
use crate::diagnostic::Finding;

pub use cover::uncovered;
pub(crate) use rule_sets::{anonymous_volumes, rule_path};

/// Everything in the file that the project speaks against.
#[must_use]
pub fn findings(file: &JobFile, document: &Document, project: &Project) -> Vec<Finding> {
    let mut found = names::findings(file, document, project);
    found.extend(targets::findings(file, document, project));
    found
}
