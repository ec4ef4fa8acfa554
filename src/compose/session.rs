//! What one load carries along: the files it has read, its findings, its limits. The only file of
//! the loader that opens files.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::findings::{Findings, Found};
use super::{LoadError, Reference, Role, Warning, path};
use crate::yaml;
use crate::yaml::node::{Node, Origin};

/// How large a file may be, in bytes. Compose files are written by hand.
const SIZE_LIMIT: u64 = 16 << 20;
/// How many YAML files one project may have. It bounds files that include files that include files.
const FILE_LIMIT: usize = 1_000;
/// How many values may be copied by `extends` and `include`: they multiply as aliases do.
const COPY_LIMIT: u32 = 1_000_000;

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

/// See the module.
pub(super) struct Session {
    sources: Vec<Source>,
    home: Option<PathBuf>,
    findings: Findings,
    copies_left: u32,
}

impl Session {
    /// An empty session.
    pub(super) fn new(home: Option<PathBuf>) -> Self {
        Self {
            sources: Vec::new(),
            home,
            findings: Findings::default(),
            copies_left: COPY_LIMIT,
        }
    }

    /// The line of a value, from 1. Costs a run of the parser.
    pub(super) fn line_of(&self, origin: Origin) -> Option<u64> {
        yaml::line_of(&self.source(origin).bytes, origin.ordinal)
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
            Err(yaml::YamlError::Syntax { error: source, .. }) => {
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

    /// Notes a warning about a value.
    pub(super) fn warn(&mut self, origin: Origin, message: String) {
        let file = &self.sources[origin.source].path;
        self.findings.warn(file, origin, message);
    }

    /// Notes a warning about a file as a whole, or one that is not YAML.
    pub(super) fn warn_file(&mut self, file: &Path, line: Option<u64>, message: String) {
        self.findings.warn_file(file, line, message);
    }

    /// Notes a reference of the whole project that Compose cannot do without.
    pub(super) fn refer(&mut self, path: &Path, role: Role, named_by: &str) {
        self.findings
            .refer((path, role, named_by), true, std::iter::empty());
    }

    /// Notes what a value of `service` names.
    pub(super) fn refer_from(&mut self, service: &str, found: &Found<'_>) {
        self.refer_from_all(&BTreeSet::from([service.to_owned()]), found);
    }

    /// Notes what a value names that several services use; warns if it is missing.
    pub(super) fn refer_from_all(&mut self, services: &BTreeSet<String>, found: &Found<'_>) {
        let Found {
            path,
            role,
            named_by,
            required,
            origin,
        } = found;
        self.findings
            .refer((path, *role, named_by), *required, services.iter());
        if *required && path::is_missing(path) {
            let message = format!("`{}` ({named_by}) does not exist", crate::text::path(path));
            self.warn(*origin, message);
        }
    }

    /// Everything that was noted.
    pub(super) fn finish(self) -> (Vec<Reference>, Vec<Warning>) {
        let sources = self.sources;
        self.findings
            .finish(|origin| yaml::line_of(&sources[origin.source].bytes, origin.ordinal))
    }
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
