//! What speaks against a restore. All of it is found before anything is touched, and shown at once.

use super::model::{Conflict, Does, Plan, Target, VolumePlan};
use super::services::{is_made_anew, is_stoppable, uses};
use crate::engine::{Container, ContainerState, MountKind};
use crate::restore::facts::{EngineFacts, Facts, Standing};
use crate::restore::request::Request;

/// Everything that is in the way.
pub(super) fn find(request: &Request, facts: &Facts, plan: &Plan) -> Vec<Conflict> {
    let mut found = Vec::new();
    existing(request, plan, &mut found);
    no_folders(facts, plan, &mut found);
    no_engine(request, facts, plan, &mut found);
    if let Ok(engine) = &facts.engine {
        unknown_content(engine, plan, &mut found);
        users(facts, engine, plan, &mut found);
        external(request, facts, engine, plan, &mut found);
        unfaithful(engine, plan, &mut found);
        made_anew(facts, engine, plan, &mut found);
        copies(request, facts, plan, &mut found);
        hidden_options(engine, plan, &mut found);
    }
    found
}

const REPLACE: &str = "`--replace` takes its place, and puts it back if the restore fails";

/// What exists and differs, without `--replace`.
fn existing(request: &Request, plan: &Plan, found: &mut Vec<Conflict>) {
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

fn no_folders(facts: &Facts, plan: &Plan, found: &mut Vec<Conflict>) {
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

/// Volumes cannot be put back without an engine.
fn no_engine(request: &Request, facts: &Facts, plan: &Plan, found: &mut Vec<Conflict>) {
    let Err(why) = &facts.engine else { return };
    let wants_volumes = facts
        .chosen()
        .any(|member| super::select::name(&member.source).is_some());
    if wants_volumes {
        found.push(conflict(
            "restore::no_engine",
            format!("the dump's volumes need an engine, and none answers: {why}"),
            "start the engine, name another one with `-H`, or leave the volumes out with `--config --mounted`",
        ));
    } else if request.start && !plan.start.services.is_empty() {
        found.push(conflict(
            "restore::no_engine",
            format!("no engine answers that could start the services: {why}"),
            "start the engine, or say `--no-start`",
        ));
    }
}

fn unknown_content(engine: &EngineFacts, plan: &Plan, found: &mut Vec<Conflict>) {
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

/// Containers that use what changes and that are not ours to stop.
fn users(facts: &Facts, engine: &EngineFacts, plan: &Plan, found: &mut Vec<Conflict>) {
    let uses = uses(facts, &plan.volumes, &plan.mounted);
    let users = engine.volumes.values().flat_map(|existing| &existing.users);
    let mut all: Vec<&Container> = users.chain(&engine.containers).collect();
    all.sort_by(|one, other| one.id.cmp(&other.id));
    all.dedup_by(|one, other| one.id == other.id);
    for container in all {
        let Some(uses) = uses.get(&container.id) else {
            continue;
        };
        let is_up = container.state.is_active() || container.state == ContainerState::Paused;
        if !is_up || is_stoppable(facts, container) {
            continue;
        }
        let uses: Vec<&str> = uses.iter().map(String::as_str).collect();
        let (name, uses) = (&container.name, uses.join(", "));
        found.push(conflict(
            "restore::used",
            format!(
                "the container `{name}` uses {uses}, and is not stopped by a restore: {}",
                why_not(facts, container)
            ),
            &format!("stop it first: `docker stop {name}`"),
        ));
    }
}

fn why_not(facts: &Facts, container: &Container) -> &'static str {
    if container.project.as_deref() != Some(facts.named.name.as_str()) {
        "it is not of this project"
    } else if container.oneoff {
        "it was made by `docker compose run`"
    } else if container.auto_remove {
        "it would be gone"
    } else if container.state == ContainerState::Paused {
        "somebody has paused it"
    } else {
        "compose-dump runs in it"
    }
}

/// External volumes are somebody else's to make.
fn external(
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
fn unfaithful(engine: &EngineFacts, plan: &Plan, found: &mut Vec<Conflict>) {
    if engine.daemon.archives_are_faithful() {
        return;
    }
    for row in &plan.volumes {
        if let super::model::Writer::Engine(because) = &row.writer {
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

/// A volume that the engine writes and that has content is removed and made anew, and with it the
/// containers that refer to it: they have to come back as they were.
fn made_anew(facts: &Facts, engine: &EngineFacts, plan: &Plan, found: &mut Vec<Conflict>) {
    let rows: Vec<&VolumePlan> = plan
        .volumes
        .iter()
        .filter(|row| is_made_anew(row))
        .collect();
    for row in &rows {
        let existing = row
            .volume
            .real_name()
            .and_then(|name| engine.volumes.get(name));
        for user in existing.iter().flat_map(|existing| &existing.users) {
            if !plan
                .start
                .remove
                .iter()
                .any(|removed| removed.id == user.id)
            {
                found.push(conflict(
                    "restore::referred_to",
                    format!(
                        "the volume {} has to be made anew, and the container `{}`, which refers to it, is not removed by a restore: {}",
                        title(row), user.name, why_not(facts, user)
                    ),
                    &format!("remove it first: `docker rm {}`", user.name),
                ));
            }
        }
        if matches!(row.volume, Target::OfContainer { .. }) {
            found.push(conflict(
                "restore::of_container",
                format!(
                    "the volume {} has content that the engine cannot take away",
                    title(row)
                ),
                "remove its container and the volume first: `docker compose rm -sv`",
            ));
        }
    }
    if !plan.start.remove.is_empty() && plan.start.compose.is_none() {
        found.push(conflict(
            "restore::no_compose",
            "containers have to be made anew for volumes that the engine writes, and no Compose is installed that could".to_owned(),
            "install the Compose plugin of Docker",
        ));
    }
    for removed in &plan.start.remove {
        let container = engine.containers.iter().find(|one| one.id == removed.id);
        for volume in container.iter().flat_map(|one| anonymous(one)) {
            let is_restored = plan
                .volumes
                .iter()
                .any(|row| row.volume.real_name() == Some(volume));
            if !is_restored {
                found.push(conflict(
                    "restore::anonymous_lost",
                    format!(
                        "the container `{}` has to be made anew, and would lose its anonymous volume `{}`, which is not restored",
                        removed.name, &volume[..12]
                    ),
                    "restore that service's volumes as well, or restore where volumes can be written to directly",
                ));
            }
        }
    }
}

/// Names of the anonymous volumes of a container: 64 hex digits.
fn anonymous(container: &Container) -> impl Iterator<Item = &str> {
    let volumes = container.mounts.iter();
    let volumes = volumes.filter(|mount| mount.kind == MountKind::Volume);
    let names = volumes.filter_map(|mount| mount.name.as_deref());
    names.filter(|name| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A copy that would share a volume with the original is none.
fn copies(request: &Request, facts: &Facts, plan: &Plan, found: &mut Vec<Conflict>) {
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
fn hidden_options(engine: &EngineFacts, plan: &Plan, found: &mut Vec<Conflict>) {
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

/// A volume for a message: `db` (`blog_db`).
fn title(row: &VolumePlan) -> String {
    match row.volume.real_name() {
        Some(name) if name != row.name && name.len() != 64 => {
            format!("`{}` (`{name}`)", row.name)
        }
        _ => format!("`{}`", row.name),
    }
}

fn conflict(code: &'static str, what: String, help: &str) -> Conflict {
    Conflict {
        code,
        what,
        help: help.to_owned(),
    }
}
