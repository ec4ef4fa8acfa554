//! Path rules of Compose on text: `~`, relative to a base, lexically clean, and what is no path of
//! this host. No I/O but [`is_missing`].

use std::path::{Component, Path, PathBuf};

/// The path that `text` means: a leading `~` is `home`, a relative path starts at `base`.
pub(super) fn resolve(text: &str, base: &Path, home: Option<&Path>) -> PathBuf {
    if let (Some(rest), Some(home)) = (text.strip_prefix('~'), home) {
        // Compose joins the rest to the home folder, also that of `~name`.
        return clean(&home.join(rest.trim_start_matches('/')));
    }
    clean(&base.join(text))
}

/// `path` without `.`, without `..` where it can be resolved lexically, without doubled slashes; `.`
/// if nothing is left (as Go's `filepath.Clean`). Symbolic links are not looked at.
pub(crate) fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(out.components().next_back(), Some(Component::Normal(_))) =>
            {
                out.pop();
            }
            Component::ParentDir if out.has_root() => {}
            other => out.push(other),
        }
    }
    if out.as_os_str().is_empty() {
        out.push(".");
    }
    out
}

/// A path in a container, clean as [`clean`]. Containers' paths are text.
pub(super) fn clean_target(target: &str) -> String {
    clean(Path::new(target)).to_string_lossy().into_owned()
}

/// Whether there is surely nothing at `path`. What cannot be looked at is not missing: reading it
/// gives the better message.
pub(super) fn is_missing(path: &Path) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    path.metadata()
        .is_err_and(|error| matches!(error.kind(), NotFound | NotADirectory))
}

/// Whether `text` is an absolute path of Windows: a drive, or a share or pipe.
pub(super) fn is_windows(text: &str) -> bool {
    let bytes = text.as_bytes();
    text.starts_with("\\\\")
        || matches!(bytes, [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic())
}

/// Whether a build context is fetched or made instead of being a folder (compose-go,
/// `paths.isRemoteContext`).
pub(super) fn is_remote_context(text: &str) -> bool {
    let prefixes = [
        "https:",
        "http:",
        "git:",
        "ssh:",
        "github.com/",
        "git@",
        "service:",
    ];
    text.contains("://") || prefixes.iter().any(|prefix| text.starts_with(prefix))
}

/// Whether an included or extended file is fetched from a Git repository or a registry.
pub(super) fn is_remote_file(text: &str) -> bool {
    ["git@", "github.com/", "oci:", "git:"]
        .iter()
        .any(|prefix| text.starts_with(prefix))
        || text.contains("://")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved_as_compose_does() {
        let home = Path::new("/home/u");
        for (text, expected) in [
            (".", "/base"),
            ("", "/base"),
            ("./a", "/base/a"),
            ("a//b/", "/base/a/b"),
            ("../a", "/a"),
            ("../../../a", "/a"),
            ("a/../../b", "/b"),
            ("/x/./y/..", "/x"),
            ("/", "/"),
            ("~", "/home/u"),
            ("~/a", "/home/u/a"),
            ("~a", "/home/u/a"),
            ("a~", "/base/a~"),
        ] {
            assert_eq!(
                resolve(text, Path::new("/base"), Some(home)),
                Path::new(expected),
                "{text}"
            );
        }
        assert_eq!(
            resolve("~/a", Path::new("/base"), None),
            Path::new("/base/~/a")
        );
    }

    #[test]
    fn targets_are_cleaned() {
        for (target, expected) in [
            ("/data/", "/data"),
            ("/a/../b", "/b"),
            ("v:/data", "v:/data"),
            ("./", "."),
        ] {
            assert_eq!(clean_target(target), expected);
        }
    }

    #[test]
    fn what_is_no_folder_of_this_host() {
        for text in [
            "https://x/y.git",
            "git@host:x",
            "github.com/a/b",
            "service:web",
            "docker-image://a",
        ] {
            assert!(is_remote_context(text), "{text}");
        }
        for text in [".", "./github.com/a", "services", "a:b"] {
            assert!(!is_remote_context(text), "{text}");
        }
        assert!(is_windows(r"C:\x") && is_windows("c:/x") && is_windows(r"\\.\pipe\x"));
        assert!(!is_windows("c:x") && !is_windows("/c:/x"));
    }
}
