//! What every test here needs: a project that is removed again, the program, and the engine's own view.

mod cut;
mod engine;
mod files;
mod project;
mod running;

pub(crate) use cut::Way;
pub(crate) use engine::{Stranger, Volume, docker, events, mountpoint, now, paused};
pub(crate) use files::{Tmpfs, entries, only_entry, sha256sum};
pub(crate) use project::Project;
pub(crate) use running::{Ran, bash, program, ran, run, succeed, verify};

/// The image that waits, and ends at once when it is told to; `tests/lab/image.sh` imports it.
pub(crate) const IMAGE: &str = "compose-dump-test";
