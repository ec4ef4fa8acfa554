//! Whether standard output keeps what is written to it.

use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat};

use crate::diagnostic::Finding;
use crate::plan::model::{Plan, TargetKind};

/// `/dev/null` of Linux: major and minor number.
const NULL: (u32, u32) = (1, 3);

/// Says so where a dump would go to standard output, and standard output leads nowhere.
///
/// A standard output that was closed cannot be told from one that somebody opened on `/dev/null` for
/// reading and writing: that is how Rust's library fills the gap before `main`. A shell's `>/dev/null`
/// opens it for writing only, and is taken for what it says.
///
/// # Errors
/// A finding for the former.
pub(super) fn keeps_the_dump(plan: &Plan) -> Result<(), Finding> {
    let is_stdout = |kind: &TargetKind| *kind == TargetKind::Stdout;
    if !plan.targets.iter().any(|target| is_stdout(&target.kind)) || !is_null() {
        return Ok(());
    }
    let access = fcntl_getfl(std::io::stdout()).unwrap_or(OFlags::WRONLY) & OFlags::ACCMODE;
    if access == OFlags::RDWR {
        return Err(Finding::new(
            "cli::stdout_closed",
            "the dump would go to standard output, which is closed or leads to `/dev/null`",
        )
        .with_help("write it to a folder or an archive with `-t`, or send standard output to a file or a program"));
    }
    tracing::warn!("the dump goes to `/dev/null`, which keeps nothing");
    Ok(())
}

fn is_null() -> bool {
    fstat(std::io::stdout()).is_ok_and(|stat| {
        let device = stat.st_rdev;
        FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice
            && (rustix::fs::major(device), rustix::fs::minor(device)) == NULL
    })
}
