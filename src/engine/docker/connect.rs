//! From an endpoint to a client that speaks an agreed version with an engine that answered.

use std::future::Future;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::{Duration, Instant};

use bollard::models::SystemVersion;
use bollard::{API_DEFAULT_VERSION, BollardRequest, ClientVersion, Docker};

use super::fault::{clipped, failed, of_io, why};
use super::ssh::Bridge;
use super::{Limits, decode};
use crate::engine::endpoint::{Address, Endpoint, Tls};
use crate::engine::{Attempt, Daemon, EngineError, Why};

/// The oldest API version that works: Docker Engine 20.10.
const OLDEST: (usize, usize) = (1, 41);
const OLDEST_TEXT: &str = "1.41";
const OLDEST_VERSION: ClientVersion = ClientVersion {
    major_version: OLDEST.0,
    minor_version: OLDEST.1,
};

/// What an engine is asked for besides its version.
const DESCRIBE: &str = "describe itself";

/// Time that is left to the library's own timeout, which counts whole seconds and stops at an
/// answer's head; [`bounded`] is the one that counts.
const LIBRARY_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// How long nothing is said of an answer that does not come.
const SAID_AFTER: Duration = Duration::from_secs(3);

/// A client of an engine that answered.
pub(super) struct Connection {
    pub(super) client: Docker,
    pub(super) daemon: Daemon,
    /// What carries the client's connections, to be kept as long as the client.
    pub(super) bridge: Option<Bridge>,
}

/// Why an endpoint gave no client.
enum Failure {
    /// Nobody there; the next endpoint may do.
    Nobody(Why),
    /// An engine is there and cannot be worked with.
    Unusable(EngineError),
}

/// Tries the endpoints in order.
pub(super) async fn first_that_answers(
    endpoints: &[Endpoint],
    limits: Limits,
) -> Result<(&Endpoint, Connection), EngineError> {
    let mut tried = Vec::new();
    for endpoint in endpoints {
        match try_one(endpoint, limits).await {
            Ok(connection) => return Ok((endpoint, connection)),
            Err(Failure::Unusable(error)) => return Err(error),
            Err(Failure::Nobody(why)) => tried.push(Attempt {
                endpoint: endpoint.to_string(),
                origin: endpoint.origin.to_string(),
                why,
            }),
        }
    }
    Err(EngineError::Unreachable { tried })
}

async fn try_one(endpoint: &Endpoint, limits: Limits) -> Result<Connection, Failure> {
    let patience = match &endpoint.address {
        Address::Ssh(_) => limits.connect * 3,
        Address::Unix(_) | Address::Tcp(_) => limits.connect,
    };
    if let Address::Unix(path) = &endpoint.address {
        let dialled = dial(path, patience);
        dialled.await.map_err(Failure::Nobody)?;
        if path.to_str().is_none() {
            // The library takes text for a path.
            return Err(Failure::Nobody(Why::Other(
                "its name is not UTF-8".to_owned(),
            )));
        }
    }
    let (client, bridge) = client(endpoint).map_err(|error| Failure::Nobody(why(&error)))?;
    let operation = format!("tell its version (`{endpoint}`)");
    // Each takes an engine some ten milliseconds, because it asks the programs that it works with. So both are
    // asked for at once, and the version is guessed: every engine until 28 speaks the oldest one that we do.
    let guessed = pinned(client.clone(), OLDEST_VERSION);
    let (version, info) = tokio::join!(
        bounded(&operation, patience, client.version()),
        bounded(DESCRIBE, patience, guessed.info()),
    );
    let version = version.map_err(|error| {
        // What ssh says tells more than that it went away.
        let complaint = bridge.as_ref().and_then(Bridge::complaint);
        Failure::Nobody(complaint.map_or_else(|| why(&error), |words| Why::Other(clipped(&words))))
    })?;
    if version.api_version.is_none() {
        return Err(Failure::Nobody(Why::NotAnEngine));
    }
    let agreed = agree(&version, endpoint).map_err(Failure::Unusable)?;
    let client = pinned(client, agreed);
    let info = match info {
        Err(_) if agreed != OLDEST_VERSION => bounded(DESCRIBE, patience, client.info()).await,
        info => info,
    };
    let daemon = decode::daemon(
        version,
        info.map_err(Failure::Unusable)?,
        agreed.to_string(),
    );
    Ok(Connection {
        client,
        daemon,
        bridge,
    })
}

/// Connects once and hangs up, because the library tells less about what fails here.
async fn dial(socket: &Path, patience: Duration) -> Result<(), Why> {
    let operation = format!("accept a connection at `{}`", crate::text::path(socket));
    let connecting = tokio::net::UnixStream::connect(socket);
    match tokio::time::timeout(patience, impatient(&operation, patience, connecting)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) if is_other_file(socket) => Err(Why::NotASocket),
        Ok(Err(error)) => Err(of_io(error.kind()).unwrap_or_else(|| Why::Other(error.to_string()))),
        Err(_) => Err(Why::Silent(patience)),
    }
}

fn is_other_file(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|metadata| !metadata.file_type().is_socket())
}

fn client(endpoint: &Endpoint) -> Result<(Docker, Option<Bridge>), EngineError> {
    let operation = "be connected to";
    let lost = |source| EngineError::Lost {
        operation: operation.to_owned(),
        source,
    };
    let mut bridge = None;
    let made = match (&endpoint.address, &endpoint.tls) {
        (Address::Unix(path), _) => at_socket(path),
        (Address::Tcp(authority), Some(tls)) => encrypted(authority, tls),
        (Address::Tcp(authority), None) => {
            Docker::connect_with_http(authority, LIBRARY_TIMEOUT.as_secs(), API_DEFAULT_VERSION)
        }
        (Address::Ssh(target), _) => {
            let opened = Bridge::open(target.clone()).map_err(|error| lost(Box::new(error)))?;
            at_socket(&bridge.insert(opened).socket())
        }
    };
    let client = made.map_err(|error| failed(operation, LIBRARY_TIMEOUT, error))?;
    Ok((client, bridge))
}

