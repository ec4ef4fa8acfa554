//! Scope `config`: the Compose files and everything that they reference on the host.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::compose::{Reference, Role};

use super::facts::Facts;
use super::links::{PathEnd, PathFact};
use super::model::{Decision, PathPlan, Scope, TreePlan, TreeReader, TreeRoot};
use super::owners::{Owners, below, names_content, shown};
use super::request::{Request, Selection};

/// Where what lies outside of the project folder stands in a dump.
const OUTSIDE: &str = "config-outside";

/// The rows of the plan, and the trees that they make: of the project folder, and of what is outside.
pub(super) fn plan(
    request: &Request,
    facts: &Facts,
    selection: &Selection<'_>,
    owners: &Owners,
) -> (Vec<PathPlan>, Vec<TreePlan>) {
    let planner = Planner {
        request,
        facts,
        selection,
        owners,
    };
    let mut rows = Vec::new();
    let mut roots = Roots::default();
    for (path, references) in planner.by_path() {
        let (row, taken) = planner.row(path, &references);
        rows.push(row);
        roots.inside.extend(taken.inside);
        roots.outside.extend(taken.outside);
    }
    (rows, planner.trees(roots))
}

/// What is taken for a path.
#[derive(Default)]
struct Roots {
    /// Relative to the project folder.
    inside: Vec<TreeRoot>,
    /// Relative to the root of the file system.
    outside: Vec<TreeRoot>,
}

struct Planner<'a> {
    request: &'a Request,
    facts: &'a Facts,
    selection: &'a Selection<'a>,
    owners: &'a Owners,
}

impl<'a> Planner<'a> {
    fn trees(&self, roots: Roots) -> Vec<TreePlan> {
        let base = &self.facts.project.dir;
        // A folder outside may hold the project, whose files have their owner.
        let from_top = |path: &Path| below(Path::new("/"), path);
        let inside = roots.inside.iter().map(|root| base.join(&root.path));
        let owned: Vec<PathBuf> = inside
            .chain(self.owners.places())
            .filter_map(|path| from_top(&path))
            .collect();
        let tree = |member: &str, base: &Path, roots: Vec<TreeRoot>| TreePlan {
            member: member.to_owned(),
            prefix: member.to_owned(),
            scope: Scope::Config,
            base: base.to_owned(),
            reader: TreeReader::Direct,
            roots,
            not: Vec::new(),
            ignore: None,
            follow_links: self.request.settings.config.resolve_symlinks,
        };
        let inside = TreePlan {
            not: self.owners.not_config(base),
            ignore: self.facts.backupignore.as_ref().map(|own| own.path.clone()),
            ..tree("config", base, roots.inside)
        };
        let outside = TreePlan {
            not: owned,
            ..tree(OUTSIDE, Path::new("/"), roots.outside)
        };
        let taken = |tree: &TreePlan| !tree.roots.is_empty();
        [inside, outside].into_iter().filter(taken).collect()
    }

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

    fn row(&self, path: &Path, references: &[&Reference]) -> (PathPlan, Roots) {
        let base = &self.facts.project.dir;
        let fact = &self.facts.paths[path];
        let (decision, roots) = match self.decide(path, fact, references) {
            Ok((why, roots)) => (Decision::taken(why), roots),
            Err(LeftOut { why, link }) => (Decision::left_out(why), link),
        };
        let member = match below(base, path) {
            Some(_) => format!("config/{}", shown(base, path)),
            None => format!("{OUTSIDE}{}", shown(base, path)),
        };
        let row = PathPlan {
            path: shown(base, path),
            kind: fact.kind(),
            named_by: references
                .iter()
                .map(|reference| reference.named_by.clone())
                .collect(),
            member: decision.taken.then_some(member),
            bytes: fact.bytes(),
            exclude: Vec::new(),
            decision,
        };
        (row, roots)
    }

