//! `recover`: brings back services that killed runs have left paused or stopped.

use std::sync::Arc;

use serde::Serialize;

use super::args::{Global, RecoverArgs, Talk};
use super::edge::CommandError;
use super::talk::say;
use super::{engine, lock, reporter, restore_talk, talk};
use crate::engine::Engine;
use crate::executor::{self, RecoverReport, Reporter};
use crate::exit::Exit;
use crate::restore::{self, CutOff, SettleError};
use crate::state::StateFolder;
use crate::text;

/// What `recover` has done.
#[derive(Debug, Default, Serialize)]
struct Recovered {
    #[serde(flatten)]
    runs: RecoverReport,
    /// Restores that were cut off.
    restores: Vec<CutOff>,
}

impl Recovered {
    fn exit(&self) -> Exit {
        self.runs.exit().worst(exit_of(self.restores.iter()))
    }
}

/// Brings back what there is to bring back.
///
/// # Errors
/// When a journal or the record of a restore cannot be read, what a restore has begun cannot be taken back, or
/// the engine does not answer and there is something to do.
pub(super) async fn recover(
    global: &Global,
    args: &RecoverArgs,
    talk: &Talk,
) -> Result<Exit, CommandError> {
    let state = lock::state_folder()?;
    let has_work = executor::has_journals(&state)?
        || restore::has_cut_off(&state).map_err(SettleError::from)?;
    let mut report = Recovered::default();
    if has_work {
        let engine: Arc<dyn Engine> = Arc::new(engine::connect(global).await?);
        report.runs = all(&engine, &state, &reporter::reporter(talk)).await?;
        let reporter = restore_talk::reporter(talk);
        report.restores = restore::recover(&engine, &state, &reporter).await?;
    }
    report.restores.iter().for_each(tell_half_written);
    report.restores.iter().for_each(tell_down);
    if args.json {
        talk::print_json(&report).map_err(CommandError::Print)?;
    }
    if !talk.quiet || report.exit() != Exit::Done {
        say(&last_line(&report));
    }
    Ok(report.exit())
}

/// Starts whoever was stopped for restores that are over, but for that. Says how it went with those of the project
/// of that name.
///
/// # Errors
/// When the records of restores cannot be read or removed.
pub(super) async fn start_left(
    engine: &Arc<dyn Engine>,
    state: &StateFolder,
    project: &str,
    talk: &Talk,
) -> Result<Exit, CommandError> {
    let reporter = restore_talk::reporter(talk);
    let started = restore::start_left(engine, state, &reporter).await;
    let started = started.map_err(SettleError::from)?;
    started.iter().for_each(tell_down);
    Ok(exit_of(started.iter().filter(|row| row.project == project)))
}

/// Says how to start by hand who could not be started.
fn tell_down(row: &CutOff) {
    for service in row.services.iter().filter(|service| !service.is_up) {
        if let Some(container) = &service.container {
            tracing::warn!(
                "{container} was stopped for a restore of {}, and does not start: mend that, then `docker start {container}`",
                row.project
            );
        }
    }
}

fn exit_of<'r>(mut restores: impl Iterator<Item = &'r CutOff>) -> Exit {
    match restores.all(CutOff::is_right) {
        true => Exit::Done,
        false => Exit::NotBrought,
    }
}

fn tell_half_written(row: &CutOff) {
    if row.half_written.is_empty() {
        return;
    }
    let down = match row.down.is_empty() {
        true => String::new(),
        false => format!("; until then {} stay down", row.down.join(", ")),
    };
    tracing::warn!(
        "a restore of {}, begun at {:.0}, was cut off and has left {} half written: restore again, from dump {}{down}",
        row.project,
        row.began,
        row.half_written.join(", "),
        row.dump
    );
}

/// Undoes what every run that is over left behind on this engine, and names what is left alone.
///
/// # Errors
/// When a journal cannot be read.
pub(super) async fn all(
    engine: &Arc<dyn Engine>,
    state: &StateFolder,
    reporter: &Arc<dyn Reporter>,
) -> Result<RecoverReport, CommandError> {
    let report = executor::recover(engine, state, reporter).await?;
    for row in &report.elsewhere {
        tracing::warn!(
            "a killed run of {} on another engine may have left services held: `{}` says which; there, use `compose-dump recover` (`{}` reaches it)",
            row.project,
            text::path(&row.journal),
            row.command
        );
    }
    Ok(report)
}

fn last_line(report: &Recovered) -> String {
    let restores = &report.restores;
    if report
        .restores
        .iter()
        .any(|row| !row.half_written.is_empty())
    {
        return "volumes are half written: restore again".to_owned();
    }
    if report.exit() != Exit::Done {
        return "services are not as they were: the errors and warnings above say which, and what to do".to_owned();
    }
    let runs = &report.runs;
    let held = runs.runs.iter().map(|run| run.held.len());
    let started = restores.iter().map(|row| row.services.len());
    let back = held.chain(started).sum::<usize>() as u64;
    let mut parts = Vec::new();
    if !restores.is_empty() {
        let restores = text::count(restores.len() as u64, "restore");
        parts.push(format!("{restores} put right"));
    }
    parts.push(match (runs.runs.is_empty() && restores.is_empty(), back) {
        (true, _) => "nothing to recover".to_owned(),
        (false, 0) => "nobody was held any more".to_owned(),
        (false, back) => format!("{} brought back", text::count(back, "container")),
    });
    if runs.live > 0 {
        let live = text::count(runs.live as u64, "run");
        parts.push(format!("{live} under way, and left alone"));
    }
    parts.join("; ")
}
