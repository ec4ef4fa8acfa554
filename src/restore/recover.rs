//! Puts right what restores that were cut off have left: content goes back, and who was stopped runs again.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::event::Reporter;
use super::running::{Running, ServiceRow};
use super::unfinished::{
    Record, SettleError, Unfinished, UnfinishedError, all_cut_off, cut_off, settle_all,
};
use crate::engine::Engine;
use crate::state::StateFolder;

/// A restore that was cut off, and what came of putting it right.
#[derive(Debug, Clone, Serialize)]
pub struct CutOff {
    /// Compose's name of the project.
    pub project: String,
    /// The id of the dump.
    pub dump: String,
    /// When it was begun.
    pub began: Timestamp,
    /// Volumes that the engine has half written: only a restore makes them whole.
    pub half_written: Vec<String>,
    /// Who was stopped for it, and is started again.
    pub services: Vec<ServiceRow>,
    /// Containers that stay down until the volumes are whole.
    pub down: Vec<String>,
}

impl CutOff {
    fn of(said: &Unfinished) -> Self {
        Self {
            project: said.project.clone(),
            dump: said.dump.clone(),
            began: said.since,
            half_written: said.volumes.clone(),
            services: Vec::new(),
            down: match said.is_settled() {
                true => Vec::new(),
                false => said.stopped.iter().map(|row| row.name.clone()).collect(),
            },
        }
    }

    /// Whether everything is as it was before.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.half_written.is_empty() && self.services.iter().all(|row| row.is_up)
    }
}

/// Whether any restore was cut off.
///
/// # Errors
/// When the records cannot be read.
pub fn has_cut_off(state: &StateFolder) -> Result<bool, UnfinishedError> {
    Ok(!all_cut_off(state)?.is_empty())
}

/// Takes back what restores on this engine have begun, and starts whoever was stopped for one of which nothing
/// is half written any more.
///
/// # Errors
/// When the records cannot be read, or content cannot be moved back; it may be tried again.
pub async fn recover(
    engine: &Arc<dyn Engine>,
    state: &StateFolder,
    reporter: &Arc<dyn Reporter>,
) -> Result<Vec<CutOff>, SettleError> {
    let touched = settle_all(state)?;
    let ours = touched.iter().filter(|said| is_of(said, engine));
    let is_left_to_start = |said: &Unfinished| said.is_settled() && !said.stopped.is_empty();
    let mut rows: Vec<CutOff> = ours
        .filter(|said| !is_left_to_start(said))
        .map(CutOff::of)
        .collect();
    rows.extend(start_left(engine, state, reporter).await?);
    Ok(rows)
}

/// Starts whoever was stopped for restores on this engine of which only that is left to be done.
///
/// # Errors
/// When the records cannot be read or removed.
pub async fn start_left(
    engine: &Arc<dyn Engine>,
    state: &StateFolder,
    reporter: &Arc<dyn Reporter>,
) -> Result<Vec<CutOff>, UnfinishedError> {
    let mut rows = Vec::new();
    for (path, said) in cut_off(state)? {
        if !said.is_settled() || !is_of(&said, engine) {
            continue;
        }
        let mut row = CutOff::of(&said);
        row.services = running(engine, reporter).start_stopped(&said.stopped).await;
        // One that is gone is told, and cannot be started later either.
        let is_done = |row: &ServiceRow| row.is_up || row.container.is_none();
        if row.services.iter().all(is_done) {
            Record::of(path, said).end()?;
        }
        rows.push(row);
    }
    Ok(rows)
}

/// The ids of containers that were stopped for restores on an engine of which only that is left to be put right.
///
/// # Errors
/// When the records cannot be read.
pub fn left_stopped(state: &StateFolder, engine: &str) -> Result<Vec<String>, UnfinishedError> {
    let records = all_cut_off(state)?.into_iter();
    let left = records.filter(|said| said.is_settled() && said.engine == engine);
    let rows = left.flat_map(|said| said.stopped);
    Ok(rows.map(|row| row.id).collect())
}

fn is_of(said: &Unfinished, engine: &Arc<dyn Engine>) -> bool {
    said.engine.is_empty() || said.engine == engine.daemon().id
}

/// No signal keeps anybody from being started.
fn running(engine: &Arc<dyn Engine>, reporter: &Arc<dyn Reporter>) -> Running {
    Running {
        engine: Arc::clone(engine),
        reporter: Arc::clone(reporter),
        cancel: CancellationToken::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
