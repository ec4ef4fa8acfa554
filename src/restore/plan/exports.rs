//! Exports: which are loaded, by which command.

use super::model::{Conflict, ExportPlan, LeftOut, Target, VolumePlan};
use crate::archive::manifest::model::{Member, Source};
use crate::compose::{MountKind, MountSource};
use crate::restore::facts::Facts;
use crate::restore::request::Request;

/// What is loaded, what is not, and what nobody says how to load.
#[derive(Default)]
pub(super) struct Exports {
    pub(super) rows: Vec<ExportPlan>,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) conflicts: Vec<Conflict>,
}

/// Plans the chosen exports. By default those are loaded whose service gets no volume back that may hold
/// the same.
pub(super) fn plan(request: &Request, facts: &Facts, volumes: &[VolumePlan]) -> Exports {
    let mut exports = Exports::default();
    for member in facts.chosen() {
        let Source::Export { service, name } = &member.source else {
            continue;
        };
        let left_out = |why: String| LeftOut {
            what: member.path.clone(),
            why,
        };
        if let Some(volume) = volume_of(facts, service, volumes).filter(|_| !request.all_exports) {
            let why = format!(
                "the volume `{volume}` of its service is put back; `--exports` loads it as well"
            );
            exports.left_out.push(left_out(why));
        } else if !request.start {
            let why = "no service is started that could load it".to_owned();
            exports.left_out.push(left_out(why));
        } else {
            match facts.loads.get(&member.path) {
                Some(command) => exports.rows.push(row(member, service, name, command)),
                None => exports.conflicts.push(nothing_loads(&member.path)),
            }
        }
    }
    exports
}

fn row(
    member: &Member,
    service: &str,
    name: &str,
    command: &crate::plan::model::ContainerCommand,
) -> ExportPlan {
    ExportPlan {
        member: member.path.clone(),
        service: service.to_owned(),
        name: name.to_owned(),
        bytes: member.raw_bytes,
        command: command.clone(),
    }
}

fn nothing_loads(member: &str) -> Conflict {
    Conflict {
        code: "restore::no_load",
        what: format!("no compose-dump.yml in the project folder says how `{member}` is loaded"),
        help: "`--trust-dump` takes the command that the dump's own says; `--config --mounted --volumes` leaves exports out".to_owned(),
    }
}

/// A volume of a service that is put back.
fn volume_of<'v>(facts: &Facts, service: &str, volumes: &'v [VolumePlan]) -> Option<&'v str> {
    let declared = facts
        .model
        .as_ref()
        .and_then(|model| model.services.get(service));
    let mounts = |key: &str| {
        declared.is_some_and(|declared| {
            let mut mounts = declared.mounts.iter();
            mounts.any(|mount| {
                mount.kind == MountKind::Volume
                    && mount.source == Some(MountSource::VolumeKey(key.to_owned()))
            })
        })
    };
    let is_of = |row: &&VolumePlan| match &row.volume {
        Target::Named(_) => mounts(&row.name),
        Target::OfContainer { service: of, .. } => of == service,
    };
    volumes.iter().find(is_of).map(|row| row.name.as_str())
}
