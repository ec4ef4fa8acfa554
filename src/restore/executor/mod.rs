//! Executes a restore: the only code of it that changes something, and the order in which it does.
//!
//! Verify, stop who uses what changes, stage everything, let it change places, have Compose make what is missing,
//! fill that, remove what is old, start. What fails before the old content is removed is taken back.

mod changing;
mod check;
mod drill_fill;
pub(super) mod drill_pass;
mod ending;
mod error;
mod gate;
mod goes;
mod loads;
mod places;
mod saved;
mod services;
mod spine;
mod stager;
#[cfg(test)]
mod tests;
mod upload;
mod volumes;
mod writes;

pub(crate) use check::damage;
pub use spine::{World, restore};
pub(crate) use stager::StageError;
