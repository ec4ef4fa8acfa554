//! What a plan means for the dump: its members, and what the manifest will list as left out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::model::{Decision, ExportPlan, PathPlan, TreePlan, VolumePlan};
use super::owners::shown;
use crate::archive::manifest::model::LeftOut;

/// The rows of a plan, by scope.
pub(super) struct Rows<'a> {
    pub(super) config: &'a [PathPlan],
    pub(super) mounted: &'a [PathPlan],
    pub(super) volumes: &'a [VolumePlan],
    pub(super) exports: &'a [ExportPlan],
}

/// The members of the dump, by their paths without a codec's extension, sorted.
pub(super) fn members(
    trees: &[TreePlan],
    volumes: &[VolumePlan],
    exports: &[ExportPlan],
) -> Vec<String> {
    let trees = trees.iter().map(|tree| tree.member.clone());
    let volumes = volumes.iter().filter_map(|volume| volume.member.clone());
    let exports = exports.iter().filter_map(|export| export.member.clone());
    let mut members: Vec<String> = trees.chain(volumes).chain(exports).collect();
    members.sort();
    members
}

/// Everything that is not in the dump, with the reason: whole rows, then what rules leave out inside
/// of something that is stored.
pub(super) fn left_out(rows: &Rows<'_>, trees: &[TreePlan], base: &Path) -> Vec<LeftOut> {
    let config = rows
        .config
        .iter()
        .map(|row| (format!("config {}", row.path), &row.decision, &row.exclude));
    let mounted = rows
        .mounted
        .iter()
        .map(|row| (format!("mounted {}", row.path), &row.decision, &row.exclude));
    let volumes = rows
        .volumes
        .iter()
        .map(|row| (format!("volume {}", row.kind), &row.decision, &row.exclude));
    let all: Vec<(String, &Decision, &Vec<String>)> =
        config.chain(mounted).chain(volumes).collect();
    let exports = rows.exports.iter().map(|row| {
        let what = format!("export {}/{}", row.service, row.name);
        (what, &row.decision)
    });
    let whole = all
        .iter()
        .map(|(what, decision, _)| (what.clone(), *decision))
        .chain(exports)
        .filter(|(_, decision)| !decision.taken);
    let whole = whole.map(|(what, decision)| LeftOut {
        what,
        reason: decision.why.clone(),
    });
    let inside = all.iter().flat_map(|(what, _, patterns)| {
        let patterns = patterns.iter().filter(|line| !line.starts_with('!'));
        patterns.map(move |pattern| LeftOut {
            what: format!("{what}: {pattern}"),
            reason: "excluded by the rule for it".to_owned(),
        })
    });
    whole.chain(inside).chain(ignored(trees, base)).collect()
}

/// The ignore files that take something out of what is stored; which files these are is known when
/// they are read.
fn ignored(trees: &[TreePlan], base: &Path) -> Vec<LeftOut> {
    let of_project = trees.iter().any(|tree| tree.ignore.is_some());
    let of_project = of_project.then(|| LeftOut {
        what: "config and mounted: what `.backupignore` names".to_owned(),
        reason: "an ignore file of the project".to_owned(),
    });
    let roots = trees.iter().flat_map(|tree| &tree.roots);
    let files: BTreeSet<&PathBuf> = roots
        .filter_map(|root| root.dockerignore.as_ref())
        .collect();
    let of_contexts = files.into_iter().map(|path| LeftOut {
        what: format!("config: what `{}` names", shown(base, path)),
        reason: "the ignore file of a build context".to_owned(),
    });
    of_project.into_iter().chain(of_contexts).collect()
}
