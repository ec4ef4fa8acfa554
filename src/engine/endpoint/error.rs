//! Why it could not be worked out where the engine is.

use std::io;
use std::path::PathBuf;

/// Where to look could not be worked out.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// Both flags.
    #[error("--host and --context are both given")]
    HostAndContext,
    /// A host that is no URL of a kind that works.
    #[error("`{host}` is no address of an engine: {problem}")]
    BadHost {
        /// What was given.
        host: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No context of that name.
    #[error("there is no context `{name}` in `{}`", crate::text::path(.store))]
    NoContext {
        /// Its name.
        name: String,
        /// The folder that would hold it.
        store: PathBuf,
    },
    /// A context that is for something else than an engine.
    #[error("context `{name}` names no Docker endpoint")]
    NoDockerEndpoint {
        /// Its name.
        name: String,
    },
    /// A file of the `docker` program cannot be read.
    #[error("cannot read `{}`", crate::text::path(.path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of the `docker` program is not what it should be.
    #[error("cannot understand `{}`", crate::text::path(.path))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// TLS without a check of who answers; an engine is root on its host, so this is refused.
    #[error("{origin} asks for TLS without verification, which compose-dump does not do")]
    Unverified {
        /// What asks for it.
        origin: String,
    },
    /// A certificate without its key, or the other way round.
    #[error("`{}` is there but `{}` is not: both are needed", crate::text::path(.present), crate::text::path(.missing))]
    HalfAKeyPair {
        /// The file that is there.
        present: PathBuf,
        /// The file that is not.
        missing: PathBuf,
    },
}
