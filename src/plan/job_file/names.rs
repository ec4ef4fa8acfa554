//! Names in the file that the project does not have, and rules that can never apply.

use std::collections::BTreeMap;
use std::path::Path;

use globset::{Glob, GlobMatcher};

use super::rule_sets::{RuleSet, is_glob, mounted_paths, rule_path, rule_sets};
use crate::compose::{MountKind, MountSource, Project};
use crate::config::job_file::rules::{Services, VolumeRule};
use crate::config::job_file::{Document, JobFile, KeyPath, Part};
use crate::diagnostic::{Finding, did_you_mean};

pub(super) fn findings(file: &JobFile, document: &Document, project: &Project) -> Vec<Finding> {
    let mut checker = Checker {
        document,
        project,
        found: Vec::new(),
    };
    for set in rule_sets(file) {
        checker.services(&set);
        checker.mounted(&set);
        checker.volumes(&set);
    }
    checker.found
}

struct Checker<'a> {
    document: &'a Document,
    project: &'a Project,
    found: Vec<Finding>,
}

impl Checker<'_> {
    fn tell(
        &mut self,
        code: &'static str,
        message: String,
        at: (&KeyPath, Part),
        help: impl Into<String>,
    ) {
        let finding = self.document.finding(code, message, at);
        self.found.push(finding.with_help(help));
    }

    fn services(&mut self, set: &RuleSet<'_>) {
        if let Some(Services::Named(names)) = set.services {
            for (index, name) in names.iter().enumerate() {
                self.service(name, &set.path.join("services").join(index), Part::Value);
            }
        }
        for name in set.pause.iter().flat_map(|pause| pause.services.keys()) {
            let path = set.path.join("pause").join("services").join(name);
            self.service(name, &path, Part::Key);
        }
        for (index, hook) in set.hooks.iter().flat_map(|hooks| hooks.iter()).enumerate() {
            if let Some(name) = &hook.service {
                let path = set.path.join("hooks").join(index).join("service");
                self.service(name, &path, Part::Value);
            }
        }
        for name in set.exports.iter().flat_map(|exports| exports.keys()) {
            let path = set.path.join("exports").join(name);
            self.service(name, &path, Part::Key);
        }
    }

    fn service(&mut self, name: &str, path: &KeyPath, part: Part) {
        // An empty name was complained about before.
        if name.is_empty() || self.project.services.contains_key(name) {
            return;
        }
        let known: Vec<&str> = self.project.services.keys().map(String::as_str).collect();
        let message = format!("the project has no service `{}`", name.escape_debug());
        let help = meant(name, &known, "services");
        self.tell("project::unknown_service", message, (path, part), help);
    }

    fn mounted(&mut self, set: &RuleSet<'_>) {
        let known = mounted_paths(self.project);
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        for rule in set.mounted.iter().flat_map(|rules| rules.keys()) {
            let wanted = rule_path(Path::new(rule));
            if let Some(first) = seen.insert(wanted.clone(), rule) {
                let path = set.path.join("mounted").join(rule);
                let message = format!("the rules `{first}` and `{rule}` are for one mount");
                let at = (&path, Part::Key);
                self.tell("project::two_rules", message, at, "remove one of them");
            }
            if known.contains(&wanted.as_str()) {
                continue;
            }
            let path = set.path.join("mounted").join(rule);
            let message = format!("no service mounts `{}`", rule.escape_debug());
            let help = meant(&wanted, &known, "mounted paths");
            self.tell(
                "project::matches_nothing",
                message,
                (&path, Part::Key),
                help,
            );
        }
    }

    fn volumes(&mut self, set: &RuleSet<'_>) {
        let Some(rules) = set.volumes else { return };
        for (key, rule) in rules {
            let path = set.path.join("volumes").join(key);
            if let Some((service, inside)) = key.split_once(':') {
                self.service_volume(service, inside, &path);
            } else if is_glob(key) {
                self.glob(key, rule, &path);
            } else {
                self.volume(key, rule, &path);
            }
        }
        self.two_globs(set, rules);
    }

    fn volume(&mut self, key: &str, rule: &VolumeRule, path: &KeyPath) {
        let Some(volume) = self.project.volumes.get(key) else {
            let known: Vec<&str> = self.project.volumes.keys().map(String::as_str).collect();
            let message = format!("the project has no volume `{}`", key.escape_debug());
            let help = meant(key, &known, "volumes");
            return self.tell("project::unknown_volume", message, (path, Part::Key), help);
        };
        let VolumeRule::Take(take) = rule else { return };
        if take.external && !volume.external {
            self.tell(
                "project::not_external",
                format!("the volume `{key}` is the project's own, not external"),
                (&path.join("external"), Part::Key),
                "remove the key: the volume is taken anyway",
            );
        }
        if !take.external && volume.external {
            self.tell(
                "project::external",
                format!("the volume `{key}` is external, and would be left out despite its rule"),
                (path, Part::Key),
                "write `external: true` to take it, or `skip`",
            );
        }
    }

    /// A volume of a service's image is known to the engine only; what the Compose file mounts there
    /// is known here.
    fn service_volume(&mut self, service: &str, inside: &str, path: &KeyPath) {
        let Some(known) = self.project.services.get(service) else {
            return self.service(service, path, Part::Key);
        };
        let clean = crate::compose::clean(Path::new(inside));
        let mount = known
            .mounts
            .iter()
            .find(|mount| Path::new(&mount.target) == clean);
        let (what, help) = match mount.map(|mount| (mount.kind, &mount.source)) {
            None | Some((MountKind::Volume, None)) => return,
            Some((_, Some(MountSource::VolumeKey(key)))) => (
                format!("the named volume `{key}`"),
                format!("write the rule for `{key}`"),
            ),
            Some((MountKind::Bind, _)) => (
                "a bind mount".to_owned(),
                "write the rule under `mounted`, by its path in the project".to_owned(),
            ),
            Some(_) => ("no volume".to_owned(), "remove the rule".to_owned()),
        };
        let message = format!("`{service}:{inside}` is {what}, not an anonymous volume");
        self.tell("project::not_anonymous", message, (path, Part::Key), help);
    }

    fn glob(&mut self, key: &str, rule: &VolumeRule, path: &KeyPath) {
        let Some(glob) = matcher(key) else { return };
        let volumes = self.project.volumes.values();
        let matching: Vec<_> = volumes
            .filter(|volume| glob.is_match(&volume.key))
            .collect();
        let takes = matches!(rule, VolumeRule::Take(take) if !take.external);
        if !matching.is_empty() {
            if takes && matching.iter().all(|volume| volume.external) {
                self.tell(
                    "project::external",
                    format!("the glob `{key}` matches external volumes only, which would be left out despite it"),
                    (path, Part::Key),
                    "write `external: true` to take them, or `skip`",
                );
            }
            return;
        }
        let known: Vec<&str> = self.project.volumes.keys().map(String::as_str).collect();
        self.tell(
            "project::matches_nothing",
            format!("the glob `{key}` matches no volume of the project"),
            (path, Part::Key),
            list(&known, "volumes"),
        );
    }

    /// Of two globs for one volume none is the better one; a name beats them.
    fn two_globs(&mut self, set: &RuleSet<'_>, rules: &BTreeMap<String, VolumeRule>) {
        let globs: Vec<(&String, GlobMatcher)> = rules
            .keys()
            .filter(|key| is_glob(key))
            .filter_map(|key| Some((key, matcher(key)?)))
            .collect();
        let unnamed = self.project.volumes.keys();
        for name in unnamed.filter(|name| !rules.contains_key(*name)) {
            let matching = globs.iter().filter(|(_, glob)| glob.is_match(name));
            let keys: Vec<&String> = matching.map(|(key, _)| *key).collect();
            if let [first, second, ..] = keys[..] {
                let path = set.path.join("volumes").join(second);
                self.tell(
                    "project::two_globs",
                    format!("the globs `{first}` and `{second}` both match the volume `{name}`"),
                    (&path, Part::Key),
                    format!("write a rule for `{name}` by its name, which beats globs"),
                );
            }
        }
    }
}

/// The matcher of a key of `volumes`, whose form was checked before.
pub(super) fn matcher(key: &str) -> Option<GlobMatcher> {
    Glob::new(key).ok().map(|glob| glob.compile_matcher())
}

fn meant(wrong: &str, known: &[&str], what: &str) -> String {
    match did_you_mean(wrong, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => list(known, what),
    }
}

fn list(known: &[&str], what: &str) -> String {
    if known.is_empty() {
        format!("remove it: the project has no {what}")
    } else {
        format!("the {what} are {}", known.join(", "))
    }
}
