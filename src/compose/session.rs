//! What one load carries along: the files it has read, its findings, its limits. The only file of
//! the loader that opens files.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::node::{Node, Origin};
use super::{LoadError, Reference, Role, Warning, path, yaml};

/// How large a file may be, in bytes. Compose files are written by hand.
const SIZE_LIMIT: u64 = 16 << 20;
/// How many YAML files one project may have. It bounds files that include files that include files.
const FILE_LIMIT: usize = 1_000;
/// How many values may be copied by `extends` and `include`: they multiply as aliases do.
const COPY_LIMIT: u32 = 1_000_000;
/// How many warnings are kept. Nobody reads more.
const WARNING_LIMIT: usize = 1_000;
/// How many warnings get a line. Each one costs a run of the parser.
const LOCATED_LIMIT: usize = 100;

/// A loaded YAML file, once for each base that its relative paths have.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// Absolute and clean.
    pub(super) path: PathBuf,
    /// Against what its relative paths are resolved.
    bases: Bases,
    bytes: Rc<[u8]>,
}

/// The folders against which relative paths in a file are resolved.
#[derive(Debug, Clone)]
pub(super) struct Bases {
    /// For paths that stand in the file.
    pub(super) own: PathBuf,
    /// For defaults, which are set when the whole model is there: its project directory. It differs
    /// from the other one only in a file that is extended.
    pub(super) model: PathBuf,
}

impl Bases {
    /// The same folder for both.
    pub(super) fn one(dir: &Path) -> Self {
        Self {
            own: dir.to_owned(),
            model: dir.to_owned(),
        }
    }
}

enum Place {
    Value(Origin),
    File(PathBuf, Option<u64>),
}

/// See the module.
pub(super) struct Session {
    sources: Vec<Source>,
    home: Option<PathBuf>,
    warnings: Vec<(Place, String)>,
    warned: BTreeSet<(PathBuf, String)>,
    references: BTreeMap<(PathBuf, Role, String), (BTreeSet<String>, bool)>,
    copies_left: u32,
}

impl Session {
    /// An empty session.
    pub(super) fn new(home: Option<PathBuf>) -> Self {
        Self {
            sources: Vec::new(),
            home,
            warnings: Vec::new(),
            warned: BTreeSet::new(),
            references: BTreeMap::new(),
            copies_left: COPY_LIMIT,
        }
    }

    /// The file that a value comes from.
    pub(super) fn source(&self, origin: Origin) -> &Source {
        &self.sources[origin.source]
    }

    /// Reads a whole regular file.
    ///
    /// # Errors
    /// [`LoadError::Unreadable`], [`LoadError::NotAFile`], [`LoadError::TooLarge`].
    pub(super) fn read(&self, file: &Path) -> Result<Vec<u8>, LoadError> {
        let path = || file.to_owned();
        let unreadable = |source| LoadError::Unreadable {
            path: path(),
            source,
        };
        // Without O_NONBLOCK the open of a pipe that nobody writes to would hang.
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        let opened = std::fs::OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(file)
            .map_err(unreadable)?;
        let metadata = opened.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(LoadError::NotAFile { path: path() });
        }
        let too_large = |size| LoadError::TooLarge {
            path: path(),
            size,
            limit: SIZE_LIMIT,
        };
        if metadata.len() > SIZE_LIMIT {
            return Err(too_large(metadata.len()));
        }
        let mut bytes = Vec::new();
        // It may have grown since.
        opened
            .take(SIZE_LIMIT + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        match bytes.len() as u64 {
            size if size > SIZE_LIMIT => Err(too_large(size)),
            _ => Ok(bytes),
        }
    }

    /// Loads the documents of a YAML file whose relative paths are resolved against `bases`.
    ///
    /// # Errors
    /// As [`Session::read`], and where the file is not YAML or a limit is passed.
    pub(super) fn documents(&mut self, file: &Path, bases: Bases) -> Result<Vec<Node>, LoadError> {
        let path = file.to_owned();
        if self.sources.len() >= FILE_LIMIT {
            return Err(LoadError::TooManyFiles {
                path,
                limit: FILE_LIMIT,
            });
        }
        let bytes: Rc<[u8]> = self.read(file)?.into();
        let id = self.sources.len();
        let parsed = match yaml::parse(&bytes, id) {
            Ok(parsed) => parsed,
            Err(yaml::YamlError::TooManyNodes) => {
                return Err(LoadError::TooManyNodes {
                    path,
                    limit: yaml::NODE_LIMIT,
                });
            }
            Err(yaml::YamlError::Syntax(source)) => {
                let place = source.location();
                let number = |n: Option<usize>| n.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
                return Err(LoadError::Syntax {
                    path,
                    line: number(place.as_ref().map(serde_yaml::Location::line)),
                    column: number(place.as_ref().map(serde_yaml::Location::column)),
                    source,
                });
            }
        };
        self.sources.push(Source { path, bases, bytes });
        for origin in parsed.bad_merge_keys {
            self.warn(
                origin,
                "`<<` wants a mapping or a list of mappings; it is ignored".to_owned(),
            );
        }
        Ok(parsed.documents)
    }

