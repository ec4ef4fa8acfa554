//! What a mounted path turns out to be: a folder, or a file among others. Only its entries say so.

use crate::archive::entry::{Entry, EntryKind};

/// A mounted path, and the folders on the way to it that came so far.
pub(super) struct Mounted {
    pub(super) member: String,
    pub(super) path: Vec<u8>,
    pub(super) carried: Vec<Vec<u8>>,
    pub(super) ways: Vec<Entry>,
}

/// What a mounted path turns out to be.
pub(super) enum Turn {
    /// It is not known yet: a folder on the way to it.
    Later,
    /// A folder, which is filled as a whole.
    Folder,
    /// A file, a link, or what a link leads to: it has its place among other files.
    Among,
}

impl Mounted {
    /// Nothing of it has come yet.
    pub(super) fn new(member: &str, path: Vec<u8>, carried: Vec<Vec<u8>>) -> Self {
        Self {
            member: member.to_owned(),
            path,
            carried,
            ways: Vec::new(),
        }
    }

    /// What the next entry says that it is.
    pub(super) fn turn(&self, entry: &Entry) -> Turn {
        let is_folder = entry.kind == EntryKind::Directory;
        match (is_at_or_below(&entry.path, &self.path), is_folder) {
            (true, true) => Turn::Folder,
            (true, false) if entry.path != self.path => Turn::Folder,
            (false, true) => Turn::Later,
            (true | false, false) => Turn::Among,
        }
    }
}

fn is_at_or_below(path: &[u8], root: &[u8]) -> bool {
    let rest = path.strip_prefix(root);
    rest.is_some_and(|rest| rest.is_empty() || root.is_empty() || rest.starts_with(b"/"))
}
