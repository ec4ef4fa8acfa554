//! The two ends of the terminal: results on standard output, everything for the eye on standard error.
//!
//! A reader that has gone away is not an error of ours: writing to a closed pipe ends quietly.

use std::io::{self, IsTerminal, Write};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{FmtSpan, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

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

/// A word that says what a line is, as `error:`, in its colour.
pub(super) fn mark(word: &str, colored: bool) -> String {
    let color = match word {
        "error" => 31,
        "warning" => 33,
        "help" => 36,
        _ => 2,
    };
    if colored {
        format!("\x1b[{color}m{word}:\x1b[0m")
    } else {
        format!("{word}:")
    }
}

/// Sends the log to standard error: warnings, the steps with `-v`, what the engine is asked with `-vv`.
///
/// The API libraries stay at warnings, and no variable changes that: they log requests and answers,
/// and those hold containers' environments, and so secrets.
pub(super) fn start_log(talk: &Talk) {
    let level = match talk.verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let default = format!("warn,compose_dump={level}");
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(default))
        .with_writer(io::stderr)
        // They would go to standard error as well, where nothing can be written then, and panic.
        .log_internal_errors(false)
        .with_ansi(colored(talk))
        .with_span_events(FmtSpan::NONE);
    match talk.log_format {
        LogFormat::Text => builder.event_format(HouseStyle).init(),
        LogFormat::Json => builder.json().init(),
    }
}

/// A line of the log as every other line for the eye: `warning: what happened key=value`.
struct HouseStyle;

impl<S, N> FormatEvent<S, N> for HouseStyle
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let word = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warning",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        };
        let colored = writer.has_ansi_escapes();
        write!(writer, "{} ", mark(word, colored))?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
