//! Where content comes from: readers that turn folders and volumes into entries.

pub mod volume_tar;
pub mod walk;
