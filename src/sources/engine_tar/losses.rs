//! What a whole stream of the engine does not hold, or may not.

use std::fmt;

use crate::archive::entry::{Entry, EntryKind};
use crate::archive::escape;

/// Length in bytes of a folder's path in the mount, beyond which the engine may not reach what is in
/// it: it builds whole paths, leaves out what is longer than the system's limit of 4096 bytes, and
/// ends the stream as if all was well. Room is left for a name of 255 bytes and for as much before it.
pub(super) const DEEPEST: usize = 4096 - 2 * 256;

/// A folder of which the engine does not say whether it could reach all that is in it.
#[derive(Debug)]
pub struct DeepFolder {
    path: Vec<u8>,
}

impl DeepFolder {
    /// The entry, if it is such a folder.
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        let is_deep = entry.kind == EntryKind::Directory && entry.path.len() > DEEPEST;
        is_deep.then(|| Self {
            path: entry.path.clone(),
        })
    }
}

impl fmt::Display for DeepFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = String::from_utf8_lossy(&self.path);
        let shown: String = path.chars().take(60).collect();
        write!(
            f,
            "`{}...` goes so deep that the engine leaves out what has a path of more than 4096 bytes, without saying so",
            escape::display(shown.as_bytes())
        )
    }
}

/// Further names of files whose first name was left out: the engine sends content with the first
/// name alone, so there is none for these.
#[derive(Debug, Default)]
pub struct Severed {
    first: Vec<SeveredLink>,
    count: u64,
}

/// A name without its content.
#[derive(Debug)]
pub struct SeveredLink {
    path: Vec<u8>,
    target: Vec<u8>,
}

impl Severed {
    /// How many are kept in full, so that no tree needs memory.
    const KEPT: usize = 100;

    /// The first of them.
    #[must_use]
    pub fn first(&self) -> &[SeveredLink] {
        &self.first
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn push(&mut self, path: &[u8], target: &[u8]) {
        self.count += 1;
        if self.first.len() < Self::KEPT {
            self.first.push(SeveredLink {
                path: path.to_vec(),
                target: target.to_vec(),
            });
        }
    }
}

impl fmt::Display for SeveredLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, target) = (escape::display(&self.path), escape::display(&self.target));
        write!(
            f,
            "`{path}` is another name of `{target}`, which is left out with its content"
        )
    }
}
