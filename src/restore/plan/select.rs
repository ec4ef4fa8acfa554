//! Which members of a dump are wanted, by scope, service and name. A name that means nothing is a finding,
//! with the names that would.

use std::collections::BTreeSet;
use std::path::Path;

use super::model::LeftOut;
use crate::archive::manifest::Manifest;
use crate::archive::manifest::model::{Member, Source};
use crate::compose::{MountKind, MountSource, Project, VolumesFrom};
use crate::diagnostic::{Finding, did_you_mean};
use crate::restore::request::{Request, Scope};

/// The members that a restore puts back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Places in [`Manifest::members`].
    pub members: Vec<usize>,
    /// What is in the dump, was not ruled out by scope or name, and is not put back.
    pub left_out: Vec<LeftOut>,
}

/// Selects members. `model` is the project as the Compose files declare it, where there are any.
///
/// # Errors
/// Every service and volume that is not in the dump, and a selection that is empty.
pub fn select(
    request: &Request,
    manifest: &Manifest,
    model: Option<&Project>,
) -> Result<Selection, Vec<Finding>> {
    let mut findings = unknown_services(request, manifest, model);
    findings.extend(unknown_volumes(request, manifest));
    if !findings.is_empty() {
        return Err(findings);
    }
    let uses = Uses::of(&request.services, model);
    let mut selection = Selection::default();
    for (number, member) in manifest.members.iter().enumerate() {
        if !request.wants(scope(&member.source)) || !is_chosen(request, member, &uses) {
            continue;
        }
        match &member.source {
            Source::ConfigOutside => selection.left_out.push(LeftOut {
                what: member.path.clone(),
                why: "it lay outside of the project folder, where nothing is written".to_owned(),
            }),
            Source::Config
            | Source::Mounted { .. }
            | Source::ProjectVolume { .. }
            | Source::ServiceVolume { .. }
            | Source::Export { .. } => selection.members.push(number),
        }
    }
    if selection.members.is_empty() {
        return Err(vec![nothing(request, manifest)]);
    }
    Ok(selection)
}

/// The kind of content that a member is.
#[must_use]
pub fn scope(source: &Source) -> Scope {
    match source {
        Source::Config | Source::ConfigOutside => Scope::Config,
        Source::Mounted { .. } => Scope::Mounted,
        Source::ProjectVolume { .. } | Source::ServiceVolume { .. } => Scope::Volumes,
        Source::Export { .. } => Scope::Exports,
    }
}

fn is_chosen(request: &Request, member: &Member, uses: &Uses) -> bool {
    let volume_is_named = || {
        let mut asked = request.volumes.iter();
        request.volumes.is_empty() || asked.any(|asked| is_called(member, asked))
    };
    let all = request.services.is_empty();
    let is_service = |service: &String| all || request.services.contains(service);
    match &member.source {
        Source::Config | Source::ConfigOutside => true,
        Source::Mounted { path } => all || uses.mounts(Path::new(path)),
        Source::ProjectVolume { name } => volume_is_named() && (all || uses.volumes.contains(name)),
        Source::ServiceVolume { service, .. } => volume_is_named() && is_service(service),
        Source::Export { service, .. } => is_service(service),
    }
}

/// A volume's name on the command line; of the replicas of a service, the same for each.
#[must_use]
pub fn name(source: &Source) -> Option<String> {
    match source {
        Source::ProjectVolume { name } => Some(name.clone()),
        Source::ServiceVolume { service, path, .. } => Some(format!("{service}:{path}")),
        Source::Config | Source::ConfigOutside | Source::Mounted { .. } | Source::Export { .. } => {
            None
        }
    }
}

/// Whether a volume is meant: by its name, or by its path in the dump, a tar, with or without what a codec adds to it.
fn is_called(member: &Member, asked: &str) -> bool {
    let is_at = || match member.path.strip_prefix(asked) {
        Some("") => true,
        Some(added) => asked.ends_with(".tar") && added.rfind('.') == Some(0),
        None => false,
    };
    name(&member.source).is_some_and(|name| name == asked || is_at())
}

