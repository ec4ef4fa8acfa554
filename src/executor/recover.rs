//! Brings back what killed runs have left paused or stopped: what `recover` does, every run before
//! anything else, and a watchdog for its one run.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::event::{Event, Reporter};
use super::hold;
use super::hooks;
use super::journal::{self, Found, JournalError, Left};
use super::report::HeldReport;
use crate::engine::Engine;
use crate::exit::Exit;
use crate::state::StateFolder;

/// How often a journal is looked at that somebody else is working with.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// How long is waited for somebody else who is bringing services back.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// What bringing back came to.
#[derive(Debug, Default, Serialize)]
pub struct RecoverReport {
    /// Runs that had left something behind.
    pub runs: Vec<RecoveredRun>,
    /// Journals of runs on other engines, which are left alone.
    pub elsewhere: Vec<Elsewhere>,
    /// How many runs are under way.
    pub live: usize,
}

/// A run that was killed.
#[derive(Debug, Serialize)]
pub struct RecoveredRun {
    /// The project id.
    pub project: String,
    /// When it began to touch services.
    pub began: Timestamp,
    /// What it had left held.
    pub held: Vec<HeldReport>,
    /// What its `after` hooks that were due came to, where they failed.
    pub hooks_failed: Vec<String>,
}

/// The journal of a run on another engine.
#[derive(Debug, Serialize)]
pub struct Elsewhere {
    /// The project id.
    pub project: String,
    /// The journal.
    #[serde(serialize_with = "as_text")]
    pub journal: PathBuf,
    /// The beginning of a command line that reaches the engine.
    pub command: String,
}

fn as_text<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&crate::text::path(path))
}

impl RecoverReport {
    /// Done, or that services could not be brought back.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit_of(|_| true)
    }

    /// The same of the runs of some projects, by their ids.
    #[must_use]
    pub fn exit_of(&self, is_meant: impl Fn(&str) -> bool) -> Exit {
        let runs = || self.runs.iter().filter(|run| is_meant(&run.project));
        let mut held = runs().flat_map(|run| &run.held);
        let mut hooks = runs().flat_map(|run| &run.hooks_failed);
        if held.any(|held| !held.is_back()) || hooks.next().is_some() {
            Exit::NotBrought
        } else {
            Exit::Done
        }
    }
}

/// Whether any run has left a journal.
///
/// # Errors
/// When the folder of journals cannot be read.
pub fn has_journals(state: &StateFolder) -> Result<bool, JournalError> {
    Ok(!journal::all(state)?.is_empty())
}

/// The ids of containers that runs on this engine may have left held, which are over and nobody has undone yet.
///
/// # Errors
/// When a journal cannot be read.
pub fn left_held(state: &StateFolder, engine: &str) -> Result<Vec<String>, JournalError> {
    let mut ids = Vec::new();
    for path in journal::all(state)? {
        if let Found::Left(left) = journal::open(&path)?
            && left.head.engine == engine
        {
            ids.extend(left.pending.containers.iter().map(|held| held.id.clone()));
        }
    }
    Ok(ids)
}

/// Undoes what every run that is over has left behind on this engine. Runs that are under way are left
/// alone, and so are those on other engines.
///
/// # Errors
/// When a journal cannot be read: nobody knows then what there is to undo.
pub async fn recover(
    engine: &Arc<dyn Engine>,
    state: &StateFolder,
    reporter: &Arc<dyn Reporter>,
) -> Result<RecoverReport, JournalError> {
    let mut report = RecoverReport::default();
    let mut unread = None;
    for path in journal::all(state)? {
        match taken(&path, false).await {
            Ok(Found::Left(left)) => take_back(engine, *left, reporter, &mut report).await,
            Ok(Found::Live | Found::BeingUndone) => report.live += 1,
            Ok(Found::Nothing) => {}
            // Whom the others name is brought back all the same.
            Err(error) => unread = unread.or(Some(error)),
        }
    }
    unread.map_or(Ok(report), Err)
}

/// Undoes what one run has left behind, as soon as it is over.
///
/// # Errors
/// As [`recover`].
pub async fn recover_one(
    engine: &Arc<dyn Engine>,
    path: &Path,
    reporter: &Arc<dyn Reporter>,
) -> Result<RecoverReport, JournalError> {
    let mut report = RecoverReport::default();
    if let Found::Left(left) = taken(path, true).await? {
        take_back(engine, *left, reporter, &mut report).await;
    }
    Ok(report)
}

/// Takes a journal, once whoever else undoes it is done, or its run is over where that is waited for.
async fn taken(path: &Path, waits_for_run: bool) -> Result<Found, JournalError> {
    let since = tokio::time::Instant::now();
    loop {
        let found = journal::open(path)?;
        let waits = match found {
            Found::BeingUndone => since.elapsed() < PATIENCE,
            Found::Live => waits_for_run,
            Found::Left(_) | Found::Nothing => false,
        };
        if !waits {
            return Ok(found);
        }
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    }
}

async fn take_back(
    engine: &Arc<dyn Engine>,
    left: Left,
    reporter: &Arc<dyn Reporter>,
    report: &mut RecoverReport,
) {
    if left.head.engine != engine.daemon().id {
        report.elsewhere.push(Elsewhere {
            project: left.head.project.clone(),
            journal: left.path().to_owned(),
            command: left.head.command.clone(),
        });
        return;
    }
    if left.pending.is_empty() {
        return left.end();
    }
    reporter.report(Event::LeftBehind {
        project: left.head.project.clone(),
        began: left.head.began,
    });
    let held = hold::undo_left(Arc::clone(engine), Arc::clone(reporter), &left.pending).await;
    let back = held.iter().all(|held| held.until.is_some());
    // What is due runs when services are back, and once.
    let hooks_failed = match back {
        true => hooks::run_due(engine, &**reporter, &left.pending.hooks).await,
        false => Vec::new(),
    };
    report.runs.push(RecoveredRun {
        project: left.head.project.clone(),
        began: left.head.began,
        held: held.iter().map(HeldReport::from).collect(),
        hooks_failed,
    });
    if back {
        left.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_of_one_project_left_is_no_part_of_how_another_ends() {
        let run = RecoveredRun {
            project: "web-1/shop/aa".into(),
            began: Timestamp::UNIX_EPOCH,
            held: Vec::new(),
            hooks_failed: vec!["php artisan up".into()],
        };
        let report = RecoverReport {
            runs: vec![run],
            ..RecoverReport::default()
        };
        assert_eq!(report.exit(), Exit::NotBrought);
        assert_eq!(
            report.exit_of(|id| id.ends_with("/shop/aa")),
            Exit::NotBrought
        );
        assert_eq!(report.exit_of(|id| id.ends_with("/blog/bb")), Exit::Done);
    }
}
