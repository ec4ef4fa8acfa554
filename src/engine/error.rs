//! What can go wrong between us and an engine, named by situation.
//!
//! Nothing here holds a request's or an answer's body: those hold environments, and so secrets. Only
//! the engine's own error message, which is meant for people, is kept.

use std::path::PathBuf;
use std::time::Duration;

use super::attempt::{Attempt, Tried, Why};

/// Any error's cause.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A request to an engine failed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No engine answers, at any of the places where one may be.
    #[error("no Docker Engine answers; tried {}", Tried(.tried))]
    Unreachable {
        /// Where it was looked for, in order, and why it was not found.
        tried: Vec<Attempt>,
    },

    /// The engine's newest API is older than what we need.
    #[error(
        "the engine at `{endpoint}` is too old: it speaks API {server}, and {needed} is the oldest \
         that works"
    )]
    TooOld {
        /// Where it is.
        endpoint: String,
        /// Its newest API version.
        server: String,
        /// The oldest that we speak.
        needed: &'static str,
    },

    /// The engine's oldest API is newer than what we know.
    #[error(
        "the engine at `{endpoint}` is too new: it speaks API {oldest} and above, and {known} is \
         the newest known here"
    )]
    TooNew {
        /// Where it is.
        endpoint: String,
        /// Its oldest API version.
        oldest: String,
        /// The newest that we speak.
        known: String,
    },

    /// The engine refused, with a message of its own.
    #[error("the engine refused to {operation}: {message} (status {status})")]
    Api {
        /// What was asked, as a verb phrase: "pause container `web`".
        operation: String,
        /// HTTP status.
        status: u16,
        /// The engine's message.
        message: String,
    },

    /// The engine did not answer in time. It may still do what was asked.
    #[error("the engine did not {operation} within {}", humantime::format_duration(*.after))]
    Timeout {
        /// What was asked, as a verb phrase.
        operation: String,
        /// How long we waited.
        after: Duration,
    },

    /// A stream stood still.
    #[error("no data came for {} while it was to {operation}", humantime::format_duration(*.after))]
    Idle {
        /// What was asked, as a verb phrase.
        operation: String,
        /// How long we waited.
        after: Duration,
    },

    /// The connection failed or broke.
    #[error("the connection to the engine broke while it was to {operation}")]
    Lost {
        /// What was asked, as a verb phrase.
        operation: String,
        /// Why.
        #[source]
        source: Cause,
    },

    /// The engine answered with something that cannot be understood. What it was is not kept.
    #[error("the engine's answer makes no sense to us when asked to {operation}")]
    Garbled {
        /// What was asked, as a verb phrase.
        operation: String,
    },

    /// The engine's archives lack what a dump must have, so it is not read through them.
    #[error("{product} cannot be read through: its archives say that every file is root's")]
    Unfaithful {
        /// What the engine calls itself.
        product: String,
    },

    /// A path that the API, being JSON, has no words for.
    #[error("the engine cannot be told of `{}`, whose name is not UTF-8", crate::text::path(.path))]
    Unspeakable {
        /// The path on the engine's host.
        path: PathBuf,
    },

    /// A volume that was to be read is not there.
    #[error("there is no volume `{name}`")]
    NoVolume {
        /// Its real name.
        name: String,
    },

    /// A container that was to be removed is none of ours.
    #[error("container `{id}` is no helper of compose-dump")]
    NotOurs {
        /// Its id.
        id: String,
    },
}

