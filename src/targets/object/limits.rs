//! How much of a run is on its way to stores at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Sizes of uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of every part but the last. Some stores want all of them equal.
    pub part_bytes: usize,
    /// Parts of one object that are on their way at once.
    pub parts_at_once: usize,
    /// Bytes of an object, a multiple of `part_bytes`; what is longer goes on in another one.
    pub segment_bytes: u64,
    /// How long a dump that is given up may take to remove what it has written.
    pub removal: Duration,
}

impl Limits {
    /// Parts of 16 MiB and objects of 128 GiB: 8192 parts, where every store takes 10,000.
    pub const USUAL: Self = Self {
        part_bytes: 16 << 20,
        parts_at_once: 4,
        segment_bytes: 128 << 30,
        removal: Duration::from_secs(25),
    };

    /// Parts of all uploads of a run that are on their way at once: they are what takes memory.
    pub const PARTS_OF_RUN: usize = 8;
}

/// What all targets of one run share.
#[derive(Debug, Clone)]
pub struct Shared {
    /// Ends all waiting.
    pub interrupt: CancellationToken,
    /// A permit for each part that is on its way.
    pub parts: Arc<Semaphore>,
    /// Sizes.
    pub limits: Limits,
}

impl Shared {
    /// The usual limits.
    #[must_use]
    pub fn new(interrupt: CancellationToken) -> Self {
        Self {
            interrupt,
            parts: Arc::new(Semaphore::new(Limits::PARTS_OF_RUN)),
            limits: Limits::USUAL,
        }
    }
}
