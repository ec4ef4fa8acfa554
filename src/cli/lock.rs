//! One run of a project at a time: the lock is waited for, and what a killed run left is put right once
//! we have it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::args::Talk;
use super::edge::CommandError;
use super::signals::Signals;
use super::talk::say;
use super::{recover, reporter};
use crate::config::identity::Identity;
use crate::config::span::Span;
use crate::engine::Engine;
use crate::exit::Exit;
use crate::state::lock::{Attempt, ProjectLock};
use crate::state::{StateError, StateFolder};

/// How often a lock is asked for again.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// What lets a run begin: its lock, and what came of putting right what others left.
#[derive(Debug)]
pub(super) struct Entry {
    /// Where the run's own journal goes.
    pub(super) state: StateFolder,
    /// Whether what earlier runs of the project left could be brought back. What those of others left is brought back
    /// too, and told, and is no part of how this one ends.
    pub(super) recovered: Exit,
    /// Whether another run was waited for.
    pub(super) has_waited: bool,
    _lock: ProjectLock,
}

/// How a run enters.
pub(super) struct Door<'a> {
    pub(super) signals: &'a Signals,
    pub(super) talk: &'a Talk,
}

/// The folder of state, by the environment of this process.
///
/// # Errors
/// When nothing says where it could be.
pub(super) fn state_folder() -> Result<StateFolder, StateError> {
    let is_root = rustix::process::geteuid().is_root();
    StateFolder::locate(|name| std::env::var_os(name), is_root)
}

/// Whom a lock is for. The host has no part in it: a job file may call it otherwise, and a restore reads none.
fn lock_id(project: &str, folder: &Path) -> String {
    // One that a restore has yet to make has no other path.
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    Identity::new("", project, &folder).on_host()
}

impl Door<'_> {
    /// Waits for the lock of the project of that name in `folder`, and brings back what killed runs left on this engine.
    ///
    /// # Errors
    /// When another run has the lock for longer than `patience`, a signal comes, or the folder of state
    /// cannot be used.
    pub(super) async fn enter(
        &self,
        project: &str,
        folder: &Path,
        engine: Option<&Arc<dyn Engine>>,
        patience: Span,
    ) -> Result<Entry, CommandError> {
        let state = state_folder()?;
        let id = engine.map_or("", |engine| &*engine.daemon().id);
        let project = lock_id(project, folder);
        let (lock, has_waited) = self.lock(&state, &project, id, patience).await?;
        let mut recovered = Exit::Done;
        // With the lock, so that a run of the project that was just killed is over for us as well.
        if let Some(engine) = engine {
            let reporter = reporter::reporter(self.talk);
            let report = recover::all(engine, &state, &reporter).await?;
            let of_ours = format!("/{project}");
            recovered = report.exit_of(|id| id.ends_with(&of_ours));
        }
        Ok(Entry {
            state,
            recovered,
            has_waited,
            _lock: lock,
        })
    }

    /// The lock, and whether it was waited for.
    async fn lock(
        &self,
        state: &StateFolder,
        project: &str,
        engine: &str,
        patience: Span,
    ) -> Result<(ProjectLock, bool), CommandError> {
        let since = Instant::now();
        let mut has_waited = false;
        loop {
            let who = match ProjectLock::attempt(state, project, engine)? {
                Attempt::Got(lock) => return Ok((lock, has_waited)),
                Attempt::Taken(who) => who,
            };
            let project = project.to_owned();
            if since.elapsed() >= patience.0 {
                return Err(CommandError::Locked { project, who });
            }
            if !has_waited && !self.talk.quiet {
                say(&format!(
                    "waiting up to {patience} for another run of {project} ({who})"
                ));
            }
            has_waited = true;
            let wait = tokio::time::sleep(ASK_AGAIN_AFTER);
            if self
                .signals
                .cancel
                .run_until_cancelled(wait)
                .await
                .is_none()
            {
                let exit = self.signals.exit().unwrap_or(Exit::Interrupted);
                return Err(CommandError::Interrupted(exit));
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_project_has_one_lock_by_whatever_link_its_folder_is_reached() {
        let top = tempfile::tempdir().unwrap();
        let (folder, link) = (top.path().join("blog"), top.path().join("link"));
        std::fs::create_dir(&folder).unwrap();
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        assert_eq!(lock_id("blog", &folder), lock_id("blog", &link));
        assert_ne!(lock_id("blog", &folder), lock_id("staging", &folder));
        assert_ne!(lock_id("blog", &folder), lock_id("blog", top.path()));
    }
}
