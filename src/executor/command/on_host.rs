//! A command on this machine, in a process group of its own, so that what it starts ends with it. It
//! never gets our standard input and output: a dump may go there.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::CommandError;
use super::tail::Tail;
use crate::plan::model::HostCommand;

/// How error messages call the place.
const HERE: &str = "this machine";

/// How long a command may take to end after it was asked to.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// How often is looked whether what it has started is gone.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// Length in bytes of the pieces in which output is taken.
const PIECE_BYTES: usize = 8192;

/// A command that runs. Dropping it kills it.
pub(in crate::executor) struct OnHost {
    child: Child,
    group: Option<Pid>,
    after: Duration,
    tail: Tail,
}

impl OnHost {
    /// Starts a command.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub(in crate::executor) fn start(command: &HostCommand) -> Result<Self, CommandError> {
        let (program, arguments) = command.words.0.split_first().unwrap_or((&EMPTY, &[]));
        let mut spawned = Command::new(program);
        spawned
            .args(arguments)
            .envs(&command.env.0)
            .current_dir(&command.workdir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let child = spawned.spawn().map_err(CommandError::Spawn)?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Ok(Self {
            child,
            group: id.and_then(Pid::from_raw),
            after: command.timeout,
            tail: Tail::default(),
        })
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it did not end well, or not in time; it was made to end then.
    pub(in crate::executor) async fn ended(&mut self) -> Result<(), CommandError> {
        match timeout(self.after, self.heard()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(CommandError::Status {
                place: HERE.to_owned(),
                status: status_of(status),
                said: self.tail.text(),
            }),
            Ok(Err(error)) => Err(CommandError::Spawn(error)),
            Err(_) => {
                self.end().await;
                Err(CommandError::TimedOut {
                    place: HERE.to_owned(),
                    after: self.after,
                    said: self.tail.text(),
                })
            }
        }
    }

    /// Takes what it says until it has ended. What it leaves running may keep its outputs open.
    async fn heard(&mut self) -> std::io::Result<ExitStatus> {
        let (mut out, mut err) = (self.child.stdout.take(), self.child.stderr.take());
        loop {
            tokio::select! {
                said = piece(&mut out), if out.is_some() => self.take(said),
                said = piece(&mut err), if err.is_some() => self.take(said),
                status = self.child.wait(), if out.is_none() && err.is_none() => return status,
            }
        }
    }

    fn take(&mut self, said: Vec<u8>) {
        for line in self.tail.push(&said) {
            tracing::info!("{line}");
        }
    }

    /// Has it and what it started end: they are asked to, and then made to.
    pub(in crate::executor) async fn end(&mut self) {
        for signal in [Signal::TERM, Signal::KILL] {
            if let Some(group) = self.group {
                let _ = kill_process_group(group, signal);
            }
            if timeout(ENDS_WITHIN, self.gone()).await.is_ok() {
                return;
            }
        }
    }

    /// Waits until it has ended, and what it started too.
    async fn gone(&mut self) {
        let _ = self.child.wait().await;
        while let Some(group) = self.group {
            if test_kill_process_group(group).is_err() {
                return;
            }
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
    }
}

/// What no file's form lets pass.
static EMPTY: String = String::new();

/// The next of an output; at its end it is taken away.
async fn piece<R: AsyncRead + Unpin>(output: &mut Option<R>) -> Vec<u8> {
    let Some(open) = output else {
        return Vec::new();
    };
    let mut bytes = vec![0; PIECE_BYTES];
    let len = open.read(&mut bytes).await.unwrap_or(0);
    if len == 0 {
        *output = None;
    }
    bytes.truncate(len);
    bytes
}

/// An exit status as a shell has it.
fn status_of(status: ExitStatus) -> i64 {
    use std::os::unix::process::ExitStatusExt;
    let by_signal = || status.signal().map(|signal| 128 + signal);
    i64::from(status.code().or_else(by_signal).unwrap_or(-1))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::job_file::commands::Words;

    #[tokio::test]
    async fn what_it_started_ends_with_it_though_it_takes_no_hint() {
        let folder = tempfile::tempdir().unwrap();
        let script = "sh -c 'trap \"\" TERM; echo $$ >pid; while :; do sleep 1; done' & wait";
        let mut command = OnHost::start(&HostCommand {
            words: Words(["sh", "-c", script].map(String::from).to_vec()),
            env: Default::default(),
            workdir: folder.path().to_owned(),
            timeout: Duration::from_secs(60),
        })
        .unwrap();
        let pid = loop {
            let pid = std::fs::read_to_string(folder.path().join("pid")).unwrap_or_default();
            if let Ok(pid) = pid.trim().parse() {
                break Pid::from_raw(pid).unwrap();
            }
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        };
        command.end().await;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
        assert!(
            stat.is_err() || stat.is_ok_and(|stat| stat.contains(") Z ")),
            "it runs still"
        );
    }
}
