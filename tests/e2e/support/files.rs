//! Folders and files as the system shows them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::succeed;

/// A small file system in memory, unmounted at the end.
pub(crate) struct Tmpfs {
    pub(crate) dir: PathBuf,
}

impl Tmpfs {
    /// Mounts it on a folder that exists.
    pub(crate) fn mount(dir: PathBuf, options: &str) -> Self {
        succeed(
            Command::new("mount")
                .args(["-t", "tmpfs", "-o", options, "e2e"])
                .arg(&dir),
        );
        Self { dir }
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.dir).status();
    }
}

/// The one entry of a folder.
#[track_caller]
pub(crate) fn only_entry(dir: &Path) -> PathBuf {
    let all = entries(dir);
    assert_eq!(all.len(), 1, "in {}: {all:?}", dir.display());
    dir.join(&all[0])
}

/// Names in a folder, hidden ones too, sorted; none if there is no folder.
pub(crate) fn entries(dir: &Path) -> Vec<String> {
    let Ok(listing) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut names: Vec<String> = listing
        .map(|entry| {
            entry
                .expect("it can be listed")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

/// The sha256 of bytes, by `sha256sum`.
pub(crate) fn sha256sum(file: &Path) -> String {
    let line = succeed(Command::new("sha256sum").arg(file));
    line.split(' ')
        .next()
        .unwrap_or_default()
        .trim_start_matches('\\')
        .to_owned()
}
