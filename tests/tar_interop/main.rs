//! Our tars in the hands of other programs, and theirs in ours.

#![allow(clippy::unwrap_used)]

mod extract;
mod hostile;
mod hostile_rows;
mod parse;
mod support;
mod trees;
