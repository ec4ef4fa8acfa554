//! A real S3 implementation in this process, what can go wrong on the way to it, and what of that shows
//! when objects are read. Dumps are written to it by the conformance suite of targets.

#![allow(clippy::unwrap_used)]

mod reading;
mod refusals;
pub(crate) mod script;
pub(crate) mod server;
