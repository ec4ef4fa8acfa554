//! Where the engine is, by the rules of the `docker` program: flags, `DOCKER_HOST`, contexts, the
//! usual sockets. Reads files and no environment of its own: [`Surroundings`] is handed in. It does
//! not connect.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

mod client;
mod context;
mod error;
mod host;
mod tls;

pub use error::EndpointError;
pub use tls::{KeyPair, Tls};

/// Where the engine listens if nothing else is said.
pub const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// Where an engine may be, and how to talk to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The address.
    pub address: Address,
    /// What to encrypt with; only ever set for [`Address::Tcp`].
    pub tls: Option<Tls>,
    /// Where this was given.
    pub origin: Origin,
}

/// An engine's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A socket on this machine.
    Unix(PathBuf),
    /// `host:port`, with brackets around an IPv6 address.
    Tcp(String),
    /// Another machine, on which the `docker` program dials its engine.
    Ssh(SshTarget),
}

/// Whom to reach by ssh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshTarget {
    /// The user; ssh's own configuration decides where there is none.
    pub user: Option<String>,
    /// The host, or a name in ssh's configuration; with brackets around an IPv6 address.
    pub host: String,
    /// The port; ssh's own configuration decides where there is none.
    pub port: Option<u16>,
}

impl SshTarget {
    /// The host as ssh takes it, without brackets.
    #[must_use]
    pub fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}

impl fmt::Display for SshTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        f.write_str(&self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Where an endpoint was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `--host`.
    Flag,
    /// The variable `DOCKER_HOST`.
    DockerHost,
    /// The context of that name.
    Context(String),
    /// Nowhere: the default socket.
    DefaultSocket,
    /// Nowhere: the socket of a rootless engine.
    RootlessSocket,
}

/// What the user asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// `-H`/`--host`.
    pub host: Option<String>,
    /// `--context`.
    pub context: Option<String>,
}

/// The variables that decide, as they are in the environment. An empty one counts as unset, as it
/// does for the `docker` program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// `DOCKER_HOST`.
    pub docker_host: Option<OsString>,
    /// `DOCKER_CONTEXT`.
    pub docker_context: Option<OsString>,
    /// `DOCKER_CONFIG`: the folder of `config.json` and the contexts.
    pub docker_config: Option<OsString>,
    /// `DOCKER_TLS_VERIFY`: any value asks for TLS with verification.
    pub docker_tls_verify: Option<OsString>,
    /// `DOCKER_TLS`: any value asks for TLS, without verification unless the former is set too.
    pub docker_tls: Option<OsString>,
    /// `DOCKER_CERT_PATH`: the folder of `ca.pem`, `cert.pem`, `key.pem`.
    pub docker_cert_path: Option<OsString>,
    /// `HOME`.
    pub home: Option<OsString>,
    /// `XDG_RUNTIME_DIR`.
    pub xdg_runtime_dir: Option<OsString>,
}

impl Surroundings {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let value = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            docker_host: value("DOCKER_HOST"),
            docker_context: value("DOCKER_CONTEXT"),
            docker_config: value("DOCKER_CONFIG"),
            docker_tls_verify: value("DOCKER_TLS_VERIFY"),
            docker_tls: value("DOCKER_TLS"),
            docker_cert_path: value("DOCKER_CERT_PATH"),
            home: value("HOME"),
            xdg_runtime_dir: value("XDG_RUNTIME_DIR"),
        }
    }

    fn config_dir(&self) -> Option<PathBuf> {
        let default = || Some(PathBuf::from(self.home.as_ref()?).join(".docker"));
        self.docker_config
            .as_ref()
            .map(PathBuf::from)
            .or_else(default)
    }
}

/// The endpoints to try, in order; never empty. More than one only where nothing was asked for.
///
/// Precedence as in the `docker` program: `--host` or `--context`, `DOCKER_HOST`, `DOCKER_CONTEXT`,
/// `currentContext` of its `config.json`, then the default socket, then the rootless one.
///
/// # Errors
/// See [`EndpointError`].
pub fn locate(wish: &Wish, around: &Surroundings) -> Result<Vec<Endpoint>, EndpointError> {
    if wish.host.is_some() && wish.context.is_some() {
        return Err(EndpointError::HostAndContext);
    }
    if let Some(host) = &wish.host {
        return Ok(vec![at_host(host, Origin::Flag, around)?]);
    }
    let named = match &wish.context {
        Some(name) => Some(name.clone()),
        None if around.docker_host.is_some() => None,
        None => context::active(around)?,
    };
    // The context `default` stands for everything below, DOCKER_HOST included.
    if let Some(name) = named.filter(|name| name != context::DEFAULT) {
        return Ok(vec![context::endpoint(&name, around)?]);
    }
    if let Some(host) = &around.docker_host {
        let host = utf8("DOCKER_HOST", host)?;
        return Ok(vec![at_host(&host, Origin::DockerHost, around)?]);
    }
    Ok(usual_sockets(around))
}

