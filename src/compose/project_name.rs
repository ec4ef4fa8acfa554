//! The project's name, by Compose's precedence.

use std::path::Path;

use super::env::Env;
use super::template;
use super::{LoadError, LoadOptions};
use crate::yaml::node::Node;

/// The variable by which Compose takes a project's name.
pub(crate) const NAME_VARIABLE: &str = "COMPOSE_PROJECT_NAME";

/// The name: `-p`, `COMPOSE_PROJECT_NAME`, the last `name:` of the documents, the folder's name.
///
/// The first two have to be valid, the others are made so.
///
/// # Errors
/// [`LoadError::InvalidName`], [`LoadError::EmptyName`].
pub(super) fn resolve(
    options: &LoadOptions,
    env: &Env,
    documents: &[Node],
    dir: &Path,
) -> Result<String, LoadError> {
    let option = options
        .project_name
        .as_deref()
        .filter(|name| !name.is_empty());
    let given = option.map(|name| (name, "-p"));
    let variable = || Some((env.filled(NAME_VARIABLE)?, NAME_VARIABLE));
    if let Some((name, origin)) = given.or_else(variable) {
        return if is_valid(name) {
            Ok(name.to_owned())
        } else {
            Err(LoadError::InvalidName {
                name: name.to_owned(),
                origin,
            })
        };
    }
    let in_file = |document: &Node| {
        let text = document.get("name")?.scalar()?;
        // What cannot be interpolated is reported when the document itself is.
        let name = template::expand(text, &|name| env.lookup(name)).text;
        (!name.is_empty()).then_some(name)
    };
    let named = documents.iter().rev().find_map(in_file);
    let name = named.unwrap_or_else(|| last_name(dir));
    match normalise(&name) {
        normal if normal.is_empty() => Err(LoadError::EmptyName { name }),
        normal => Ok(normal),
    }
}

/// The name that a folder gives where nothing says another; empty if it gives none.
pub(crate) fn of_folder(dir: &Path) -> String {
    normalise(&last_name(dir))
}

fn last_name(dir: &Path) -> String {
    let name = dir.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn is_valid(name: &str) -> bool {
    !name.is_empty() && normalise(name) == name
}

/// Lower-case, only letters, digits, `_` and `-` of ASCII, and not starting with the last two
/// (compose-go, `loader.NormalizeProjectName`).
fn normalise(name: &str) -> String {
    let kept = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let name: String = name.to_lowercase().chars().filter(kept).collect();
    name.trim_start_matches(['_', '-']).to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised() {
        for (name, expected) in [
            ("My.Project", "myproject"),
            ("_-Foo Bar", "foobar"),
            ("Ünïcode", "ncode"),
            ("...", ""),
            ("a_b-c", "a_b-c"),
            ("1a", "1a"),
        ] {
            assert_eq!(normalise(name), expected, "{name}");
        }
        assert!(is_valid("a_b-1") && is_valid("1"));
        assert!(!is_valid("A") && !is_valid("-a") && !is_valid("a.b") && !is_valid(""));
    }
}
