//! What a restore will do, as a pure function of what was asked for and what is there.

mod build;
mod conflicts;
mod exports;
pub mod model;
pub mod naming;
pub mod pin;
#[cfg(test)]
pub(crate) mod samples;
pub mod select;
mod services;
pub mod table;
#[cfg(test)]
mod tests;
mod volumes;
mod warnings;

pub use build::{NAME_VARIABLE, build};
pub(crate) use services::is_made_anew;
pub use volumes::{target, target_of, volume_of};
