//! From what was asked for and what is there to the plan. A pure function.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{ConfigPlan, DumpRow, EngineRow, MountedPlan, Plan, StopPlan, WritePlan};
use super::services::Services;
use super::{conflicts, exports, pin, volumes, warnings};
use crate::archive::manifest::model::{Member, Source};
use crate::restore::facts::{Facts, Standing};
use crate::restore::request::Request;

/// Plans a restore. Everything that speaks against it is in [`Plan::conflicts`].
#[must_use]
pub fn build(request: &Request, facts: &Facts) -> Plan {
    let chosen = || facts.chosen();
    let mut left_out = facts.selection.left_out.clone();
    let volumes = volumes::plan(request, facts, &mut left_out);
    let mounted: Vec<MountedPlan> = chosen()
        .filter_map(|member| mounted(facts, member))
        .collect();
    let config = chosen().find_map(|member| config(facts, member));
    let exports = exports::plan(request, facts, &volumes);
    left_out.extend(exports.left_out);
    let services = Services::new(request, facts);
    let stop = services.stop(&volumes, &mounted);
    let start = services.start(&volumes, &stop, config.as_ref());
    let manifest = &facts.manifest;
    let mut plan = Plan {
        dump: DumpRow {
            id: manifest.id.clone(),
            project: manifest.project.name.clone(),
            host: manifest.meta.host.clone(),
            invoked: manifest.meta.invocation_time,
            complete: manifest.complete,
        },
        project: facts.named.name.clone(),
        folder: request.folder.clone(),
        engine: facts.engine.as_ref().ok().map(|engine| EngineRow {
            version: engine.daemon.server_version.clone(),
            endpoint: engine.endpoint.clone(),
        }),
        no_engine: facts.engine.as_ref().err().cloned(),
        writes: writes(request, facts, config.is_some()),
        config,
        mounted,
        volumes,
        exports: exports.rows,
        left_out,
        stop,
        start,
        replaces: request.replace,
        conflicts: Vec::new(),
        warnings: Vec::new(),
    };
    plan.conflicts = conflicts::find(request, facts, &plan);
    plan.conflicts.extend(exports.conflicts);
    plan.warnings = warnings::collect(request, facts, &plan);
    plan
}

fn config(facts: &Facts, member: &Member) -> Option<ConfigPlan> {
    if member.source != Source::Config {
        return None;
    }
    let compared = facts.config.clone().unwrap_or_default();
    Some(ConfigPlan {
        member: member.path.clone(),
        create: compared.absent,
        keep: compared.same,
        replace: compared.differ,
        differing: compared.first,
    })
}

fn mounted(facts: &Facts, member: &Member) -> Option<MountedPlan> {
    let Source::Mounted { path } = &member.source else {
        return None;
    };
    Some(MountedPlan {
        member: member.path.clone(),
        path: path.clone(),
        does: facts
            .standing
            .get(&member.path)
            .map_or(super::model::Does::Create, Standing::does),
        bytes: member.raw_bytes,
    })
}

/// The variable that gives a project its name.
pub const NAME_VARIABLE: &str = "COMPOSE_PROJECT_NAME";

/// What is written beside what the dump holds.
fn writes(request: &Request, facts: &Facts, has_config: bool) -> Vec<WritePlan> {
    let mut writes = Vec::new();
    // A copy is found under its name by whoever goes into its folder. `-p` was a user's own choice.
    if request.copy_as.is_some() && has_config && !facts.named.is_found {
        writes.push(WritePlan {
            path: ".env".to_owned(),
            what: format!("{NAME_VARIABLE}={}", facts.named.name),
        });
    }
    if request.pin {
        writes.extend(pin::plan(facts));
    }
    writes
}

/// What each container uses of what changes, by the container's id.
pub(super) type UsesById = BTreeMap<String, BTreeSet<String>>;

/// A row for a container that has to stop.
pub(super) fn stop_row(container: &crate::engine::Container, uses: &BTreeSet<String>) -> StopPlan {
    StopPlan {
        id: container.id.clone(),
        name: container.name.clone(),
        service: container.service.clone().unwrap_or_default(),
        grace: container.stop_grace,
        uses: uses.iter().cloned().collect(),
    }
}
