//! YAML text to [`Node`]s: several documents, aliases and merge keys resolved, bounded. Knows
//! nothing of files or Compose keys.
//!
//! The parser gives positions only with its errors. So values are counted while parsing, and
//! [`place_of`] parses once more and fails on purpose at the value asked for.

pub(crate) mod node;
mod nodes;

use serde::de::DeserializeSeed;

use node::{Node, Origin};
use nodes::{NodeSeed, State};

pub(crate) use nodes::NODE_LIMIT;

/// How many characters that start or end a value a text may have. The parser holds all of a document
/// before it hands out the first value, at some 170 bytes for each; this keeps it below 200 MB.
const INDICATOR_LIMIT: usize = 1_000_000;

/// Why a text gives no nodes.
#[derive(Debug)]
pub(crate) enum YamlError {
    /// It is not YAML, or nested too deeply (128 levels), or a mapping has a key twice.
    Syntax {
        /// The parser's reason and place.
        error: serde_yaml::Error,
        /// Of a key that is there twice: its name and its second place.
        duplicate: Option<(String, Origin)>,
    },
    /// It has more than [`NODE_LIMIT`] values, or too much text, with its aliases resolved.
    TooManyNodes,
}

/// What [`parse`] gives.
pub(crate) struct Parsed {
    /// One node per document.
    pub(crate) documents: Vec<Node>,
    /// Merge keys (`<<`) whose value is neither a mapping nor a list of mappings.
    pub(crate) bad_merge_keys: Vec<Origin>,
    /// The first value with a tag that is not one of YAML's own, and the tag.
    pub(crate) tagged: Option<(String, Origin)>,
}

/// Parses every document in `text`, whose values get `source` as their origin.
pub(crate) fn parse(text: &[u8], source: usize) -> Result<Parsed, YamlError> {
    if indicators(text) > INDICATOR_LIMIT {
        return Err(YamlError::TooManyNodes);
    }
    let state = State::new(source, None);
    let mut documents = Vec::new();
    for document in serde_yaml::Deserializer::from_slice(text) {
        match (NodeSeed { state: &state }).deserialize(document) {
            Ok(node) => documents.push(node),
            Err(_) if state.exhausted.get() => return Err(YamlError::TooManyNodes),
            Err(error) => {
                return Err(YamlError::Syntax {
                    error,
                    duplicate: state.duplicate.into_inner(),
                });
            }
        }
    }
    Ok(Parsed {
        documents,
        bad_merge_keys: state.bad_merge_keys.into_inner(),
        tagged: state.tagged.into_inner(),
    })
}

/// How many values `text` may consist of at most, all of them taken for YAML, also those in strings
/// and comments.
pub(crate) fn indicators(text: &[u8]) -> usize {
    let mut count = 0;
    for (at, byte) in text.iter().enumerate() {
        let ends_word = || text.get(at + 1).is_none_or(u8::is_ascii_whitespace);
        count += usize::from(match byte {
            b'[' | b']' | b'{' | b'}' | b',' => true,
            b':' | b'-' | b'?' => ends_word(),
            _ => false,
        });
    }
    count
}

/// Where the value with that ordinal starts in `text`. A key has the ordinal before its value's.
pub(crate) fn place_of(text: &[u8], ordinal: u32) -> Option<serde_yaml::Location> {
    let state = State::new(0, Some(ordinal));
    for document in serde_yaml::Deserializer::from_slice(text) {
        if let Err(error) = (NodeSeed { state: &state }).deserialize(document) {
            return error.location();
        }
    }
    None
}

