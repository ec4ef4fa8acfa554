//! The top of a Compose file: a mapping with at least one key that Compose knows. Anything else is another
//! file, or one whose `services` is mistyped, and a dump of it would lack everything without a word.

use super::LoadError;
use super::session::Session;
use crate::diagnostic::did_you_mean;
use crate::yaml::node::{Map, Node};

/// The top-level keys of the Compose Specification.
pub(super) const KEYS: [&str; 9] = [
    "configs", "include", "models", "name", "networks", "secrets", "services", "version", "volumes",
];

/// Whether there is anything in a document. Warns of a key that may be a known one, mistyped.
///
/// # Errors
/// [`LoadError::NotAMapping`], [`LoadError::NoKnownKey`].
pub(super) fn check(session: &mut Session, document: &Node) -> Result<bool, LoadError> {
    if document.is_null() {
        session.warn(document.origin, "this document is empty".to_owned());
        return Ok(false);
    }
    let Some(map) = document.as_map() else {
        return Err(LoadError::NotAMapping {
            path: session.source(document.origin).path.clone(),
            line: session.line_of(document.origin).unwrap_or(1),
            kind: document.kind(),
        });
    };
    let unknown = unknown(map);
    let is_known = |key: &String| KEYS.contains(&key.as_str());
    if let Some((key, value)) = unknown.first().filter(|_| !map.keys().any(is_known)) {
        return Err(LoadError::NoKnownKey {
            path: session.source(value.origin).path.clone(),
            key: (*key).clone(),
        });
    }
    for (key, value) in unknown {
        if let Some(near) = did_you_mean(key, KEYS) {
            let message = format!("`{key}` is no key of Compose; did you mean `{near}`?");
            session.warn(value.origin, message);
        }
    }
    Ok(true)
}

/// Keys that are neither Compose's nor extensions.
fn unknown(map: &Map) -> Vec<(&String, &Node)> {
    map.iter()
        .filter(|(key, _)| !KEYS.contains(&key.as_str()) && !key.starts_with("x-"))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::compose::session::Bases;

    /// What checking a file comes to, with its warnings.
    fn checked(text: &str) -> (Result<bool, LoadError>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("compose.yaml");
        std::fs::write(&file, text).unwrap();
        let mut session = Session::new(None);
        let documents = session.documents(&file, Bases::one(folder.path())).unwrap();
        let outcome = check(&mut session, &documents[0]);
        let (_, warnings) = session.finish();
        let messages = warnings.into_iter().map(|warning| warning.message);
        (outcome, messages.collect())
    }

    #[test]
    fn what_is_no_compose_file_is_an_error() {
        for (text, kind) in [
            ("x-a: 1\n---\n", ""),
            ("- a\n", "a list"),
            ("text\n", "a string"),
        ] {
            match checked(text).0 {
                Err(LoadError::NotAMapping {
                    kind: found, line, ..
                }) => {
                    assert_eq!((found, line), (kind, 1), "{text}");
                }
                other => assert!(kind.is_empty() && other.unwrap(), "{text}"),
            }
        }
        let (outcome, _) = checked("servics: {web: {}}\nx-a: 1\n");
        assert!(matches!(outcome, Err(LoadError::NoKnownKey { key, .. }) if key == "servics"));
    }

    #[test]
    fn a_key_that_may_be_mistyped_is_warned_of_and_others_are_not() {
        let (outcome, warnings) =
            checked("services: {}\nvolums: {}\nsomething: {}\nx-volume: {}\n");
        assert!(outcome.unwrap());
        assert_eq!(
            warnings,
            ["`volums` is no key of Compose; did you mean `volumes`?"]
        );
        assert_eq!(checked("{}\n").1, [""; 0]);
    }
}
