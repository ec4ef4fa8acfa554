//! What a restore will do, as a pure function of what was asked for and what is there.

mod build;
mod conflicts;
pub mod model;
pub mod naming;
pub mod pin;
pub mod select;
mod services;
pub mod table;
mod volumes;
mod warnings;

pub use build::{NAME_VARIABLE, build};
pub use services::dependencies;
pub use volumes::{target, target_of, volume_of};
