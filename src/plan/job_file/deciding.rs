//! Which rule of a job decides about a mount or a volume: an exact name beats a glob, and two globs
//! for one volume are a finding before a plan is made.

use std::path::Path;

use super::names::matcher;
use super::rule_sets::{is_glob, rule_path};
use crate::config::job_file::rules::{MountedRule, Rules, VolumeRule};

/// A rule that speaks of something, as the file writes its name.
#[derive(Debug)]
pub(in crate::plan) struct Decides<'a, T> {
    pub(in crate::plan) key: &'a str,
    pub(in crate::plan) rule: &'a T,
}

impl<T> Clone for Decides<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Decides<'_, T> {}

impl<T> Decides<'_, T> {
    /// Whether the rule names one thing, and not many at once.
    pub(in crate::plan) fn is_exact(&self) -> bool {
        !is_glob(self.key)
    }
}

/// The rule for the bind mount at `relative`, a path in the project folder.
pub(in crate::plan) fn of_mount<'a>(
    rules: &'a Rules,
    relative: &Path,
) -> Option<Decides<'a, MountedRule>> {
    // A rule is text, and so is the path that it means.
    let wanted = rule_path(Path::new(relative.to_str()?));
    let mut rules = rules.mounted.iter();
    let found = rules.find(|(key, _)| rule_path(Path::new(key)) == wanted);
    found.map(|(key, rule)| Decides { key, rule })
}

/// The rule for a volume that the Compose files, or its label, call `name`.
pub(in crate::plan) fn of_volume<'a>(
    rules: &'a Rules,
    name: &str,
) -> Option<Decides<'a, VolumeRule>> {
    let exact = rules.volumes.get_key_value(name);
    let glob = || {
        let mut globs = rules.volumes.iter().filter(|(key, _)| is_glob(key));
        globs.find(|(key, _)| matcher(key).is_some_and(|glob| glob.is_match(name)))
    };
    let found = exact.or_else(glob);
    found.map(|(key, rule)| Decides { key, rule })
}

/// The rule for the anonymous volume that a service has at `path`.
pub(in crate::plan) fn of_service_volume<'a>(
    rules: &'a Rules,
    service: &str,
    path: &str,
) -> Option<Decides<'a, VolumeRule>> {
    let wanted = crate::compose::clean(Path::new(path));
    let mut rules = rules.volumes.iter();
    let found = rules.find(|(key, _)| match key.split_once(':') {
        Some((of, inside)) => of == service && crate::compose::clean(Path::new(inside)) == wanted,
        None => false,
    });
    found.map(|(key, rule)| Decides { key, rule })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::job_file::JobFile;

    fn rules(text: &str) -> Rules {
        let file: JobFile = serde_yaml::from_str(text).expect("a job file");
        file.ad_hoc().1
    }

    #[test]
    fn names_beat_globs() {
        let rules = rules("volumes: {tmp_keep: {}, 'tmp_*': skip, '*': {exclude: [x]}}");
        let key = |name| of_volume(&rules, name).map(|decides| decides.key);
        assert_eq!(key("tmp_keep"), Some("tmp_keep"));
        assert_eq!(key("db"), Some("*"));
        let exact = of_volume(&rules, "tmp_keep").is_some_and(|decides| decides.is_exact());
        assert!(exact);
    }

    #[test]
    fn paths_are_compared_as_paths() {
        let rules = rules("mounted: {media/: skip}\nvolumes: {'web:/var/cache/': skip}");
        assert!(of_mount(&rules, Path::new("media")).is_some());
        assert!(of_mount(&rules, Path::new("media/small")).is_none());
        assert!(of_service_volume(&rules, "web", "/var/cache").is_some());
        assert!(of_service_volume(&rules, "db", "/var/cache").is_none());
        assert!(of_volume(&rules, "web").is_none());
    }
}
