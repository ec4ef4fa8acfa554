//! What `-t` means: standard output, exactly one archive, or a folder of dumps.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::codecs::Codec;
use crate::diagnostic::Finding;
use crate::text;

/// A target as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetArg {
    /// How reports call it.
    pub name: String,
    /// What it is.
    pub kind: TargetArgKind,
}

/// What a target is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetArgKind {
    /// `-`.
    Stdout,
    /// A path that ends in one of the archive extensions: exactly that file.
    Archive {
        /// The file, absolute.
        path: PathBuf,
        /// The codec that its extension names.
        codec: Codec,
    },
    /// Anything else: a folder of dumps.
    Folder {
        /// The folder, absolute.
        path: PathBuf,
    },
}

impl TargetArg {
    /// The folder or file, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.kind {
            TargetArgKind::Stdout => None,
            TargetArgKind::Archive { path, .. } | TargetArgKind::Folder { path } => Some(path),
        }
    }

    /// Reads a `-t`; relative paths are relative to `cwd`.
    ///
    /// # Errors
    /// A finding for an empty text and for a URL.
    pub fn parse(text: &OsStr, cwd: &Path) -> Result<Self, Finding> {
        let name = text::os(text);
        if text.is_empty() {
            return Err(Finding::new("config::target_empty", "a target is empty")
                .with_help("write a folder, an archive's name such as `blog.tar.zst`, or `-` for standard output"));
        }
        if text == "-" {
            return Ok(Self {
                name,
                kind: TargetArgKind::Stdout,
            });
        }
        if name.contains("://") {
            let scheme = name.split("://").next().unwrap_or_default();
            return Err(Finding::new(
                "config::target_url",
                format!("the target is a `{scheme}` URL, and this version writes to local folders, archives and standard output only"),
            )
            .with_help("write to `-` and pipe it into a program that uploads, as the README shows"));
        }
        let path = cwd.join(text);
        let file_name = path.file_name().map(OsStr::as_bytes).unwrap_or_default();
        let kind = match Codec::split_archive_name(file_name) {
            Some((_, codec)) => TargetArgKind::Archive { path, codec },
            None => TargetArgKind::Folder { path },
        };
        Ok(Self { name, kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<TargetArgKind, &'static str> {
        TargetArg::parse(OsStr::new(text), Path::new("/here"))
            .map(|arg| arg.kind)
            .map_err(|finding| finding.code)
    }

    #[test]
    fn the_extension_decides_between_archive_and_folder() {
        let archive = |path: &str, codec| {
            Ok(TargetArgKind::Archive {
                path: path.into(),
                codec,
            })
        };
        assert_eq!(parse("a.tar"), archive("/here/a.tar", Codec::None));
        assert_eq!(parse("/x/a.tgz"), archive("/x/a.tgz", Codec::Gz));
        assert_eq!(
            parse("a.b.tar.zst"),
            archive("/here/a.b.tar.zst", Codec::Zst)
        );
        assert_eq!(
            parse("dumps"),
            Ok(TargetArgKind::Folder {
                path: "/here/dumps".into()
            })
        );
        assert_eq!(
            parse("dumps.zst"),
            Ok(TargetArgKind::Folder {
                path: "/here/dumps.zst".into()
            })
        );
        assert_eq!(parse("-"), Ok(TargetArgKind::Stdout));
    }

    #[test]
    fn what_this_version_cannot_write_to_is_refused() {
        assert_eq!(parse(""), Err("config::target_empty"));
        assert_eq!(parse("s3://bucket/prefix"), Err("config::target_url"));
    }
}
