//! Files that a restore writes and that are not in the dump: the name of a copy in `.env`, digests of images in
//! an override file.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::restore::facts::Facts;
use crate::restore::plan::model::Plan;
use crate::restore::plan::{NAME_VARIABLE, pin};

/// A file that was written, and what it said before.
pub(super) struct Written {
    path: PathBuf,
    before: Option<Vec<u8>>,
}

/// Such a file cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// The system does not let it be read or written.
    #[error("cannot write `{}`", crate::text::path(.path))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The override file cannot be made.
    #[error("cannot write the image digests as YAML")]
    Yaml(#[source] serde_yaml::Error),
}

/// Writes what the plan says.
///
/// # Errors
/// The first file that cannot be written; those before it are taken back.
pub(super) fn all(plan: &Plan, facts: &Facts) -> Result<Vec<Written>, WriteError> {
    let mut written = Vec::new();
    for row in &plan.writes {
        let path = plan.folder.join(&row.path);
        let done = if row.path == ".env" {
            write(&path, |before| Ok(with_name(before, &plan.project)))
        } else {
            write(&path, |_| {
                Ok(pin::text(facts).map_err(WriteError::Yaml)?.into_bytes())
            })
        };
        match done {
            Ok(one) => written.push(one),
            Err(error) => {
                take_back(written);
                return Err(error);
            }
        }
    }
    Ok(written)
}

/// Puts back what the files said before; what cannot be is told to the log.
pub(super) fn take_back(written: Vec<Written>) {
    for one in written.into_iter().rev() {
        let back = match &one.before {
            Some(before) => replace(&one.path, before),
            None => fs::remove_file(&one.path),
        };
        if let Err(error) = back {
            let cause: &dyn std::error::Error = &error;
            let path = one.path.display();
            tracing::warn!(%path, cause, "a file could not be put back");
        }
    }
}

fn write(
    path: &Path,
    text: impl FnOnce(&[u8]) -> Result<Vec<u8>, WriteError>,
) -> Result<Written, WriteError> {
    let failed = |source| WriteError::Io {
        path: path.to_owned(),
        source,
    };
    let before = match fs::read(path) {
        Ok(before) => Some(before),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let text = text(before.as_deref().unwrap_or_default())?;
    replace(path, &text).map_err(failed)?;
    Ok(Written {
        path: path.to_owned(),
        before,
    })
}

/// Writes a file beside its place and gives it its name, with the owner and mode of the one that was there.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text)?;
    if let Ok(found) = fs::symlink_metadata(path) {
        use std::os::unix::fs::MetadataExt;
        file.as_file().set_permissions(found.permissions())?;
        // Whoever is not root can only have written it for himself.
        let _ = std::os::unix::fs::fchown(file.as_file(), Some(found.uid()), Some(found.gid()));
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// The text of a `.env` with the project's name in it, everything else as it was.
fn with_name(before: &[u8], name: &str) -> Vec<u8> {
    let prefix = format!("{NAME_VARIABLE}=");
    let is_name = |line: &&[u8]| line.trim_ascii_start().starts_with(prefix.as_bytes());
    let lines = before.split_inclusive(|byte| *byte == b'\n');
    let mut text: Vec<u8> = lines
        .filter(|line| !is_name(line))
        .flatten()
        .copied()
        .collect();
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text.extend_from_slice(format!("{prefix}{name}\n").as_bytes());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_takes_the_place_of_another_and_nothing_else_changes() {
        let text = |before: &str| {
            String::from_utf8(with_name(before.as_bytes(), "new")).expect("it is text")
        };
        assert_eq!(text(""), "COMPOSE_PROJECT_NAME=new\n");
        assert_eq!(text("A=1"), "A=1\nCOMPOSE_PROJECT_NAME=new\n");
        assert_eq!(
            text("COMPOSE_PROJECT_NAME=old\n# A\nA=1\n"),
            "# A\nA=1\nCOMPOSE_PROJECT_NAME=new\n"
        );
    }

    #[test]
    fn what_was_written_is_taken_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        fs::write(&old, "before").expect("a file");
        let written = [&old, &new].map(|path| write(path, |_| Ok(b"after".to_vec())));
        assert_eq!(fs::read(&old).expect("it is there"), b"after");
        take_back(written.into_iter().filter_map(Result::ok).collect());
        assert_eq!(fs::read(&old).expect("it is there"), b"before");
        assert!(!new.exists());
    }
}
