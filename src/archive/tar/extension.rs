//! What comes before an entry to say more about it: PAX headers, global or not, and GNU long names.

use tar::EntryType;

use super::extended::Extended;
use super::{BLOCK, TarError};

/// Longest extended header or long name that is taken, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// An extended header that is being collected.
pub(super) struct Extension {
    kind: EntryType,
    /// What was collected, padding included.
    pub(super) data: Vec<u8>,
    /// Length without padding.
    len: usize,
    /// Bytes that are still to come, padding included.
    pub(super) left: usize,
    /// Where its header is.
    pub(super) at: u64,
}

impl Extension {
    /// Whether nothing but zeros follows the text of a collected header.
    pub(super) fn is_filled_up_with_zeros(&self) -> bool {
        self.data.iter().skip(self.len).all(|byte| *byte == 0)
    }
}

/// What was said so far: about all entries that follow, and about the next one.
#[derive(Default)]
pub(super) struct Extensions {
    globals: Extended,
    pending: Option<Pending>,
}

struct Pending {
    extended: Extended,
    /// Whether it comes from a PAX header rather than from GNU long names.
    is_pax: bool,
}

impl Extensions {
    /// Starts to collect an extended header of `len` bytes.
    pub(super) fn begin(&self, kind: EntryType, len: u64, at: u64) -> Result<Extension, TarError> {
        if len > MAX_BYTES {
            return Err(TarError::HeaderTooLong {
                at,
                len,
                max: MAX_BYTES,
            });
        }
        let is_long_name = matches!(kind, EntryType::GNULongName | EntryType::GNULongLink);
        if self
            .pending
            .as_ref()
            .is_some_and(|pending| pending.is_pax || !is_long_name)
        {
            return Err(TarError::StrayExtension { at });
        }
        let len = len as usize;
        Ok(Extension {
            kind,
            data: Vec::new(),
            len,
            left: len.next_multiple_of(BLOCK),
            at,
        })
    }

    /// Acts on an extended header that was collected.
    pub(super) fn apply(&mut self, extension: Extension) -> Result<(), TarError> {
        let Extension {
            kind,
            data,
            len,
            at,
            ..
        } = extension;
        let data = &data[..len];
        let applied = match kind {
            EntryType::XGlobalHeader => self.globals.apply_global(data),
            EntryType::XHeader => self.next(true).apply(data),
            EntryType::GNULongName => self.next(false).set_long_name(data),
            _ => self.next(false).set_long_link(data),
        };
        applied.map_err(|field| TarError::BadField { at, field })
    }

    /// Whether something was said about an entry that has not come yet.
    pub(super) fn are_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// All that is said about the entry that comes now.
    pub(super) fn take(&mut self) -> Extended {
        match self.pending.take() {
            Some(pending) => pending.extended,
            None => self.globals.clone(),
        }
    }

    fn next(&mut self, is_pax: bool) -> &mut Extended {
        let new = || Pending {
            extended: self.globals.clone(),
            is_pax,
        };
        &mut self.pending.get_or_insert_with(new).extended
    }
}
