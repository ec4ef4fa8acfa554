//! What the Compose files declare and what is not there: no gap of a dump, and easily overlooked.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::compose::{Reference, Role};

use super::facts::Facts;
use super::links::PathEnd;
use super::model::{Decision, Scope, VolumePlan};
use super::owners::shown;
use super::request::Request;
use super::volumes::not_there;

/// What is declared and not there, by the names that the plan has for it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Missing {
    /// Compose files that `include` or `extends` names: what they define is not known, and so not
    /// dumped. A dump without them is not whole.
    pub definitions: Vec<String>,
    /// Other files and folders without which Compose fails.
    pub files: Vec<String>,
    /// Volumes of the project that the engine does not have (yet).
    pub volumes: Vec<String>,
}

/// What is missing of what was asked for.
pub(super) fn plan(request: &Request, facts: &Facts, volumes: &[VolumePlan]) -> Missing {
    let defines = |reference: &Reference| matches!(reference.role, Role::Included | Role::Extended);
    let names = |wanted: &dyn Fn(&Reference) -> bool| -> Vec<String> {
        let gone = facts.project.references.iter().filter(|reference| {
            reference.required
                && facts
                    .paths
                    .get(&reference.path)
                    .is_some_and(|fact| fact.end == PathEnd::Missing)
                && wanted(reference)
        });
        let names = gone.map(|reference| shown(&facts.project.dir, &reference.path));
        names.collect::<BTreeSet<_>>().into_iter().collect()
    };
    let config = request.wants(Scope::Config);
    let is_missing =
        |row: &&VolumePlan| row.decision == Decision::left_out(not_there(&row.services));
    Missing {
        definitions: names(&defines),
        files: names(&|reference| config && !defines(reference)),
        volumes: volumes
            .iter()
            .filter(is_missing)
            .map(|row| row.kind.to_string())
            .collect(),
    }
}
