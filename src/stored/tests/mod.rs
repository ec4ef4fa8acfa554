//! Dumps that this program made, whole and damaged in every way that can be thought of.

#![allow(clippy::unwrap_used)]

mod bench;
mod damage;
mod exchanged;
mod hostile;
mod in_store;
mod whole;
