//! Points of a run at which a test can have the process die, as `kill -9` would have it. Compiled under
//! the feature `crash-points` only; it is not part of the program.

#[cfg(feature = "crash-points")]
mod points {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    /// The number of the point at which to die, from 1.
    const VARIABLE: &str = "CRASH_AT_POINT";

    static REACHED: AtomicUsize = AtomicUsize::new(0);
    static DIES_AT: OnceLock<Option<usize>> = OnceLock::new();

    /// Ends the process here, if it is this point's turn.
    pub(crate) fn point() {
        let dies_at = DIES_AT.get_or_init(|| std::env::var(VARIABLE).ok()?.parse().ok());
        let Some(dies_at) = dies_at else { return };
        if REACHED.fetch_add(1, Ordering::SeqCst) + 1 == *dies_at {
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }
}

#[cfg(feature = "crash-points")]
pub(crate) use points::point;

/// Nothing: see the feature `crash-points`.
#[cfg(not(feature = "crash-points"))]
pub(crate) const fn point() {}
