//! Tar, index and manifest: how content looks in a dump, without knowing where it comes from or goes.

pub mod content;
pub mod entry;
pub mod escape;
pub mod index;
pub mod manifest;
pub mod tar;
