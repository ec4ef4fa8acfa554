//! What a plan means for the dump: its members, and what the manifest will list as left out.

use super::model::{Decision, PathPlan, TreePlan, VolumePlan};
use crate::archive::manifest::model::LeftOut;

/// The members of the dump, by their paths without a codec's extension, sorted.
pub(super) fn members(trees: &[TreePlan], volumes: &[VolumePlan]) -> Vec<String> {
    let trees = trees.iter().map(|tree| tree.member.clone());
    let volumes = volumes.iter().filter_map(|volume| volume.member.clone());
    let mut members: Vec<String> = trees.chain(volumes).collect();
    members.sort();
    members
}

/// Everything that is not in the dump, with the reason: whole rows, then what rules leave out inside
/// of something that is stored.
pub(super) fn left_out(
    config: &[PathPlan],
    mounted: &[PathPlan],
    volumes: &[VolumePlan],
) -> Vec<LeftOut> {
    let config = config
        .iter()
        .map(|row| (format!("config {}", row.path), &row.decision, &row.exclude));
    let mounted = mounted
        .iter()
        .map(|row| (format!("mounted {}", row.path), &row.decision, &row.exclude));
    let volumes = volumes
        .iter()
        .map(|row| (format!("volume {}", row.kind), &row.decision, &row.exclude));
    let rows: Vec<(String, &Decision, &Vec<String>)> =
        config.chain(mounted).chain(volumes).collect();
    let whole = rows.iter().filter(|(_, decision, _)| !decision.taken);
    let whole = whole.map(|(what, decision, _)| LeftOut {
        what: what.clone(),
        reason: decision.why.clone(),
    });
    let inside = rows.iter().flat_map(|(what, _, patterns)| {
        patterns.iter().map(move |pattern| LeftOut {
            what: format!("{what}: {pattern}"),
            reason: "excluded by the rule for it".to_owned(),
        })
    });
    whole.chain(inside).collect()
}
