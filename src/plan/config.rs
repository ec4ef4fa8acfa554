//! Scope `config`: the Compose files and everything that they reference on the host.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::compose::{Reference, Role};

use super::facts::Facts;
use super::links::{PathEnd, PathFact};
use super::model::{Decision, PathPlan, Scope, TreePlan, TreeReader, TreeRoot};
use super::owners::{Owners, below, names_content, shown};
use super::request::{Request, Selection};

/// The rows of the plan, and the tree that they make.
pub(super) fn plan(
    request: &Request,
    facts: &Facts,
    selection: &Selection<'_>,
    owners: &Owners,
) -> (Vec<PathPlan>, Option<TreePlan>) {
    let planner = Planner {
        request,
        facts,
        selection,
        owners,
    };
    let mut rows = Vec::new();
    let mut roots = Vec::new();
    for (path, references) in planner.by_path() {
        let (row, taken) = planner.row(path, &references);
        rows.push(row);
        roots.extend(taken);
    }
    let tree = (!roots.is_empty()).then(|| TreePlan {
        member: "config".to_owned(),
        prefix: "config".to_owned(),
        scope: Scope::Config,
        base: facts.project.dir.clone(),
        reader: TreeReader::Direct,
        roots,
        not: owners.not_config(&facts.project.dir),
        ignore: facts.backupignore.clone(),
        follow_links: request.resolve_symlinks,
    });
    (rows, tree)
}

struct Planner<'a> {
    request: &'a Request,
    facts: &'a Facts,
    selection: &'a Selection<'a>,
    owners: &'a Owners,
}

impl<'a> Planner<'a> {
    /// References by path; what belongs to the project by its name has none.
    fn by_path(&self) -> BTreeMap<&'a Path, Vec<&'a Reference>> {
        let mut groups: BTreeMap<&Path, Vec<&Reference>> = BTreeMap::new();
        for reference in &self.facts.project.references {
            groups.entry(&reference.path).or_default().push(reference);
        }
        for path in &self.facts.own_files {
            groups.entry(path).or_default();
        }
        groups
    }

    fn row(&self, path: &Path, references: &[&Reference]) -> (PathPlan, Vec<TreeRoot>) {
        let base = &self.facts.project.dir;
        let fact = &self.facts.paths[path];
        let (decision, roots) = self.decide(path, fact, references);
        let row = PathPlan {
            path: shown(base, path),
            kind: fact.kind(),
            named_by: references
                .iter()
                .map(|reference| reference.named_by.clone())
                .collect(),
            member: decision
                .taken
                .then(|| format!("config/{}", shown(base, path))),
            bytes: fact.bytes(),
            decision,
        };
        (row, roots)
    }

    fn decide(
        &self,
        path: &Path,
        fact: &PathFact,
        references: &[&Reference],
    ) -> (Decision, Vec<TreeRoot>) {
        let left_out = |why: String| (Decision::left_out(why), Vec::new());
        let base = &self.facts.project.dir;
        if !self.request.scopes.contains(&Scope::Config) {
            return left_out("scope `config` was not asked for".to_owned());
        }
        if !path.starts_with(base) {
            return left_out("outside the project folder".to_owned());
        }
        if let Some(why) = self.not_wanted(references) {
            return left_out(why);
        }
        match &fact.end {
            PathEnd::Missing if fact.links.is_empty() => return left_out(missing(references)),
            PathEnd::Loop => return left_out("a chain of links without an end".to_owned()),
            PathEnd::Special(what) => {
                return left_out(format!("a {what}, which has no content to store"));
            }
            _ => {}
        }
        let named =
            references.is_empty() || references.iter().any(|reference| names_content(reference));
        if !named
            && fact.inside
            && let Some(mount) = self.owners.mount_over(&fact.real)
        {
            return left_out(format!("part of the mounted path `{}`", shown(base, mount)));
        }
        self.take(path, fact, references)
    }

    /// Why a build file is of no service that was chosen, or a path is only watched.
    fn not_wanted(&self, references: &[&Reference]) -> Option<String> {
        if references.is_empty() {
            return None;
        }
        let stores = |reference: &&&Reference| reference.role != Role::WatchedPath;
        let stored: Vec<&Reference> = references.iter().filter(stores).copied().collect();
        if stored.is_empty() {
            return Some("only watched; it is stored with what it is part of".to_owned());
        }
        let wanted = stored.iter().any(|reference| {
            let services = reference.services.iter().map(String::as_str);
            !is_for_builds(reference.role) || self.selection.builds(services)
        });
        (!wanted).then(|| "no chosen service is built from it".to_owned())
    }

