//! Removes the dumps that a target's `keep` does not keep.
//!
//! [`plan()`] is pure: what [`crate::retention`] says of each dump of the series that are meant, and nothing
//! about any other. A dry run prints that value, and [`Place::prune`] carries the same value out: what
//! makes a dump one goes first, then its content.

mod place;
mod plan;
#[cfg(test)]
mod tests;

pub use place::{Place, PruneError, Pruned, Swept};
pub use plan::{Judged, Keeping, PrunePlan, SeriesPlan, plan};
