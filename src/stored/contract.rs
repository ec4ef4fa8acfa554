//! What a manifest promises: which paths of the dump belong to which member. A manifest that contradicts
//! itself or names paths outside of the layout promises nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::lines::is_path;
use crate::archive::escape::{escape, unescape};
use crate::archive::manifest::model::{Member, MemberKind};
use crate::archive::manifest::{FILE_NAME, Manifest};
use crate::codecs::Codec;

/// Bytes that the names of folders above members may have together. A manifest of long paths with
/// many slashes would have them grow with the square of its length.
const MAX_ABOVE_BYTES: usize = 16 * 1024 * 1024;

/// A manifest, sorted by the paths that it names.
pub(super) struct Contract<'m> {
    pub(super) manifest: &'m Manifest,
    files: BTreeMap<Vec<u8>, Owner>,
    /// Roots of tree members by their path in the dump.
    trees: BTreeMap<Vec<u8>, usize>,
    /// What failed while it was read: an archive may have begun it.
    failed: BTreeSet<Vec<u8>>,
    /// Folders above all of these.
    above: BTreeSet<Vec<u8>>,
}

/// To whom a path of the dump belongs. Numbers are places in [`Manifest::members`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The manifest itself.
    Manifest,
    /// It is a stream member.
    Stream(usize),
    /// It is the index of a member.
    Index(usize),
    /// It is an entry of a tree member.
    Tree(usize),
    /// It is a folder on the way to others.
    Above,
    /// It belongs to what failed.
    Failed,
    /// Nobody's.
    Nobody,
}

impl<'m> Contract<'m> {
    /// Sorts a manifest.
    ///
    /// # Errors
    /// How it contradicts itself.
    pub(super) fn new(manifest: &'m Manifest) -> Result<Self, String> {
        let mut this = Self {
            manifest,
            files: BTreeMap::from([(FILE_NAME.as_bytes().to_vec(), Owner::Manifest)]),
            trees: BTreeMap::new(),
            failed: BTreeSet::new(),
            above: BTreeSet::new(),
        };
        for (number, member) in manifest.members.iter().enumerate() {
            this.take(number, member)?;
        }
        for failed in &manifest.failed {
            let path = unescape(failed.what.as_bytes()).unwrap_or_default();
            if is_path(&path) && !this.names(&path) {
                this.failed.insert(path);
            }
        }
        this.find_above()?;
        Ok(this)
    }

    fn take(&mut self, number: usize, member: &Member) -> Result<(), String> {
        let name = escape(member.path.as_bytes());
        let wrong = |what: &str| Err(format!("`{name}` {what}"));
        let known = match member.kind {
            MemberKind::Tree => {
                let Some(root) = tree_root(member) else {
                    return wrong("is no place of a tree");
                };
                if member.index.is_none() || member.entries.is_none() {
                    return wrong("has no index");
                }
                if member.sha256 != member.raw_sha256 || member.bytes != member.raw_bytes {
                    return wrong("is a tree with two digests");
                }
                self.trees.insert(root, number).is_some()
            }
            MemberKind::Tar | MemberKind::Bytes => {
                if !is_stream_path(member) {
                    return wrong("is no place of such a member");
                }
                self.file(&member.path, Owner::Stream(number))
            }
        };
        if known {
            return wrong("is there twice");
        }
        let Some(index) = &member.index else {
            return Ok(());
        };
        if !is_path(index.path.as_bytes()) || !index.path.starts_with("index/") {
            return wrong("has its index in no place of one");
        }
        if self.file(&index.path, Owner::Index(number)) {
            return wrong("has the index of another member");
        }
        Ok(())
    }

    /// Notes whose file it is; whether it is somebody's already.
    fn file(&mut self, path: &str, owner: Owner) -> bool {
        self.files.insert(path.as_bytes().to_vec(), owner).is_some()
    }

