//! Commands of the user's: run, watched, judged by how they end. What they say is kept to its last
//! lines; what they are called with is never told.

use std::time::Duration;

use crate::engine::EngineError;

mod in_container;
mod on_host;
mod tail;

pub(super) use in_container::{InContainer, Piece, first_running};
pub(super) use on_host::OnHost;

/// A command did not do what it was to do.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is nowhere to run it.
    #[error("no container of the service `{service}` runs")]
    NotRunning {
        /// The service.
        service: String,
    },
    /// It could not be started.
    #[error("no command can be run in `{container}`")]
    Start {
        /// The container's name.
        container: String,
        /// What the engine says.
        source: EngineError,
    },
    /// It cannot be started here, or its end cannot be waited for.
    #[error("the command on this machine cannot be run")]
    Spawn(#[source] std::io::Error),
    /// It ended as a command does that has failed.
    #[error("the command in `{place}` {}{}", ended(*.status), last_lines(.said))]
    Status {
        /// The container's name, or `this machine`.
        place: String,
        /// Its exit status.
        status: i64,
        /// Its last lines.
        said: String,
    },
    /// It took too long, and was told to end.
    #[error("the command in `{place}` did not end within {}{}", humantime::format_duration(*.after), last_lines(.said))]
    TimedOut {
        /// The container's name, or `this machine`.
        place: String,
        /// How long it was given.
        after: Duration,
        /// Its last lines.
        said: String,
    },
    /// What became of it is not known.
    #[error("the command in `{container}` was lost sight of{}", last_lines(.said))]
    Lost {
        /// The container's name.
        container: String,
        /// Its last lines.
        said: String,
        /// Why.
        source: EngineError,
    },
}

/// How a command ended, after the words "the command".
fn ended(status: i64) -> String {
    match status {
        126 | 127 => format!("could not be started ({status})"),
        129..=192 => format!("ended with status {status}, as by signal {}", status - 128),
        _ => format!("ended with status {status}"),
    }
}

fn last_lines(lines: &str) -> String {
    if lines.is_empty() {
        String::new()
    } else {
        format!("; it said: {lines}")
    }
}
