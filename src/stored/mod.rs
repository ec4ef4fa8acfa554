//! Dumps as they are stored: found, opened, read, checked. The way back of [`crate::targets`].
//!
//! [`Dump::open`] believes nothing: not the manifest, not the archive, not the folder. [`Dump::verify`]
//! reads every stored byte and says of each member what is wrong with it. Nothing here writes anything
//! but temporary files, and memory does not grow with a dump: see `docs/adr/0009-reading-dumps.md`.

mod archive;
mod beneath;
pub mod choose;
mod codec;
mod contents;
mod contract;
pub mod dumps;
mod error;
mod fault;
mod folder;
mod hashing;
mod lines;
mod names;
mod open;
mod section;
mod stream;
#[cfg(test)]
mod tests;
mod verify;

pub use contents::{Contents, ContentsError, IndexFault};
pub use error::{ArchiveError, OpenError, ScratchError};
pub use fault::{Fault, Faults, Found, Tally};
pub use open::{Dump, Form};
pub use verify::{MemberVerdict, Told, Verdicts};
