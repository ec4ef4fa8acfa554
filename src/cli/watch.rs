//! `watch`, which nobody types: the process that watches over a run, and does what `recover` does for it
//! when it is gone. `executor/hold/watchdog.rs` is the other end.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::args::{Global, Talk, WatchArgs};
use super::edge::CommandError;
use super::{engine, reporter};
use crate::engine::Engine;
use crate::executor;
use crate::executor::hold::watchdog::BYTE;
use crate::exit::Exit;

/// How long an engine is looked for that does not answer: it may be starting again.
const TRIES: usize = 150;

/// The wait between two of them.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Watches until the run is over, and puts right what it left.
///
/// # Errors
/// When the engine does not answer, or the journal cannot be read.
pub(super) async fn watch(
    global: &Global,
    args: &WatchArgs,
    talk: &Talk,
) -> Result<Exit, CommandError> {
    // A session of its own: what is sent to the run's process group is not for us.
    let _ = rustix::process::setsid();
    let _deaf = deaf().map_err(CommandError::Start)?;
    let ended_well = tokio::task::spawn_blocking(ended_well).await;
    if matches!(ended_well, Ok(Ok(true))) {
        return Ok(Exit::Done);
    }
    let engine: Arc<dyn Engine> = Arc::new(patiently(global).await?);
    let reporter = reporter::reporter(talk);
    let report = executor::recover_one(&engine, &args.journal, &reporter).await?;
    Ok(report.exit())
}

/// Signals that would end us are taken and forgotten: a service manager sends them to the run and to us,
/// and the run may need longer than we.
fn deaf() -> io::Result<Vec<Signal>> {
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
        SignalKind::quit(),
    ];
    kinds.into_iter().map(signal).collect()
}

/// Says that we watch, and waits for the word of the run, or for the end of the line.
fn ended_well() -> io::Result<bool> {
    let line = io::stdin();
    rustix::io::write(line.as_fd(), &[BYTE])?;
    let mut word = [0];
    let bytes = rustix::io::retry_on_intr(|| rustix::io::read(line.as_fd(), &mut word))?;
    Ok(bytes == 1)
}

async fn patiently(global: &Global) -> Result<impl Engine + use<>, CommandError> {
    let mut tries = 0;
    loop {
        match engine::connect(global).await {
            Err(CommandError::Engine(_)) if tries < TRIES => tries += 1,
            found => return found,
        }
        tokio::time::sleep(TRY_AGAIN_AFTER).await;
    }
}