/// The line, from 1, of the value with that ordinal in `text`.
pub(crate) fn line_of(text: &[u8], ordinal: u32) -> Option<u64> {
    u64::try_from(place_of(text, ordinal)?.line()).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::node::{Data, MergeTag};
    use super::*;

    fn one(text: &str) -> Node {
        let mut documents = parse(text.as_bytes(), 0).unwrap().documents;
        assert_eq!(documents.len(), 1, "{text}");
        documents.remove(0)
    }

    #[test]
    fn scalars_keep_their_text() {
        let node = one("a: 0440\nb: 1.10\nc: yes\nd: ~\ne: true\nf: 99999999999999999999999\n");
        let text = |key: &str| node.get(key).unwrap().scalar().map(str::to_owned);
        assert_eq!(text("a").as_deref(), Some("0440"));
        assert_eq!(text("c").as_deref(), Some("yes"));
        assert_eq!(text("d"), None);
        assert_eq!(text("e").as_deref(), Some("true"));
        assert_eq!(text("f").as_deref(), Some("99999999999999999999999"));
    }

    #[test]
    fn merge_keys_fill_what_is_missing_and_the_first_wins() {
        let node = one("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b]\n  x: 0\n");
        let c = node.get("c").unwrap();
        let text = |key: &str| c.get(key).unwrap().scalar().unwrap().to_owned();
        assert_eq!([text("x"), text("y"), text("z")], ["0", "1", "2"]);
        assert!(c.get("<<").is_none());
    }

    #[test]
    fn a_merge_key_that_is_no_mapping_is_noted() {
        let parsed = parse(b"a:\n  <<: word\n  b: 1\n", 0).unwrap();
        assert_eq!(parsed.bad_merge_keys.len(), 1);
    }

    #[test]
    fn tags_survive_aliases_and_merge_keys() {
        let node = one("a: &a {x: !reset null, y: !override [1], z: !other 1}\nb: {<<: *a}\n");
        let b = node.get("b").unwrap();
        assert_eq!(b.get("x").unwrap().tag, Some(MergeTag::Reset));
        assert_eq!(b.get("y").unwrap().tag, Some(MergeTag::Override));
        assert_eq!(b.get("z").unwrap().tag, None);
    }

    #[test]
    fn documents_come_one_by_one_and_an_empty_text_is_null_or_none() {
        assert_eq!(parse(b"a: 1\n---\nb: 2\n", 0).unwrap().documents.len(), 2);
        assert!(parse(b"", 0).unwrap().documents.iter().all(Node::is_null));
        assert!(
            parse(b"# nothing\n", 0)
                .unwrap()
                .documents
                .iter()
                .all(Node::is_null)
        );
    }

    #[test]
    fn errors_carry_their_position() {
        for (text, line) in [("a: 1\nb: [\n", 3), ("a: 1\na: 2\n", 2), ("a:\n\t- x\n", 2)] {
            let Err(YamlError::Syntax { error, .. }) = parse(text.as_bytes(), 0) else {
                panic!("{text:?} was accepted");
            };
            let got = error.location().map(|location| location.line());
            assert!(
                got.is_some_and(|got| got.abs_diff(line) <= 1),
                "{text:?}: {got:?}"
            );
        }
    }

    #[test]
    fn alias_bombs_and_deep_nesting_are_refused() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        assert!(matches!(
            parse(bomb.as_bytes(), 0),
            Err(YamlError::TooManyNodes)
        ));
        let huge = "- ".repeat(INDICATOR_LIMIT + 1);
        assert!(matches!(
            parse(huge.as_bytes(), 0),
            Err(YamlError::TooManyNodes)
        ));
        let deep = "[".repeat(5_000);
        assert!(matches!(
            parse(deep.as_bytes(), 0),
            Err(YamlError::Syntax { .. })
        ));
    }

    #[test]
    fn every_value_is_found_again() {
        let text = "services:\n  web: {image: a,\n    env_file: [x,\n      y]}\n  db:\n    image: >-\n      b\n    env_file:\n      - z # c\n---\nname: n\n";
        let parsed = parse(text.as_bytes(), 0).unwrap();
        let line = |document: usize, path: &[&str]| {
            let mut node = &parsed.documents[document];
            for key in path {
                node = match (&node.data, key.parse::<usize>()) {
                    (Data::List(items), Ok(index)) => &items[index],
                    _ => node.get(key).unwrap(),
                };
            }
            line_of(text.as_bytes(), node.origin.ordinal).unwrap()
        };
        assert_eq!(line(0, &["services", "web"]), 2);
        assert_eq!(line(0, &["services", "web", "env_file", "0"]), 3);
        assert_eq!(line(0, &["services", "web", "env_file", "1"]), 4);
        assert_eq!(line(0, &["services", "db", "image"]), 6);
        assert_eq!(line(0, &["services", "db", "env_file", "0"]), 9);
        assert_eq!(line(1, &["name"]), 11);
    }
}
