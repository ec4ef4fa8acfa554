//! The order in which entries of a volume's tar come: depth first, names in byte order, each folder before what
//! is in it. Every dump of ours has it, and so has what the engine sends. Where nothing else tells a name that
//! comes twice or an entry that lies in no folder, the order does, in memory for one path.

use std::hash::{BuildHasher, RandomState};

use crate::archive::entry::{Entry, EntryKind};
use crate::files::{check_path, split};

/// Bits of the set of names of what is no folder: 8 MiB. Of a million files, a name that is none of them is taken for one in
/// one of 100,000 cases.
const BITS: usize = 1 << 26;

/// Checks entries as they come.
pub(super) struct Order {
    has_root: bool,
    /// The folders that are open, by the length of their paths in `path`, and the last name in each.
    open: Vec<(usize, Vec<u8>)>,
    /// Path of the innermost open folder.
    path: Vec<u8>,
    files: FileNames,
}

impl Order {
    pub(super) fn new() -> Self {
        Self {
            has_root: false,
            open: vec![(0, Vec::new())],
            path: Vec::new(),
            files: FileNames::new(),
        }
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn take(&mut self, entry: &Entry) -> Result<(), &'static str> {
        if entry.path.is_empty() {
            return self.root(entry);
        }
        check_path(&entry.path).map_err(|_| "it leads elsewhere")?;
        let (folder, name) = split(&entry.path);
        self.go_to(folder)?;
        let (_, last) = self.open.last_mut().ok_or("it lies in no folder")?;
        if !last.is_empty() && name <= &last[..] {
            return Err("it is there twice, or not in its order");
        }
        *last = name.to_vec();
        match &entry.kind {
            EntryKind::Directory => {
                self.path = entry.path.clone();
                self.open.push((self.path.len(), Vec::new()));
            }
            EntryKind::HardLink { target } => {
                check_path(target).map_err(|_| "its target leads elsewhere")?;
                if !self.files.has(target) {
                    return Err("it is a further name of something that is no earlier file");
                }
            }
            EntryKind::File
            | EntryKind::Symlink { .. }
            | EntryKind::Fifo
            | EntryKind::CharDevice { .. }
            | EntryKind::BlockDevice { .. } => self.files.add(&entry.path),
        }
        Ok(())
    }

    fn root(&mut self, entry: &Entry) -> Result<(), &'static str> {
        let is_first = self.open.iter().all(|(_, last)| last.is_empty());
        if entry.kind != EntryKind::Directory || self.has_root || !is_first {
            return Err("the root has to be the first entry, and a folder");
        }
        self.has_root = true;
        Ok(())
    }

    /// Leaves folders until that one is the innermost.
    fn go_to(&mut self, folder: &[u8]) -> Result<(), &'static str> {
        while self.path != folder {
            self.open.pop();
            let Some((len, _)) = self.open.last() else {
                return Err("it lies in something that is no folder, or not in its order");
            };
            self.path.truncate(*len);
        }
        Ok(())
    }
}

/// A set of names in constant memory, which may take a name for one of them that is not.
struct FileNames {
    keys: [RandomState; 2],
    bits: Vec<u64>,
}

impl FileNames {
    fn new() -> Self {
        Self {
            keys: [RandomState::new(), RandomState::new()],
            bits: Vec::new(),
        }
    }

    fn add(&mut self, path: &[u8]) {
        if self.bits.is_empty() {
            self.bits = vec![0; BITS / 64];
        }
        for bit in self.places(path) {
            self.bits[bit / 64] |= 1 << (bit % 64);
        }
    }

    fn has(&self, path: &[u8]) -> bool {
        let is_set = |bit: usize| self.bits[bit / 64] & (1 << (bit % 64)) != 0;
        !self.bits.is_empty() && self.places(path).into_iter().all(is_set)
    }

    /// Four places from two hashes, with keys that nobody knows who makes a dump.
    fn places(&self, path: &[u8]) -> [usize; 4] {
        let [one, two] = self.keys.each_ref().map(|key| key.hash_one(path) as usize);
        [one, one >> 32, two, two >> 32].map(|hash| hash % BITS)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn entry(path: &str) -> Entry {
        let (path, kind) = match path.split_once(" = ") {
            Some((path, target)) => {
                let target = target.into();
                (path, EntryKind::HardLink { target })
            }
            None => match path.split_once(" > ") {
                Some((path, target)) => {
                    let target = target.into();
                    (path, EntryKind::Symlink { target })
                }
                None if path.ends_with('/') => (path.trim_end_matches('/'), EntryKind::Directory),
                None => (path, EntryKind::File),
            },
        };
        Entry::plain(path, kind, 0o644)
    }

    /// What is wrong with the last one of them; the others have to be right.
    fn refused(paths: &[&str]) -> Option<&'static str> {
        let mut order = Order::new();
        let (last, before) = paths.split_last().unwrap();
        for path in before {
            assert_eq!(order.take(&entry(path)), Ok(()), "{path} of {paths:?}");
        }
        order.take(&entry(last)).err()
    }

    #[test]
    fn what_dumps_have_is_taken() {
        let paths = [
            "/",
            "a",
            "b/",
            "b/c/",
            "b/c/d",
            "b/e",
            "b-f",
            "b0/",
            "l > /etc",
            "m = b/c/d",
            "n = l",
            "z",
        ];
        assert_eq!(refused(&paths), None);
    }

    #[test]
    fn what_would_be_written_twice_or_elsewhere_is_refused() {
        for paths in [
            &["a", "a"][..],
            &["a/", "a/x", "a/"],
            &["a/", "a/x", "b", "a/y"],
            &["b", "a"],
            &["l > /etc", "l/passwd"],
            &["f", "f/x"],
            &["a/b"],
            &["a", "/"],
            &["/", "/"],
            &["../a"],
            &["a/", "a/../../b"],
            &["a\0b"],
            &["a", "b = c"],
            &["a/", "b = a"],
            &["a", "b = ../a"],
            &["a", "b = a", "c = b"],
        ] {
            assert!(refused(paths).is_some(), "{paths:?}");
        }
    }
}
