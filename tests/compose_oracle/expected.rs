//! `expected.json`: what the loader has to give, written by hand. Only what it names is checked.

use std::collections::BTreeMap;

use compose_dump::compose::{MountSource, Project, Reference};
use serde::Deserialize;

use super::case::Case;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Expected {
    /// The start of the error's text, instead of everything else.
    error: Option<String>,
    name: Option<String>,
    /// The project directory.
    dir: Option<String>,
    /// Every service: its mounts, as `SOURCE:TARGET`.
    services: Option<BTreeMap<String, Vec<String>>>,
    /// The services that the profiles enable.
    enabled: Option<Vec<String>>,
    /// Every volume: its real name.
    volumes: Option<BTreeMap<String, String>>,
    /// The host folders behind volumes that are bind mounts.
    bind_devices: Option<BTreeMap<String, String>>,
    /// All references, as `ROLE PATH < NAMED_BY [SERVICES]`, with a `?` at the end if not required.
    references: Option<Vec<String>>,
    /// All warnings, as `FILE:LINE: a part of the message`.
    warnings: Option<Vec<String>>,
}

impl Expected {
    pub(crate) fn of(case: &Case) -> Option<Self> {
        let text = std::fs::read(case.folder.join("expected.json")).ok()?;
        Some(serde_json::from_slice(&text).unwrap())
    }

    /// Every difference between what is expected and what the loader gives.
    pub(crate) fn check(&self, case: &Case) -> Result<(), String> {
        let project = match (case.load(), &self.error) {
            (Ok(project), None) => project,
            (Err(error), Some(expected)) => {
                let text = error.to_string();
                let short = text.replace(&format!("{}/", case.dir.display()), "");
                return short
                    .starts_with(expected.as_str())
                    .then_some(())
                    .ok_or(short);
            }
            (Ok(_), Some(expected)) => return Err(format!("loaded, but expected: {expected}")),
            (Err(error), None) => return Err(format!("{error:?}")),
        };
        let services = project.services.values();
        let enabled = services
            .filter(|service| service.enabled)
            .map(|service| service.name.clone());
        let volumes = project.volumes.values();
        let names = volumes
            .clone()
            .map(|volume| (volume.key.clone(), volume.name.clone()));
        let devices = volumes.filter_map(|volume| {
            Some((volume.key.clone(), case.short(volume.bind_device.as_ref()?)))
        });
        let mut references: Vec<String> = project
            .references
            .iter()
            .map(|reference| describe(case, reference))
            .collect();
        references.sort();
        let wanted = self.references.clone().map(|mut wanted| {
            wanted.sort();
            wanted
        });
        let differences = [
            differ("name", self.name.as_ref(), &project.name),
            differ("dir", self.dir.as_ref(), &case.short(&project.dir)),
            differ("services", self.services.as_ref(), &mounts(case, &project)),
            differ("enabled", self.enabled.as_ref(), &enabled.collect()),
            differ("volumes", self.volumes.as_ref(), &names.collect()),
            differ(
                "bind_devices",
                self.bind_devices.as_ref(),
                &devices.collect(),
            ),
            differ("references", wanted.as_ref(), &references),
            self.warnings(case, &project),
        ];
        let differences: Vec<String> = differences.into_iter().flatten().collect();
        if differences.is_empty() {
            Ok(())
        } else {
            Err(differences.join("\n"))
        }
    }

    fn warnings(&self, case: &Case, project: &Project) -> Option<String> {
        let expected = self.warnings.as_ref()?;
        let got = project.warnings.iter().map(|warning| {
            let line = warning.line.map_or("-".to_owned(), |line| line.to_string());
            format!("{}:{line}: {}", case.short(&warning.file), warning.message)
        });
        let got: Vec<String> = got.collect();
        let fits = |(got, expected): (&String, &String)| {
            let (place, part) = expected.split_once(": ").unwrap();
            got.split_once(": ")
                .is_some_and(|(p, message)| p == place && message.contains(part))
        };
        let fit = got.len() == expected.len() && got.iter().zip(expected).all(fits);
        (!fit).then(|| format!("warnings\n  got      {got:#?}\n  expected {expected:#?}"))
    }
}

/// Each service's mounts.
fn mounts(case: &Case, project: &Project) -> BTreeMap<String, Vec<String>> {
    let mounts = |service: &compose_dump::compose::Service| {
        let mounts = service.mounts.iter().map(|mount| {
            let source = match &mount.source {
                None => String::new(),
                Some(MountSource::HostPath(path)) => format!("{}:", case.short(path)),
                Some(MountSource::VolumeKey(name)) => format!("{name}:"),
                Some(MountSource::Name(name)) => format!("<{name}>:"),
            };
            format!("{source}{}", mount.target)
        });
        mounts.collect()
    };
    let services = project.services.values();
    services
        .map(|service| (service.name.clone(), mounts(service)))
        .collect()
}

fn describe(case: &Case, reference: &Reference) -> String {
    let services: Vec<&str> = reference.services.iter().map(String::as_str).collect();
    let services = if services.is_empty() {
        String::new()
    } else {
        format!(" [{}]", services.join(" "))
    };
    let optional = if reference.required { "" } else { " ?" };
    let path = case.short(&reference.path);
    format!(
        "{:?} {path} < {}{services}{optional}",
        reference.role, reference.named_by
    )
}

fn differ<T: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: Option<&T>,
    got: &T,
) -> Option<String> {
    let expected = expected.filter(|expected| *expected != got)?;
    Some(format!(
        "{what}\n  got      {got:#?}\n  expected {expected:#?}"
    ))
}
