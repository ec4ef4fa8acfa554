//! `recover`: brings back services that killed runs have left paused or stopped.

use std::sync::Arc;

use super::args::{Global, RecoverArgs, Talk};
use super::edge::CommandError;
use super::talk::say;
use super::{engine, lock, reporter, talk};
use crate::engine::Engine;
use crate::executor::{self, RecoverReport, Reporter};
use crate::exit::Exit;
use crate::state::StateFolder;
use crate::text;

/// Brings back what there is to bring back.
///
/// # Errors
/// When a journal cannot be read, or the engine does not answer and there are journals.
pub(super) async fn recover(
    global: &Global,
    args: &RecoverArgs,
    talk: &Talk,
) -> Result<Exit, CommandError> {
    let state = lock::state_folder()?;
    let report = if executor::has_journals(&state)? {
        let engine: Arc<dyn Engine> = Arc::new(engine::connect(global).await?);
        all(&engine, &state, &reporter::reporter(talk)).await?
    } else {
        RecoverReport::default()
    };
    if args.json {
        talk::print_json(&report).map_err(CommandError::Print)?;
    }
    if !talk.quiet || report.exit() != Exit::Done {
        say(&last_line(&report));
    }
    Ok(report.exit())
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

fn last_line(report: &RecoverReport) -> String {
    if report.exit() != Exit::Done {
        return "services are not as they were: use the commands above".to_owned();
    }
    let back = report.runs.iter().map(|run| run.held.len() as u64).sum();
    let mut line = match (report.runs.is_empty(), back) {
        (true, _) => "nothing to recover".to_owned(),
        (false, 0) => "nobody was held any more".to_owned(),
        (false, back) => format!("{} brought back", text::count(back, "container")),
    };
    if report.live > 0 {
        line.push_str(&format!(
            "; {} under way, and left alone",
            text::count(report.live as u64, "run")
        ));
    }
    line
}
