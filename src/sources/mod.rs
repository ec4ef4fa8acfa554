//! Where content comes from: readers that turn folders and volumes into entries.

pub mod dockerignore;
pub mod engine_tar;
pub mod filter;
pub mod volume_tar;
pub mod walk;
