//! From what was asked for and what is there to a plan: a value that says everything a run will do.
//!
//! [`facts`] is the last look at the world; [`build()`] is pure. The plan is printed by [`table`] or as
//! JSON, and executed as it stands.

mod build;
mod config;
mod contents;
mod coverage;
pub mod exports;
pub mod facts;
mod hold;
mod hooks;
pub mod job_file;
mod left_behind;
pub mod links;
mod links_once;
mod missing;
pub mod model;
mod mounted;
mod owners;
mod redact;
mod request;
#[cfg(test)]
pub(crate) mod samples;
mod service_volumes;
mod spool;
pub mod table;
mod targets;
#[cfg(test)]
mod tests;
mod volume_names;
mod volumes;
mod warnings;

pub use build::build;
pub use request::{Request, TargetWish};
