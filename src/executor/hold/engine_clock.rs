//! The engine's clock at a moment of ours, for the times that it gives of containers: ours may go otherwise.

use jiff::Timestamp;
use tokio::time::Instant;

use super::witness::answer;
use crate::engine::Engine;

/// What the engine's clock said, and when.
pub(super) struct EngineClock {
    said: Timestamp,
    heard: Instant,
}

impl EngineClock {
    /// Asks for the time; `None` where the engine does not tell it.
    pub(super) async fn read(engine: &dyn Engine) -> Option<Self> {
        let said = answer(engine.clock()).await.flatten()?;
        let heard = Instant::now();
        Some(Self { said, heard })
    }

    /// The time there, or a little before it: by as long as the answer took to come.
    pub(super) fn now(&self) -> Timestamp {
        let since = self.heard.elapsed();
        self.said.saturating_add(since).unwrap_or(self.said)
    }
}
