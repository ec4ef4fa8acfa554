//! Which files of a tree are taken: the plan's roots and exceptions, `.backupignore`, `.dockerignore`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::dockerignore::Dockerignore;
use super::walk::{Filter, Verdict};

/// What a tree takes, in paths relative to its base.
#[derive(Debug, Default)]
pub struct TreeRules {
    /// Files and folders that are taken.
    pub roots: Vec<RootRule>,
    /// What belongs to somebody else.
    pub not: Vec<PathBuf>,
    /// The project's `.backupignore`; its patterns are relative to the base.
    pub backupignore: Option<PathBuf>,
}

/// A file or folder that is taken.
#[derive(Debug, Clone)]
pub struct RootRule {
    /// Relative to the base; empty for the base itself.
    pub path: PathBuf,
    /// Whether everything below is taken, or just this one.
    pub whole: bool,
    /// The ignore file of the build context that it is.
    pub dockerignore: Option<PathBuf>,
    /// Patterns in gitignore syntax of what is not taken, relative to it.
    pub exclude: Vec<String>,
}

/// An ignore file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// It cannot be read.
    #[error("cannot read the ignore file `{}`", crate::text::path(.path))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A line of it is no pattern.
    #[error("the ignore file `{}` holds a pattern that cannot be used", crate::text::path(.path))]
    Pattern {
        /// The file.
        path: PathBuf,
        /// The pattern and what is wrong with it.
        source: ignore::Error,
    },
    /// A rule's pattern is none.
    #[error("a pattern of `exclude` cannot be used")]
    Exclude(#[source] ignore::Error),
}

/// Decides path by path.
#[derive(Debug)]
pub struct TreeFilter {
    /// Roots that the walk has not come by yet.
    unmet: BTreeSet<PathBuf>,
    roots: BTreeMap<PathBuf, Root>,
    not: BTreeSet<PathBuf>,
    backupignore: Gitignore,
}

#[derive(Debug)]
struct Root {
    whole: bool,
    dockerignore: Dockerignore,
    exclude: Gitignore,
}

impl TreeFilter {
    /// Reads the ignore files that the rules name.
    ///
    /// # Errors
    /// When one of them cannot be read or used.
    pub fn new(rules: &TreeRules) -> Result<Self, RulesError> {
        let mut roots: BTreeMap<PathBuf, Root> = BTreeMap::new();
        for rule in &rules.roots {
            let dockerignore = match &rule.dockerignore {
                Some(path) => Dockerignore::parse(&read(path)?),
                None => Dockerignore::default(),
            };
            // Two keys may name one folder, say as a build context and as a config: it is whole then,
            // and what one of them ignores the other one needs.
            match roots.get_mut(&rule.path) {
                Some(known) if known.whole => known.dockerignore = Dockerignore::default(),
                _ => {
                    roots.insert(
                        rule.path.clone(),
                        Root {
                            whole: rule.whole,
                            dockerignore,
                            exclude: exclude(&rule.exclude)?,
                        },
                    );
                }
            }
        }
        let not = rules.not.iter().cloned().collect();
        // The walk never asks about its own root.
        let unmet = roots.keys().filter(|root| !root.as_os_str().is_empty());
        Ok(Self {
            unmet: unmet.cloned().collect(),
            roots,
            not,
            backupignore: match &rules.backupignore {
                Some(path) => BackupIgnore::read(path)?.patterns,
                None => Gitignore::empty(),
            },
        })
    }

    /// Roots that a walk did not come by: they are gone since the plan was made.
    pub fn unmet(&self) -> impl Iterator<Item = &Path> {
        self.unmet.iter().map(PathBuf::as_path)
    }

    /// Whether a root lies below `path`.
    fn leads_to_a_root(&self, path: &Path) -> bool {
        let below = self
            .roots
            .range::<Path, _>((std::ops::Bound::Excluded(path), std::ops::Bound::Unbounded));
        below
            .take_while(|(root, _)| root.starts_with(path))
            .next()
            .is_some()
    }

