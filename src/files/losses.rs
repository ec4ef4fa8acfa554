//! What a file system or the lack of privileges kept from being stored, summed up by kind.

use crate::archive::escape::escape;

/// A kind of loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    Owner,
    Mode,
    Attribute,
    Time,
    Device,
}

const KINDS: [(Loss, &str); 5] = [
    (Loss::Owner, "the owner could not be set"),
    (Loss::Mode, "the permissions could not be set"),
    (
        Loss::Attribute,
        "an extended attribute or ACL could not be set",
    ),
    (Loss::Time, "the modification time could not be set"),
    (
        Loss::Device,
        "the device was left out, only root can make it",
    ),
];

/// How often each kind occurred, and where first.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    seen: [Option<(u64, String)>; KINDS.len()],
}

impl Losses {
    pub(crate) fn add(&mut self, loss: Loss, path: &[u8]) {
        let seen = self.seen[loss as usize].get_or_insert_with(|| (0, escape(path)));
        seen.0 += 1;
    }

    /// One sentence for each kind that occurred.
    pub(crate) fn sentences(&self) -> Vec<String> {
        self.seen
            .iter()
            .zip(KINDS)
            .filter_map(|(seen, (_, what))| {
                let (count, first) = seen.as_ref()?;
                let entries = if *count == 1 { "entry" } else { "entries" };
                Some(format!("{what} on {count} {entries}, `{first}` the first"))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stand_at_their_place() {
        for (index, (loss, _)) in KINDS.into_iter().enumerate() {
            assert_eq!(loss as usize, index);
        }
    }

    #[test]
    fn the_count_and_the_first_path_are_told_once_per_kind() {
        let mut losses = Losses::default();
        losses.add(Loss::Owner, b"a");
        losses.add(Loss::Owner, b"b\n");
        losses.add(Loss::Device, b"null\xff");
        assert_eq!(
            losses.sentences(),
            [
                "the owner could not be set on 2 entries, `a` the first",
                "the device was left out, only root can make it on 1 entry, `null\\xff` the first"
            ]
        );
    }
}
