//! Standard output and an archive that `-t` names take one dump: not those of several jobs.

use crate::config::target_arg::{TargetArg, TargetArgKind};
use crate::diagnostic::Finding;

/// A finding for each such place that more than one of the jobs writes to.
///
/// # Errors
/// The findings, if there are any.
pub(super) fn each_takes_one_dump(jobs: &[Vec<TargetArg>]) -> Result<(), Vec<Finding>> {
    let mut places: Vec<&TargetArg> = Vec::new();
    for place in jobs.iter().flatten() {
        if !places.iter().any(|known| known.kind == place.kind) {
            places.push(place);
        }
    }
    let wanted = |place: &TargetArg| {
        let has_it = |job: &&Vec<TargetArg>| job.iter().any(|one| one.kind == place.kind);
        jobs.iter().filter(has_it).count()
    };
    let shared = places.into_iter().filter(|place| wanted(place) > 1);
    let findings: Vec<Finding> = shared.filter_map(finding).collect();
    if findings.is_empty() {
        Ok(())
    } else {
        Err(findings)
    }
}

fn finding(place: &TargetArg) -> Option<Finding> {
    let (code, message) = match &place.kind {
        TargetArgKind::Folder { .. } | TargetArgKind::Store { .. } => return None,
        TargetArgKind::Stdout => (
            "cli::stdout_shared",
            "several dumps would go to one standard output".to_owned(),
        ),
        TargetArgKind::Archive { .. } => (
            "cli::archive_shared",
            format!("several dumps would go to one archive, `{}`", place.name),
        ),
    };
    Some(Finding::new(code, message).with_help(
        "name a folder with `-t`, in which each dump gets a name of its own; or run one job of one project",
    ))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::path::Path;

    use super::*;

    fn codes(jobs: &[&[&str]]) -> Vec<&'static str> {
        let place =
            |text: &&str| TargetArg::parse(OsStr::new(text), Path::new("/here")).expect("a target");
        let jobs = jobs.iter().map(|job| job.iter().map(place).collect());
        let findings = each_takes_one_dump(&jobs.collect::<Vec<_>>());
        let findings = findings.err().unwrap_or_default();
        findings.iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_stream_and_an_archive_are_for_one_job() {
        assert_eq!(codes(&[&["-"], &["-"]]), ["cli::stdout_shared"]);
        assert_eq!(
            codes(&[&["a.tar", "dumps"], &["/here/a.tar"]]),
            ["cli::archive_shared"]
        );
        assert_eq!(codes(&[&["-", "dumps"], &["dumps"]]), [""; 0]);
        assert_eq!(codes(&[&["-", "a.tar"]]), [""; 0]);
    }
}
