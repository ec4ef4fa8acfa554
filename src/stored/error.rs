//! Why a dump cannot be looked at at all. What is wrong in one that can is a [`super::Fault`].

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::archive::entry::SinkClosed;
use crate::archive::manifest::ManifestError;
use crate::archive::manifest::model::Series;
use crate::archive::tar::TarError;
use crate::store::StoreError;
use crate::text;

/// A dump cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing is there.
    #[error("there is no dump `{}`", text::path(.path))]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// There is no folder in which dumps could be.
    #[error("there is no folder `{}`", text::path(.path))]
    NoFolder {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A folder of dumps has none that is complete enough to be listed.
    #[error("there is no dump in `{}`", text::path(.folder))]
    NoDumps {
        /// The folder.
        folder: PathBuf,
    },
    /// It is not to be said which is meant: those that may be are of several series.
    #[error("`{}` may be a dump of {}", text::path(.path), in_words(.series))]
    SeveralSeries {
        /// What was asked for.
        path: PathBuf,
        /// Whose dumps there are.
        series: Vec<Series>,
    },
    /// What is there is no dump.
    #[error("`{}` is no dump: {why}", text::path(.path))]
    NotADump {
        /// What was named.
        path: PathBuf,
        /// What it lacks.
        why: &'static str,
    },
    /// A marker's archive is not the one that it was written for.
    #[error("`{}` is no dump: {why}", text::path(.path))]
    Unlike {
        /// The marker.
        path: PathBuf,
        /// What is wrong with its archive.
        why: &'static str,
        /// The series that the marker says.
        series: Box<Series>,
        /// The time that it says.
        invoked: Timestamp,
    },
    /// The newest dump is not what was stored, and an older one was not asked for.
    #[error("the newest dump is damaged: `{}`: {why}", text::path(.path))]
    NewestDamaged {
        /// Its marker.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The system does not let it be read.
    #[error("cannot read `{}`", text::path(.path))]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Its manifest cannot be used, so that nothing is known of what should be there.
    #[error("the manifest of `{}` cannot be used", text::path(.path))]
    Manifest {
        /// The dump.
        path: PathBuf,
        /// Why not.
        source: ManifestError,
    },
    /// An archive without a manifest beside it ends or breaks before the one in it.
    #[error("`{}` cannot be read as far as its manifest", text::path(.path))]
    Broken {
        /// The archive.
        path: PathBuf,
        /// Why not.
        source: ArchiveError,
    },
    /// The store in which it lies does not answer as it should.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Temporary files cannot be written.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
}

impl OpenError {
    /// What a user can do about it; `None` where the text and its causes say all.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::NotFound { .. } | Self::NoDumps { .. } => {
                Some("`compose-dump list FOLDER` shows the dumps in a folder")
            }
            Self::SeveralSeries { series, .. } => Some(how_to_choose(series)),
            Self::NotADump { .. } => Some(
                "name a dump's folder, an archive, `-`, or `latest` in a folder of dumps: `FOLDER/latest`",
            ),
            Self::NewestDamaged { .. } => {
                Some("an older one has to be named: `compose-dump list` shows those that there are")
            }
            Self::Manifest { .. } | Self::Broken { .. } => {
                Some("what is left can be read by hand: docs/format.md, section 5")
            }
            Self::Scratch(_) => Some(
                "name a folder on a disk with room in the setting `spool.dir`, COMPOSE_DUMP_SPOOL__DIR or TMPDIR",
            ),
            Self::Store(error) => error.help(),
            Self::Unlike { .. } | Self::NoFolder { .. } | Self::Read { .. } => None,
        }
    }
}

/// As many projects or jobs are named where a name may mean those of any.
const MOST_NAMED: usize = 8;

/// Series in words: by their projects if they are of several, else by their jobs.
fn in_words(series: &[Series]) -> String {
    let projects: BTreeSet<&str> = series.iter().map(|one| one.project.as_str()).collect();
    let (what, names) = if projects.len() > 1 {
        ("the project", projects)
    } else {
        let jobs = series.iter().map(|one| one.job.as_str());
        ("the job", jobs.collect())
    };
    let more = names.len().saturating_sub(MOST_NAMED);
    let named = names.iter().take(MOST_NAMED);
    let mut words: Vec<String> = named
        .map(|name| format!("{what} `{}`", text::os(name.as_ref())))
        .collect();
    if more > 0 {
        words.push(format!("{more} others"));
    }
    words.join(" or ")
}

