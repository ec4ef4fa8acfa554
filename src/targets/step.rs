//! Which [`TargetError`] a system's error is: by itself where it says what to do about it, else by what was
//! being done.

use std::io;
use std::path::PathBuf;

use super::error::TargetError;
use super::site::Site;
use crate::archive::escape::escape;
use crate::files::FileError;
use crate::store::StoreError;

/// What was done when an I/O error came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Create,
    Write,
    /// Writing to the spool, or reading it.
    Spool,
    Sync,
    Publish,
    /// Removing what is published or left behind.
    Remove,
}

impl TargetError {
    /// The error for an I/O error: by itself where it says what to do about it, else by the step.
    pub(super) fn io(step: Step, site: &Site, path: PathBuf, source: io::Error) -> Self {
        let target = site.target.clone();
        // An upload is written to like a file, and so is what knows its own place.
        let source = match source.downcast::<StoreError>() {
            Ok(error) => return Self::store(&target, error),
            Err(source) => source,
        };
        let source = match source.downcast::<Self>() {
            Ok(error) => return error,
            Err(source) => source,
        };
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded if step == Step::Spool => {
                Self::SpoolFull {
                    target,
                    folder: site.disk.clone(),
                    source,
                }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull {
                target,
                folder: site.disk.clone(),
                source,
            },
            io::ErrorKind::BrokenPipe => Self::BrokenPipe { target },
            _ => match step {
                Step::Create => Self::Create {
                    target,
                    path,
                    source,
                },
                Step::Write | Step::Spool => Self::Write {
                    target,
                    path,
                    source,
                },
                Step::Sync => Self::Sync {
                    target,
                    path,
                    source,
                },
                Step::Publish => Self::Publish {
                    target,
                    path,
                    source,
                },
                Step::Remove => Self::Remove {
                    target,
                    path,
                    source,
                },
            },
        }
    }

    /// The error for an entry that cannot be made in the folder of `site`.
    pub(super) fn file(site: &Site, error: FileError) -> Self {
        let target = site.target.clone();
        match error {
            FileError::Write { path, source } => {
                Self::io(Step::Write, site, site.at(&path), source)
            }
            FileError::Sync { path, source } => Self::io(Step::Sync, site, site.at(&path), source),
            FileError::Unsupported { path, what, source } => Self::Unsupported {
                target,
                path: site.path(&path),
                what,
                source,
            },
            FileError::Length {
                path,
                announced,
                written,
            } => Self::Length {
                target,
                member: escape(&path),
                announced,
                written,
            },
            FileError::BadPath { path } | FileError::LinkTarget { target: path, .. } => {
                Self::BadPath {
                    target,
                    path: escape(&path),
                }
            }
            FileError::OutOfOrder { call } => Self::OutOfOrder { target, call },
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    fn error(step: Step, errno: Errno) -> TargetError {
        let site = Site::new("nas", std::path::Path::new("/d"));
        TargetError::io(step, &site, "/d/a".into(), errno.into())
    }

    #[test]
    fn a_full_disk_and_a_closed_pipe_have_their_own_errors_in_every_step() {
        for step in [Step::Create, Step::Write, Step::Sync, Step::Publish] {
            assert!(matches!(
                error(step, Errno::NOSPC),
                TargetError::DiskFull { .. }
            ));
            assert!(matches!(
                error(step, Errno::DQUOT),
                TargetError::DiskFull { .. }
            ));
            assert!(matches!(
                error(step, Errno::PIPE),
                TargetError::BrokenPipe { .. }
            ));
        }
    }

    #[test]
    fn a_full_spool_is_told_from_a_full_target() {
        for errno in [Errno::NOSPC, Errno::DQUOT] {
            let full = error(Step::Spool, errno);
            assert!(matches!(full, TargetError::SpoolFull { .. }));
            assert!(full.help().is_some_and(|help| help.contains("spool.dir")));
        }
    }

    #[test]
    fn messages_do_not_repeat_their_source() {
        let error = error(Step::Write, Errno::IO);
        assert_eq!(error.to_string(), "target `nas`: cannot write `/d/a`");
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert!(source.is_some_and(|text| text.contains("Input/output error")));
    }
}
