//! Scope `mounted`: bind mounts whose host path lies inside the project folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::compose::{Mount, MountKind, MountSource};
use crate::config::job_file::rules::MountedRule;

use super::facts::Facts;
use super::job_file::deciding;
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
        trees
            .into_iter()
            .flatten()
            .map(|taken| taken.tree)
            .collect(),
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
            let why = if request.wants(Scope::Mounted) {
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
                exclude: Vec::new(),
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
pub(super) type Outcome = Result<Taken, String>;

/// A mounted path that has a tree.
pub(super) struct Taken {
    pub(super) tree: TreePlan,
    /// Whether its content is in the tree, and not just the link that leads to it.
    content: bool,
    why: String,
}

fn row(facts: &Facts, source: &Path, uses: &[Usage<'_>], tree: &Outcome) -> PathPlan {
    let fact = &facts.paths[source];
    let remote = facts.engine_is_remote();
    let content = tree.as_ref().ok().filter(|taken| taken.content);
    PathPlan {
        path: shown(&facts.project.dir, source),
        kind: if remote { "remote" } else { fact.kind() },
        named_by: uses
            .iter()
            .map(|usage| usage.mount.named_by.clone())
            .collect(),
        member: content.map(|taken| taken.tree.member.clone()),
        bytes: fact.bytes().filter(|_| !remote),
        exclude: content.map_or_else(Vec::new, |taken| {
            let roots = taken.tree.roots.iter();
            roots.flat_map(|root| root.exclude.clone()).collect()
        }),
        decision: match tree {
            Ok(taken) if taken.content => Decision::taken(taken.why.clone()),
            Ok(taken) => Decision::left_out(taken.why.clone()),
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
    if !request.wants(Scope::Mounted) {
        return Err(NOT_ASKED_FOR.to_owned());
    }
    let relative = below(base, source).ok_or("outside the project folder")?;
    if !selection.mounts(uses.iter().map(|usage| usage.service)) {
        return Err("no chosen service mounts it".to_owned());
    }
    let rule = deciding::of_mount(&request.rules, &relative);
    let exclude = match rule.map(|decides| (decides.key, decides.rule)) {
        Some((key, MountedRule::Skip)) => return Err(format!("the rule `{key}: skip`")),
        Some((_, MountedRule::Take(take))) => take.exclude.clone(),
        None => Vec::new(),
    };
    let is_dir = fact.end == PathEnd::Folder;
    if let Some(line) = facts.ignored_by(source, is_dir) {
        return Err(format!("the line `{line}` of `.backupignore`"));
    }
    let ruled = rule.map_or_else(String::new, |decides| {
        format!("; the rule `{}`", decides.key)
    });
    if facts.engine_is_remote() {
        let root = TreeRoot {
            whole: true,
            exclude,
            ..TreeRoot::exactly(relative.clone())
        };
        let not = owners.not_mounted(source, base);
        return Ok(Taken {
            tree: tree(facts, &relative, TreeReader::Engine, vec![root], not),
            content: true,
            why: format!("{}; read from the engine's host{ruled}", mounted_by(uses)),
        });
    }
    if let Some(why) = not_here(owners, fact) {
        return Err(why);
    }
    let Reached {
        roots,
        content,
        why,
    } = reach(base, owners, candidate, exclude);
    let not = owners.not_mounted(&fact.real, base);
    Ok(Taken {
        tree: tree(facts, &relative, TreeReader::Direct, roots, not),
        content,
        why: format!("{why}{ruled}"),
    })
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
        ignore: facts.backupignore.as_ref().map(|own| own.path.clone()),
        follow_links: false,
    }
}

fn mounted_by(uses: &[Usage<'_>]) -> String {
    let mounts = uses
        .iter()
        .map(|usage| format!("{}:{}", usage.service, usage.mount.target));
    format!("mounted by {}", mounts.collect::<Vec<_>>().join(", "))
}

/// What is taken on the way to a mounted path and at its end.
struct Reached {
    roots: Vec<TreeRoot>,
    /// Whether its content is among them.
    content: bool,
    why: String,
}

fn reach(base: &Path, owners: &Owners, candidate: &Candidate<'_>, exclude: Vec<String>) -> Reached {
    let Candidate { source, fact, uses } = candidate;
    let links = fact.links.iter().filter_map(|link| below(base, link));
    let mut reached = Reached {
        roots: links.map(TreeRoot::exactly).collect(),
        content: true,
        why: mounted_by(uses),
    };
    let owner = owners.mounted.get(&fact.real);
    if fact.end == PathEnd::Missing {
        reached.why.push_str("; a link to nothing");
    } else if !fact.inside {
        reached.content = false;
        reached.why = format!(
            "a link that leads outside the project folder, to `{}`; the link alone is stored",
            shown(base, &fact.real)
        );
    } else if let Some(owner) = owner.filter(|owner| owner != source) {
        let owner = shown(base, owner);
        reached
            .why
            .push_str(&format!("; a link, whose content is stored with `{owner}`"));
    } else {
        reached.roots.push(TreeRoot {
            whole: fact.end == PathEnd::Folder,
            exclude,
            ..TreeRoot::exactly(below(base, &fact.real).unwrap_or_default())
        });
    }
    reached
}

fn member_name(relative: &Path) -> String {
    if relative.as_os_str().is_empty() {
        "volumes/mounted".to_owned()
    } else {
        format!("volumes/mounted/{}", crate::text::path(relative))
    }
}
