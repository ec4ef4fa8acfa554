//! Why a dump cannot be looked at at all. What is wrong in one that can is a [`super::Fault`].

use std::io;
use std::path::PathBuf;

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
    /// A folder of dumps has none that is complete enough to be listed.
    #[error("there is no dump in `{}`", text::path(.folder))]
    NoDumps {
        /// The folder.
        folder: PathBuf,
    },
    /// It is not to be said which is meant: those that may be are of several series.
    #[error("`{}` may be a dump of {}", text::path(.path), several(.series))]
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
            Self::SeveralSeries { .. } => Some(
                "`--job NAME` picks the dumps of one job; `compose-dump list` shows their names",
            ),
            Self::NotADump { .. } => Some(
                "name a dump's folder, an archive, `-`, or `latest` in a folder of dumps: `FOLDER/latest`",
            ),
            Self::Manifest { .. } | Self::Broken { .. } => {
                Some("what is left can be read by hand: docs/format.md, section 5")
            }
            Self::Scratch(_) => Some("name a folder on a disk with room in TMPDIR"),
            Self::Store(error) => error.help(),
            Self::Read { .. } => None,
        }
    }
}

/// Series in words, as `job` of `project`.
pub(crate) fn several(series: &[Series]) -> String {
    let words = series.iter().map(|one| {
        let (job, project) = (text::os(one.job.as_ref()), text::os(one.project.as_ref()));
        format!("the job `{job}` of `{project}`")
    });
    words.collect::<Vec<_>>().join(" or ")
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