    /// The root that `path` belongs to, if no exception lies between them.
    fn root_over<'a>(&'a self, path: &'a Path) -> Option<(&'a Path, &'a Root)> {
        for folder in path.ancestors() {
            match self.roots.get(folder) {
                Some(root) if root.whole => return Some((folder, root)),
                _ if self.not.contains(folder) => return None,
                _ => {}
            }
        }
        None
    }

    fn ignored(&self, root: &Path, rules: &Root, path: &Path, is_dir: bool) -> bool {
        let in_root = path.strip_prefix(root).unwrap_or(path);
        let excluded = rules.exclude.matched_path_or_any_parents(in_root, is_dir);
        rules.dockerignore.ignores(in_root.as_os_str().as_bytes())
            || excluded.is_ignore()
            || self
                .backupignore
                .matched_path_or_any_parents(path, is_dir)
                .is_ignore()
    }
}

impl Filter for TreeFilter {
    fn decide(&mut self, path: &[u8], is_dir: bool) -> Verdict {
        let path = Path::new(OsStr::from_bytes(path));
        // A folder is never taken with all that is below it unasked: rules reach into it.
        let taken = if is_dir { Verdict::Pass } else { Verdict::Take };
        if self.roots.contains_key(path) {
            self.unmet.remove(path);
            return taken;
        }
        let on_the_way = is_dir && self.leads_to_a_root(path);
        match self.root_over(path) {
            Some((root, rules)) if !self.ignored(root, rules, path, is_dir) => taken,
            Some((_, rules)) if is_dir && rules.dockerignore.brings_back() => taken,
            _ if on_the_way => taken,
            _ => Verdict::Skip,
        }
    }

    /// A root may lie on a disk of its own; a mount point below a root is somebody else's.
    fn wants_mount_point(&self, path: &[u8]) -> bool {
        let path = Path::new(OsStr::from_bytes(path));
        self.roots.contains_key(path) || self.leads_to_a_root(path)
    }
}

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
        for line in lines.lines() {
            builder.add_line(None, line).map_err(failed)?;
        }
        Ok(Self {
            path: path.to_owned(),
            patterns: builder.build().map_err(failed)?,
        })
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

/// The patterns of a rule.
fn exclude(patterns: &[String]) -> Result<Gitignore, RulesError> {
    let mut builder = GitignoreBuilder::new("");
    for pattern in patterns {
        builder
            .add_line(None, pattern)
            .map_err(RulesError::Exclude)?;
    }
    builder.build().map_err(RulesError::Exclude)
}

