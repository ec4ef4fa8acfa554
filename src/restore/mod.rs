//! The way back: from a dump to a project that runs.

pub mod content;
