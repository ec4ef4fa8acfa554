//! Which files of a tree are taken: the plan's roots and exceptions, `.backupignore`, `.dockerignore`.

mod patterns;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use ignore::gitignore::Gitignore;

use super::dockerignore::Dockerignore;
use super::walk::{Filter, Verdict};
use patterns::{exclude, read};

pub use patterns::BackupIgnore;
pub use rules::{RootRule, RulesError, TreeRules};

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
                Some(path) => BackupIgnore::read(path)?.into_patterns(),
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
            .range::<Path, _>((Bound::Excluded(path), Bound::Unbounded));
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

    /// Whether a path in a root is taken.
    fn is_taken(&self, root: &Path, rules: &Root, path: &Path, is_dir: bool) -> bool {
        let in_root = path.strip_prefix(root).unwrap_or(path);
        let excluded = rules.exclude.matched_path_or_any_parents(in_root, is_dir);
        let left_out = self.backupignore.matched_path_or_any_parents(path, is_dir);
        if excluded.is_ignore() || left_out.is_ignore() {
            return false;
        }
        let in_root = in_root.as_os_str().as_bytes();
        let may_lead_on = || is_dir && rules.dockerignore.may_bring_back_below(in_root);
        !rules.dockerignore.ignores(in_root) || may_lead_on()
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
            Some((root, rules)) if self.is_taken(root, rules, path, is_dir) => taken,
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
