//! The tar format, as bytes: entries to blocks ([`encode_head`]) and blocks to entries.
//!
//! What is written is POSIX.1-2001 (PAX): a ustar header for each entry, preceded by an extended
//! header only where ustar cannot say a value exactly. Extended attributes are `SCHILY.xattr.*`
//! records and holes are GNU sparse format 1.0, as GNU tar, bsdtar and Python's tarfile read them.

mod acl;
mod assemble;
mod encode;
mod error;
mod extended;
mod extension;
mod header;
mod parse;
mod pax;
mod sparse;
mod visitor;

pub use encode::{encode_head, encode_head_of_any_size, encoded_len};
pub use error::TarError;
pub use parse::{TarParser, TarSummary};
pub(super) use pax::{format_time, parse_time};
pub use visitor::TarVisitor;

/// Length of a tar block in bytes; headers are one, data is filled up to whole ones.
pub const BLOCK: usize = 512;

/// The two zero blocks that end an archive.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Zero bytes that follow `data_len` bytes of data to fill the last block: 0 to 511.
#[must_use]
pub fn padding(data_len: u64) -> usize {
    let block = BLOCK as u64;
    (data_len.wrapping_neg() % block) as usize
}
