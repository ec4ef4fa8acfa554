//! A link on the way to several mounted paths is stored with one of them only: two entries of one
//! name would be two owners of one file.

use std::path::{Path, PathBuf};

use super::model::TreePlan;
use super::mounted::Outcome;

/// Takes out of each tree the links that another one stores: one that takes the folder around it
/// whole, else the first.
pub(super) fn store_links_once(trees: &mut [Outcome]) {
    let all: Vec<TreePlan> = trees
        .iter()
        .flatten()
        .map(|taken| taken.tree.clone())
        .collect();
    let mut earlier: Vec<&TreePlan> = Vec::new();
    for outcome in trees {
        let Ok(taken) = outcome else {
            continue;
        };
        let tree = &mut taken.tree;
        let this = all.iter().find(|other| other.member == tree.member);
        let owner = |link: &Path| {
            let whole = all
                .iter()
                .filter(|other| other.member != tree.member)
                .find(|other| takes_whole(other, link));
            let first = || earlier.iter().copied().find(|other| has_root(other, link));
            whole.or_else(first).map(|other| other.member.clone())
        };
        let (gone, left): (Vec<_>, Vec<_>) = tree
            .roots
            .iter()
            .cloned()
            .partition(|root| !root.whole && owner(&root.path).is_some());
        let only_elsewhere = gone.iter().find_map(|root| owner(&root.path));
        earlier.extend(this);
        match only_elsewhere {
            Some(owner) if left.is_empty() => {
                *outcome = Err(format!("a link that is stored with `{owner}`"));
            }
            _ => tree.roots = left,
        }
    }
}

/// Whether a tree takes `path` with a folder around it.
fn takes_whole(tree: &TreePlan, path: &Path) -> bool {
    tree.roots.iter().any(|root| {
        let excepted = |not: &PathBuf| path.starts_with(not) && not.starts_with(&root.path);
        root.whole && path.starts_with(&root.path) && !tree.not.iter().any(excepted)
    })
}

fn has_root(tree: &TreePlan, path: &Path) -> bool {
    tree.roots.iter().any(|root| root.path == path)
}
