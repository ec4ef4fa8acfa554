//! Scope `mounted`: bind mounts whose host path lies inside the project folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::compose::{Mount, MountKind, MountSource};

use super::facts::Facts;
use super::links::{PathEnd, PathFact};
use super::links_once;
use super::model::{Decision, PathPlan, Scope, TreePlan, TreeReader, TreeRoot};
use super::owners::{Owners, below, shown};
use super::request::{Request, Selection};

const NOT_ASKED_FOR: &str = "scope `mounted` was not asked for";

/// The rows of the plan, and one tree per mounted path that is taken.
pub(super) fn plan(
    request: &Request,
    facts: &Facts,
    selection: &Selection<'_>,
    owners: &Owners,
) -> (Vec<PathPlan>, Vec<TreePlan>) {
    let sources = by_source(facts);
    let mut trees: Vec<Outcome> = sources
        .iter()
        .map(|(source, uses)| {
            let candidate = Candidate {
                source,
                fact: &facts.paths[*source],
                uses,
            };
            decide(request, facts, selection, owners, &candidate)
        })
        .collect();
    links_once::store_links_once(&mut trees);
    let with_path = sources
        .iter()
        .zip(&trees)
        .map(|((source, uses), tree)| row(facts, source, uses, tree));
    let rows = with_path.chain(without_path(request, facts)).collect();
    (
        rows,
        trees.into_iter().flatten().map(|(tree, _)| tree).collect(),
    )
}

/// Mounts that are neither volumes nor paths of the host: listed, so that nobody misses their content.
fn without_path(request: &Request, facts: &Facts) -> Vec<PathPlan> {
    let mounts = facts
        .project
        .services
        .values()
        .flat_map(|service| service.mounts.iter().map(move |mount| (service, mount)));
    mounts
        .filter_map(|(service, mount)| {
            let (kind, why) = nothing_to_store(mount)?;
            let why = if request.scopes.contains(&Scope::Mounted) {
                why
            } else {
                NOT_ASKED_FOR
            };
            Some(PathPlan {
                path: format!("{}:{}", service.name, mount.target),
                kind,
                named_by: vec![mount.named_by.clone()],
                member: None,
                bytes: None,
                decision: Decision::left_out(why),
            })
        })
        .collect()
}

/// What a mount is, and why there is nothing to store; `None` for a volume or a path of the host.
fn nothing_to_store(mount: &Mount) -> Option<(&'static str, &'static str)> {
    match (mount.kind, &mount.source) {
        (MountKind::Volume, _) | (MountKind::Bind, Some(MountSource::HostPath(_))) => None,
        (MountKind::Bind, _) => Some(("bind", "its source could not be resolved")),
        (MountKind::Tmpfs, _) => Some(("tmpfs", "memory, which has no lasting content")),
        (MountKind::Image, _) => Some(("image", "the content of an image")),
        (MountKind::Npipe, _) => Some(("pipe", "a pipe, which has no content to store")),
        (MountKind::Cluster, _) => Some(("cluster", "a Swarm cluster volume")),
    }
}

/// The tree of a mounted path and why it is taken, or why it is left out.
pub(super) type Outcome = Result<(TreePlan, String), String>;

fn row(facts: &Facts, source: &Path, uses: &[Usage<'_>], tree: &Outcome) -> PathPlan {
    let fact = &facts.paths[source];
    let remote = facts.engine_is_remote();
    PathPlan {
        path: shown(&facts.project.dir, source),
        kind: if remote { "remote" } else { fact.kind() },
        named_by: uses
            .iter()
            .map(|usage| usage.mount.named_by.clone())
            .collect(),
        member: tree.as_ref().ok().map(|(tree, _)| tree.member.clone()),
        bytes: fact.bytes().filter(|_| !remote),
        decision: match tree {
            Ok((_, why)) => Decision::taken(why.clone()),
            Err(why) => Decision::left_out(why.clone()),
        },
    }
}

struct Usage<'a> {
    service: &'a str,
    mount: &'a Mount,
}

struct Candidate<'a> {
    source: &'a Path,
    fact: &'a PathFact,
    uses: &'a [Usage<'a>],
}