/// What tells the series apart. A project's id is `<host>/<name>/<path hash>`.
fn how_to_choose(series: &[Series]) -> &'static str {
    let differ = |part: fn(&Series) -> Option<&str>| {
        series.windows(2).any(|two| part(&two[0]) != part(&two[1]))
    };
    if differ(|one| one.project.split('/').nth(1)) {
        "`-p NAME` picks the project of that name; or name the dump itself, as `compose-dump list` shows it"
    } else if differ(|one| one.project.split('/').next()) {
        "COMPOSE_DUMP_HOST=HOST picks the project of that host; or name the dump itself, as `compose-dump list` shows it"
    } else if differ(|one| Some(&one.project)) {
        "name the dump itself, as `compose-dump list` shows it"
    } else {
        "`--job NAME` picks the dumps of one job; `compose-dump list` shows their names"
    }
}

/// An archive is not a tar, or does not decompress.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The codec does not take it.
    #[error("it cannot be decompressed")]
    Decompress(#[source] io::Error),
    /// It is not a tar.
    #[error("it is not a whole tar")]
    Tar(#[source] TarError),
    /// There is no manifest in it.
    #[error("no `Manifest.yml` is in it")]
    NoManifest,
    /// The manifest is there twice, or longer than any that is written.
    #[error("its `Manifest.yml` is there twice, or is no file, or too long")]
    BadManifest,
}

/// A pass over a dump was not finished. What is wrong with the dump is in its verdicts.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// Who takes the content wants no more; the cause is theirs.
    #[error(transparent)]
    Closed(#[from] SinkClosed),
    /// Temporary files cannot be written.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
}

/// Temporary files cannot be written or read back.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep temporary files in `{}`", text::path(.dir))]
pub struct ScratchError {
    /// Their folder.
    pub dir: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(series: &[(&str, &str)]) -> (String, &'static str) {
        let series = series.iter().map(|(project, job)| Series {
            project: (*project).to_owned(),
            job: (*job).to_owned(),
        });
        let error = OpenError::SeveralSeries {
            path: "/b/latest".into(),
            series: series.collect(),
        };
        (error.to_string(), error.help().expect("what decides"))
    }

    #[test]
    fn who_may_be_meant_is_named_with_what_decides() {
        let (jobs, help) = told(&[("web-1/blog/aa", "hourly"), ("web-1/blog/aa", "weekly")]);
        let expected = "`/b/latest` may be a dump of the job `hourly` or the job `weekly`";
        assert_eq!(jobs, expected);
        assert!(help.starts_with("`--job NAME`"), "{help}");
        let (projects, help) = told(&[
            ("web-1/blog/aa", "default"),
            ("web-1/blog/aa", "hourly"),
            ("web-1/shop/bb", "default"),
        ]);
        let expected = "`/b/latest` may be a dump of the project `web-1/blog/aa` or the project `web-1/shop/bb`";
        assert_eq!(projects, expected);
        assert!(help.starts_with("`-p NAME`"), "{help}");
        let hosts = told(&[("web-1/blog/aa", "default"), ("web-2/blog/aa", "default")]);
        assert!(hosts.1.starts_with("COMPOSE_DUMP_HOST"), "{}", hosts.1);
        let folders = told(&[("web-1/blog/aa", "default"), ("web-1/blog/bb", "default")]);
        assert!(folders.1.starts_with("name the dump"), "{}", folders.1);
    }

    #[test]
    fn of_many_projects_some_are_named() {
        let ids: Vec<String> = (1..=10).map(|number| format!("h/{number}/aa")).collect();
        let series: Vec<(&str, &str)> = ids.iter().map(|id| (id.as_str(), "default")).collect();
        let (told, _) = told(&series);
        assert!(told.ends_with(" or 2 others"), "{told}");
    }
}
