//! Which process something belongs to, so that what a dead run left behind can be told from what
//! another run is working with. Labels of helper containers and journals name one.

use std::fmt;
use std::fs;

/// A process: where it runs, its number there, and when it began, since numbers are used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessId {
    /// Boot of the machine and pid namespace.
    place: String,
    pid: u32,
    /// Start in clock ticks since the boot.
    started: u64,
}

/// Whether a process still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It runs.
    Alive,
    /// It has ended.
    Ended,
    /// It is of another machine, another pid namespace, or from before a reboot.
    Unknown,
}

impl ProcessId {
    /// This process.
    #[must_use]
    pub fn own() -> Self {
        let pid = std::process::id();
        Self {
            place: place(),
            pid,
            started: start_of(pid).unwrap_or_default(),
        }
    }

    /// Its number where it runs.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it still runs. One that has ended and that its parent has not heard of yet has ended.
    #[must_use]
    pub fn life(&self) -> Life {
        if self.place != place() {
            Life::Unknown
        } else if start_of(self.pid) == Some(self.started) {
            Life::Alive
        } else {
            Life::Ended
        }
    }

    /// Reads what `Display` writes; `None` if it is nothing of the kind.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.rsplitn(3, '/');
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
    pub(crate) fn ended(self) -> Self {
        Self {
            started: self.started.wrapping_sub(1),
            ..self
        }
    }
}

impl fmt::Display for ProcessId {
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

/// When a process began; `None` if there is none that runs.
fn start_of(pid: u32) -> Option<u64> {
    start_in(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Field 22 of `/proc/<pid>/stat`. The second field, a name in parentheses, may hold anything, so it is
/// counted from the last parenthesis. The first one behind it is the state: `Z` and `X` have ended.
fn start_in(stat: &str) -> Option<u64> {
    let behind_name = &stat[stat.rfind(')')? + 1..];
    let mut fields = behind_name.split_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_written_and_read_back() {
        let own = ProcessId::own();
        assert_eq!(ProcessId::parse(&own.to_string()), Some(own.clone()));
        assert!(own.started > 0);
        assert_eq!(ProcessId::parse("something else"), None);
    }

    #[test]
    fn a_number_that_is_used_again_is_another_process() {
        assert_eq!(ProcessId::own().life(), Life::Alive);
        assert_eq!(ProcessId::own().ended().life(), Life::Ended);
        let elsewhere = ProcessId {
            place: "another boot".into(),
            ..ProcessId::own()
        };
        assert_eq!(elsewhere.life(), Life::Unknown);
    }

    #[test]
    fn a_process_that_nobody_has_waited_for_has_ended() {
        let rest = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        assert_eq!(start_in(&format!("7 (a ) b) S {rest}")), Some(4711));
        assert_eq!(start_in(&format!("7 (a ) b) Z {rest}")), None);
    }
}
