//! What stands where content is to go: it differs, it cannot be replaced, or it cannot be seen what it is.

use super::{conflict, title};
use crate::restore::facts::{EngineFacts, Facts, Standing};
use crate::restore::plan::model::{Conflict, Does, Plan, VolumePlan};
use crate::restore::request::Request;

const REPLACE: &str = "`--replace` takes its place, and puts it back if the restore fails";

/// What exists and differs, without `--replace`.
pub(super) fn differing(request: &Request, plan: &Plan, found: &mut Vec<Conflict>) {
    if request.replace {
        return;
    }
    if let Some(config) = &plan.config {
        for path in &config.differing {
            found.push(conflict(
                "restore::file_differs",
                format!("`{path}` exists and is not what the dump has"),
                REPLACE,
            ));
        }
        let more = config.replace - config.differing.len() as u64;
        if more > 0 {
            found.push(conflict(
                "restore::file_differs",
                format!(
                    "{} of the configuration differ as well",
                    crate::text::count(more, "more file")
                ),
                REPLACE,
            ));
        }
    }
    for row in plan.mounted.iter().filter(|row| row.does == Does::Replace) {
        found.push(conflict(
            "restore::mounted_exists",
            format!("`{}` exists and is not empty", row.path),
            REPLACE,
        ));
    }
    let taken = |row: &&VolumePlan| row.does == Does::Replace && !row.unfinished;
    for row in plan.volumes.iter().filter(taken) {
        found.push(conflict(
            "restore::volume_exists",
            format!("the volume {} is not empty", title(row)),
            REPLACE,
        ));
    }
}

/// Places that cannot take what the dump has, `--replace` or not.
pub(super) fn no_folders(facts: &Facts, plan: &Plan, found: &mut Vec<Conflict>) {
    for row in &plan.mounted {
        if let Some(Standing::Unusable(why)) = facts.standing.get(&row.member) {
            found.push(conflict(
                "restore::mounted_unusable",
                format!("`{}` cannot take the dump's folder: {why}", row.path),
                "move away what is there",
            ));
        }
    }
    if let Some(why) = &facts.unusable_folder {
        found.push(conflict(
            "restore::folder",
            format!(
                "nothing can be put into `{}`: {why}",
                crate::text::path(&plan.folder)
            ),
            "name another folder with `--to`",
        ));
    }
}

/// Volumes that may have content for all that can be seen.
pub(super) fn unknown_content(engine: &EngineFacts, plan: &Plan, found: &mut Vec<Conflict>) {
    for row in &plan.volumes {
        let existing = row
            .volume
            .real_name()
            .and_then(|name| engine.volumes.get(name));
        if let Some(Standing::Unusable(why)) = existing.map(|existing| &existing.standing) {
            found.push(conflict(
                "restore::volume_unreadable",
                format!(
                    "it cannot be seen whether the volume {} is empty: {why}",
                    title(row)
                ),
                "mend that, or remove the volume",
            ));
        }
    }
}
