//! The spine of the loader.

use super::{LoadError, LoadOptions, Project};

/// Loads the project that `options` describe.
///
/// # Errors
/// [`LoadError`] where there is no project to speak of.
pub fn load(options: &LoadOptions) -> Result<Project, LoadError> {
    Err(LoadError::NoComposeFile {
        searched: vec![options.cwd.clone()],
    })
}
