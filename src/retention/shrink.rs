//! The guard against a dump that holds suspiciously little: an emptied volume must not push the dumps
//! out in which it still was full.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Candidate;

/// A share in whole percents, at most 100: `50%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Share(u8);

impl Share {
    /// Half.
    pub const HALF: Self = Self(50);

    /// Reads a share: a whole number of percents with its sign.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let number = text.trim().strip_suffix('%').map(str::trim_end);
        let percents = number.and_then(|number| number.parse().ok());
        percents
            .filter(|percents| *percents <= 100)
            .map(Self)
            .ok_or_else(|| format!("`{}` is no share", text.escape_debug()))
    }

    /// Whether it is none: nothing is guarded.
    #[must_use]
    pub const fn is_off(self) -> bool {
        self.0 == 0
    }

    fn of(self, bytes: u64) -> u128 {
        u128::from(bytes) * u128::from(self.0) / 100
    }
}

impl TryFrom<String> for Share {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Share> for String {
    fn from(share: Share) -> Self {
        share.to_string()
    }
}

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}%", self.0)
    }
}

/// The newest complete dump holds less than a share of the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk {
    /// Bytes in the newest complete dump, before compression.
    pub newest: u64,
    /// Bytes in the complete one before it.
    pub before: u64,
}

/// Whether the newest complete dump holds less than `share` of the one before it. Each dump comes with
/// its bytes before compression, so that another codec or format is no loss.
#[must_use]
pub fn shrunk<'d>(
    dumps: impl IntoIterator<Item = (&'d Candidate, u64)>,
    share: Share,
) -> Option<Shrunk> {
    let complete = dumps.into_iter().filter(|(dump, _)| dump.is_complete);
    let mut complete: Vec<(&Candidate, u64)> = complete.collect();
    complete.sort_by_key(|(dump, _)| std::cmp::Reverse((dump.time, &dump.id)));
    let [(_, newest), (_, before), ..] = complete[..] else {
        return None;
    };
    (u128::from(newest) < share.of(before)).then_some(Shrunk { newest, before })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;

    use super::*;

    fn guard(bytes: &[(u64, bool)], share: &str) -> Option<Shrunk> {
        let dumps = (0_i64..).zip(bytes).map(|(second, &(bytes, is_complete))| {
            let time = Timestamp::from_second(second).expect("a second");
            let id = second.to_string();
            (
                Candidate {
                    id,
                    time,
                    is_complete,
                    volumes: BTreeSet::new(),
                    missing: BTreeSet::new(),
                },
                bytes,
            )
        });
        let dumps: Vec<(Candidate, u64)> = dumps.collect();
        let share = Share::parse(share).expect("a share");
        shrunk(dumps.iter().map(|(dump, bytes)| (dump, *bytes)), share)
    }

    #[test]
    fn the_newest_dump_is_compared_with_the_complete_one_before_it() {
        let found = |newest, before| Some(Shrunk { newest, before });
        assert_eq!(guard(&[(100, true), (49, true)], "50%"), found(49, 100));
        assert_eq!(guard(&[(100, true), (50, true)], "50%"), None);
        assert_eq!(
            guard(&[(100, true), (9, false), (40, true)], "50%"),
            found(40, 100)
        );
        assert_eq!(guard(&[(100, true), (90, true), (9, false)], "50%"), None);
        assert_eq!(guard(&[(100, true), (0, true)], "0%"), None);
        assert_eq!(guard(&[(0, true)], "100%"), None);
        assert_eq!(
            guard(&[(u64::MAX, true), (u64::MAX - 1, true)], "100%"),
            found(u64::MAX - 1, u64::MAX)
        );
    }

    #[test]
    fn a_share_is_a_whole_number_of_percents() {
        assert_eq!(Share::parse("50 %"), Ok(Share::HALF));
        for text in ["50", "0.5", "101%", "-1%", "%", "half"] {
            assert!(Share::parse(text).is_err(), "{text}");
        }
    }
}
