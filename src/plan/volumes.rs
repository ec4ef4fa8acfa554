//! Scope `volumes`: the project's named volumes, and the anonymous ones of its containers.
//!
//! The model says which volumes there should be; the engine says which there are, and wins on names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::compose::{self, MountKind, MountSource};
use crate::config::job_file::rules::VolumeRule;
use crate::config::settings::ReaderChoice;
use crate::engine;

use super::facts::{EngineFacts, Facts};
use super::job_file::deciding::{self, Decides};
use super::model::{Decision, DriverPlan, ReaderPlan, Scope, VolumeKind, VolumePlan};
use super::redact::redacted;
use super::request::{Request, Selection};
use super::volume_names::{member_of, set_apart};

/// The rows of the plan, project volumes first.
pub(super) fn plan(request: &Request, facts: &Facts, selection: &Selection<'_>) -> Vec<VolumePlan> {
    let Ok(engine) = &facts.engine else {
        return declared_only(request, facts);
    };
    let planner = Planner {
        request,
        facts,
        engine,
        selection,
    };
    let mut rows = planner.project_volumes();
    let known: BTreeSet<String> = rows.iter().filter_map(|row| row.name.clone()).collect();
    rows.extend(planner.service_volumes(&known));
    set_apart(&mut rows);
    rows
}

/// What can be said without an engine.
fn declared_only(request: &Request, facts: &Facts) -> Vec<VolumePlan> {
    let why = match (&facts.engine, request.wants(Scope::Volumes)) {
        (Err(why), true) => why.clone(),
        _ => "scope `volumes` was not asked for".to_owned(),
    };
    let row = |volume: &compose::Volume| VolumePlan {
        kind: VolumeKind::Project {
            key: volume.key.clone(),
        },
        name: None,
        member: None,
        reader: None,
        driver: None,
        services: Vec::new(),
        exclude: Vec::new(),
        exported: false,
        decision: Decision::left_out(why.clone()),
    };
    facts.project.volumes.values().map(row).collect()
}

pub(super) struct Planner<'a> {
    pub(super) request: &'a Request,
    pub(super) facts: &'a Facts,
    pub(super) engine: &'a EngineFacts,
    selection: &'a Selection<'a>,
}

