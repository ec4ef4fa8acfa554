//! An engine behind ssh: a socket of our own, each connection to which is carried on by the system's
//! `ssh` to `docker system dial-stdio` on the other side, as the `docker` program does it.
//!
//! The API library (0.21.1) can do ssh, but takes a port for a part of the host's name, and adds
//! unknown hosts to the known ones; here the user's own ssh configuration decides. One ssh connection
//! is shared by all requests. Nothing is ever asked: a key must be there, in an agent or without a
//! passphrase.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::process::{ChildStdin, Command};
use tokio::task::JoinHandle;

use crate::engine::endpoint::SshTarget;

/// How much of what `ssh` complains about is kept, in bytes.
const COMPLAINT_LIMIT: u64 = 4096;

/// How long the last words of an `ssh` that has ended are waited for.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Seconds that the shared connection stays without a request: it ends by itself even if we do not.
const PERSIST: &str = "60";

/// A socket that leads to an engine elsewhere, as long as this is kept.
#[derive(Debug)]
pub(super) struct Bridge {
    target: SshTarget,
    folder: tempfile::TempDir,
    complaint: Arc<Mutex<String>>,
    acceptor: JoinHandle<()>,
}

impl Bridge {
    /// Listens; `ssh` runs from the first connection on. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// When there is no place for a socket.
    pub(super) fn open(target: SshTarget) -> io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("compose-dump-ssh")
            .tempdir()?;
        let listener = UnixListener::bind(folder.path().join("docker.sock"))?;
        let complaint = Arc::default();
        let carrier = Carrier {
            arguments: arguments(&target, &control_path(&folder)),
            complaint: Arc::clone(&complaint),
        };
        let acceptor = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carrier.clone().carry(client));
            }
        });
        Ok(Self {
            target,
            folder,
            complaint,
            acceptor,
        })
    }

    /// The socket to connect to.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    /// What `ssh`, or the program on the other side, said last on its standard error.
    pub(super) fn complaint(&self) -> Option<String> {
        let complaint = self
            .complaint
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Some(complaint.trim().to_owned()).filter(|complaint| !complaint.is_empty())
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.acceptor.abort();
        let control = control_path(&self.folder);
        if control.exists() {
            let ended = std::process::Command::new("ssh")
                .arg("-S")
                .arg(&control)
                .args(["-O", "exit", "--", self.target.bare_host()])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            tracing::debug!(?ended, "shared ssh connection");
        }
    }
}

fn control_path(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("shared")
}

fn arguments(target: &SshTarget, control: &Path) -> Vec<OsString> {
    let mut control_option = OsString::from("ControlPath=");
    control_option.push(control);
    let mut arguments: Vec<OsString> = vec!["-T".into()];
    let persist = format!("ControlPersist={PERSIST}");
    for option in [
        "BatchMode=yes",
        "ConnectTimeout=30",
        "ControlMaster=auto",
        &persist,
    ] {
        arguments.extend(["-o".into(), option.into()]);
    }
    arguments.extend(["-o".into(), control_option]);
    if let Some(user) = &target.user {
        arguments.extend(["-l".into(), user.into()]);
    }
    if let Some(port) = target.port {
        arguments.extend(["-p".into(), port.to_string().into()]);
    }
    arguments.extend(["--".into(), target.bare_host().into()]);
    arguments.extend(["docker", "system", "dial-stdio"].map(Into::into));
    arguments
}

/// Carries connections.
#[derive(Clone)]
struct Carrier {
    arguments: Vec<OsString>,
    complaint: Arc<Mutex<String>>,
}

impl Carrier {
    /// Until either side has ended. The client is let go only after the complaint is written down, so
    /// that whoever sees the end finds it.
    async fn carry(self, mut client: UnixStream) {
        let spawned = Command::new("ssh")
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut ssh = match spawned {
            Ok(ssh) => ssh,
            Err(error) => return self.note(format!("cannot run ssh: {error}")),
        };
        let (Some(stdin), Some(mut stdout), Some(stderr)) =
            (ssh.stdin.take(), ssh.stdout.take(), ssh.stderr.take())
        else {
            return;
        };
        let words = tokio::spawn(last_words(stderr));
        let (from_client, mut to_client) = client.split();
        // Either side may break off at any time; what that means is known to the client alone.
        tokio::select! {
            _ = tokio::io::copy(&mut stdout, &mut to_client) => {}
            () = send(from_client, stdin) => {}
        }
        drop(ssh);
        if let Ok(Ok(words)) = tokio::time::timeout(LAST_WORDS, words).await
            && !words.is_empty()
        {
            self.note(words);
        }
    }

    fn note(&self, words: String) {
        tracing::debug!(words, "ssh");
        *self
            .complaint
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = words;
    }
}

/// Passes on what the client sends, and its end; does not end itself, for the answer is still to come.
async fn send(mut from_client: impl AsyncRead + Unpin, mut stdin: ChildStdin) {
    drop(tokio::io::copy(&mut from_client, &mut stdin).await);
    drop(stdin);
    std::future::pending().await
}

async fn last_words(stderr: impl AsyncRead + Unpin) -> String {
    let mut bytes = Vec::new();
    let mut limited = stderr.take(COMPLAINT_LIMIT);
    // What was read before an error is as good as any.
    drop(limited.read_to_end(&mut bytes).await);
    // Nobody reads the rest; ssh writes into a closed pipe then, which ends it.
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_target_becomes_an_option() {
        let target = SshTarget {
            user: Some("me".into()),
            host: "[::1]".into(),
            port: Some(2222),
        };
        let arguments = arguments(&target, Path::new("/x/shared"));
        let line: Vec<_> = arguments.iter().map(|it| it.to_str().unwrap()).collect();
        assert!(line.contains(&"ControlPath=/x/shared"));
        let from_user = line.iter().position(|it| *it == "-l").unwrap();
        assert_eq!(
            &line[from_user..],
            [
                "-l",
                "me",
                "-p",
                "2222",
                "--",
                "::1",
                "docker",
                "system",
                "dial-stdio"
            ]
        );
    }
}
