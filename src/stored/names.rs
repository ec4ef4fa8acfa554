//! Two sets of names compared in constant memory, however many there are.
//!
//! Each name is hashed with a secret of this run into one of many sums: added when an index names
//! it, taken off when it is found. Sums that are zero in the end say that both sets are the same; the
//! others say in which few names to look for the difference.

use std::hash::{BuildHasher, RandomState};

/// 512 KiB of sums: of a million names, 15 fall to each.
const SUMS: usize = 1 << 16;

/// The difference of two sets of names.
pub(super) struct NameSums {
    keys: [RandomState; 2],
    sums: Vec<u64>,
}

impl NameSums {
    pub(super) fn new() -> Self {
        Self {
            keys: [RandomState::new(), RandomState::new()],
            sums: vec![0; SUMS],
        }
    }

    /// Says that a name should be there.
    pub(super) fn name(&mut self, path: &[u8]) {
        let (at, hash) = self.hash(path);
        self.sums[at] = self.sums[at].wrapping_add(hash);
    }

    /// Says that a name is there.
    pub(super) fn find(&mut self, path: &[u8]) {
        let (at, hash) = self.hash(path);
        self.sums[at] = self.sums[at].wrapping_sub(hash);
    }

    /// Whether all names were found and nothing else.
    pub(super) fn is_even(&self) -> bool {
        self.sums.iter().all(|sum| *sum == 0)
    }

    /// Whether the name may be one that makes the difference.
    pub(super) fn is_suspect(&self, path: &[u8]) -> bool {
        self.sums[self.hash(path).0] != 0
    }

    fn hash(&self, path: &[u8]) -> (usize, u64) {
        let [place, value] = self.keys.each_ref().map(|key| key.hash_one(path));
        (place as usize % SUMS, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(number: u32) -> Vec<u8> {
        format!("a/{number}").into_bytes()
    }

    #[test]
    fn the_same_names_in_any_order_are_even() {
        let mut sums = NameSums::new();
        (0..100_000).for_each(|number| sums.name(&path(number)));
        (0..100_000)
            .rev()
            .for_each(|number| sums.find(&path(number)));
        assert!(sums.is_even());
    }

    #[test]
    fn one_more_one_less_and_one_twice_are_suspect() {
        let mut sums = NameSums::new();
        (0..1000).for_each(|number| sums.name(&path(number)));
        sums.name(&path(7));
        (0..999).for_each(|number| sums.find(&path(number)));
        sums.find(b"b");
        assert!(!sums.is_even());
        for suspect in [&path(7)[..], &path(999), b"b"] {
            assert!(sums.is_suspect(suspect));
        }
        let others = (0..999).filter(|number| sums.is_suspect(&path(*number)));
        assert!(others.count() < 10);
    }
}
