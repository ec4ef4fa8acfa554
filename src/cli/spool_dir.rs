//! Where temporary files go, of commands that write dumps and of those that read them.

use std::path::PathBuf;

use crate::config::settings::Settings;

/// Where the setting `spool.dir` says, else `TMPDIR`, else a place on a disk: `/tmp` is memory on many hosts,
/// and a file may be as long as an archive.
pub(super) fn spool_dir(settings: &Settings) -> PathBuf {
    let from_environment = || {
        std::env::var_os("TMPDIR")
            .filter(|dir| !dir.is_empty())
            .map(PathBuf::from)
    };
    let on_disk = || Some(PathBuf::from("/var/tmp")).filter(|dir| dir.is_dir());
    settings
        .spool
        .dir
        .clone()
        .or_else(from_environment)
        .or_else(on_disk)
        .unwrap_or_else(std::env::temp_dir)
}