    /// A copy of `node`, which counts against the limit of copies.
    ///
    /// # Errors
    /// [`LoadError::TooManyNodes`].
    pub(super) fn copy(&mut self, node: &Node) -> Result<Node, LoadError> {
        match self.copies_left.checked_sub(node.count()) {
            Some(left) => self.copies_left = left,
            None => {
                return Err(LoadError::TooManyNodes {
                    path: self.source(node.origin).path.clone(),
                    limit: COPY_LIMIT,
                });
            }
        }
        Ok(node.clone())
    }

    /// The host path that `text` at `origin` means: `~` expanded, absolute, lexically clean.
    pub(super) fn resolve(&self, text: &str, origin: Origin) -> PathBuf {
        path::resolve(text, &self.source(origin).bases.own, self.home.as_deref())
    }

    /// The project directory of the model that the value at `origin` belongs to.
    pub(super) fn model_dir(&self, origin: Origin) -> &Path {
        &self.source(origin).bases.model
    }

    /// Notes a finding at a value. The same finding in the same file is noted once.
    pub(super) fn warn(&mut self, origin: Origin, message: String) {
        let file = self.source(origin).path.clone();
        if self.warned.len() < WARNING_LIMIT && self.warned.insert((file, message.clone())) {
            self.push(Place::Value(origin), message);
        }
    }

    /// Notes a finding in a file that is not YAML, or about the file as a whole.
    pub(super) fn warn_file(&mut self, file: &Path, line: Option<u64>, message: String) {
        self.push(Place::File(file.to_owned(), line), message);
    }

    fn push(&mut self, place: Place, message: String) {
        match self.warnings.len() {
            count if count < WARNING_LIMIT => self.warnings.push((place, message)),
            WARNING_LIMIT => self
                .warnings
                .push((place, "further findings are not listed".to_owned())),
            _ => {}
        }
    }

    /// Notes a reference of the whole project.
    pub(super) fn refer(&mut self, path: &Path, role: Role, named_by: &str, required: bool) {
        self.note(path, role, named_by, required);
    }

    /// Notes a reference of one service.
    pub(super) fn refer_from(&mut self, service: &str, found: &Found<'_>) {
        self.note(&found.path, found.role, found.named_by, found.required)
            .insert(service.to_owned());
        self.check_exists(found);
    }

    /// Notes a reference of several services.
    pub(super) fn refer_from_all(&mut self, services: &BTreeSet<String>, found: &Found<'_>) {
        self.note(&found.path, found.role, found.named_by, found.required)
            .extend(services.iter().cloned());
        self.check_exists(found);
    }

    fn note(
        &mut self,
        path: &Path,
        role: Role,
        named_by: &str,
        required: bool,
    ) -> &mut BTreeSet<String> {
        let key = (path.to_owned(), role, named_by.to_owned());
        let entry = self.references.entry(key).or_default();
        entry.1 |= required;
        &mut entry.0
    }

    fn check_exists(&mut self, found: &Found<'_>) {
        if found.required && path::is_missing(&found.path) {
            let message = format!(
                "`{}` ({}) does not exist",
                found.path.display(),
                found.named_by
            );
            self.warn(found.origin, message);
        }
    }

    /// Everything that was noted.
    pub(super) fn finish(self) -> (Vec<Reference>, Vec<Warning>) {
        let references = self.references.into_iter();
        let references =
            references.map(|((path, role, named_by), (services, required))| Reference {
                path,
                role,
                named_by,
                services,
                required,
            });
        let sources = self.sources;
        let warnings = self
            .warnings
            .into_iter()
            .enumerate()
            .map(|(index, (place, message))| {
                let (file, line) = match place {
                    Place::File(file, line) => (file, line),
                    Place::Value(origin) => {
                        let source = &sources[origin.source];
                        let located = index < LOCATED_LIMIT;
                        let line = located.then(|| yaml::line_of(&source.bytes, origin.ordinal));
                        (source.path.clone(), line.flatten())
                    }
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_of_a_sane_size_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let session = Session::new(None);
        let at = |name: &str| dir.path().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), 0o600.into()).unwrap();
        assert!(matches!(
            session.read(&at("pipe")),
            Err(LoadError::NotAFile { .. })
        ));
        assert!(matches!(
            session.read(dir.path()),
            Err(LoadError::NotAFile { .. })
        ));
        assert!(matches!(
            session.read(&at("none")),
            Err(LoadError::Unreadable { .. })
        ));
        std::fs::File::create(at("large"))
            .unwrap()
            .set_len(SIZE_LIMIT + 1)
            .unwrap();
        assert!(matches!(
            session.read(&at("large")),
            Err(LoadError::TooLarge { .. })
        ));
        std::fs::write(at("file"), "x").unwrap();
        assert_eq!(session.read(&at("file")).unwrap(), b"x");
    }
}
