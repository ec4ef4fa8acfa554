//! Where an engine was looked for in vain, and why there was none.

use std::fmt;
use std::time::Duration;

/// One place where an engine was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The endpoint as a URL.
    pub endpoint: String,
    /// Where that endpoint was given: `DOCKER_HOST`, ``context `prod` ``, `the default socket`.
    pub origin: String,
    /// What happened.
    pub why: Why,
}

/// Why nobody answered at an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// There is no such socket.
    #[error("there is no such socket")]
    NoSocket,
    /// The path is there but is no socket.
    #[error("it is no socket")]
    NotASocket,
    /// The socket is there, and not for us.
    #[error("permission denied")]
    PermissionDenied,
    /// Nobody listens.
    #[error("nobody listens")]
    Refused,
    /// No answer in time.
    #[error("no answer within {}", humantime::format_duration(*.0))]
    Silent(Duration),
    /// An answer, but not one of an engine.
    #[error("what answers is no Docker Engine")]
    NotAnEngine,
    /// It answered with an error: an authorising proxy, an engine that is starting.
    #[error("it refused: {message} (status {status})")]
    Rejected {
        /// HTTP status.
        status: u16,
        /// Its message.
        message: String,
    },
    /// Anything else: name resolution, TLS, ssh.
    #[error("{0}")]
    Other(String),
}

/// The attempts in one line.
pub(super) struct Tried<'a>(pub(super) &'a [Attempt]);

impl fmt::Display for Tried<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (
            position,
            Attempt {
                endpoint,
                origin,
                why,
            },
        ) in self.0.iter().enumerate()
        {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}`{endpoint}` ({origin}): {why}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineError;

    #[test]
    fn what_was_tried_is_one_sentence() {
        let attempt = |endpoint: &str, origin: &str, why| Attempt {
            endpoint: endpoint.into(),
            origin: origin.into(),
            why,
        };
        let error = EngineError::Unreachable {
            tried: vec![
                attempt(
                    "unix:///var/run/docker.sock",
                    "the default socket",
                    Why::PermissionDenied,
                ),
                attempt(
                    "unix:///run/user/7/docker.sock",
                    "the rootless socket",
                    Why::NoSocket,
                ),
            ],
        };
        assert_eq!(
            error.to_string(),
            "no Docker Engine answers; tried `unix:///var/run/docker.sock` (the default socket): \
             permission denied, `unix:///run/user/7/docker.sock` (the rootless socket): there is no \
             such socket"
        );
        assert!(
            error
                .advice()
                .expect("advice")
                .contains("`/var/run/docker.sock`")
        );
    }
}
