//! Whether the engine's files are our files: its data can be read directly then.
//!
//! That an engine's socket is on this machine proves nothing: what listens there may be a proxy, a
//! tunnel, or an engine in another mount namespace. So it is asked of the kernel who listens
//! (`SO_PEERCRED`), that this is an engine, and that its mount namespace is ours. Nothing is written
//! anywhere.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tokio::net::UnixStream;

use super::endpoint::{Address, Endpoint};

/// Programs that serve the API from their own mount namespace.
const ENGINES: [&str; 2] = ["dockerd", "podman"];

/// Why an engine's files are not known to be ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotLocal {
    /// It is reached over the network.
    #[error("the engine is reached over the network, at `{endpoint}`")]
    Remote {
        /// Where.
        endpoint: String,
    },
    /// Its socket could not be asked.
    #[error("the engine's socket does not tell who listens: {reason}")]
    Unasked {
        /// Why, in words.
        reason: String,
    },
    /// The listener is in another pid namespace: we are in a container, or it is.
    #[error("the engine is not in our pid namespace")]
    OtherPidNamespace,
    /// The listener's process may not be looked at.
    #[error("the engine's process {pid} may not be looked at: {reason}")]
    Opaque {
        /// Its number.
        pid: i32,
        /// Why, in words.
        reason: String,
    },
    /// The listener is no engine: a proxy, a tunnel.
    #[error("`{program}` listens on the engine's socket, which is no engine")]
    NotAnEngine {
        /// The program.
        program: String,
    },
    /// The engine sees other mounts than we do: we are in a container, or it is, or it is rootless.
    #[error("the engine is not in our mount namespace")]
    OtherMountNamespace,
}

/// Proves that the engine at an endpoint is on this machine and sees the same files as we do, so that
/// a path that it names is the same thing to us.
///
/// # Errors
/// The reason why it is not proven. None of them is a failure: the engine reads for us then.
pub async fn prove_local(endpoint: &Endpoint) -> Result<(), NotLocal> {
    let Address::Unix(socket) = &endpoint.address else {
        return Err(NotLocal::Remote {
            endpoint: endpoint.to_string(),
        });
    };
    let listener = listener(socket).await?;
    let engines = if is_engine(listener)? {
        vec![listener]
    } else if listener == 1 {
        // systemd listens, and passes the socket on when somebody connects.
        inheritors(socket)?
    } else {
        return Err(NotLocal::NotAnEngine {
            program: program(listener)?,
        });
    };
    let ours = mount_namespace("self").map_err(|error| opaque(0, &error))?;
    for pid in engines {
        let theirs = mount_namespace(&pid.to_string()).map_err(|error| opaque(pid, &error))?;
        if theirs != ours {
            return Err(NotLocal::OtherMountNamespace);
        }
    }
    Ok(())
}

/// The process that called listen(2) on the socket. Asked through tokio: rustix 1.1 makes a type that
/// is never zero of the zero that the kernel gives for a process in another pid namespace.
async fn listener(socket: &Path) -> Result<i32, NotLocal> {
    let unasked = |error: io::Error| NotLocal::Unasked {
        reason: error.to_string(),
    };
    let stream = UnixStream::connect(socket).await.map_err(unasked)?;
    match stream.peer_cred().map_err(unasked)?.pid() {
        Some(pid) if pid > 0 => Ok(pid),
        _ => Err(NotLocal::OtherPidNamespace),
    }
}

/// The engines among the processes, other than the first, that hold the listening socket.
fn inheritors(socket: &Path) -> Result<Vec<i32>, NotLocal> {
    let inode = listening_inode(socket).map_err(|error| opaque(1, &error))?;
    let link = PathBuf::from(format!("socket:[{inode}]"));
    let mut engines = Vec::new();
    for pid in processes().map_err(|error| opaque(1, &error))? {
        if pid != 1 && holds(pid, &link) {
            if !is_engine(pid)? {
                return Err(NotLocal::NotAnEngine {
                    program: program(pid)?,
                });
            }
            engines.push(pid);
        }
    }
    if engines.is_empty() {
        return Err(NotLocal::Unasked {
            reason: "no process holds it but the first".to_owned(),
        });
    }
    Ok(engines)
}