fn read(path: &Path) -> Result<Vec<u8>, RulesError> {
    std::fs::read(path).map_err(|source| RulesError::Read {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(path: &str, whole: bool) -> RootRule {
        RootRule {
            path: path.into(),
            whole,
            dockerignore: None,
            exclude: Vec::new(),
        }
    }

    fn verdicts(rules: &TreeRules, paths: &[(&str, bool)]) -> Vec<Verdict> {
        let mut filter = TreeFilter::new(rules).expect("rules");
        paths
            .iter()
            .map(|(path, is_dir)| filter.decide(path.as_bytes(), *is_dir))
            .collect()
    }

    #[test]
    fn a_named_file_is_reached_through_folders_that_are_not_taken_whole() {
        let rules = TreeRules {
            roots: vec![root("conf/web/app.env", false)],
            ..TreeRules::default()
        };
        let paths = [
            ("", true),
            ("conf", true),
            ("conf/web", true),
            ("conf/web/app.env", false),
            ("conf/web/other", false),
            ("data", true),
        ];
        use Verdict::{Pass, Skip, Take};
        assert_eq!(
            verdicts(&rules, &paths),
            [Pass, Pass, Pass, Take, Skip, Skip]
        );
    }

    #[test]
    fn the_deepest_claim_owns_a_path() {
        let rules = TreeRules {
            roots: vec![
                root("", true),
                root("app/data/named.env", false),
                root("app/data/inner", true),
            ],
            not: vec!["app/data".into()],
            ..TreeRules::default()
        };
        let paths = [
            ("app/main.py", false),
            ("app/data", true),
            ("app/data/rows", false),
            ("app/data/named.env", false),
            ("app/data/inner/x", false),
        ];
        use Verdict::{Pass, Skip, Take};
        assert_eq!(verdicts(&rules, &paths), [Take, Pass, Skip, Take, Take]);
    }

    #[test]
    fn ignore_files_apply_below_a_root_but_never_to_what_a_key_names() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("an ignore file");
            path
        };
        let rules = TreeRules {
            roots: vec![
                RootRule {
                    path: "app".into(),
                    whole: true,
                    dockerignore: Some(write("dockerignore", "*\n!src\nsrc/*.o\n")),
                    exclude: Vec::new(),
                },
                root("app/.env", false),
            ],
            backupignore: Some(write("backupignore", "*.tmp\n!keep.tmp\n")),
            ..TreeRules::default()
        };
        let paths = [
            ("app", true),
            ("app/src", true),
            ("app/src/main.c", false),
            ("app/src/main.o", false),
            ("app/src/a.tmp", false),
            ("app/src/keep.tmp", false),
            ("app/README", false),
            ("app/.env", false),
        ];
        use Verdict::{Pass, Skip, Take};
        assert_eq!(
            verdicts(&rules, &paths),
            [Pass, Pass, Take, Skip, Skip, Take, Skip, Take]
        );
    }

    fn backupignored(patterns: &str, paths: &[(&str, bool)]) -> Vec<Verdict> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join(".backupignore");
        std::fs::write(&file, patterns).expect("an ignore file");
        let rules = TreeRules {
            roots: vec![root("media", true)],
            backupignore: Some(file),
            ..TreeRules::default()
        };
        verdicts(&rules, paths)
    }

    #[test]
    fn patterns_of_the_project_are_relative_to_its_folder() {
        use Verdict::{Pass, Skip};
        let paths = [
            ("media", true),
            ("media/a.tmp", false),
            ("media/deep/cache", true),
            ("media/deep/cache/x", false),
            ("media/raw", true),
            ("media/deep/raw", true),
            ("media/#x", false),
        ];
        let patterns = "\u{feff}*.tmp\r\n# a comment\r\ncache/\r\n/media/raw\r\n\\#x\r\n";
        assert_eq!(
            backupignored(patterns, &paths),
            [Pass, Skip, Skip, Skip, Skip, Pass, Skip]
        );
        // A root that is ignored itself is an empty folder.
        let paths = [("media", true), ("media/x", false)];
        assert_eq!(backupignored("media/\n", &paths), [Pass, Skip]);
    }

    #[test]
    fn roots_that_the_walk_does_not_come_by_are_known() {
        let rules = TreeRules {
            roots: vec![root("", true), root("a", false), root("b/c", false)],
            ..TreeRules::default()
        };
        let mut filter = TreeFilter::new(&rules).expect("rules");
        filter.decide(b"a", false);
        let unmet: Vec<&Path> = filter.unmet().collect();
        assert_eq!(unmet, [Path::new("b/c")]);
    }

    #[test]
    fn names_that_are_not_utf8_are_paths_like_any_other() {
        let rules = TreeRules {
            roots: vec![RootRule {
                path: OsStr::from_bytes(b"m\xff").into(),
                whole: true,
                dockerignore: None,
                exclude: Vec::new(),
            }],
            ..TreeRules::default()
        };
        let mut filter = TreeFilter::new(&rules).expect("rules");
        assert_eq!(filter.decide(b"m\xff/\xfe", false), Verdict::Take);
        assert_eq!(filter.decide(b"m\xfe", true), Verdict::Skip);
    }

    #[test]
    fn the_same_folder_for_two_purposes_is_whole() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ignore = folder.path().join("ignore");
        std::fs::write(&ignore, "*").expect("an ignore file");
        let context = RootRule {
            path: "app".into(),
            whole: true,
            dockerignore: Some(ignore),
            exclude: Vec::new(),
        };
        for roots in [
            vec![context.clone(), root("app", true)],
            vec![root("app", true), context],
        ] {
            let rules = TreeRules {
                roots,
                ..TreeRules::default()
            };
            let mut filter = TreeFilter::new(&rules).expect("rules");
            assert_eq!(filter.decide(b"app/x", false), Verdict::Take);
        }
    }

    #[test]
    fn a_broken_ignore_file_is_an_error_not_a_shrug() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(".backupignore");
        let rules = TreeRules {
            backupignore: Some(path.clone()),
            ..TreeRules::default()
        };
        assert!(matches!(
            TreeFilter::new(&rules),
            Err(RulesError::Read { .. })
        ));
        std::fs::write(&path, "[z-a]\n").expect("an ignore file");
        assert!(matches!(
            TreeFilter::new(&rules),
            Err(RulesError::Pattern { .. })
        ));
    }
}
