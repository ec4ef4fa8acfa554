//! What the answers of a store say of the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};

/// How far the clocks may be apart. S3 refuses what is signed further off; retention and `latest`
/// compare the times of several machines.
const APART: SignedDuration = SignedDuration::from_mins(15);

/// How far this machine's clock is off the store's, as its last answer said.
#[derive(Debug, Clone, Default)]
pub struct StoreClock(Arc<AtomicI64>);

impl StoreClock {
    /// This machine's time minus the store's; zero until the store has answered.
    #[must_use]
    pub fn ahead(&self) -> SignedDuration {
        SignedDuration::from_secs(self.0.load(Ordering::Relaxed))
    }

    /// The same, where it is more than is tolerable.
    #[must_use]
    pub fn off(&self) -> Option<SignedDuration> {
        Some(self.ahead()).filter(|ahead| ahead.abs() > APART)
    }

    pub(super) fn note(&self, headers: &HeaderMap) {
        let date = headers.get("date");
        let date = date.and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        if let Some(date) = date {
            let ahead = Timestamp::now().as_second() - date.timestamp().as_second();
            self.0.store(ahead, Ordering::Relaxed);
        }
    }
}
