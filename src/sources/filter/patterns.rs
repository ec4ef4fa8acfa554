//! Patterns in gitignore syntax: the lines of a `.backupignore`, and those of a rule.

use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::RulesError;

/// A project's `.backupignore`; its patterns are relative to the project folder, as the walk's paths
/// are.
#[derive(Debug, Clone)]
pub struct BackupIgnore {
    /// The file.
    pub path: PathBuf,
    patterns: Gitignore,
}

impl BackupIgnore {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read, or a line of it is no pattern.
    pub fn read(path: &Path) -> Result<Self, RulesError> {
        let bytes = read(path)?;
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        Self::of_lines(path, &String::from_utf8_lossy(text))
    }

    /// The same, of text that was read already.
    ///
    /// # Errors
    /// When a line of it is no pattern.
    pub fn of_lines(path: &Path, lines: &str) -> Result<Self, RulesError> {
        let failed = |source| RulesError::Pattern {
            path: path.to_owned(),
            source,
        };
        let mut builder = GitignoreBuilder::new("");
        for line in lines.lines().filter(|line| names_something(line)) {
            builder.add_line(None, line).map_err(failed)?;
        }
        Ok(Self {
            path: path.to_owned(),
            patterns: builder.build().map_err(failed)?,
        })
    }

    /// The patterns alone.
    pub(super) fn into_patterns(self) -> Gitignore {
        self.patterns
    }

    /// The line that leaves out everything at `relative`, a path in the project folder.
    #[must_use]
    pub fn line_against(&self, relative: &Path, is_dir: bool) -> Option<&str> {
        match self.patterns.matched_path_or_any_parents(relative, is_dir) {
            ignore::Match::Ignore(glob) => Some(glob.original()),
            ignore::Match::None | ignore::Match::Whitelist(_) => None,
        }
    }
}

/// A lone slash matches nothing in gitignore(5); the library takes it for everything.
fn names_something(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.trim_start_matches('!') != "/"
}

/// The patterns of a rule.
pub(super) fn exclude(patterns: &[String]) -> Result<Gitignore, RulesError> {
    let mut builder = GitignoreBuilder::new("");
    for pattern in patterns.iter().filter(|line| names_something(line)) {
        builder
            .add_line(None, pattern)
            .map_err(RulesError::Exclude)?;
    }
    builder.build().map_err(RulesError::Exclude)
}

/// The bytes of an ignore file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, RulesError> {
    std::fs::read(path).map_err(|source| RulesError::Read {
        path: path.to_owned(),
        source,
    })
}
