//! The one table of exit codes, and which of several wins.
//!
//! Scripts may rely on these numbers; anything that is not listed means failure.

use std::process::ExitCode;

/// How a command ended, as its exit code says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// A job or a required target has no dump.
    Failed = 1,
    /// Usage, configuration or plan rejected; nothing was touched.
    Rejected = 2,
    /// The dump is published, but a member failed or was not wholly read.
    Partial = 3,
    /// The dump is fine, but old ones were not removed: one could not be, or the guard forbade it.
    Unpruned = 4,
    /// There is no such dump or target.
    NotFound = 10,
    /// Another run of the project is under way.
    Locked = 11,
    /// A dump does not hold what was stored.
    Damaged = 13,
    /// Services that were held still could not be brought back.
    NotBrought = 20,
    /// Interrupted by SIGINT.
    Interrupted = 130,
    /// Terminated by SIGTERM or SIGHUP.
    Terminated = 143,
}

impl Exit {
    /// Every code, the one that wins over the others first.
    pub const BY_WEIGHT: [Self; 11] = [
        Self::NotBrought,
        Self::Interrupted,
        Self::Terminated,
        Self::Rejected,
        Self::Failed,
        Self::Damaged,
        Self::Locked,
        Self::NotFound,
        Self::Partial,
        Self::Unpruned,
        Self::Done,
    ];

    /// The number that the process ends with.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The weightier of two outcomes: services that are down outweigh everything else.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        let weight = |exit: Self| Self::BY_WEIGHT.iter().position(|&known| known == exit);
        if weight(self) <= weight(other) {
            self
        } else {
            other
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_that_are_down_outweigh_everything() {
        for other in Exit::BY_WEIGHT {
            assert_eq!(Exit::NotBrought.worst(other), Exit::NotBrought);
            assert_eq!(other.worst(Exit::NotBrought), Exit::NotBrought);
            assert_eq!(other.worst(Exit::Done), other);
        }
    }

    #[test]
    fn a_failure_outweighs_a_partial_dump() {
        assert_eq!(Exit::Partial.worst(Exit::Failed), Exit::Failed);
    }
}