/// Inode of the socket that listens at a path, from `/proc/net/unix`: the flag `__SO_ACCEPTCON` of
/// its fourth field, the inode in its seventh, the path in its eighth.
fn listening_inode(socket: &Path) -> io::Result<String> {
    const ACCEPTS: u32 = 1 << 16;
    let resolved = fs::canonicalize(socket)?;
    let table = fs::read("/proc/net/unix")?;
    for line in table.split(|byte| *byte == b'\n') {
        let mut rest = line;
        let mut fields = Vec::with_capacity(7);
        while fields.len() < 7 {
            rest = rest.trim_ascii_start();
            let end = rest
                .iter()
                .position(|byte| *byte == b' ')
                .unwrap_or(rest.len());
            fields.push(String::from_utf8_lossy(&rest[..end]));
            rest = &rest[end..];
        }
        let flags = u32::from_str_radix(&fields[3], 16).unwrap_or_default();
        // systemd writes /run/docker.sock where others say /var/run/docker.sock.
        let path = Path::new(std::ffi::OsStr::from_bytes(rest.trim_ascii()));
        if flags & ACCEPTS != 0 && (path == socket || path == resolved) {
            return Ok(fields[6].to_string());
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

fn processes() -> io::Result<Vec<i32>> {
    let names = fs::read_dir("/proc")?
        .filter_map(Result::ok)
        .map(|entry| entry.file_name());
    Ok(names
        .filter_map(|name| name.to_str()?.parse().ok())
        .collect())
}

fn holds(pid: i32, link: &Path) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    descriptors
        .filter_map(Result::ok)
        .any(|descriptor| fs::read_link(descriptor.path()).is_ok_and(|target| target == link))
}

fn is_engine(pid: i32) -> Result<bool, NotLocal> {
    Ok(ENGINES.contains(&program(pid)?.as_str()))
}

/// Name of the program that a process runs, also when it was replaced since (`dockerd (deleted)`).
fn program(pid: i32) -> Result<String, NotLocal> {
    let path = fs::read_link(format!("/proc/{pid}/exe")).map_err(|error| opaque(pid, &error))?;
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Ok(name
        .strip_suffix(" (deleted)")
        .map_or(name.clone(), str::to_owned))
}

fn mount_namespace(process: &str) -> io::Result<PathBuf> {
    fs::read_link(format!("/proc/{process}/ns/mnt"))
}

fn opaque(pid: i32, error: &io::Error) -> NotLocal {
    NotLocal::Opaque {
        pid,
        reason: error.to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;
    use crate::engine::endpoint::Origin;

    fn endpoint(address: Address) -> Endpoint {
        Endpoint {
            address,
            tls: None,
            origin: Origin::Flag,
        }
    }

    #[tokio::test]
    async fn a_listener_that_is_no_engine_proves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker.sock");
        let _listener = UnixListener::bind(&path).unwrap();
        let reason = prove_local(&endpoint(Address::Unix(path)))
            .await
            .unwrap_err();
        assert!(matches!(reason, NotLocal::NotAnEngine { .. }), "{reason}");
    }

    #[tokio::test]
    async fn the_network_proves_nothing() {
        let remote = endpoint(Address::Tcp("localhost:2375".into()));
        let reason = prove_local(&remote).await.unwrap_err();
        assert!(matches!(reason, NotLocal::Remote { .. }), "{reason}");
    }

    #[test]
    fn a_listening_socket_is_found_among_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b.sock");
        assert!(listening_inode(&path).is_err());
        let _listener = UnixListener::bind(&path).unwrap();
        let _client = UnixStream::connect(&path).unwrap();
        let inode = listening_inode(&path).unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(holds(own, Path::new(&format!("socket:[{inode}]"))));
    }
}
