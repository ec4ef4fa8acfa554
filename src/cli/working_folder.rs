//! The folder that relative paths start from.

use std::path::PathBuf;

use super::args::Global;
use super::edge::CommandError;

/// Where a folder is that was removed and still is the working folder. Nothing can be found or made
/// below it.
const REMOVED: &str = "/proc/self/cwd";

/// The working folder. One that was removed does not matter to whoever names the project by a whole path.
///
/// # Errors
/// [`CommandError::WorkingFolder`].
pub(super) fn working_folder(global: &Global) -> Result<PathBuf, CommandError> {
    let project = global.project_dir.as_ref().or(global.files.first());
    std::env::current_dir().or_else(|error| {
        if project.is_some_and(|path| path.is_absolute()) {
            Ok(REMOVED.into())
        } else {
            Err(CommandError::WorkingFolder(error))
        }
    })
}
