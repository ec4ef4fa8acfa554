//! A way to the engine that can be cut: a socket that passes everything on, until it has passed so many bytes.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::Project;

/// The engine behind a socket of our own, gone for good once the way is used up.
pub(crate) struct Way {
    socket: PathBuf,
}

impl Way {
    /// One that takes so many bytes to the engine before it is cut.
    pub(crate) fn of_bytes(project: &Project, bytes: i64) -> Self {
        let socket = project.beside("way").join("docker.sock");
        let engine = engine();
        let listener = UnixListener::bind(&socket).expect("the socket is new");
        let left = Arc::new(AtomicI64::new(bytes));
        let name = socket.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if left.load(Ordering::SeqCst) <= 0 {
                    // Nobody listens any more.
                    let _ = std::fs::remove_file(&name);
                    return;
                }
                let server = UnixStream::connect(&engine).expect("the engine is there");
                connect(client, server, &left);
            }
        });
        Self { socket }
    }

    /// What stands for the engine in the environment.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }
}

/// The socket of the engine that the tests run on.
fn engine() -> PathBuf {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    let socket = host.strip_prefix("unix://");
    Path::new(socket.unwrap_or("/var/run/docker.sock")).to_owned()
}

/// Passes on what both say; what goes to the engine counts.
fn connect(client: UnixStream, server: UnixStream, left: &Arc<AtomicI64>) {
    let both = || (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (client_reads, server_writes) = both();
    let (client_writes, server_reads) = both();
    let left = Arc::clone(left);
    let uncounted = Arc::new(AtomicI64::new(i64::MAX));
    std::thread::spawn(move || pass(client_reads, server_writes, &left));
    std::thread::spawn(move || pass(server_reads, client_writes, &uncounted));
}

/// Passes bytes on until there are no more of them, or enough: then both sides hear no more of each other.
fn pass(mut from: UnixStream, mut to: UnixStream, left: &AtomicI64) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(len @ 1..) = from.read(&mut piece) {
        if left.fetch_sub(len as i64, Ordering::SeqCst) <= len as i64 {
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
            return;
        }
        if to.write_all(&piece[..len]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
