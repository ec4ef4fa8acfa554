//! What the restored project is called, and its volumes: the names under which Compose will look for them.

use std::collections::BTreeMap;

use crate::archive::manifest::Manifest;
use crate::archive::manifest::model::Volume as StoredVolume;
use crate::compose::Project;
use crate::diagnostic::Finding;
use crate::engine::NewVolume;
use crate::engine::model::labels;
use crate::restore::request::Request;

/// Compose's hash of a volume's configuration, which newer versions compare before they use the volume.
const CONFIG_HASH: &str = "com.docker.compose.config-hash";

/// The project that a restore puts back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Whether Compose finds that name by itself in the project folder, as it will be.
    pub is_found: bool,
    /// Whether name and folder are those of the dump: labels are taken over as they are.
    pub is_same: bool,
}

/// Names the project. `found` is what Compose calls it in the folder that it is restored into, where
/// there are Compose files.
///
/// # Errors
/// When the folder belongs to another project, and nobody said which of both is meant.
pub fn project(
    request: &Request,
    manifest: &Manifest,
    found: Option<&str>,
) -> Result<Named, Finding> {
    let was = manifest.project.name.as_str();
    let given = request
        .copy_as
        .as_ref()
        .or(request.compose.project_name.as_ref());
    let name = match (given, found) {
        (Some(given), _) => given.as_str(),
        (None, Some(found)) if found != was => return Err(other_project(request, was, found)),
        (None, _) => was,
    };
    Ok(Named {
        name: name.to_owned(),
        is_found: found.is_none_or(|found| found == name),
        is_same: name == was && crate::text::path(&request.folder) == manifest.project.folder,
    })
}

fn other_project(request: &Request, was: &str, found: &str) -> Finding {
    let folder = crate::text::path(&request.folder);
    let message =
        format!("the dump is of project `{was}`, and in `{folder}` Compose calls it `{found}`");
    let help = format!(
        "`--as {found}` makes an independent copy with volumes of its own, `-p {was}` puts `{was}` back, \
         which every Compose command has to name then; or name the folder of `{was}` with `-C` or `--to`"
    );
    Finding::new("restore::other_project", message).with_help(help)
}

/// Checks a name that `--as` gives, by Compose's rule.
///
/// # Errors
/// A finding with that rule.
pub fn check(name: &str) -> Result<(), Finding> {
    let mut letters = name.chars();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = letters.next().is_some_and(is_plain)
        && letters.all(|c| is_plain(c) || matches!(c, '_' | '-'));
    if fits {
        return Ok(());
    }
    Err(
        Finding::new("restore::name", format!("`{name}` is no name of a project")).with_help(
            "lower-case letters, digits, `_` and `-`, of which the first is a letter or a digit",
        ),
    )
}

/// What a project volume is to be called, and made from where it does not exist.
#[must_use]
pub fn volume(
    key: &str,
    stored: Option<&StoredVolume>,
    model: Option<&Project>,
    named: &Named,
    was: &str,
) -> NewVolume {
    let declared = model.and_then(|model| model.volumes.get(key));
    let name = match (declared, stored) {
        (Some(declared), _) => declared.name.clone(),
        (None, Some(stored)) => renamed(&stored.name, was, &named.name),
        (None, None) => format!("{}_{key}", named.name),
    };
    let is_external = declared.is_some_and(|declared| declared.external);
    let mut labels = stored
        .map(|stored| stored.labels.clone())
        .unwrap_or_default();
    if !is_external {
        adopt(&mut labels, key, named);
    }
    NewVolume {
        name,
        driver: stored.map_or_else(|| "local".to_owned(), |stored| stored.driver.clone()),
        options: stored
            .map(|stored| stored.options.clone())
            .unwrap_or_default(),
        labels,
    }
}

/// The labels by which Compose knows a volume as its own. A hash of another project's configuration
/// would have it offer to make the volume anew; without one it asks nothing.
fn adopt(labels: &mut BTreeMap<String, String>, key: &str, named: &Named) {
    if !named.is_same {
        labels.remove(CONFIG_HASH);
        labels.remove(labels::PROJECT);
    }
    labels
        .entry(labels::PROJECT.to_owned())
        .or_insert_with(|| named.name.clone());
    labels
        .entry(labels::VOLUME.to_owned())
        .or_insert_with(|| key.to_owned());
}

/// A volume that no file declares any more, under the new project's name.
fn renamed(volume: &str, was: &str, name: &str) -> String {
    match volume
        .strip_prefix(was)
        .filter(|rest| rest.starts_with('_'))
    {
        Some(rest) => format!("{name}{rest}"),
        None => volume.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(name: &str) -> StoredVolume {
        let labels = [
            (labels::PROJECT, "blog"),
            (labels::VOLUME, "db"),
            (CONFIG_HASH, "1f2e"),
            ("team", "web"),
        ];
        StoredVolume {
            name: name.into(),
            driver: "local".into(),
            options: BTreeMap::new(),
            labels: labels.map(|(key, value)| (key.into(), value.into())).into(),
        }
    }

    fn named(name: &str, is_same: bool) -> Named {
        Named {
            name: name.into(),
            is_found: true,
            is_same,
        }
    }

    #[test]
    fn the_same_project_gets_its_volume_with_every_label() {
        let stored = stored("blog_db");
        let new = volume("db", Some(&stored), None, &named("blog", true), "blog");
        assert_eq!(new.name, "blog_db");
        assert_eq!(new.labels, stored.labels);
    }

    #[test]
    fn a_copy_has_a_volume_of_its_own_without_the_hash() {
        let new = volume(
            "db",
            Some(&stored("blog_db")),
            None,
            &named("staging", false),
            "blog",
        );
        assert_eq!(new.name, "staging_db");
        assert_eq!(new.labels[labels::PROJECT], "staging");
        assert_eq!(new.labels[labels::VOLUME], "db");
        assert_eq!(new.labels["team"], "web");
        assert!(!new.labels.contains_key(CONFIG_HASH));
    }

    #[test]
    fn a_volume_that_bore_no_labels_becomes_composes_own() {
        let mut bare = stored("blog_db");
        bare.labels.clear();
        let new = volume("db", Some(&bare), None, &named("blog", true), "blog");
        assert_eq!(new.labels[labels::PROJECT], "blog");
        assert_eq!(new.labels[labels::VOLUME], "db");
    }

    #[test]
    fn only_whole_names_are_replaced() {
        assert_eq!(renamed("blog_db", "blog", "new"), "new_db");
        assert_eq!(renamed("blogger_db", "blog", "new"), "blogger_db");
        assert_eq!(renamed("fixed", "blog", "new"), "fixed");
    }

    #[test]
    fn names_are_checked_by_composes_rule() {
        for good in ["a", "1a", "a_b-c"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", "A", "-a", "_a", "a.b", "ü"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
