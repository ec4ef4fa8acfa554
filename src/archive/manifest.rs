//! `Manifest.yml`.

/// Everything of a manifest that is the same for every target.
#[derive(Debug, Clone)]
pub struct Draft;

/// What a target published.
#[derive(Debug, Clone)]
pub struct Published;
