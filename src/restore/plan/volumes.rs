//! Each volume: what it is called here, what becomes of it, who writes it.

use super::model::{Does, LeftOut, Target, VolumePlan, Writer};
use super::naming;
use super::select;
use crate::archive::manifest::model::{Member, Source};
use crate::engine::{Container, MountKind, NewVolume};
use crate::restore::facts::{EngineFacts, Existing, Facts, Standing};
use crate::restore::request::Request;

/// A row for each chosen volume. Those that cannot be put back at all are added to `left_out`.
pub(super) fn plan(
    request: &Request,
    facts: &Facts,
    left_out: &mut Vec<LeftOut>,
) -> Vec<VolumePlan> {
    let mut rows = Vec::new();
    for member in facts.chosen() {
        let Some(target) = target(facts, member) else {
            continue;
        };
        match &facts.engine {
            Err(why) => left_out.push(LeftOut {
                what: member.path.clone(),
                why: format!("no engine: {why}"),
            }),
            Ok(engine) => rows.push(row(request, engine, facts, member, target)),
        }
    }
    rows
}

/// Which volume of the engine a member is for; `None` for what is no volume.
#[must_use]
pub fn target(facts: &Facts, member: &Member) -> Option<Target> {
    let containers = facts
        .engine
        .as_ref()
        .map_or(&[][..], |engine| &engine.containers);
    target_of(
        member,
        facts.model.as_ref(),
        &facts.named,
        &facts.manifest.project.name,
        containers,
    )
}

/// The same, before all facts are there.
#[must_use]
pub fn target_of(
    member: &Member,
    model: Option<&crate::compose::Project>,
    named: &naming::Named,
    was: &str,
    containers: &[Container],
) -> Option<Target> {
    match &member.source {
        Source::ProjectVolume { name } => Some(Target::Named(naming::volume(
            name,
            member.volume.as_ref(),
            model,
            named,
            was,
        ))),
        Source::ServiceVolume {
            service,
            replica,
            path,
        } => Some(Target::OfContainer {
            service: service.clone(),
            replica: *replica,
            path: path.clone(),
            name: volume_of(containers, service, *replica, path),
        }),
        Source::Config | Source::ConfigOutside | Source::Mounted { .. } | Source::Export { .. } => {
            None
        }
    }
}

/// The volume that a container of the project has at a path.
#[must_use]
pub fn volume_of(
    containers: &[Container],
    service: &str,
    replica: u32,
    path: &str,
) -> Option<String> {
    let is_it = |container: &&Container| {
        !container.oneoff
            && container.service.as_deref() == Some(service)
            && container.number == Some(replica)
    };
    let container = containers.iter().find(is_it)?;
    let at_path = |mount: &&crate::engine::ContainerMount| {
        mount.kind == MountKind::Volume && mount.destination == path
    };
    container.mounts.iter().find(at_path)?.name.clone()
}

fn row(
    request: &Request,
    engine: &EngineFacts,
    facts: &Facts,
    member: &Member,
    target: Target,
) -> VolumePlan {
    let existing = target.real_name().and_then(|name| engine.volumes.get(name));
    let unfinished = target
        .real_name()
        .is_some_and(|name| facts.unfinished.contains(name));
    let does = match existing {
        None => Does::Create,
        Some(Existing {
            standing: Standing::Full,
            ..
        }) => Does::Replace,
        Some(_) => Does::Fill,
    };
    VolumePlan {
        member: member.path.clone(),
        name: select::name(&member.source).unwrap_or_default(),
        writer: writer(request, facts.is_root, engine, &target, existing),
        volume: target,
        does,
        unfinished,
        bytes: member.raw_bytes,
    }
}

/// We write where the volume's folder is ours to write to, as what we read there would be the truth.
fn writer(
    request: &Request,
    is_root: bool,
    engine: &EngineFacts,
    target: &Target,
    existing: Option<&Existing>,
) -> Writer {
    if request.through_engine {
        return Writer::Engine("the setting `reader` says so".to_owned());
    }
    if let Err(why) = &engine.local {
        return Writer::Engine(why.clone());
    }
    let local = NewVolume {
        driver: "local".to_owned(),
        ..NewVolume::default()
    };
    let made_from = match target {
        Target::Named(volume) => volume,
        Target::OfContainer { .. } => &local,
    };
    let (driver, options) = existing.map_or((&made_from.driver, &made_from.options), |existing| {
        (&existing.volume.driver, &existing.volume.options)
    });
    if driver != "local" {
        return Writer::Engine(format!("its driver is `{driver}`"));
    }
    if !options.is_empty() {
        return Writer::Engine("it has mount options".to_owned());
    }
    if engine.daemon.userns_remap {
        return Writer::Engine(
            "the engine maps user ids, and the folder holds the mapped ones".to_owned(),
        );
    }
    if !is_root {
        return Writer::Engine("only root can write into its folder".to_owned());
    }
    Writer::Direct
}