fn by_source(facts: &Facts) -> BTreeMap<&Path, Vec<Usage<'_>>> {
    let mut sources: BTreeMap<&Path, Vec<Usage<'_>>> = BTreeMap::new();
    for service in facts.project.services.values() {
        for mount in &service.mounts {
            if let (MountKind::Bind, Some(MountSource::HostPath(path))) =
                (&mount.kind, &mount.source)
            {
                sources.entry(path).or_default().push(Usage {
                    service: &service.name,
                    mount,
                });
            }
        }
    }
    sources
}

fn decide(
    request: &Request,
    facts: &Facts,
    selection: &Selection<'_>,
    owners: &Owners,
    candidate: &Candidate<'_>,
) -> Outcome {
    let base = &facts.project.dir;
    let Candidate { source, fact, uses } = candidate;
    if !request.scopes.contains(&Scope::Mounted) {
        return Err(NOT_ASKED_FOR.to_owned());
    }
    let relative = below(base, source).ok_or("outside the project folder")?;
    if !selection.mounts(uses.iter().map(|usage| usage.service)) {
        return Err("no chosen service mounts it".to_owned());
    }
    if facts.engine_is_remote() {
        let root = TreeRoot {
            path: relative.clone(),
            whole: true,
            dockerignore: None,
        };
        let why = format!("{}; read from the engine's host", mounted_by(uses));
        let not = owners.not_mounted(source, base);
        return Ok((
            tree(facts, &relative, TreeReader::Engine, vec![root], not),
            why,
        ));
    }
    if let Some(why) = not_here(owners, fact) {
        return Err(why);
    }
    let (roots, why) = roots(base, owners, candidate);
    let not = owners.not_mounted(&fact.real, base);
    Ok((tree(facts, &relative, TreeReader::Direct, roots, not), why))
}

/// Why there is nothing to read at the end of a path, or nothing that this scope owns.
fn not_here(owners: &Owners, fact: &PathFact) -> Option<String> {
    match &fact.end {
        PathEnd::Missing if fact.links.is_empty() => return Some("does not exist".to_owned()),
        PathEnd::Loop => return Some("a chain of links without an end".to_owned()),
        PathEnd::Special(what) => return Some(format!("a {what}, which has no content to store")),
        _ => {}
    }
    if owners.named.contains(&fact.real) {
        return Some("stored as config, because another key names it".to_owned());
    }
    None
}

fn tree(
    facts: &Facts,
    relative: &Path,
    reader: TreeReader,
    roots: Vec<TreeRoot>,
    not: Vec<PathBuf>,
) -> TreePlan {
    TreePlan {
        member: member_name(relative),
        prefix: "volumes/mounted".to_owned(),
        scope: Scope::Mounted,
        base: facts.project.dir.clone(),
        reader,
        roots,
        not,
        ignore: facts.backupignore.clone(),
        follow_links: false,
    }
}

fn mounted_by(uses: &[Usage<'_>]) -> String {
    let mounts = uses
        .iter()
        .map(|usage| format!("{}:{}", usage.service, usage.mount.target));
    format!("mounted by {}", mounts.collect::<Vec<_>>().join(", "))
}

fn roots(base: &Path, owners: &Owners, candidate: &Candidate<'_>) -> (Vec<TreeRoot>, String) {
    let Candidate { source, fact, uses } = candidate;
    let exactly = |path: PathBuf| TreeRoot {
        path,
        whole: false,
        dockerignore: None,
    };
    let mut roots: Vec<TreeRoot> = fact
        .links
        .iter()
        .filter_map(|link| below(base, link))
        .map(exactly)
        .collect();
    let why = mounted_by(uses);
    let owner = owners.mounted.get(&fact.real);
    if fact.end == PathEnd::Missing {
        return (roots, format!("{why}; a link to nothing"));
    }
    if !fact.inside {
        let why = format!(
            "{why}; the link alone, its target `{}` is outside the project folder",
            shown(base, &fact.real)
        );
        return (roots, why);
    }
    if let Some(owner) = owner.filter(|owner| owner != source) {
        return (
            roots,
            format!(
                "{why}; the link alone, its content is stored with `{}`",
                shown(base, owner)
            ),
        );
    }
    roots.push(TreeRoot {
        path: below(base, &fact.real).unwrap_or_default(),
        whole: fact.end == PathEnd::Folder,
        dockerignore: None,
    });
    (roots, why)
}

fn member_name(relative: &Path) -> String {
    if relative.as_os_str().is_empty() {
        "volumes/mounted".to_owned()
    } else {
        format!("volumes/mounted/{}", crate::text::path(relative))
    }
}
