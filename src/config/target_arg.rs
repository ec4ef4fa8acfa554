//! What `-t` means: standard output, exactly one archive, or a folder of dumps.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::codecs::Codec;
use crate::diagnostic::Finding;
use crate::store::{StoreOptions, StoreUrl};
use crate::text;

/// Extensions of archives that are not written, beside everything behind `.tar.`.
const OTHER_ARCHIVES: [&str; 12] = [
    "zip", "7z", "rar", "tbz", "tbz2", "tlz", "tlz4", "txz", "tzst", "tzstd", "cpio", "iso",
];

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
    /// A URL: a prefix in an object store.
    Store {
        /// The prefix.
        url: StoreUrl,
        /// What the target says of how the store is reached; the command line says nothing.
        options: Box<StoreOptions>,
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
            TargetArgKind::Stdout | TargetArgKind::Store { .. } => None,
            TargetArgKind::Archive { path, .. } | TargetArgKind::Folder { path } => Some(path),
        }
    }

    /// Reads a `-t`; relative paths are relative to `cwd`.
    ///
    /// # Errors
    /// A finding for an empty text, for a URL of no object store, and for what is not there and looks like a remote place,
    /// an archive of a kind that is not written, or a text for a shell: a folder of that name is not
    /// what was meant.
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
        if StoreUrl::is_url(&name) {
            return Self::in_store(&name, StoreOptions::default());
        }
        let path = tidy(&cwd.join(text));
        if let Some(finding) = unexpanded(&name).filter(|_| path.symlink_metadata().is_err()) {
            return Err(finding);
        }
        let file_name = path.file_name().map(OsStr::as_bytes).unwrap_or_default();
        let kind = match Codec::split_archive_name(file_name) {
            Some((_, codec)) => TargetArgKind::Archive { path, codec },
            None => match misunderstanding(&name).filter(|_| path.symlink_metadata().is_err()) {
                Some(finding) => return Err(finding),
                None => TargetArgKind::Folder { path },
            },
        };
        Ok(Self { name, kind })
    }
}

impl TargetArg {
    /// Reads the URL of a prefix in an object store, which is reached by `options`.
    ///
    /// # Errors
    /// A finding for what is no such URL; it does not show more of it than its scheme.
    pub fn in_store(text: &str, options: StoreOptions) -> Result<Self, Finding> {
        let url = StoreUrl::parse(text).map_err(|error| {
            Finding::new(
                "config::target_url",
                format!("the target is no object store: {error}"),
            )
            .with_help(
                "write `s3://bucket/prefix`, `az://container/prefix` or `gs://bucket/prefix`; keys and endpoints have options of their own",
            )
        })?;
        Ok(Self {
            name: url.to_string(),
            kind: TargetArgKind::Store {
                url,
                options: Box::new(options),
            },
        })
    }
}

/// `path` without `.`, and without `..` but behind a link, from where it leads elsewhere.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for component in path.components() {
        let goes_back = component == Component::ParentDir
            && matches!(tidy.components().next_back(), Some(Component::Normal(_)))
            && !tidy.is_symlink();
        if goes_back {
            tidy.pop();
        } else {
            tidy.push(component);
        }
    }
    tidy
}

/// `~/x` and `$HOME/x`, which a shell would have replaced.
fn unexpanded(name: &str) -> Option<Finding> {
    let is_variable = |part: &str| {
        let rest = part.strip_prefix('$');
        let first = rest.and_then(|rest| rest.chars().next());
        first.is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
    };
    let word = match name.split('/').next() {
        Some(home @ "~") => home,
        _ => name.split('/').find(|part| is_variable(part))?,
    };
    Some(
        Finding::new(
            "config::target_unexpanded",
            format!("the target `{name}` holds `{word}`, which only a shell replaces"),
        )
        .with_help(
            "write the whole path; in a compose-dump.yml `${HOME}` is replaced, with its braces",
        ),
    )
}

/// What a name without an archive's extension may have been meant as, if not as a folder.
fn misunderstanding(name: &str) -> Option<Finding> {
    if let Some((host, rest)) = name.split_once(':')
        && !host.is_empty()
        && !host.contains('/')
        && (rest.starts_with(['/', '~']) || host.contains('@'))
    {
        return Some(
            Finding::new(
                "config::target_remote",
                format!("the target `{name}` looks like a place on another machine, and this version writes to local folders, archives and standard output only"),
            )
            .with_help(format!(
                "write to standard output and pipe it: `compose-dump backup -x zst | ssh {host} 'cat > blog.tar.zst'`; `./{name}` is a local folder"
            )),
        );
    }
    let file_name = name
        .trim_end_matches('/')
        .rsplit('/')
        .next()?
        .to_ascii_lowercase();
    let (stem, extension) = file_name.rsplit_once('.')?;
    (OTHER_ARCHIVES.contains(&extension) || stem.ends_with(".tar")).then(|| {
        Finding::new(
            "config::target_extension",
            format!("the target `{name}` looks like an archive of a kind that is not written"),
        )
        .with_help("the archives' extensions are .tar .tar.gz .tgz .tar.bz2 .tar.xz .tar.zst; if a folder is meant, create it first")
    })
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
        let store =
            parse("s3://bucket/a.tar").map(|kind| matches!(kind, TargetArgKind::Store { .. }));
        assert_eq!(store, Ok(true));
    }

    #[test]
    fn what_this_version_cannot_write_to_is_refused() {
        assert_eq!(parse(""), Err("config::target_empty"));
        for url in [
            "ftp://h/x",
            "https://h",
            "s3://",
            "s3://key:secret@bucket",
            "s3://b/../x",
        ] {
            assert_eq!(parse(url), Err("config::target_url"), "{url}");
        }
        for remote in ["host:/x", "me@host:dumps", "host:~/x", "C:/dumps"] {
            assert_eq!(parse(remote), Err("config::target_remote"), "{remote}");
        }
        for archive in ["a.zip", "/x/a.7z", "a.TAR.LZ4", "a.tzst", "a.rar/"] {
            assert_eq!(parse(archive), Err("config::target_extension"), "{archive}");
        }
        for text in ["~", "~/dumps", "~/a.tar", "$HOME/x", "/mnt/$disk"] {
            assert_eq!(parse(text), Err("config::target_unexpanded"), "{text}");
        }
        for folder in [
            "./~",
            "~x",
            "a$b",
            "$",
            "$5",
            "./host:/x",
            "a:b",
            "blog.d",
            "tar.d",
            "/x:/y",
        ] {
            assert!(
                matches!(parse(folder), Ok(TargetArgKind::Folder { .. })),
                "{folder}"
            );
        }
    }

    #[test]
    fn what_is_there_is_what_it_is_whatever_its_name() {
        let here = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(here.path().join("a.zip")).expect("it can be made");
        let arg = TargetArg::parse(OsStr::new("a.zip"), here.path()).expect("a folder");
        assert_eq!(arg.path(), Some(&*here.path().join("a.zip")));
    }

    #[test]
    fn paths_are_tidied_unless_that_leads_elsewhere() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let here = place.path();
        std::fs::create_dir_all(here.join("a/b")).expect("they can be made");
        std::os::unix::fs::symlink("a/b", here.join("link")).expect("it can be made");
        let path = |text: &str| {
            let arg = TargetArg::parse(OsStr::new(text), here).expect("a folder");
            arg.path().map(Path::to_owned)
        };
        assert_eq!(path("./dumps/."), Some(here.join("dumps")));
        assert_eq!(path("a/../dumps"), Some(here.join("dumps")));
        assert_eq!(path("link/../dumps"), Some(here.join("link/../dumps")));
    }
}
