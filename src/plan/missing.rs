//! What the Compose files declare and what is not there: no gap of a dump, and easily overlooked.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use crate::compose::{Reference, Role};
use crate::config::job_file::rules::MountedRule;

use super::facts::Facts;
use super::job_file::deciding;
use super::links::{PathEnd, PathFact};
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
    /// Mounted paths that links lead out of the project folder: the links are in the dump, and what they lead to is
    /// not.
    pub elsewhere: Vec<Elsewhere>,
    /// Volumes of the project that the engine does not have (yet).
    pub volumes: Vec<String>,
}

/// A mounted path that a link leads out of the project folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Elsewhere {
    /// The path in the project.
    pub path: String,
    /// Where it leads.
    pub to: String,
    /// Whether a rule takes it: then a dump without its content is not whole.
    pub is_ruled: bool,
}

impl Missing {
    /// What keeps a dump from being whole: what it lacks, and why.
    pub fn gaps(&self) -> impl Iterator<Item = (String, String)> {
        let definitions = self.definitions.iter().map(|file| {
            (
                format!("what `{file}` defines"),
                "the file does not exist".to_owned(),
            )
        });
        let ruled = self.elsewhere.iter().filter(|one| one.is_ruled);
        let ruled = ruled.map(|one| {
            (
                format!("the content of `{}`", one.path),
                format!("a link leads out of the project folder, to `{}`", one.to),
            )
        });
        definitions.chain(ruled)
    }

    /// Whether it keeps a dump from being whole.
    #[must_use]
    pub fn has_gaps(&self) -> bool {
        self.gaps().next().is_some()
    }
}

/// A source of a bind mount in the project folder that no rule skips.
struct Wanted<'a> {
    source: &'a Path,
    fact: &'a PathFact,
    is_ruled: bool,
}

fn wanted<'a>(request: &'a Request, facts: &'a Facts) -> Vec<Wanted<'a>> {
    if !request.wants(Scope::Mounted) || facts.engine_is_remote() {
        return Vec::new();
    }
    let sources: BTreeSet<&Path> = bind_sources(&facts.project)
        .map(|(_, source)| source)
        .collect();
    let wanted = sources.into_iter().filter_map(|source| {
        let relative = source.strip_prefix(&facts.project.dir).ok()?;
        let rule = deciding::of_mount(&request.rules, relative);
        let is_skipped = rule.is_some_and(|decides| *decides.rule == MountedRule::Skip);
        (!is_skipped).then_some(Wanted {
            source,
            fact: facts.paths.get(source)?,
            is_ruled: rule.is_some(),
        })
    });
    wanted.collect()
}

/// Sources where nothing is.
fn mounts(wanted: &[Wanted<'_>], base: &Path) -> Vec<String> {
    let gone = wanted.iter().filter(|one| one.fact.end == PathEnd::Missing);
    gone.map(|one| shown(base, one.source)).collect()
}

/// Sources that links lead out of the project folder.
fn elsewhere(wanted: &[Wanted<'_>], base: &Path) -> Vec<Elsewhere> {
    let away = wanted.iter().filter(|one| {
        let fact = one.fact;
        !fact.inside && !fact.links.is_empty() && fact.end != PathEnd::Missing
    });
    let rows = away.map(|one| Elsewhere {
        path: shown(base, one.source),
        to: shown(base, &one.fact.real),
        is_ruled: one.is_ruled,
    });
    rows.collect()
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
    let wanted_mounts = wanted(request, facts);
    let is_missing =
        |row: &&VolumePlan| row.decision == Decision::left_out(not_there(&row.services));
    Missing {
        definitions: names(&defines),
        files: names(&|reference| config && !defines(reference)),
        mounts: mounts(&wanted_mounts, &facts.project.dir),
        elsewhere: elsewhere(&wanted_mounts, &facts.project.dir),
        volumes: volumes
            .iter()
            .filter(is_missing)
            .map(|row| row.kind.to_string())
            .collect(),
    }
}
