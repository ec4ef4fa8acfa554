//! What was asked for: one job, as options and settings say it.

use std::collections::BTreeSet;

use crate::codecs::Codec;
use crate::compose::{Project, VolumesFrom};
use crate::config::settings::Settings;
use crate::config::target_arg::TargetArg;
use crate::diagnostic::{Finding, did_you_mean};

use super::model::Scope;

/// One job.
#[derive(Debug, Clone)]
pub struct Request {
    /// The job's name; `manual` for an ad-hoc one.
    pub job: String,
    /// The scopes.
    pub scopes: BTreeSet<Scope>,
    /// The services that content is restricted to; empty for all.
    pub services: Vec<String>,
    /// Where the dump goes, at least one.
    pub targets: Vec<TargetArg>,
    /// `-x`: dumps in folders are archives of this codec.
    pub archive_codec: Option<Codec>,
    /// Whether services are paused.
    pub pause: bool,
    /// Whether links among the config files are replaced by what they point to.
    pub resolve_symlinks: bool,
    /// The settings.
    pub settings: Settings,
}

/// The services whose content is taken.
#[derive(Debug, Clone)]
pub(super) struct Selection<'a> {
    restricted: bool,
    services: BTreeSet<&'a str>,
    /// These, and those whose mounts they have by `volumes_from`.
    mounting: BTreeSet<&'a str>,
}

impl<'a> Selection<'a> {
    /// The chosen services of a project, or all that its profiles enable.
    pub(super) fn new(request: &'a Request, project: &'a Project) -> Self {
        let enabled = project.services.values().filter(|service| service.enabled);
        let disabled = project.services.values().any(|service| !service.enabled);
        let services: BTreeSet<&str> = if request.services.is_empty() {
            enabled.map(|service| service.name.as_str()).collect()
        } else {
            request.services.iter().map(String::as_str).collect()
        };
        Self {
            restricted: disabled || !request.services.is_empty(),
            mounting: with_lenders(project, &services),
            services,
        }
    }

    /// Whether what `users` are built from is taken. What belongs to nobody is taken unless the
    /// services are restricted.
    pub(super) fn builds<'s>(&self, users: impl IntoIterator<Item = &'s str>) -> bool {
        !self.restricted || users.into_iter().any(|user| self.services.contains(user))
    }

    /// Whether what `users` mount is taken, with the same rule for what belongs to nobody. Whoever is
    /// chosen has the mounts of those that it takes volumes from.
    pub(super) fn mounts<'s>(&self, users: impl IntoIterator<Item = &'s str>) -> bool {
        !self.restricted || users.into_iter().any(|user| self.mounting.contains(user))
    }
}

/// `services`, and on and on those that they name in `volumes_from`.
fn with_lenders<'a>(project: &'a Project, services: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut todo: Vec<&str> = services.iter().copied().collect();
    while let Some(name) = todo.pop() {
        if found.insert(name)
            && let Some(service) = project.services.get(name)
        {
            todo.extend(service.volumes_from.iter().filter_map(|from| match from {
                VolumesFrom::Service(lender) => Some(lender.as_str()),
                VolumesFrom::Container(_) => None,
            }));
        }
    }
    found
}

/// The names that were asked for and that no service has.
pub(super) fn unknown_services(request: &Request, project: &Project) -> Vec<Finding> {
    let names: BTreeSet<&String> = request.services.iter().collect();
    names
        .into_iter()
        .filter(|name| !project.services.contains_key(*name))
        .map(|name| unknown_service(name, project))
        .collect()
}

fn unknown_service(name: &str, project: &Project) -> Finding {
    let known = project.services.keys().map(String::as_str);
    let finding = Finding::new(
        "plan::unknown_service",
        format!("the project `{}` has no service `{name}`", project.name),
    );
    finding.with_help(match did_you_mean(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if project.services.is_empty() => {
            "its Compose files declare no service at all".to_owned()
        }
        None => format!("its services are {}", known.collect::<Vec<_>>().join(", ")),
    })
}
