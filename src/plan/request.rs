//! What was asked for: one job, as options and settings say it.

use std::collections::BTreeSet;

use crate::codecs::Codec;
use crate::compose::Project;
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
}

impl<'a> Selection<'a> {
    /// The chosen services of a project, or all that its profiles enable.
    pub(super) fn new(request: &'a Request, project: &'a Project) -> Result<Self, Vec<Finding>> {
        let unknown: Vec<Finding> = request
            .services
            .iter()
            .filter(|name| !project.services.contains_key(*name))
            .map(|name| unknown_service(name, project))
            .collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let enabled = project.services.values().filter(|service| service.enabled);
        let disabled = project.services.values().any(|service| !service.enabled);
        if request.services.is_empty() {
            let services = enabled.map(|service| service.name.as_str()).collect();
            return Ok(Self {
                restricted: disabled,
                services,
            });
        }
        let services = request.services.iter().map(String::as_str).collect();
        Ok(Self {
            restricted: true,
            services,
        })
    }

    /// Whether content that belongs to `users` is taken. What belongs to nobody is taken unless the
    /// services are restricted.
    pub(super) fn has_any<'s>(&self, users: impl IntoIterator<Item = &'s str>) -> bool {
        !self.restricted
            || users
                .into_iter()
                .any(|service| self.services.contains(service))
    }
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
