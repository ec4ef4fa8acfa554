//! What the Compose files declare and what is not there: no gap of a dump, and easily overlooked.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use crate::compose::{Reference, Role};
use crate::config::job_file::rules::MountedRule;

use super::facts::Facts;
use super::job_file::deciding;
use super::links::PathEnd;
use super::model::{Decision, Scope, VolumePlan};
use super::owners::{bind_sources, shown};
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
    /// Sources of bind mounts in the project folder: Compose makes a folder there when it brings the
    /// project up, but a disk may also not be mounted.
    pub mounts: Vec<String>,
    /// Volumes of the project that the engine does not have (yet).
    pub volumes: Vec<String>,
}

/// Sources in the project folder where nothing is, and that no rule skips.
fn mounts(request: &Request, facts: &Facts) -> Vec<String> {
    if !request.wants(Scope::Mounted) || facts.engine_is_remote() {
        return Vec::new();
    }
    let base = &facts.project.dir;
    let is_wanted = |source: &Path| {
        let relative = source.strip_prefix(base).ok();
        relative.is_some_and(|path| {
            let rule = deciding::of_mount(&request.rules, path);
            rule.is_none_or(|decides| *decides.rule != MountedRule::Skip)
        })
    };
    let sources = bind_sources(&facts.project).map(|(_, source)| source);
    let gone = sources.filter(|source| {
        let fact = facts.paths.get(*source);
        fact.is_some_and(|fact| fact.end == PathEnd::Missing) && is_wanted(source)
    });
    let names = gone.map(|source| shown(base, source));
    names.collect::<BTreeSet<_>>().into_iter().collect()
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
        mounts: mounts(request, facts),
        volumes: volumes
            .iter()
            .filter(is_missing)
            .map(|row| row.kind.to_string())
            .collect(),
    }
}
