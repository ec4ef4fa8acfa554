//! The two ends of the terminal: results on standard output, everything for the eye on standard error.
//!
//! A reader that has gone away is not an error of ours: writing to a closed pipe ends quietly.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use super::args::{LogFormat, Talk, When};

/// Writes a result to standard output.
///
/// # Errors
/// When it cannot be written; a closed pipe is no error.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

/// Writes a result to standard output as one JSON document.
///
/// # Errors
/// As [`print()`].
pub(super) fn print_json(value: &impl serde::Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
    text.push('\n');
    print(&text)
}

/// Writes a line for the eye to standard error. There is nobody to tell when that fails.
pub(super) fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Whether standard error gets colour.
pub(super) fn colored(talk: &Talk) -> bool {
    match talk.color {
        When::Always => true,
        When::Never => false,
        When::Auto => {
            io::stderr().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    }
}

/// Sends the developer's log to standard error: warnings, more with `-v`.
///
/// The API libraries stay at warnings, and no variable changes that: they log requests and answers,
/// and those hold containers' environments, and so secrets.
pub(super) fn start_log(talk: &Talk) {
    let level = match (talk.quiet, talk.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, 2) => "debug",
        (false, _) => "trace",
    };
    let default = format!("warn,compose_dump={level}");
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(default))
        .with_writer(io::stderr)
        .with_ansi(colored(talk))
        .with_span_events(FmtSpan::NONE)
        .with_target(talk.verbose > 1);
    match talk.log_format {
        LogFormat::Text => builder.without_time().init(),
        LogFormat::Json => builder.json().init(),
    }
}
