//! Compression: which codecs there are, what they are called, and their encoders and decoders.
//!
//! A codec is a row of the table in `table.rs` and a file of its own with its `Stage` and its
//! decoder. Nothing here knows what is compressed or where it goes.

mod blocks;
mod bz2;
mod decoder;
mod encoder;
mod gz;
mod table;
#[cfg(test)]
mod tests;
mod verbatim;
mod xz;
mod zst;

use std::num::NonZero;
use std::ops::RangeInclusive;

pub use decoder::decoder;
pub use encoder::Encoder;
use encoder::Stage;
pub use table::Codec;
pub use verbatim::Verbatim;

/// A codec with its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Compression {
    /// How.
    pub codec: Codec,
    /// The codec's own level; its default if `None`. Ignored by [`Codec::None`].
    pub level: Option<i32>,
    /// Worker threads of codecs that have them; as many as there are cores if `None` or 0.
    pub threads: Option<u32>,
    /// Encoders with these settings that work side by side, and share cores and memory among them.
    pub side_by_side: NonZero<u8>,
}

/// Settings that a codec does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The level is outside the codec's range.
    #[error("`{codec}` has no level {level}, its levels are {} to {}", levels.start(), levels.end())]
    Level {
        /// Which codec.
        codec: Codec,
        /// What was asked for.
        level: i32,
        /// What it has.
        levels: RangeInclusive<i32>,
    },
    /// No codec has this name.
    #[error("no codec is called `{name}`, there are {}", Codec::names().join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
    },
}

/// Workers when nobody chose: beyond them reading is the limit, and each costs memory.
const AUTOMATIC_WORKERS: u32 = 16;

impl Compression {
    /// The codec with its default settings.
    #[must_use]
    pub fn new(codec: Codec) -> Self {
        Self {
            codec,
            level: None,
            threads: None,
            side_by_side: NonZero::<u8>::MIN,
        }
    }

    /// Checks the settings against the codec's table row.
    ///
    /// # Errors
    /// [`CodecError::Level`].
    pub fn check(&self) -> Result<(), CodecError> {
        match (self.level, self.codec.levels()) {
            (Some(level), Some(levels)) if !levels.contains(&level) => Err(CodecError::Level {
                codec: self.codec,
                level,
                levels,
            }),
            _ => Ok(()),
        }
    }

    /// Memory in bytes that all [`Encoder`]s with these settings need together at most, their buffers included.
    ///
    /// - gz: zlib's own formula at 15 window bits and memory level 8 for each thread, and blocks; see `gz.rs`.
    /// - bz2: 400 kB + 8 times the block of level x 100 kB for each thread (bzip2 manual, section 2.5), and blocks.
    /// - xz: liblzma's own estimate for the level and number of threads.
    /// - zst: (3 x threads + 6) jobs + one compression context a thread; see `zst.rs`.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        let codec = match self.codec {
            Codec::None => 0,
            Codec::Gz => gz::memory_bytes(self),
            Codec::Bz2 => bz2::memory_bytes(self),
            Codec::Xz => xz::memory_bytes(self),
            Codec::Zst => zst::memory_bytes(self),
        };
        u64::from(self.side_by_side.get()) * (codec + encoder::BUFFER_LEN as u64)
    }

    /// The level that is used: the one given, or the codec's default; 0 for [`Codec::None`].
    #[must_use]
    pub fn level_or_default(&self) -> i32 {
        self.level.unwrap_or(self.codec.default_level())
    }

    /// Whether a disk waits for it, as a rule of thumb and on one core: who is held still had better
    /// wait for the disk alone.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        let level = self.level_or_default();
        self.codec.slow_from().is_some_and(|slow| level >= slow)
    }

    /// The number of threads that was asked for, or `None` when the codec is to choose.
    fn threads_given(&self) -> Option<u32> {
        self.threads.filter(|threads| *threads > 0)
    }

    /// The threads that were asked for, or as many as one encoder has cores.
    fn workers(&self) -> u32 {
        let given = self.threads_given();
        given.unwrap_or_else(|| self.own_cores().min(AUTOMATIC_WORKERS))
    }

    /// The cores that one encoder has: one at least.
    fn own_cores(&self) -> u32 {
        (cores() / u32::from(self.side_by_side.get())).max(1)
    }

    fn stage(&self) -> std::io::Result<Option<Box<dyn Stage>>> {
        self.check()
            .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidInput, error))?;
        Ok(match self.codec {
            Codec::None => None,
            Codec::Gz => Some(Box::new(gz::stage(self)?)),
            Codec::Bz2 => Some(Box::new(bz2::stage(self)?)),
            Codec::Xz => Some(Box::new(xz::XzStage::new(self)?)),
            Codec::Zst => Some(Box::new(zst::ZstStage::new(self)?)),
        })
    }
}

/// How many threads the machine runs at the same time; 1 where that is unknown.
fn cores() -> u32 {
    std::thread::available_parallelism()
        .map_or(1, NonZero::get)
        .try_into()
        .unwrap_or(u32::MAX)
}
