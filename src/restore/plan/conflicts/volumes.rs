//! Volumes that a restore must not or cannot make.

use super::{conflict, title};
use crate::restore::facts::{EngineFacts, Facts};
use crate::restore::plan::model::{Conflict, Plan, Target, Writer};
use crate::restore::request::Request;

/// External volumes are somebody else's to make.
pub(super) fn external(
    request: &Request,
    facts: &Facts,
    engine: &EngineFacts,
    plan: &Plan,
    found: &mut Vec<Conflict>,
) {
    if request.create_external {
        return;
    }
    for row in &plan.volumes {
        let declared = facts
            .model
            .as_ref()
            .and_then(|model| model.volumes.get(&row.name));
        let is_external = declared.is_some_and(|volume| volume.external);
        let is_there = row
            .volume
            .real_name()
            .is_some_and(|name| engine.volumes.contains_key(name));
        if is_external && !is_there {
            found.push(conflict(
                "restore::external",
                format!("the volume {} is external and does not exist", title(row)),
                "`--create-external` makes it as the dump has it",
            ));
        }
    }
}

/// What engines give and take through their archive API is not always what was there.
pub(super) fn unfaithful(engine: &EngineFacts, plan: &Plan, found: &mut Vec<Conflict>) {
    if engine.daemon.archives_are_faithful() {
        return;
    }
    for row in &plan.volumes {
        if let Writer::Engine(because) = &row.writer {
            found.push(conflict(
                "restore::unfaithful",
                format!(
                    "the volume {} cannot be written to directly ({because}), and {} does not keep owners",
                    title(row), engine.daemon.product
                ),
                "restore as root on the engine's machine, or by hand: docs/format.md, section 5",
            ));
        }
    }
}

/// A copy that would share a volume with the original is none.
pub(super) fn shared_by_copies(
    request: &Request,
    facts: &Facts,
    plan: &Plan,
    found: &mut Vec<Conflict>,
) {
    if request.copy_as.is_none() {
        return;
    }
    for row in &plan.volumes {
        let stored = facts.chosen().find(|member| member.path == row.member);
        let stored = stored.and_then(|member| member.volume.as_ref());
        let shares = stored.is_some_and(|stored| row.volume.real_name() == Some(&stored.name));
        if shares && facts.named.name != facts.manifest.project.name {
            found.push(conflict(
                "restore::shared_name",
                format!("the volume {} has that name in every copy", title(row)),
                "the Compose files give it a fixed `name:`; restore the others with `--volume`, or the configuration alone first and change the name",
            ));
        }
    }
}

/// What a dump never holds is not there to make a volume from.
pub(super) fn hidden_options(engine: &EngineFacts, plan: &Plan, found: &mut Vec<Conflict>) {
    for row in &plan.volumes {
        let Target::Named(volume) = &row.volume else {
            continue;
        };
        let is_hidden = volume.options.values().any(|value| value.contains("***"));
        if is_hidden && !engine.volumes.contains_key(&volume.name) {
            found.push(conflict(
                "restore::hidden_option",
                format!(
                    "the volume {} needs a driver option that is a secret, which no dump holds",
                    title(row)
                ),
                "make it first with `docker volume create` or `docker compose up --no-start`",
            ));
        }
    }
}
