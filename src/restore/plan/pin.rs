//! `--pin`: an override file that holds each service to the image that wrote its data.

use std::collections::BTreeMap;

use super::model::WritePlan;
use crate::restore::facts::Facts;

/// The override file that Compose reads beside a Compose file of its own accord.
#[must_use]
pub fn override_name(facts: &Facts) -> &'static str {
    let first = facts
        .model
        .as_ref()
        .and_then(|model| model.compose_files.first());
    let name = first.and_then(|path| path.file_name()).unwrap_or_default();
    if name.as_encoded_bytes().starts_with(b"docker-") {
        "docker-compose.override.yml"
    } else {
        "compose.override.yaml"
    }
}

/// Whether the project has an override file already, in the dump or in its folder, which is not changed.
#[must_use]
pub fn is_taken(facts: &Facts) -> bool {
    if facts.has_override {
        return true;
    }
    let files = facts.model.iter().flat_map(|model| &model.compose_files);
    let mut names = files.filter_map(|path| path.file_name());
    names.any(|name| {
        name.as_encoded_bytes()
            .windows(9)
            .any(|part| part == b".override")
    })
}

/// Services with the digest that they are held to.
pub fn pinned(facts: &Facts) -> impl Iterator<Item = (&str, &str)> {
    let services = facts.manifest.compose.services.iter();
    services.filter_map(|(name, service)| {
        let declared = facts
            .model
            .as_ref()
            .is_none_or(|model| model.services.contains_key(name));
        let digest = service.digests.first().filter(|_| declared)?;
        Some((name.as_str(), digest.as_str()))
    })
}

/// The row of the plan; none where no image has a digest.
pub(super) fn plan(facts: &Facts) -> Option<WritePlan> {
    let names: Vec<&str> = pinned(facts).map(|(name, _)| name).collect();
    if names.is_empty() || is_taken(facts) {
        return None;
    }
    Some(WritePlan {
        path: override_name(facts).to_owned(),
        what: format!("image digests of {}", names.join(", ")),
    })
}

/// The file's text.
///
/// # Errors
/// When the values cannot be written as YAML.
pub fn text(facts: &Facts) -> Result<String, serde_yaml::Error> {
    let services: BTreeMap<&str, BTreeMap<&str, &str>> = pinned(facts)
        .map(|(name, digest)| (name, BTreeMap::from([("image", digest)])))
        .collect();
    let document = serde_yaml::to_string(&BTreeMap::from([("services", services)]))?;
    Ok(format!(
        "# Written by `compose-dump restore --pin`: the images that wrote the data of dump {}.\n{document}",
        facts.manifest.id
    ))
}
