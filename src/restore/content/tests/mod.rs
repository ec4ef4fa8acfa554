//! Content that comes back as it was, content that must not come at all, and attempts that were cut off.

#![allow(clippy::unwrap_used)]

mod bench;
mod cut_off;
mod extracted;
mod hostile;
mod property;
mod swapped;