fn at_socket(path: &Path) -> Result<Docker, bollard::errors::Error> {
    let patience = LIBRARY_TIMEOUT.as_secs();
    Docker::connect_with_unix(&path.to_string_lossy(), patience, API_DEFAULT_VERSION)
}

/// Files that there are none of are given as an empty one: the library asks for all three.
fn encrypted(authority: &str, tls: &Tls) -> Result<Docker, bollard::errors::Error> {
    let nothing = Path::new("/dev/null");
    let (key, cert) = match &tls.pair {
        Some(pair) => (pair.key.as_path(), pair.cert.as_path()),
        None => (nothing, nothing),
    };
    let ca = tls.ca.as_deref().unwrap_or(nothing);
    let patience = LIBRARY_TIMEOUT.as_secs();
    Docker::connect_with_ssl(authority, key, cert, ca, patience, API_DEFAULT_VERSION)
}

/// The newest API version that both sides know.
fn agree(version: &SystemVersion, endpoint: &Endpoint) -> Result<ClientVersion, EngineError> {
    let newest = version.api_version.as_deref().unwrap_or_default();
    let oldest = version.min_api_version.as_deref().unwrap_or(OLDEST_TEXT);
    let ours = (
        API_DEFAULT_VERSION.major_version,
        API_DEFAULT_VERSION.minor_version,
    );
    let endpoint = endpoint.to_string();
    let Some(theirs) = parse(newest).filter(|theirs| *theirs >= OLDEST) else {
        let server = newest.to_owned();
        return Err(EngineError::TooOld {
            endpoint,
            server,
            needed: OLDEST_TEXT,
        });
    };
    if parse(oldest).is_some_and(|oldest| oldest > ours) {
        let known = API_DEFAULT_VERSION.to_string();
        return Err(EngineError::TooNew {
            endpoint,
            oldest: oldest.to_owned(),
            known,
        });
    }
    let (major_version, minor_version) = theirs.min(ours);
    Ok(ClientVersion {
        major_version,
        minor_version,
    })
}

fn parse(version: &str) -> Option<(usize, usize)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Puts the version into every request's path. The library (0.21.1) formats it into its URL and then
/// joins the bare path over it, so without this a newer engine answers in its newest form, which the
/// library's types may not know.
fn pinned(client: Docker, version: ClientVersion) -> Docker {
    client.with_request_modifier(move |mut request: BollardRequest| {
        let uri = request.uri();
        let parts = (uri.scheme_str(), uri.authority(), uri.path_and_query());
        if let (Some(scheme), Some(authority), Some(path)) = parts
            && let Ok(versioned) = format!("{scheme}://{authority}/v{version}{path}").parse()
        {
            *request.uri_mut() = versioned;
        }
        request
    })
}

/// Awaits a request, its body included, no longer than `patience`.
///
/// # Errors
/// The request's own, and [`EngineError::Timeout`].
pub(super) async fn bounded<T>(
    operation: &str,
    patience: Duration,
    request: impl Future<Output = Result<T, bollard::errors::Error>>,
) -> Result<T, EngineError> {
    let begun = Instant::now();
    let answer = tokio::time::timeout(patience, impatient(operation, patience, request)).await;
    tracing::debug!(
        to = operation,
        ms = begun.elapsed().as_millis(),
        ok = matches!(answer, Ok(Ok(_))),
        "the engine was asked"
    );
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(failed(operation, patience, error)),
        Err(_) => Err(EngineError::Timeout {
            operation: operation.to_owned(),
            after: patience,
        }),
    }
}

/// Awaits an answer, and says so if it takes long: nobody likes to wait without knowing for what.
async fn impatient<T>(operation: &str, patience: Duration, answer: impl Future<Output = T>) -> T {
    tokio::pin!(answer);
    match tokio::time::timeout(SAID_AFTER, &mut answer).await {
        Ok(answer) => answer,
        Err(_) => {
            tracing::warn!(
                "waiting for the engine to {operation}, for {} at most",
                humantime::format_duration(patience)
            );
            answer.await
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::engine::endpoint::Origin;

    fn agreed(newest: &str, oldest: Option<&str>) -> Result<String, EngineError> {
        let endpoint = Endpoint {
            address: Address::Unix("/s".into()),
            tls: None,
            origin: Origin::DefaultSocket,
        };
        let version = SystemVersion {
            api_version: Some(newest.to_owned()),
            min_api_version: oldest.map(str::to_owned),
            ..SystemVersion::default()
        };
        agree(&version, &endpoint).map(|version| version.to_string())
    }

    #[test]
    fn the_lower_of_both_newest_versions_is_spoken() {
        assert_eq!(agreed("1.41", Some("1.12")).unwrap(), "1.41");
        assert_eq!(agreed("1.45", None).unwrap(), "1.45");
        assert_eq!(
            agreed("1.99", Some("1.44")).unwrap(),
            API_DEFAULT_VERSION.to_string()
        );
    }

    #[test]
    fn engines_out_of_reach_are_told_apart() {
        assert!(matches!(
            agreed("1.40", None),
            Err(EngineError::TooOld { .. })
        ));
        assert!(matches!(
            agreed("1.9", None),
            Err(EngineError::TooOld { .. })
        ));
        assert!(matches!(
            agreed("nonsense", None),
            Err(EngineError::TooOld { .. })
        ));
        assert!(matches!(
            agreed("2.3", Some("2.0")),
            Err(EngineError::TooNew { .. })
        ));
    }
}