fn at_host(host: &str, origin: Origin, around: &Surroundings) -> Result<Endpoint, EndpointError> {
    let wants_tls = around.docker_tls_verify.is_some() || around.docker_tls.is_some();
    let parsed = host::parse(host, wants_tls)?;
    let tls = match &parsed.address {
        Address::Tcp(_) if wants_tls || parsed.https => Some(tls::of_environment(around)?),
        Address::Unix(_) | Address::Tcp(_) | Address::Ssh(_) => None,
    };
    Ok(Endpoint {
        address: parsed.address,
        tls,
        origin,
    })
}

fn usual_sockets(around: &Surroundings) -> Vec<Endpoint> {
    let socket = |path: PathBuf, origin| Endpoint {
        address: Address::Unix(path),
        tls: None,
        origin,
    };
    let rootless = around.xdg_runtime_dir.as_ref().map(|dir| {
        socket(
            PathBuf::from(dir).join("docker.sock"),
            Origin::RootlessSocket,
        )
    });
    let default = socket(PathBuf::from(DEFAULT_SOCKET), Origin::DefaultSocket);
    std::iter::once(default).chain(rootless).collect()
}

fn utf8(name: &str, value: &OsString) -> Result<String, EndpointError> {
    let bad = || EndpointError::BadHost {
        host: format!("{name}={}", value.to_string_lossy()),
        problem: "it is not UTF-8",
    };
    value.to_str().map(str::to_owned).ok_or_else(bad)
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Address::Unix(path) => write!(f, "unix://{}", path.display()),
            Address::Tcp(authority) => write!(f, "tcp://{authority}"),
            Address::Ssh(target) => write!(f, "ssh://{target}"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("--host"),
            Self::DockerHost => f.write_str("DOCKER_HOST"),
            Self::Context(name) => write!(f, "context `{name}`"),
            Self::DefaultSocket => f.write_str("the default socket"),
            Self::RootlessSocket => f.write_str("the socket of a rootless engine"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn unix(path: &str, origin: Origin) -> Endpoint {
        Endpoint {
            address: Address::Unix(path.into()),
            tls: None,
            origin,
        }
    }

    #[test]
    fn nothing_asked_for_means_the_usual_sockets() {
        let around = Surroundings {
            xdg_runtime_dir: Some("/run/user/7".into()),
            ..Surroundings::default()
        };
        assert_eq!(
            locate(&Wish::default(), &around).unwrap(),
            [
                unix("/var/run/docker.sock", Origin::DefaultSocket),
                unix("/run/user/7/docker.sock", Origin::RootlessSocket),
            ]
        );
    }

    #[test]
    fn the_flag_beats_the_variable_and_both_flags_are_refused() {
        let around = Surroundings {
            docker_host: Some("unix:///b.sock".into()),
            ..Surroundings::default()
        };
        let mut wish = Wish {
            host: Some("unix:///a.sock".into()),
            context: None,
        };
        assert_eq!(
            locate(&wish, &around).unwrap(),
            [unix("/a.sock", Origin::Flag)]
        );
        wish.context = Some("x".into());
        assert!(matches!(
            locate(&wish, &around),
            Err(EndpointError::HostAndContext)
        ));
        wish = Wish {
            host: None,
            context: Some("default".into()),
        };
        assert_eq!(
            locate(&wish, &around).unwrap(),
            [unix("/b.sock", Origin::DockerHost)]
        );
    }

    #[test]
    fn tls_without_verification_is_refused() {
        let around = Surroundings {
            docker_host: Some("tcp://h".into()),
            docker_tls: Some("1".into()),
            ..Surroundings::default()
        };
        let error = locate(&Wish::default(), &around).unwrap_err();
        assert!(matches!(error, EndpointError::Unverified { .. }), "{error}");
    }

    #[test]
    fn sockets_need_no_certificates_whatever_the_variables_say() {
        let around = Surroundings {
            docker_host: Some("unix:///a.sock".into()),
            docker_tls_verify: Some("1".into()),
            ..Surroundings::default()
        };
        assert_eq!(locate(&Wish::default(), &around).unwrap()[0].tls, None);
    }
}
