//! Reads the bytes of the file, whatever lies at its path: bounded, and never waiting for a pipe.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::diagnostic::Finding;
use crate::text;

/// How large the file may be, in bytes. It is written by hand; positions are found by parsing again.
const SIZE_LIMIT: u64 = 128 << 10;

/// Where the file comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Standard input: `-c -`.
    Stdin,
    /// A file.
    File(PathBuf),
    /// A text that is yet to become a file.
    Text {
        /// How findings call it.
        name: String,
        /// What it holds.
        text: String,
    },
}

/// Why there are no bytes.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There is nothing at the path.
    #[error("there is no `{}`", text::path(.0))]
    Missing(PathBuf),
    /// A folder, pipe, socket or device.
    #[error("`{}` is {}, not a file", text::path(.path), .kind)]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is, with its article.
        kind: &'static str,
    },
    /// More than 128 KiB.
    #[error("`{0}` has more than {limit}", limit = text::bytes(SIZE_LIMIT))]
    TooLarge(String),
    /// The operating system refuses.
    #[error("cannot read `{name}`")]
    Unreadable {
        /// The path, or `<stdin>`.
        name: String,
        /// Why.
        source: io::Error,
    },
}

impl Source {
    /// How findings call it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Stdin => "<stdin>".to_owned(),
            Self::File(path) => text::path(path),
            Self::Text { name, .. } => name.clone(),
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`SourceError`]
    pub(super) fn read(&self) -> Result<Vec<u8>, SourceError> {
        match self {
            Self::Stdin => self.bounded(io::stdin().lock()),
            Self::File(path) => self.bounded(open(path)?),
            Self::Text { text, .. } => self.bounded(text.as_bytes()),
        }
    }

    fn bounded(&self, from: impl Read) -> Result<Vec<u8>, SourceError> {
        let mut bytes = Vec::new();
        let read = from.take(SIZE_LIMIT + 1).read_to_end(&mut bytes);
        read.map_err(|source| SourceError::Unreadable {
            name: self.name(),
            source,
        })?;
        if bytes.len() as u64 > SIZE_LIMIT {
            return Err(SourceError::TooLarge(self.name()));
        }
        Ok(bytes)
    }
}

fn open(path: &Path) -> Result<std::fs::File, SourceError> {
    let unreadable = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            SourceError::Missing(path.to_owned())
        }
        _ => SourceError::Unreadable {
            name: text::path(path),
            source,
        },
    };
    // Looked at before it is opened: opening a device may do something.
    let kind = std::fs::metadata(path).map_err(unreadable)?.file_type();
    if !kind.is_file() {
        return Err(SourceError::NotAFile {
            path: path.to_owned(),
            kind: if kind.is_dir() {
                "a folder"
            } else {
                "a pipe, a socket or a device"
            },
        });
    }
    // Between both looks a pipe may have taken its place: opening it must not wait.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(unreadable)
}

impl From<SourceError> for Finding {
    fn from(error: SourceError) -> Self {
        let message = match &error {
            SourceError::Unreadable { source, .. } => format!("{error}: {source}"),
            _ => error.to_string(),
        };
        match error {
            SourceError::Missing(_) => Self::new("config::no_file", message)
                .with_help("`compose-dump init` writes one; or name it with `-c FILE`"),
            SourceError::NotAFile { .. } => Self::new("config::not_a_file", message)
                .with_help("name a regular file with `-c`, or send it to `-c -`"),
            SourceError::TooLarge(_) => Self::new("config::too_large", message)
                .with_help("a job file is written by hand; is this the right one?"),
            SourceError::Unreadable { .. } => Self::new("config::unreadable", message)
                .with_help("change its permissions, or name another file with `-c`"),
        }
    }
}
