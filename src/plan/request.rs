//! What was asked for: one job, as the layers of its settings, its file and its options say it.

use std::collections::{BTreeMap, BTreeSet};

use crate::codecs::Codec;
use crate::compose::{Project, VolumesFrom};
use crate::config::job_file::model::TargetFormat;
use crate::config::job_file::rules::{Rules, Services};
use crate::config::layers::{Layer, Layered};
use crate::config::settings::Settings;
use crate::config::target_arg::TargetArg;
use crate::diagnostic::{Finding, did_you_mean};
use crate::retention::Policy;

use super::model::Scope;

/// One job.
#[derive(Debug, Clone)]
pub struct Request {
    /// The job's name; `manual` for an ad-hoc one.
    pub job: String,
    /// The settings.
    pub settings: Settings,
    /// The settings that the environment or the command line says.
    pub layers: BTreeMap<String, Layer>,
    /// What is said of mounts and volumes by name.
    pub rules: Rules,
    /// Where the dump goes.
    pub targets: Vec<TargetWish>,
    /// `--no-pause`: whatever the settings say.
    pub no_pause: bool,
    /// `--strict`: content that no rule decides about speaks against the plan.
    pub covered_only: bool,
}

/// A place that a dump shall go to.
#[derive(Debug, Clone)]
pub struct TargetWish {
    /// How reports call it, and where it is.
    pub place: TargetArg,
    /// What a dump in a folder looks like; `None`: an archive with [`TargetWish::archive_codec`], else
    /// a folder.
    pub format: Option<TargetFormat>,
    /// `-x`: the codec of archives, which an archive's own name may contradict.
    pub archive_codec: Option<Codec>,
    /// Whether the run fails with it.
    pub required: bool,
    /// Which dumps stay there; `None`: all.
    pub keep: Option<Policy>,
}

impl TargetWish {
    /// What `-t`, with `-x` or without, asks for.
    #[must_use]
    pub const fn given(place: TargetArg, archive_codec: Option<Codec>) -> Self {
        Self {
            place,
            format: None,
            archive_codec,
            required: true,
            keep: None,
        }
    }
}

impl Request {
    /// A job of these settings, without rules and targets.
    #[must_use]
    pub fn new(job: &str, layered: Layered) -> Self {
        Self {
            job: job.to_owned(),
            settings: layered.settings,
            layers: layered.layers,
            rules: Rules::default(),
            targets: Vec::new(),
            no_pause: false,
            covered_only: false,
        }
    }

    /// Whether this kind of content was asked for.
    #[must_use]
    pub fn wants(&self, scope: Scope) -> bool {
        self.settings.scopes.contains(&scope)
    }

    /// The services that content is restricted to; none for all.
    #[must_use]
    pub fn services(&self) -> &[String] {
        match &self.settings.services {
            Services::All => &[],
            Services::Named(names) => names,
        }
    }

    /// The end of a sentence about a setting: which layer says it, for those above the file.
    pub(super) fn said_by(&self, setting: &str) -> String {
        let layer = self.layers.get(setting);
        layer.map_or_else(String::new, |layer| format!(" (from {layer})"))
    }
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
        let restricted = matches!(request.settings.services, Services::Named(_));
        let services: BTreeSet<&str> = if restricted {
            request.services().iter().map(String::as_str).collect()
        } else {
            enabled.map(|service| service.name.as_str()).collect()
        };
        Self {
            restricted: disabled || restricted,
            mounting: with_lenders(project, &services),
            services,
        }
    }

    /// Whether what is run in a service is taken.
    pub(super) fn runs(&self, service: &str) -> bool {
        self.services.contains(service)
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
    let names: BTreeSet<&String> = request.services().iter().collect();
    let said_by = match request.layers.get("services") {
        Some(Layer::Variable(_)) => request.said_by("services"),
        Some(Layer::Flags) | None => String::new(),
    };
    names
        .into_iter()
        .filter(|name| !project.services.contains_key(*name))
        .map(|name| unknown_service(name, project, &said_by))
        .collect()
}

fn unknown_service(name: &str, project: &Project, said_by: &str) -> Finding {
    let known = project.services.keys().map(String::as_str);
    let finding = Finding::new(
        "plan::unknown_service",
        format!(
            "the project `{}` has no service `{name}`{said_by}",
            project.name
        ),
    );
    finding.with_help(match did_you_mean(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if project.services.is_empty() => {
            "its Compose files declare no service at all".to_owned()
        }
        None => format!("its services are {}", known.collect::<Vec<_>>().join(", ")),
    })
}
