//! What is worth knowing before a restore, and does not keep it from going on.

use super::model::{Plan, Target};
use super::pin;
use crate::archive::manifest::model::{Fidelity, Service};
use crate::restore::facts::Facts;
use crate::restore::request::Request;

/// Everything worth saying.
pub(super) fn collect(request: &Request, facts: &Facts, plan: &Plan) -> Vec<String> {
    let mut warnings = Vec::new();
    incomplete(facts, &mut warnings);
    fidelity(facts, &mut warnings);
    images(facts, &mut warnings);
    names(request, facts, plan, &mut warnings);
    places(facts, plan, &mut warnings);
    if request.pin {
        unpinned(facts, &mut warnings);
    }
    warnings
}

fn incomplete(facts: &Facts, warnings: &mut Vec<String>) {
    let failed = &facts.manifest.failed;
    for failed in failed {
        warnings.push(format!(
            "the dump does not hold, or not wholly, {}: {}",
            failed.what, failed.reason
        ));
    }
    if !facts.manifest.complete && failed.is_empty() {
        warnings.push("the run that made the dump could not store everything".to_owned());
    }
}

fn fidelity(facts: &Facts, warnings: &mut Vec<String>) {
    let read_so = facts
        .chosen()
        .filter(|member| member.fidelity == Fidelity::Engine);
    let paths: Vec<&str> = read_so.map(|member| member.path.as_str()).collect();
    if !paths.is_empty() {
        warnings.push(format!(
            "read through the engine's API, which loses fractions of seconds, ACLs, attributes but capabilities, and the user namespaces of these: {}",
            paths.join(", ")
        ));
    }
}

/// Services whose image is not the one that wrote their data.
fn images(facts: &Facts, warnings: &mut Vec<String>) {
    let Ok(engine) = &facts.engine else { return };
    for (name, was) in &facts.manifest.compose.services {
        let declared = facts
            .model
            .as_ref()
            .and_then(|model| model.services.get(name));
        let reference = declared.and_then(|service| service.image.as_ref());
        let Some(reference) = reference.or(was.image.as_ref()) else {
            continue;
        };
        if let Some(Some(image)) = engine.images.get(reference)
            && !is_same_image(was, image)
        {
            warnings.push(format!(
                "the image `{reference}` of service `{name}` is not the one that wrote its data (`{}`)",
                short(was)
            ));
        }
    }
}

fn is_same_image(was: &Service, image: &crate::engine::Image) -> bool {
    was.image_id.is_none()
        || was.image_id.as_deref() == Some(&image.id)
        || was
            .digests
            .iter()
            .any(|digest| image.digests.contains(digest))
}

fn short(was: &Service) -> &str {
    let id = was.image_id.as_deref().unwrap_or_default();
    was.digests.first().map_or(id, String::as_str)
}

/// What a copy, or a project under another name, would share with the original.
fn names(request: &Request, facts: &Facts, plan: &Plan, warnings: &mut Vec<String>) {
    let name = &facts.named.name;
    if request.copy_as.is_none() && !facts.named.is_found {
        warnings.push(format!(
            "Compose finds the project under its name only with `-p {name}`"
        ));
    }
    if request.copy_as.is_some() {
        let services = facts.model.iter().flat_map(|model| model.services.values());
        for service in services {
            if let Some(container) = &service.container_name {
                warnings.push(format!(
                    "service `{}` has the fixed container name `{container}`, so the copy cannot run beside the original before that is changed",
                    service.name
                ));
            }
        }
        if plan.config.is_none() && facts.model.is_none() {
            warnings.push(format!(
                "the copy has no Compose files: `docker compose -p {name}` uses its volumes"
            ));
        }
    }
    let undeclared = |row: &&super::model::VolumePlan| {
        let model = facts.model.as_ref();
        matches!(row.volume, Target::Named(_))
            && model.is_some_and(|model| !model.volumes.contains_key(&row.name))
    };
    for row in plan.volumes.iter().filter(undeclared) {
        warnings.push(format!(
            "no Compose file declares the volume `{}` any more",
            row.name
        ));
    }
}

fn places(facts: &Facts, plan: &Plan, warnings: &mut Vec<String>) {
    let Ok(engine) = &facts.engine else { return };
    if engine.remote && !plan.mounted.is_empty() {
        warnings.push(
            "the engine is on another machine: mounted folders are written on this one".to_owned(),
        );
    }
    let made = if plan.start.recreate {
        &plan.start.services
    } else {
        &plan.start.create
    };
    if !made.is_empty() && plan.start.compose.is_none() {
        warnings.push(format!(
            "no Compose is installed that could make the containers of {}",
            made.join(", ")
        ));
    }
    let is_changed = plan
        .config
        .as_ref()
        .is_some_and(|config| config.replace > 0);
    if is_changed && !engine.containers.is_empty() && !plan.start.recreate {
        warnings.push(
            "containers stay as they are while their files change: `docker compose up -d` brings them up to date"
                .to_owned(),
        );
    }
}

fn unpinned(facts: &Facts, warnings: &mut Vec<String>) {
    if pin::is_taken(facts) {
        warnings.push(
            "images are not pinned: the project has an override file, which is not changed"
                .to_owned(),
        );
        return;
    }
    let services = facts.manifest.compose.services.iter();
    let without = services.filter(|(_, service)| service.digests.is_empty());
    let names: Vec<&str> = without.map(|(name, _)| name.as_str()).collect();
    if !names.is_empty() {
        warnings.push(format!(
            "images made on that machine have no digest to pin: {}",
            names.join(", ")
        ));
    }
}