    /// Whether a member is called so, its codec's extension left out.
    fn names(&self, path: &[u8]) -> bool {
        let with = |codec: Codec| [path, codec.extension().as_bytes()].concat();
        self.trees.contains_key(path)
            || Codec::ALL
                .into_iter()
                .any(|codec| self.files.contains_key(&with(codec)))
    }

    fn find_above(&mut self) -> Result<(), String> {
        let mut bytes = 0;
        let named = self.files.keys().chain(self.trees.keys());
        for path in named.chain(&self.failed) {
            for (slash, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
                bytes += slash;
                if bytes > MAX_ABOVE_BYTES {
                    return Err("its paths have too many folders".to_owned());
                }
                self.above.insert(path[..slash].to_vec());
            }
        }
        match self.files.keys().find(|path| self.above.contains(*path)) {
            Some(path) => Err(format!("`{}` is a file and a folder", escape(path))),
            None => Ok(()),
        }
    }

    /// Whose the path is. Trees lie in each other: the deepest owns.
    pub(super) fn owner(&self, path: &[u8]) -> Owner {
        if let Some(owner) = self.files.get(path) {
            return *owner;
        }
        if self.above.contains(path) {
            return Owner::Above;
        }
        let ends =
            std::iter::once(path.len()).chain((0..path.len()).rev().filter(|at| path[*at] == b'/'));
        for end in ends {
            if let Some(number) = self.trees.get(&path[..end]) {
                return Owner::Tree(*number);
            }
            if self.failed.contains(&path[..end]) {
                return Owner::Failed;
            }
        }
        Owner::Nobody
    }

    /// Whether it belongs to what failed, a codec's extension or a segment's number left out.
    pub(super) fn is_of_failed(&self, path: &[u8]) -> bool {
        self.failed.iter().any(|failed| path.starts_with(failed))
    }

    /// Whether it is on the way to something that failed, whose index would name it.
    pub(super) fn is_above_failed(&self, path: &[u8]) -> bool {
        let is_below = |failed: &Vec<u8>| {
            let rest = failed.strip_prefix(path);
            rest.is_some_and(|rest| rest.starts_with(b"/"))
        };
        self.failed.iter().any(is_below)
    }

    /// Whether it is a folder on the way to members, which several indexes may name.
    pub(super) fn is_above(&self, path: &[u8]) -> bool {
        self.above.contains(path)
    }
}

/// Where a tree's root lies in the dump; `None` where no tree may be.
fn tree_root(member: &Member) -> Option<Vec<u8>> {
    let path = unescape(member.path.as_bytes()).filter(|path| is_path(path))?;
    (path.starts_with(base_of(&path)?)).then_some(path)
}

/// What comes before the paths of a tree's index in the dump.
pub(super) fn tree_base(member: &Member) -> &'static [u8] {
    base_of(member.path.as_bytes()).unwrap_or(b"config")
}

fn base_of(path: &[u8]) -> Option<&'static [u8]> {
    match path {
        b"config" => Some(b"config"),
        b"config-outside" => Some(b"config-outside"),
        b"volumes/mounted" => Some(b"volumes/mounted"),
        path if path.starts_with(b"volumes/mounted/") => Some(b"volumes/mounted"),
        _ => None,
    }
}

/// Whether a stream member of that kind lies there.
fn is_stream_path(member: &Member) -> bool {
    let roots: &[&str] = match member.kind {
        MemberKind::Tar => &["volumes/project/", "volumes/services/"],
        MemberKind::Bytes => &["exports/"],
        MemberKind::Tree => &[],
    };
    is_path(member.path.as_bytes()) && roots.iter().any(|root| member.path.starts_with(root))
}

/// The path in the dump of an entry of a tree.
pub(super) fn in_dump(base: &[u8], path: &[u8]) -> Vec<u8> {
    if path.is_empty() {
        return base.to_vec();
    }
    [base, b"/", path].concat()
}