    fn decide(&self, path: &Path, fact: &PathFact, references: &[&Reference]) -> Outcome {
        let base = &self.facts.project.dir;
        if !self.request.wants(Scope::Config) {
            return Err("scope `config` was not asked for".into());
        }
        let outside = self.request.settings.config.outside;
        if !path.starts_with(base) && !outside {
            return Err("outside the project folder".into());
        }
        if let Some(why) = self.not_wanted(references) {
            return Err(why.into());
        }
        match &fact.end {
            PathEnd::Missing if fact.links.is_empty() => return Err(missing(references).into()),
            PathEnd::Loop => return Err("a chain of links without an end".into()),
            PathEnd::Special(what) => {
                return Err(format!("a {what}, which has no content to store").into());
            }
            _ => {}
        }
        let named =
            references.is_empty() || references.iter().any(|reference| names_content(reference));
        if !named
            && fact.inside
            && let Some(mount) = self.owners.mount_over(&fact.real)
        {
            return Err(format!("part of the mounted path `{}`", shown(base, mount)).into());
        }
        let is_dir = fact.end == PathEnd::Folder;
        if !named && let Some(line) = self.facts.ignored_by(path, is_dir) {
            return Err(format!("the line `{line}` of `.backupignore`").into());
        }
        if path.starts_with(base) {
            self.take(path, fact, references)
        } else {
            let roots = self.outside(&fact.real, references);
            let why = format!("{}; outside the project folder", why(references));
            Ok((why, roots))
        }
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

    /// What is taken for a path in the project folder.
    fn take(&self, path: &Path, fact: &PathFact, references: &[&Reference]) -> Outcome {
        let base = &self.facts.project.dir;
        let why = why(references);
        if self.request.settings.config.resolve_symlinks {
            let inside = vec![self.root(base, path, fact, references)];
            let outside = Vec::new();
            return Ok((why.to_owned(), Roots { inside, outside }));
        }
        let links = fact.links.iter().filter_map(|link| below(base, link));
        let mut roots = Roots {
            inside: links.map(TreeRoot::exactly).collect(),
            outside: Vec::new(),
        };
        if !fact.inside {
            let target = shown(base, &fact.real);
            if !self.request.settings.config.outside {
                let why = format!(
                    "a link that leads outside the project folder, to `{target}`; the link alone is stored"
                );
                return Err(LeftOut { why, link: roots });
            }
            roots.outside = self.outside(&fact.real, references).outside;
            return Ok((format!("{why}; a link to `{target}`, stored too"), roots));
        }
        if fact.end == PathEnd::Missing {
            return Ok((format!("{why}; a link to nothing"), roots));
        }
        let root = TreeRoot {
            path: below(base, &fact.real).unwrap_or_default(),
            ..self.root(base, path, fact, references)
        };
        roots.inside.push(root);
        Ok((why.to_owned(), roots))
    }

    /// What is taken of a path outside: the links on the way to it, and what is at its end.
    fn outside(&self, path: &Path, references: &[&Reference]) -> Roots {
        let top = Path::new("/");
        let Some(fact) = self.facts.outside.get(path) else {
            return Roots::default();
        };
        let follow = self.request.settings.config.resolve_symlinks;
        let links = fact.links.iter().filter(|_| !follow);
        let links = links.filter_map(|link| below(top, link));
        let named = if follow { path } else { &fact.real };
        let end = TreeRoot {
            path: below(top, named).unwrap_or_default(),
            ..self.root(top, path, fact, references)
        };
        Roots {
            inside: Vec::new(),
            outside: links
                .map(TreeRoot::exactly)
                .chain(std::iter::once(end))
                .collect(),
        }
    }

    /// A path under its own name.
    fn root(
        &self,
        base: &Path,
        path: &Path,
        fact: &PathFact,
        references: &[&Reference],
    ) -> TreeRoot {
        TreeRoot {
            path: below(base, path).unwrap_or_default(),
            whole: fact.end == PathEnd::Folder,
            dockerignore: self.dockerignore(path, references),
            exclude: Vec::new(),
        }
    }

    /// The ignore file of a folder, if whoever uses it has the same one: what one of them ignores
    /// another one may need.
    fn dockerignore(&self, folder: &Path, references: &[&Reference]) -> Option<PathBuf> {
        if !self.request.settings.config.dockerignore {
            return None;
        }
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

fn why(references: &[&Reference]) -> &'static str {
    match references.first() {
        Some(reference) => role_name(reference.role),
        None => "the project's own backup rules",
    }
}

/// Why something is taken, and what; or why not.
type Outcome = Result<(String, Roots), LeftOut>;

/// Why a path is left out. The link that leads to it may be stored all the same.
struct LeftOut {
    why: String,
    link: Roots,
}

impl<T: Into<String>> From<T> for LeftOut {
    fn from(why: T) -> Self {
        Self {
            why: why.into(),
            link: Roots::default(),
        }
    }
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