impl Planner<'_> {
    fn project_volumes(&self) -> Vec<VolumePlan> {
        let model = &self.facts.project.volumes;
        let mut first_keys: BTreeMap<&str, &str> = BTreeMap::new();
        for volume in model.values() {
            let name = self.real_name(volume);
            first_keys.entry(name).or_insert(&volume.key);
        }
        let declared = model
            .values()
            .map(|volume| self.declared(volume, first_keys[self.real_name(volume)]));
        let only_there = self
            .engine
            .volumes
            .values()
            .filter(|volume| {
                volume.project() == Some(&self.facts.project.name)
                    && !first_keys.contains_key(&*volume.name)
            })
            .map(|volume| self.undeclared(volume));
        declared.chain(only_there).collect()
    }

    /// The engine's name for a volume: the one with the project's and the key's label, else the
    /// model's.
    fn real_name<'v>(&'v self, volume: &'v compose::Volume) -> &'v str {
        let labelled = self.engine.volumes.values().find(|candidate| {
            candidate.project() == Some(&self.facts.project.name)
                && candidate.model_name() == Some(&volume.key)
        });
        match labelled {
            Some(found) if !volume.external && !self.engine.volumes.contains_key(&volume.name) => {
                &found.name
            }
            _ => &volume.name,
        }
    }

    /// A volume of the model; `first_key` is the first key that stands for the same real volume.
    fn declared(&self, declared: &compose::Volume, first_key: &str) -> VolumePlan {
        let kind = VolumeKind::Project {
            key: declared.key.clone(),
        };
        let name = self.real_name(declared);
        let existing = self.engine.volumes.get(name);
        let services = self.services_of(name);
        let rule = deciding::of_volume(&self.request.rules, &declared.key);
        let decision = match existing {
            _ if !self.request.wants(Scope::Volumes) => {
                Decision::left_out("scope `volumes` was not asked for")
            }
            _ if is_skipped(rule) => skipped(rule),
            _ if declared.external && !takes_external(rule) => {
                Decision::left_out("external: it is managed outside of this project")
            }
            None if declared.external => Decision::left_out("external, and it does not exist"),
            None => Decision::left_out(not_there(&services)),
            Some(_) if first_key != declared.key => {
                Decision::left_out(format!("the same volume as `{first_key}`"))
            }
            Some(volume) => self.content(volume, &services, rule, "declared in the Compose files"),
        };
        let exclude = excluded(rule, &decision);
        VolumePlan {
            exclude,
            ..self.row(kind, name, existing, services, decision)
        }
    }

    /// A volume that bears this project's label, and that no file declares any more. Its key may be
    /// that of a declared one, which has another name by now.
    fn undeclared(&self, volume: &engine::Volume) -> VolumePlan {
        let bearers = |key: &str| {
            let volumes = self.engine.volumes.values();
            let of_project = volumes.filter(|other| other.project() == volume.project());
            of_project
                .filter(|other| other.model_name() == Some(key))
                .count()
        };
        let alone =
            |key: &&str| !self.facts.project.volumes.contains_key(*key) && bearers(key) == 1;
        let by_label = volume.model_name().filter(alone);
        let key = by_label.unwrap_or(&volume.name).to_owned();
        let services = self.services_by_containers(&volume.name);
        let rule = deciding::of_volume(&self.request.rules, &key);
        let decision = if !self.request.wants(Scope::Volumes) {
            Decision::left_out("scope `volumes` was not asked for")
        } else if is_skipped(rule) {
            skipped(rule)
        } else {
            self.content(
                volume,
                &services,
                rule,
                "the project's by its label, though no Compose file declares it any more",
            )
        };
        let exclude = excluded(rule, &decision);
        let kind = VolumeKind::Project { key };
        VolumePlan {
            exclude,
            ..self.row(kind, &volume.name, Some(volume), services, decision)
        }
    }

    /// Whether an existing volume's content is the project's to store.
    pub(super) fn content(
        &self,
        volume: &engine::Volume,
        services: &[String],
        rule: Rule<'_>,
        why: &str,
    ) -> Decision {
        if !self.selection.mounts(services.iter().map(String::as_str)) {
            return Decision::left_out("no chosen service mounts it");
        }
        if volume.driver == "local"
            && volume
                .options
                .get("type")
                .is_some_and(|kind| kind == "tmpfs")
        {
            return Decision::left_out("memory, which has no lasting content");
        }
        match (not_a_volume(volume), rule) {
            (Some(what), Some(rule)) if rule.is_exact() => {
                Decision::taken(format!("{what}; the rule `{}` names it", rule.key))
            }
            (Some(what), _) => {
                Decision::left_out(format!("{what}; it has to be named to be stored"))
            }
            (None, Some(rule)) => Decision::taken(format!("{why}; the rule `{}`", rule.key)),
            (None, None) => Decision::taken(why),
        }
    }

    pub(super) fn row(
        &self,
        kind: VolumeKind,
        name: &str,
        existing: Option<&engine::Volume>,
        services: Vec<String>,
        decision: Decision,
    ) -> VolumePlan {
        let taken = existing.filter(|_| decision.taken);
        VolumePlan {
            member: taken.map(|_| member_of(&kind)),
            name: existing.map(|_| name.to_owned()),
            reader: taken.map(|volume| self.reader(volume)),
            driver: existing.map(|volume| DriverPlan {
                driver: volume.driver.clone(),
                options: redacted(&volume.options),
                labels: volume.labels.clone(),
            }),
            kind,
            services,
            exclude: Vec::new(),
            exported: false,
            decision,
        }
    }

    fn reader(&self, volume: &engine::Volume) -> ReaderPlan {
        match self.direct(volume) {
            Ok(mountpoint) => ReaderPlan::Direct { mountpoint },
            Err(because) => ReaderPlan::Engine { because },
        }
    }

    /// The volume's folder, where it may be read directly, else why not.
    fn direct(&self, volume: &engine::Volume) -> Result<PathBuf, String> {
        if self.request.settings.reader == ReaderChoice::Engine {
            return Err("the setting `reader` says so".to_owned());
        }
        self.engine.local.clone()?;
        if volume.driver != "local" {
            return Err(format!("its driver is `{}`", volume.driver));
        }
        if !volume.options.is_empty() {
            return Err("it has mount options".to_owned());
        }
        if self.engine.daemon.userns_remap {
            return Err(
                "the engine maps user ids, and the folder holds the mapped ones".to_owned(),
            );
        }
        let mountpoint = volume
            .mountpoint
            .clone()
            .ok_or("the engine names no folder for it")?;
        match self.engine.unreadable.get(&volume.name) {
            None => Ok(mountpoint),
            Some(error) => Err(format!("its folder cannot be read: {error}")),
        }
    }

    /// Services that mount a declared volume of that real name, under whichever key, by the files and
    /// by the containers that exist.
    fn services_of(&self, name: &str) -> Vec<String> {
        let is_it = |key: &String| {
            let declared = self.facts.project.volumes.get(key);
            declared.is_some_and(|volume| self.real_name(volume) == name)
        };
        let mounts_it = |mount: &compose::Mount| match (&mount.kind, &mount.source) {
            (MountKind::Volume, Some(MountSource::VolumeKey(key))) => is_it(key),
            _ => false,
        };
        let by_model = self
            .facts
            .project
            .services
            .values()
            .filter(|service| service.mounts.iter().any(mounts_it))
            .map(|service| service.name.clone());
        let all: BTreeSet<String> = by_model.chain(self.services_by_containers(name)).collect();
        all.into_iter().collect()
    }

    pub(super) fn services_by_containers(&self, volume: &str) -> Vec<String> {
        let users = self
            .engine
            .containers
            .iter()
            .filter(|container| container.mounts_volume(volume));
        users
            .filter_map(|container| container.service.clone())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }
}

