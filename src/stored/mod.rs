//! Dumps as they are stored: found, opened, read, checked. The way back of [`crate::targets`].
//!
//! [`Dump::open`] believes nothing: not the manifest, not the archive, not the folder. [`Dump::verify`]
//! reads every stored byte and says of each member what is wrong with it; [`Dump::read_members`] does the same
//! and hands over what passes. Nothing here writes anything
//! but temporary files, and memory does not grow with a dump: see `docs/adr/0009-reading-dumps.md`.

mod ahead;
mod archive;
mod archive_file;
pub mod choose;
mod codec;
mod contents;
mod contract;
pub mod dumps;
mod error;
mod extract;
mod fault;
mod folder;
mod hashing;
mod lines;
mod names;
pub mod objects;
mod open;
mod section;
mod stream;
mod takers;
#[cfg(test)]
mod tests;
mod verify;

pub use contents::{Contents, ContentsError, IndexFault};
pub use error::{ArchiveError, OpenError, PassError, ScratchError};
pub use extract::{Damage, ExtractError};
pub use fault::{Fault, Faults, Found, Tally};
pub use open::{Dump, Form};
pub use takers::{Takers, Wish};
pub use verify::{MemberVerdict, Told, Verdicts};