/// What the chosen services mount.
#[derive(Default)]
struct Uses {
    volumes: BTreeSet<String>,
    /// Bind sources, relative to the project folder.
    binds: BTreeSet<std::path::PathBuf>,
}

impl Uses {
    fn of(services: &[String], model: Option<&Project>) -> Self {
        let mut uses = Self::default();
        let Some(model) = model else { return uses };
        let mut seen = BTreeSet::new();
        let mut open: Vec<&str> = services.iter().map(String::as_str).collect();
        while let Some(name) = open.pop() {
            let Some(service) = model.services.get(name).filter(|_| seen.insert(name)) else {
                continue;
            };
            for mount in &service.mounts {
                match (&mount.kind, &mount.source) {
                    (MountKind::Volume, Some(MountSource::VolumeKey(key))) => {
                        uses.volumes.insert(key.clone());
                    }
                    (MountKind::Bind, Some(MountSource::HostPath(path))) => {
                        let inside = path.strip_prefix(&model.dir);
                        uses.binds.extend(inside.map(Path::to_owned));
                    }
                    _ => {}
                }
            }
            open.extend(service.volumes_from.iter().filter_map(|from| match from {
                VolumesFrom::Service(name) => Some(name.as_str()),
                VolumesFrom::Container(_) => None,
            }));
        }
        uses
    }

    /// Whether a mounted member is what a service mounts, above it or below it.
    fn mounts(&self, path: &Path) -> bool {
        let touches = |bind: &std::path::PathBuf| bind.starts_with(path) || path.starts_with(bind);
        self.binds.iter().any(touches)
    }
}

fn unknown_services(
    request: &Request,
    manifest: &Manifest,
    model: Option<&Project>,
) -> Vec<Finding> {
    let mut known: BTreeSet<&str> = manifest
        .compose
        .services
        .keys()
        .map(String::as_str)
        .collect();
    known.extend(
        model
            .iter()
            .flat_map(|model| model.services.keys())
            .map(String::as_str),
    );
    known.extend(
        manifest
            .members
            .iter()
            .filter_map(|member| match &member.source {
                Source::ServiceVolume { service, .. } | Source::Export { service, .. } => {
                    Some(service.as_str())
                }
                _ => None,
            }),
    );
    let asked = request.services.iter();
    let unknown = asked.filter(|service| !known.contains(service.as_str()));
    unknown
        .map(|service| unknown_name("restore::service", "service", service, &known))
        .collect()
}

fn unknown_volumes(request: &Request, manifest: &Manifest) -> Vec<Finding> {
    let names: Vec<String> = manifest
        .members
        .iter()
        .filter_map(|member| name(&member.source))
        .collect();
    let known: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let asked = request.volumes.iter();
    let is_there = |asked: &str| {
        manifest
            .members
            .iter()
            .any(|member| is_called(member, asked))
    };
    let unknown = asked.filter(|volume| !is_there(volume));
    unknown
        .map(|volume| unknown_name("restore::volume", "volume", volume, &known))
        .collect()
}

fn unknown_name(code: &'static str, noun: &str, name: &str, known: &BTreeSet<&str>) -> Finding {
    let names: Vec<&str> = known.iter().copied().collect();
    let has = if names.is_empty() {
        format!("it has no {noun}s")
    } else {
        format!("its {noun}s: {}", names.join(", "))
    };
    let help = match did_you_mean(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? {has}"),
        None => has,
    };
    Finding::new(code, format!("the dump has no {noun} `{name}`")).with_help(help)
}

fn nothing(request: &Request, manifest: &Manifest) -> Finding {
    let scopes: Vec<&str> = request.scopes.iter().map(|scope| scope.name()).collect();
    let held: BTreeSet<&str> = manifest
        .members
        .iter()
        .map(|member| scope(&member.source).name())
        .collect();
    let held: Vec<&str> = held.into_iter().collect();
    let held = if held.is_empty() {
        "nothing".to_owned()
    } else {
        held.join(", ")
    };
    Finding::new(
        "restore::nothing",
        format!(
            "the dump holds nothing of what was asked for ({})",
            scopes.join(", ")
        ),
    )
    .with_help(format!("it holds {held}: `compose-dump show` lists it"))
}
