//! Whether a folder has content of its own, beside what in it belongs to something else.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::place::Token;

/// The first thing in a folder that is neither a folder, nor at one of the paths `carried`, relative to it, nor
/// left by an attempt to restore.
///
/// # Errors
/// When the folder cannot be read.
pub fn find_other(folder: &Path, carried: &[Vec<u8>]) -> io::Result<Option<PathBuf>> {
    let mut folders = vec![Vec::new()];
    while let Some(path) = folders.pop() {
        for entry in std::fs::read_dir(super::place::join(folder, &path))? {
            let entry = entry?;
            let name = entry.file_name();
            let inside = match &path[..] {
                b"" => name.as_bytes().to_vec(),
                path => [path, b"/", name.as_bytes()].concat(),
            };
            let is_attempt = path.is_empty() && Token::of_hidden(name.as_bytes()).is_some();
            if is_attempt || carried.contains(&inside) {
                continue;
            }
            if !entry.file_type()?.is_dir() {
                return Ok(Some(entry.path()));
            }
            folders.push(inside);
        }
    }
    Ok(None)
}
