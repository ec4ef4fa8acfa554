//! The API library's errors turned into ours, without what they may quote of an answer.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};
use std::time::Duration;

use bollard::errors::Error;

use crate::engine::{EngineError, Why};

/// Longest message of an engine (or of a proxy that answers with a page) that is kept, in bytes.
const MESSAGE_LIMIT: usize = 1000;

/// What became of a request. `operation` is a verb phrase, `patience` the time that was allowed.
pub(super) fn failed(operation: &str, patience: Duration, error: Error) -> EngineError {
    let operation = operation.to_owned();
    match error {
        Error::DockerResponseServerError {
            status_code,
            message,
        } => EngineError::Api {
            operation,
            status: status_code,
            message: clipped(&message),
        },
        // Sent inside an answer that began with 200.
        Error::DockerStreamError { error } => EngineError::Api {
            operation,
            status: 500,
            message: clipped(&error),
        },
        Error::RequestTimeoutError => EngineError::Timeout {
            operation,
            after: patience,
        },
        // Their messages quote values of the answer, and an environment may be among them.
        Error::JsonDataError { .. }
        | Error::JsonSerdeError { .. }
        | Error::StrParseError { .. } => EngineError::Garbled { operation },
        // Taken out of its wrapper, which would say the same once more.
        Error::HyperLegacyError { err } => EngineError::Lost {
            operation,
            source: Box::new(err),
        },
        other => EngineError::Lost {
            operation,
            source: Box::new(other),
        },
    }
}

/// Why an endpoint gives no engine.
pub(super) fn why(error: &EngineError) -> Why {
    match error {
        EngineError::Api {
            status, message, ..
        } => Why::Rejected {
            status: *status,
            message: message.clone(),
        },
        EngineError::Timeout { after, .. } | EngineError::Idle { after, .. } => Why::Silent(*after),
        EngineError::Garbled { .. } => Why::NotAnEngine,
        other => io_kind(other)
            .and_then(of_io)
            .unwrap_or_else(|| Why::Other(chain(other))),
    }
}

/// Why a socket could not be connected to.
pub(super) fn of_io(kind: ErrorKind) -> Option<Why> {
    match kind {
        ErrorKind::NotFound => Some(Why::NoSocket),
        ErrorKind::PermissionDenied => Some(Why::PermissionDenied),
        ErrorKind::ConnectionRefused => Some(Why::Refused),
        _ => None,
    }
}

fn io_kind(error: &(dyn StdError + 'static)) -> Option<ErrorKind> {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        next = cause.source();
    }
    None
}

/// The causes of an error in one line, without the error itself and without repetitions.
fn chain(error: &EngineError) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !texts.iter().any(|earlier| earlier.contains(&text)) {
            texts.push(text);
        }
        next = cause.source();
    }
    clipped(&texts.join(": "))
}

/// One line, of bounded length, and without what could steer a terminal.
pub(super) fn clipped(message: &str) -> String {
    let words: Vec<_> = message.split_whitespace().collect();
    let mut line: String = words
        .join(" ")
        .chars()
        .filter(|letter| !letter.is_control())
        .collect();
    if line.len() > MESSAGE_LIMIT {
        let is_border = |at: &usize| line.is_char_boundary(*at);
        line.truncate(
            (0..=MESSAGE_LIMIT)
                .rev()
                .find(is_border)
                .unwrap_or_default(),
        );
        line.push_str(" ...");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_held_is_not_kept() {
        let quoted = Error::JsonDataError {
            message: "invalid type: string \"hunter2\"".into(),
            column: 7,
        };
        let error = failed("inspect container `x`", Duration::from_secs(1), quoted);
        assert!(matches!(error, EngineError::Garbled { .. }));
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn a_proxy_with_a_page_instead_of_a_message_stays_one_short_line() {
        let page = format!("<html>\n\x1b[31m{}</html>", "é".repeat(MESSAGE_LIMIT));
        let line = clipped(&page);
        assert!(
            line.len() <= MESSAGE_LIMIT + 4 && line.starts_with("<html> [31m"),
            "{line}"
        );
        assert!(!line.contains('\n'));
    }
}