    fn take(
        &self,
        path: &Path,
        fact: &PathFact,
        references: &[&Reference],
    ) -> (Decision, Vec<TreeRoot>) {
        let base = &self.facts.project.dir;
        let exactly = |path: &Path| TreeRoot {
            path: path.to_owned(),
            whole: false,
            dockerignore: None,
        };
        if self.request.resolve_symlinks {
            let root = TreeRoot {
                path: below(base, path).unwrap_or_default(),
                whole: fact.end == PathEnd::Folder,
                dockerignore: self.dockerignore(path, references),
            };
            return (Decision::taken(why(references)), vec![root]);
        }
        let mut roots: Vec<TreeRoot> = fact
            .links
            .iter()
            .filter_map(|link| below(base, link))
            .map(|link| exactly(&link))
            .collect();
        if !fact.inside {
            let target = shown(base, &fact.real);
            let why = format!(
                "{}; the link alone, its target `{target}` is outside the project folder",
                why(references)
            );
            return (Decision::taken(why), roots);
        }
        if fact.end == PathEnd::Missing {
            return (
                Decision::taken(format!("{}; a link to nothing", why(references))),
                roots,
            );
        }
        roots.push(TreeRoot {
            path: below(base, &fact.real).unwrap_or_default(),
            whole: fact.end == PathEnd::Folder,
            dockerignore: self.dockerignore(path, references),
        });
        (Decision::taken(why(references)), roots)
    }

    /// The ignore file of a folder, if whoever uses it has the same one: what one of them ignores
    /// another one may need.
    fn dockerignore(&self, folder: &Path, references: &[&Reference]) -> Option<PathBuf> {
        let used_otherwise = |reference: &&Reference| {
            !matches!(reference.role, Role::BuildContext | Role::WatchedPath)
        };
        if references.iter().any(used_otherwise) {
            return None;
        }
        let services = references
            .iter()
            .filter(|reference| reference.role == Role::BuildContext)
            .flat_map(|reference| &reference.services);
        let ignores: BTreeSet<Option<PathBuf>> = services
            .map(|service| self.dockerignore_of(service, folder))
            .collect();
        match ignores.into_iter().collect::<Vec<_>>().as_slice() {
            [only] => only.clone(),
            _ => None,
        }
    }

    /// The ignore file of a service's build context: the one named after its Dockerfile, else
    /// `.dockerignore` (docs.docker.com, build context).
    fn dockerignore_of(&self, service: &str, context: &Path) -> Option<PathBuf> {
        let exists = |path: &Path| {
            self.facts
                .project
                .references
                .iter()
                .any(|reference| reference.role == Role::Dockerignore && reference.path == path)
        };
        let build = self.facts.project.services.get(service)?.build.as_ref();
        let named = build.and_then(|build| {
            let mut name = build.dockerfile.clone()?.into_os_string();
            name.push(".dockerignore");
            Some(PathBuf::from(name))
        });
        [named, Some(context.join(".dockerignore"))]
            .into_iter()
            .flatten()
            .find(|path| exists(path))
    }
}

/// Whether a role is about how images are made.
const fn is_for_builds(role: Role) -> bool {
    matches!(
        role,
        Role::BuildContext | Role::AdditionalContext | Role::Dockerfile | Role::Dockerignore
    )
}

fn missing(references: &[&Reference]) -> String {
    if references.iter().any(|reference| reference.required) {
        "does not exist, and Compose fails without it".to_owned()
    } else {
        "does not exist".to_owned()
    }
}

fn why(references: &[&Reference]) -> String {
    let Some(reference) = references.first() else {
        return "the project's own backup rules".to_owned();
    };
    role_name(reference.role).to_owned()
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::ComposeFile => "Compose file",
        Role::Extended => "extended from",
        Role::Included => "included",
        Role::DotEnv => "variables of the Compose files",
        Role::EnvFile => "environment file",
        Role::LabelFile => "label file",
        Role::BuildContext => "build context",
        Role::AdditionalContext => "additional build context",
        Role::Dockerfile => "Dockerfile",
        Role::Dockerignore => "ignore file of a build context",
        Role::ConfigFile => "config",
        Role::SecretFile => "secret",
        Role::SeccompProfile => "seccomp profile",
        Role::WatchedPath => "watched path",
    }
}
