//! Where a named path really leads: which links it passes, and whether it leaves the project folder.
//!
//! Reads the file system; part of gathering facts, before planning.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path, PathBuf};

impl PathFact {
    /// What the path itself is, in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.end {
            _ if !self.links.is_empty() => "link",
            PathEnd::File { .. } => "file",
            PathEnd::Folder => "folder",
            PathEnd::Special(what) => what,
            PathEnd::Missing => "missing",
            PathEnd::Unreadable(_) => "unreadable",
            PathEnd::Loop => "link",
        }
    }

    /// Length of the file at the end of the path.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        match self.end {
            PathEnd::File { bytes } => Some(bytes),
            _ => None,
        }
    }
}

/// As many links as the kernel follows in one path (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// What stands at the end of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathEnd {
    /// A regular file of so many bytes.
    File {
        /// Length.
        bytes: u64,
    },
    /// A folder.
    Folder,
    /// A socket, device or fifo, by that name.
    Special(&'static str),
    /// Nothing.
    Missing,
    /// Something that cannot be looked at, with the system's reason.
    Unreadable(String),
    /// A chain of links without an end.
    Loop,
}

/// What is known of a path that a key names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathFact {
    /// The links inside the base that are passed on the way, as paths without further links.
    pub links: Vec<PathBuf>,
    /// Where the path leads to, without links.
    pub real: PathBuf,
    /// Whether `real` lies in the base.
    pub inside: bool,
    /// What is there.
    pub end: PathEnd,
}

/// Follows `path`, absolute and below `base`, link by link. Links above `base` are not looked at:
/// the project folder is taken as the user names it.
#[must_use]
pub fn follow(base: &Path, path: &Path) -> PathFact {
    let mut links = Vec::new();
    let Ok(below) = path.strip_prefix(base) else {
        return PathFact {
            links,
            real: path.to_owned(),
            inside: false,
            end: look_at(path),
        };
    };
    let mut todo: VecDeque<PathBuf> = below
        .components()
        .map(|part| part.as_os_str().into())
        .collect();
    // The base keeps the name that the user has for it, on whatever way a link leads back to it.
    let real_base = base.canonicalize().unwrap_or_else(|_| base.to_owned());
    let mut at = base.to_owned();
    let mut followed = 0;
    while let Some(part) = todo.pop_front() {
        match part.components().next() {
            Some(Component::ParentDir) => {
                if at == base {
                    at.clone_from(&real_base);
                }
                at.pop();
                continue;
            }
            Some(Component::Normal(name)) => at.push(name),
            Some(Component::RootDir | Component::Prefix(_) | Component::CurDir) | None => continue,
        }
        if at == real_base {
            at = base.to_owned();
        }
        let Some(target) = fs::read_link(&at).ok().filter(|_| at != base) else {
            continue;
        };
        followed += 1;
        if followed > MOST_LINKS {
            return PathFact {
                links,
                real: at,
                inside: true,
                end: PathEnd::Loop,
            };
        }
        if at.starts_with(base) {
            links.push(at.clone());
        }
        at.pop();
        if target.is_absolute() {
            at = PathBuf::from("/");
        }
        for part in target.components().rev() {
            todo.push_front(part.as_os_str().into());
        }
    }
    let inside = at.starts_with(base);
    let end = look_at(&at);
    PathFact {
        links,
        real: at,
        inside,
        end,
    }
}

fn look_at(path: &Path) -> PathEnd {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => PathEnd::File {
            bytes: metadata.len(),
        },
        Ok(metadata) if metadata.is_dir() => PathEnd::Folder,
        Ok(metadata) => PathEnd::Special(special(metadata.file_type())),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            PathEnd::Missing
        }
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            PathEnd::Loop
        }
        Err(error) => PathEnd::Unreadable(error.to_string()),
    }
}

fn special(kind: fs::FileType) -> &'static str {
    if kind.is_socket() {
        "socket"
    } else if kind.is_fifo() {
        "fifo"
    } else {
        "device"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a temporary folder"))
        }

        fn base(&self) -> PathBuf {
            self.0.path().join("project")
        }

        fn file(&self, path: &str) {
            let path = self.base().join(path);
            fs::create_dir_all(path.parent().expect("below the base")).expect("folders");
            fs::write(path, "12345").expect("a file");
        }

        fn link(&self, path: &str, target: impl AsRef<Path>) {
            let path = self.base().join(path);
            fs::create_dir_all(path.parent().expect("below the base")).expect("folders");
            symlink(target, path).expect("a link");
        }

        fn follow(&self, path: &str) -> PathFact {
            follow(&self.base(), &self.base().join(path))
        }
    }

    #[test]
    fn a_chain_of_links_inside_is_followed_and_each_link_is_named() {
        let place = Place::new();
        place.file("conf/real/web.env");
        place.link("conf/current", "real");
        place.link("web.env", "conf/current/web.env");
        let fact = place.follow("web.env");
        assert_eq!(
            fact.links,
            [
                place.base().join("web.env"),
                place.base().join("conf/current")
            ]
        );
        assert_eq!(fact.real, place.base().join("conf/real/web.env"));
        assert!(fact.inside);
        assert_eq!(fact.end, PathEnd::File { bytes: 5 });
    }

    #[test]
    fn links_that_leave_the_base_are_seen() {
        let place = Place::new();
        place.file("a");
        fs::write(place.0.path().join("outside"), "x").expect("a file");
        place.link("relative", "../outside");
        place.link("absolute", place.0.path().join("outside"));
        place.link("and-back", place.base().join("a"));
        assert!(!place.follow("relative").inside);
        assert!(!place.follow("absolute").inside);
        assert!(place.follow("and-back").inside);
    }

    #[test]
    fn a_base_that_is_itself_reached_by_a_link_is_one_place() {
        let place = Place::new();
        place.file("releases/1/data/rows");
        fs::write(place.0.path().join("beside"), "x").expect("a file");
        let named = place.0.path().join("named");
        symlink(place.base(), &named).expect("a link");
        place.link("by-name", named.join("releases/1"));
        place.link("by-place", place.base().join("releases/1"));
        place.link("up", "../beside");
        for link in ["by-name", "by-place"] {
            let fact = follow(&named, &named.join(link).join("data"));
            assert_eq!(fact.real, named.join("releases/1/data"), "{link}");
            assert!(fact.inside, "{link}");
            assert_eq!(fact.links, [named.join(link)], "{link}");
        }
        let up = follow(&named, &named.join("up"));
        assert_eq!(up.real, place.0.path().join("beside"));
        assert!(!up.inside);
        assert_eq!(up.end, PathEnd::File { bytes: 1 });
    }

    #[test]
    fn a_loop_outside_of_the_base_ends_too() {
        let place = Place::new();
        place.link("out", "../loop");
        symlink("loop", place.0.path().join("loop")).expect("a link");
        assert_eq!(place.follow("out").end, PathEnd::Loop);
    }

    #[test]
    fn dead_ends_and_loops_end() {
        let place = Place::new();
        place.link("dead", "nowhere");
        place.link("loop", "loop");
        assert_eq!(place.follow("dead").end, PathEnd::Missing);
        assert_eq!(place.follow("loop").end, PathEnd::Loop);
        assert_eq!(place.follow("not/there").end, PathEnd::Missing);
    }
}