/// Why there is nothing to read of a declared volume: Compose creates those alone that a service uses.
pub(super) fn not_there(services: &[String]) -> &'static str {
    if services.is_empty() {
        "does not exist at the engine, and no service uses it"
    } else {
        "does not exist at the engine yet; `docker compose up` creates it"
    }
}

/// The rule of the job that speaks of a volume, if one does.
pub(super) type Rule<'a> = Option<Decides<'a, VolumeRule>>;

pub(super) fn is_skipped(rule: Rule<'_>) -> bool {
    rule.is_some_and(|decides| *decides.rule == VolumeRule::Skip)
}

pub(super) fn skipped(rule: Rule<'_>) -> Decision {
    let key = rule.map_or("", |decides| decides.key);
    Decision::left_out(format!("the rule `{key}: skip`"))
}

fn takes_external(rule: Rule<'_>) -> bool {
    rule.is_some_and(|decides| matches!(decides.rule, VolumeRule::Take(take) if take.external))
}

/// What a rule leaves out inside of a volume that is taken.
pub(super) fn excluded(rule: Rule<'_>, decision: &Decision) -> Vec<String> {
    match rule.filter(|_| decision.taken).map(|decides| decides.rule) {
        Some(VolumeRule::Take(take)) => take.exclude.clone(),
        Some(VolumeRule::Skip) | None => Vec::new(),
    }
}

/// What a volume is whose content is not in it: a `local` volume with mount options may be a window to
/// somewhere else. One on a device of its own, or with a quota, is not (moby, `volume/local`).
fn not_a_volume(volume: &engine::Volume) -> Option<String> {
    let option = |name: &str| volume.options.get(name).map_or("", String::as_str);
    let (kind, device) = (option("type"), option("device"));
    if volume.driver != "local" || kind.is_empty() && device.is_empty() {
        return None;
    }
    let binds = option("o")
        .split(',')
        .any(|word| matches!(word.trim(), "bind" | "rbind"));
    Some(match kind {
        _ if binds => {
            format!("a bind of the host folder `{device}`")
        }
        "nfs" | "nfs4" | "cifs" | "smb3" => {
            format!("a network mount ({kind} `{device}`)")
        }
        _ if device.starts_with("/dev/") => return None,
        _ => format!("a mount of `{device}` (type `{kind}`)"),
    })
}
