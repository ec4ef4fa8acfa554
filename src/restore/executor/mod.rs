//! Executes a restore: the only code of it that changes something, and the order in which it does.
//!
//! Verify, stop who uses what changes, stage everything, let it change places, have Compose make what is missing,
//! fill that, remove what is old, start. What fails before the old content is removed is taken back.

mod places;
mod spine;
mod stager;
mod volumes;
mod writes;

pub use spine::{World, restore};
