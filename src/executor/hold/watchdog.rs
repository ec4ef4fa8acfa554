//! A process that brings services back when the run dies: also by `kill -9`, which nothing in the run
//! itself outlives.
//!
//! It is this program once more, in a session of its own, with one end of a socket. A byte on it says
//! that all is well; the end of it without one, that the run is gone. It holds nothing else of the
//! run's, nor of who called the run, so that a pipe of theirs ends with them. What it then does is `recover` for
//! one journal. It does not survive what kills the whole control group or container.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Ourselves, also when the file has been replaced meanwhile.
const PROGRAM: &str = "/proc/self/exe";

/// What the watchdog says when it watches, and the run when it has ended well.
pub const BYTE: u8 = b'.';

/// How long it may take to begin.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// How long it may take to end.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

/// How a watchdog is started: the arguments of this program that make it one. The journal's path comes
/// after them.
#[derive(Debug, Clone)]
pub struct WatchdogCommand(pub Vec<OsString>);

/// A watchdog that watches. Dropping it without [`Watchdog::dismiss`] makes it act.
#[derive(Debug)]
pub(crate) struct Watchdog {
    line: UnixStream,
    child: Child,
}

impl Watchdog {
    /// Starts one, and waits until it watches. Blocks.
    ///
    /// # Errors
    /// When the system gives no process, or it does not come up in time.
    pub(crate) fn start(command: &WatchdogCommand, journal: &Path) -> io::Result<Self> {
        let (mut line, its_end) = UnixStream::pair()?;
        // What the run itself has inherited, say a pipe of its caller's, is not for those that it starts.
        close_fds::set_fds_cloexec_threadsafe(3, &[]);
        let child = Command::new(PROGRAM)
            .args(&command.0)
            .arg(journal)
            .stdin(Stdio::from(OwnedFd::from(its_end)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        line.set_read_timeout(Some(READY_WITHIN))?;
        let mut ready = [0];
        line.read_exact(&mut ready)?;
        Ok(Self { line, child })
    }

    /// Lets it go: nothing is left to bring back. Blocks.
    pub(crate) fn dismiss(mut self) {
        // One that was killed takes nothing, and need not.
        let _ = self.line.write_all(&[BYTE]);
        let since = Instant::now();
        while since.elapsed() < ENDS_WITHIN {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