impl EngineError {
    /// HTTP 404: what was named is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404) || matches!(self, Self::NoVolume { .. })
    }

    /// HTTP 409: not in this state.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.status() == Some(409)
    }

    /// A pause of what does not run (409 "is not running"; 500 from podman).
    #[must_use]
    pub fn is_not_running(&self) -> bool {
        self.says(&[
            "is not running",
            "is not in a running state",
            "can only pause running",
        ])
    }

    /// A pause of what is paused (409).
    #[must_use]
    pub fn is_already_paused(&self) -> bool {
        self.says(&["is already paused"])
    }

    /// A command in what is paused (409 "is paused, unpause the container before exec").
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.says(&["is paused, unpause"])
    }

    /// An unpause of what is not paused (500, not 409, from the engine).
    #[must_use]
    pub fn is_not_paused(&self) -> bool {
        self.says(&["is not paused"])
    }

    /// The freezer did not get all processes (moby#48205); a second try may.
    #[must_use]
    pub fn is_freeze_failure(&self) -> bool {
        self.says(&["unable to freeze"])
    }

    /// Containers cannot be frozen here at all: rootless on cgroup v1, gVisor (moby#16093).
    #[must_use]
    pub fn is_freezer_missing(&self) -> bool {
        self.says(&[
            "cannot toggle freezer",
            "cgroups not configured",
            "pause is not supported",
        ])
    }

    /// The engine may come back: the connection broke or stood still.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Timeout { .. } | Self::Idle { .. } | Self::Lost { .. }
        )
    }

    /// The socket that we may not use, if that is why no engine was reached.
    #[must_use]
    pub fn forbidden_socket(&self) -> Option<PathBuf> {
        let Self::Unreachable { tried } = self else {
            return None;
        };
        let forbidden = tried
            .iter()
            .find(|attempt| attempt.why == Why::PermissionDenied)?;
        Some(forbidden.endpoint.strip_prefix("unix://")?.into())
    }

    /// What to do about it, as a sentence or two for a person; `None` where nothing general helps.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::Unreachable { .. } => Some(match self.forbidden_socket() {
                Some(socket) => format!(
                    "run as root or as a member of the group that owns `{}` (usually `docker`)",
                    socket.display()
                ),
                None => "start the engine, or say where it is with `--host`, `--context` or \
                         DOCKER_HOST; configuration and mounted folders can be dumped without one: \
                         `backup --config --mounted`, a job with `scopes: [config, mounted]`, or \
                         COMPOSE_DUMP_SCOPES=config,mounted"
                    .to_owned(),
            }),
            Self::TooOld { .. } => Some("use Docker Engine 20.10 or newer".to_owned()),
            Self::TooNew { .. } => Some("use a newer compose-dump".to_owned()),
            Self::Unfaithful { .. } => Some(
                "run compose-dump as root on the engine's own host, outside of a container: volumes \
                 are read directly then"
                    .to_owned(),
            ),
            Self::Api { status: 403, .. } => Some(
                "a proxy or an authorisation plugin in front of the engine does not allow this \
                 request"
                    .to_owned(),
            ),
            Self::Api { .. }
            | Self::Timeout { .. }
            | Self::Idle { .. }
            | Self::Lost { .. }
            | Self::Garbled { .. }
            | Self::Unspeakable { .. }
            | Self::NoVolume { .. }
            | Self::NotOurs { .. } => None,
        }
    }

    fn status(&self) -> Option<u16> {
        match self {
            Self::Api { status, .. } => Some(*status),
            _ => None,
        }
    }

    fn says(&self, phrases: &[&str]) -> bool {
        match self {
            Self::Api { message, .. } => {
                let message = message.to_lowercase();
                phrases.iter().any(|phrase| message.contains(phrase))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(status: u16, message: &str) -> EngineError {
        EngineError::Api {
            operation: "pause container `x`".into(),
            status,
            message: message.into(),
        }
    }

    /// The messages are those of engine 20.10.24 and of the issues named above.
    #[test]
    fn pause_errors_are_told_apart() {
        assert!(api(409, "Container 1f is not running").is_not_running());
        assert!(api(409, "Container 1f is already paused").is_already_paused());
        assert!(api(500, "Container 1f is not paused").is_not_paused());
        let freeze = api(
            500,
            "Cannot pause container 1f: OCI runtime pause failed: unable to freeze: unknown",
        );
        assert!(freeze.is_freeze_failure());
        assert!(!freeze.is_freezer_missing());
        assert!(
            api(
                500,
                "cannot toggle freezer: cgroups not configured for container"
            )
            .is_freezer_missing()
        );
        assert!(api(404, "No such container: x").is_not_found());
    }
}
