//! What may be sent to the engine. It merges what it gets into a volume and takes nothing back, so entries are checked
//! before the first of them is sent, and once more as they go.

use super::ContentError;
use super::order::Order;
use super::stage::StageOptions;
use crate::archive::entry::Entry;

/// Bytes of holes that a volume may have beyond a thousand times its stored bytes. The engine writes them
/// all, so a small dump could fill any disk.
const HOLES_FREE: u64 = 64 << 30;
const HOLES_RATIO: u64 = 1000;

/// Looks at the entries of one volume, in their order.
pub struct Admission {
    options: StageOptions,
    order: Order,
    /// Bytes of holes that may still come.
    holes_left: u64,
}

impl Admission {
    /// For a member with that many stored bytes.
    #[must_use]
    pub fn new(raw_bytes: u64, options: StageOptions) -> Self {
        Self {
            options,
            order: Order::new(),
            holes_left: raw_bytes
                .saturating_mul(HOLES_RATIO)
                .saturating_add(HOLES_FREE),
        }
    }

    /// Looks at the next entry.
    ///
    /// # Errors
    /// Why the engine does not get it.
    pub fn take(&mut self, entry: &Entry) -> Result<(), ContentError> {
        let refused = |why| ContentError::Refused {
            entry: entry.path.clone(),
            why,
        };
        if entry.kind.is_device() && !self.options.devices {
            let entry = entry.path.clone();
            return Err(ContentError::Device { entry });
        }
        self.order.take(entry).map_err(refused)?;
        let holes = entry.size.saturating_sub(entry.data_len());
        let left = self.holes_left.checked_sub(holes);
        self.holes_left = left.ok_or_else(|| ContentError::Holes {
            entry: entry.path.clone(),
        })?;
        Ok(())
    }
}
