//! What does not stop a run but should be known before it.

use std::collections::BTreeMap;

use super::facts::{EngineFacts, Facts};
use super::hold::NOT_OF_PROJECT;
use super::left_behind;
use super::model::{HoldPlan, ReaderPlan, Scope, TreePlan, VolumePlan, Window};
use super::request::Request;
use crate::config::settings::{AtOnce, ReaderChoice};

/// The warnings of a plan: those of its files, of the engine, of who cannot be held still.
pub(super) fn of(
    request: &Request,
    facts: &Facts,
    hold: &HoldPlan,
    (trees, volumes): (&[TreePlan], &[VolumePlan]),
) -> Vec<String> {
    let mut warnings: Vec<String> = facts
        .project
        .warnings
        .iter()
        .map(|warning| {
            let file = super::owners::shown(&facts.project.dir, &warning.file);
            match warning.line {
                Some(line) => format!("{file}:{line}: {}", warning.message),
                None => format!("{file}: {}", warning.message),
            }
        })
        .collect();
    match &facts.engine {
        Ok(engine) => {
            warnings.extend(left_behind::warning(engine));
            if request.wants(Scope::Volumes) {
                warnings.extend(unknown_project(facts, engine));
            }
        }
        Err(why) if trees.iter().any(|tree| tree.scope == Scope::Mounted) => {
            warnings.push(format!(
                "mounted paths are read while services may write to them: {why}"
            ));
        }
        Err(_) => {}
    }
    if hold.window == Window::Volume && request.settings.volumes_at_once > AtOnce::ONE {
        warnings.push(
            "`volumes_at_once` has no effect with `window: volume`, which reads one volume at a time"
                .to_owned(),
        );
    }
    warnings.extend(through_engine(request, volumes));
    let strangers = hold.go_on.iter().filter(|one| one.why == NOT_OF_PROJECT);
    warnings.extend(strangers.map(|stranger| {
        format!(
            "`{}` is of another project, shares what is read, and is not held: what it writes meanwhile may be stored in part",
            stranger.name
        )
    }));
    warnings
}

/// What the engine's API loses, for each reason for which it is used though nobody has chosen it.
fn through_engine(request: &Request, volumes: &[VolumePlan]) -> Vec<String> {
    if request.settings.reader != ReaderChoice::Auto {
        return Vec::new();
    }
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in volumes {
        if let Some(ReaderPlan::Engine { because }) = &row.reader {
            by_reason
                .entry(because)
                .or_default()
                .push(row.kind.to_string());
        }
    }
    let warning = |(because, names): (&str, Vec<String>)| {
        format!(
            "read through the engine's API ({because}), which loses fractions of seconds, ACLs, attributes but capabilities, and the user namespaces of these: {}",
            names.join(", ")
        )
    };
    by_reason.into_iter().map(warning).collect()
}

/// A mistyped `-p` finds nothing at the engine, as a project does that was never up.
fn unknown_project(facts: &Facts, engine: &EngineFacts) -> Option<String> {
    let project = &facts.project;
    let its_own = |volume: &&crate::engine::Volume| volume.project() == Some(&project.name);
    let is_known =
        !engine.containers.is_empty() || engine.volumes.values().any(|volume| its_own(&volume));
    (!is_known && !project.services.is_empty()).then(|| {
        format!(
            "the engine has no container and no volume of a project `{}`: it was never up, or goes by another name (`-p`)",
            project.name
        )
    })
}
