//! SIGINT, SIGTERM, SIGHUP and SIGQUIT: the first ends the run in order, a second one makes the rest short.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;

/// What the signals of a run have asked for so far.
#[derive(Debug, Clone)]
pub(super) struct Signals {
    /// Fires with the first signal.
    pub(super) cancel: CancellationToken,
    /// Fires with the second one.
    pub(super) hurry: CancellationToken,
    code: Arc<AtomicU8>,
}

impl Signals {
    /// Begins to listen. A signal that the process was started to ignore (`nohup`, `&` in a script)
    /// stays ignored.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub(super) fn listen() -> std::io::Result<Self> {
        let signals = Self {
            cancel: CancellationToken::new(),
            hurry: CancellationToken::new(),
            code: Arc::new(AtomicU8::new(0)),
        };
        let ignored = ignored_mask();
        let kinds = [
            (SignalKind::interrupt(), Exit::Interrupted),
            (SignalKind::terminate(), Exit::Terminated),
            (SignalKind::hangup(), Exit::Terminated),
            // Ctrl-\ must not leave services paused either.
            (SignalKind::quit(), Exit::Terminated),
        ];
        for (kind, exit) in kinds {
            if ignored >> (kind.as_raw_value() - 1) & 1 == 1 {
                continue;
            }
            let mut stream = signal(kind)?;
            let signals = signals.clone();
            tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    signals.take(exit);
                }
            });
        }
        Ok(signals)
    }

    fn take(&self, exit: Exit) {
        let first = self
            .code
            .compare_exchange(0, exit.code(), Ordering::SeqCst, Ordering::SeqCst);
        if first.is_ok() {
            self.cancel.cancel();
        } else {
            self.hurry.cancel();
        }
    }

    /// The exit code for the first signal that came.
    pub(super) fn exit(&self) -> Option<Exit> {
        let code = self.code.load(Ordering::SeqCst);
        [Exit::Interrupted, Exit::Terminated]
            .into_iter()
            .find(|exit| exit.code() == code)
    }
}

/// The signals that this process ignores, bit by bit (`SigIgn` of proc(5)).
fn ignored_mask() -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("SigIgn:"))?;
            u64::from_str_radix(line.trim(), 16).ok()
        })
        .unwrap_or_default()
}
