//! What a load finds beside the model: references and warnings. Knows neither files nor YAML.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Reference, Role, Warning};
use crate::yaml::node::Origin;

/// How many warnings are kept. Nobody reads more.
const WARNING_LIMIT: usize = 1_000;
/// How many warnings get a line. Each one costs a run of the parser.
const LOCATED_LIMIT: usize = 100;

/// A host file or folder that a value names.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// Absolute and clean.
    pub(super) path: PathBuf,
    /// What it is for.
    pub(super) role: Role,
    /// Key path of the value.
    pub(super) named_by: &'a str,
    /// Whether Compose fails without it.
    pub(super) required: bool,
    /// The value.
    pub(super) origin: Origin,
}

/// Where a warning belongs.
enum Place {
    Value(Origin),
    Line(Option<u64>),
}

/// See the module.
#[derive(Default)]
pub(super) struct Findings {
    warnings: Vec<(PathBuf, Place, String)>,
    warned: BTreeSet<(PathBuf, String)>,
    references: BTreeMap<(PathBuf, Role, String), (BTreeSet<String>, bool)>,
}

impl Findings {
    /// Notes a warning about a value in `file`. The same one about the same file is noted once.
    pub(super) fn warn(&mut self, file: &Path, origin: Origin, message: String) {
        let full = self.warned.len() >= WARNING_LIMIT;
        if !full && self.warned.insert((file.to_owned(), message.clone())) {
            self.push(file, Place::Value(origin), message);
        }
    }

    /// Notes a warning about `file` that is not about a value.
    pub(super) fn warn_file(&mut self, file: &Path, line: Option<u64>, message: String) {
        self.push(file, Place::Line(line), message);
    }

    fn push(&mut self, file: &Path, place: Place, message: String) {
        let message = match self.warnings.len() {
            count if count < WARNING_LIMIT => message,
            WARNING_LIMIT => "further findings are not listed".to_owned(),
            _ => return,
        };
        self.warnings.push((file.to_owned(), place, message));
    }

    /// Notes a reference of the services given, none meaning the whole project.
    pub(super) fn refer<'a>(
        &mut self,
        (path, role, named_by): (&Path, Role, &str),
        required: bool,
        services: impl Iterator<Item = &'a String>,
    ) {
        let key = (path.to_owned(), role, named_by.to_owned());
        let (users, needed) = self.references.entry(key).or_default();
        users.extend(services.cloned());
        *needed |= required;
    }

    /// Everything that was noted. `locate` gives the line of a value.
    pub(super) fn finish(
        self,
        locate: impl Fn(Origin) -> Option<u64>,
    ) -> (Vec<Reference>, Vec<Warning>) {
        let references = self
            .references
            .into_iter()
            .map(|(key, (services, required))| {
                let (path, role, named_by) = key;
                Reference {
                    path,
                    role,
                    named_by,
                    services,
                    required,
                }
            });
        let warnings = self.warnings.into_iter().enumerate();
        let warnings = warnings.map(|(index, (file, place, message))| {
            let line = match place {
                Place::Line(line) => line,
                Place::Value(origin) if index < LOCATED_LIMIT => locate(origin),
                Place::Value(_) => None,
            };
            Warning {
                file,
                line,
                message,
            }
        });
        (references.collect(), warnings.collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn references_are_joined_and_warnings_bounded() {
        let mut findings = Findings::default();
        let what = (Path::new("/a"), Role::EnvFile, "x");
        for service in ["b", "a", "a"].map(str::to_owned) {
            findings.refer(what, service == "b", std::iter::once(&service));
        }
        let origin = Origin {
            source: 0,
            ordinal: 7,
        };
        for index in 0..2 * WARNING_LIMIT {
            findings.warn(Path::new("/a"), origin, (index / 2).to_string());
            findings.warn_file(Path::new("/b"), None, index.to_string());
        }
        let (references, warnings) = findings.finish(|origin| Some(origin.ordinal.into()));
        assert_eq!(references.len(), 1);
        assert!(references[0].required);
        assert_eq!(
            references[0].services.iter().collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert_eq!(warnings.len(), WARNING_LIMIT + 1);
        assert_eq!((warnings[0].line, warnings[1].line), (Some(7), None));
        assert_eq!(
            warnings.last().unwrap().message,
            "further findings are not listed"
        );
    }
}
