//! The text of `--host` and `DOCKER_HOST`, as `ParseHost` of docker/cli reads it, less what the API
//! library cannot do.

use std::path::Path;

use super::{Address, DEFAULT_SOCKET, EndpointError, SshTarget};

/// Ports that the `docker` program takes where none is given: plain and TLS.
const PORTS: (u16, u16) = (2375, 2376);

/// An address, and whether its scheme alone asks for TLS.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) address: Address,
    pub(super) https: bool,
}

/// Reads a host. `tls` says that TLS was asked for elsewhere; it decides on the default port.
///
/// # Errors
/// [`EndpointError::BadHost`].
pub(super) fn parse(host: &str, tls: bool) -> Result<Parsed, EndpointError> {
    let bad = |problem| EndpointError::BadHost {
        host: host.to_owned(),
        problem,
    };
    let text = host.trim();
    let (scheme, rest) = text.split_once("://").unwrap_or(("tcp", text));
    let address = match scheme {
        "unix" => unix(rest).map_err(bad)?,
        "tcp" | "http" => tcp(rest, tls).map_err(bad)?,
        "https" => tcp(rest, true).map_err(bad)?,
        "ssh" => ssh(rest).map_err(bad)?,
        "npipe" => return Err(bad("named pipes are of Windows only")),
        "fd" => {
            return Err(bad(
                "a passed descriptor is for the engine, not for its clients",
            ));
        }
        _ => {
            return Err(bad(
                "it begins with none of unix:// tcp:// http:// https:// ssh://",
            ));
        }
    };
    Ok(Parsed {
        address,
        https: scheme == "https",
    })
}

fn unix(path: &str) -> Result<Address, &'static str> {
    let path = if path.is_empty() {
        DEFAULT_SOCKET
    } else {
        path
    };
    if !Path::new(path).is_absolute() {
        return Err("the socket's path is not absolute: unix:///path/to/docker.sock");
    }
    Ok(Address::Unix(path.into()))
}

fn tcp(rest: &str, tls: bool) -> Result<Address, &'static str> {
    let authority = bare_authority(rest)?;
    if authority.contains('@') {
        return Err("a user in it has no meaning");
    }
    let (host, port) = split_port(authority)?;
    let default = if tls { PORTS.1 } else { PORTS.0 };
    let host = if host.is_empty() { "localhost" } else { host };
    Ok(Address::Tcp(format!("{host}:{}", port.unwrap_or(default))))
}

fn ssh(rest: &str) -> Result<Address, &'static str> {
    let authority = bare_authority(rest)?;
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    if user.is_some_and(|user| user.contains(':')) {
        return Err("a password in it is not supported; use a key");
    }
    // A user or host that begins with a dash would be an option of ssh.
    if host.is_empty() || host.starts_with('-') || user.is_some_and(|user| user.starts_with('-')) {
        return Err("it names no host: ssh://user@host");
    }
    let (host, port) = split_port(host)?;
    Ok(Address::Ssh(SshTarget {
        user: user.filter(|user| !user.is_empty()).map(str::to_owned),
        host: host.to_owned(),
        port,
    }))
}

/// The authority of a URL that has nothing but that.
fn bare_authority(rest: &str) -> Result<&str, &'static str> {
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains(['/', '?', '#']) {
        return Err("a path behind the host is not supported");
    }
    if authority
        .chars()
        .any(|letter| letter.is_whitespace() || letter.is_control())
    {
        return Err("there is white space in it");
    }
    Ok(authority)
}

/// Host and port; the host keeps the brackets of an IPv6 address.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    let end_of_host = authority.rfind(']').map_or(0, |at| at + 1);
    let Some(colon) = authority[end_of_host..].find(':') else {
        return Ok((authority, None));
    };
    let (host, port) = authority.split_at(end_of_host + colon);
    let Ok(port) = port[1..].parse() else {
        return Err("its port is no number up to 65535 (an IPv6 address stands in brackets)");
    };
    Ok((host, Some(port)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn address(host: &str) -> Address {
        parse(host, false).unwrap().address
    }

    #[test]
    fn every_form_that_docker_takes() {
        assert_eq!(address("unix://"), Address::Unix(DEFAULT_SOCKET.into()));
        assert_eq!(
            address("unix:///a/b.sock"),
            Address::Unix("/a/b.sock".into())
        );
        assert_eq!(address("tcp://h"), Address::Tcp("h:2375".into()));
        assert_eq!(address("tcp://:5"), Address::Tcp("localhost:5".into()));
        assert_eq!(
            address("10.0.0.1:2375"),
            Address::Tcp("10.0.0.1:2375".into())
        );
        assert_eq!(address("tcp://[::1]:99/"), Address::Tcp("[::1]:99".into()));
        assert_eq!(address("tcp://[::1]"), Address::Tcp("[::1]:2375".into()));
        let target = SshTarget {
            user: Some("me".into()),
            host: "h".into(),
            port: Some(22),
        };
        assert_eq!(target.to_string(), "me@h:22");
        assert_eq!(address("ssh://me@h:22"), Address::Ssh(target));
        assert_eq!(
            parse("tcp://h", true).unwrap().address,
            Address::Tcp("h:2376".into())
        );
        let https = parse("https://h", false).unwrap();
        assert_eq!(
            https,
            Parsed {
                address: Address::Tcp("h:2376".into()),
                https: true
            }
        );
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let hosts = [
            "unix://relative.sock",
            "/var/run/docker.sock",
            "tcp://h/base/path",
            "tcp://h:99999",
            "tcp://::1",
            "tcp://me@h",
            "ssh://",
            "ssh://-oProxyCommand=x",
            "ssh://me:secret@h",
            "ssh://h/run/other.sock",
            "npipe:////./pipe/docker_engine",
            "fd://",
            "gopher://h",
        ];
        for host in hosts {
            assert!(parse(host, false).is_err(), "{host}");
        }
    }
}
