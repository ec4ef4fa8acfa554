//! Whose a helper container is, so that a run can tell what a dead run left behind from what another
//! run is working with.

use std::fmt;
use std::fs;

use jiff::{SignedDuration, Timestamp};

use super::HELPER_LABEL;
use crate::engine::Container;

/// Age at which a helper of a place that we cannot look into counts as left over. No dump takes so
/// long.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A process: where it runs, its number there, and when it began, since numbers are used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Boot of the machine and pid namespace.
    place: String,
    pid: u32,
    /// Start in clock ticks since the boot.
    started: u64,
}

impl Owner {
    /// This process.
    #[must_use]
    pub fn of_process() -> Self {
        let pid = std::process::id();
        Self {
            place: place(),
            pid,
            started: start_of(pid).unwrap_or_default(),
        }
    }

    /// Whether the run that a helper belongs to is over: its process is gone, or it cannot be looked
    /// at from here (another machine, another pid namespace, before a reboot) and the helper is a
    /// week old.
    #[must_use]
    pub fn is_gone(helper: &Container) -> bool {
        let owner = helper
            .labels
            .get(HELPER_LABEL)
            .and_then(|label| Self::parse(label));
        match owner {
            Some(owner) if owner.place == place() => start_of(owner.pid) != Some(owner.started),
            _ => is_forgotten(helper.created_at.as_deref()),
        }
    }

    fn parse(label: &str) -> Option<Self> {
        let mut parts = label.rsplitn(3, '/');
        let started = parts.next()?.parse().ok()?;
        let pid = parts.next()?.parse().ok()?;
        Some(Self {
            place: parts.next()?.to_owned(),
            pid,
            started,
        })
    }

    /// This process as one that ended before it began, for tests.
    #[cfg(test)]
    pub(super) fn ended(self) -> Self {
        Self {
            started: self.started.wrapping_sub(1),
            ..self
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.place, self.pid, self.started)
    }
}

/// `<boot id>/<pid namespace>`. Without proc it is nowhere, and nothing else is at the same place.
fn place() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{}/{}", boot.trim(), namespace.display())
}

/// Field 22 of `/proc/<pid>/stat`; `None` if there is no such process. The second field, a name in
/// parentheses, may hold anything, so it is counted from the last parenthesis.
fn start_of(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let behind_name = &stat[stat.rfind(')')? + 1..];
    behind_name.split_whitespace().nth(19)?.parse().ok()
}

fn is_forgotten(created: Option<&str>) -> bool {
    let created = created.and_then(|created| created.parse::<Timestamp>().ok());
    created.is_some_and(|created| Timestamp::now().duration_since(created) > FORGOTTEN)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_label_tells_the_owner() {
        let owner = Owner::of_process();
        assert_eq!(Owner::parse(&owner.to_string()), Some(owner.clone()));
        assert!(owner.started > 0);
        assert_eq!(Owner::parse("something else"), None);
    }

    #[test]
    fn what_cannot_be_looked_at_must_be_old() {
        assert!(!is_forgotten(Some(&Timestamp::now().to_string())));
        assert!(is_forgotten(Some("2020-01-01T00:00:00.123456789Z")));
        assert!(!is_forgotten(None) && !is_forgotten(Some("yesterday")));
    }
}
