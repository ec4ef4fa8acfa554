//! What became of one member, for the report and the manifest.

use super::content::Content;
use super::hold::NotStill;
use super::index_file::IndexSpool;
use super::report::MemberSummary;
use crate::archive::manifest::Sha256Digest;
use crate::archive::manifest::model::{Fidelity, MemberKind, Reader, Source, Volume};
use crate::plan::model::{
    ExportPlan, ReaderPlan, Scope, TreePlan, TreeReader, VolumeKind, VolumePlan,
};

/// As many oddities of one member are told one by one; the rest is counted.
pub(super) const TOLD: usize = 100;

/// What became of one member.
pub(super) struct MemberReport {
    /// Path in the dump without a codec's extension.
    pub(super) path: String,
    pub(super) kind: MemberKind,
    pub(super) source: Source,
    pub(super) raw_bytes: u64,
    pub(super) raw_sha256: Sha256Digest,
    pub(super) entries: u64,
    pub(super) reader: Reader,
    pub(super) fidelity: Fidelity,
    pub(super) warnings: Vec<String>,
    /// Entries whose content is missing or not wholly there.
    pub(super) gaps: u64,
    pub(super) index: Option<IndexSpool>,
    pub(super) volume: Option<Volume>,
    /// Why it may not be of one moment.
    pub(super) torn_by: Vec<String>,
    pub(super) seconds: f64,
    /// Why it is not in the dump.
    pub(super) error: Option<String>,
}

impl MemberReport {
    /// A report without content yet.
    fn begin(path: &str, kind: MemberKind, source: Source, reader: Reader) -> Self {
        Self {
            path: path.to_owned(),
            kind,
            source,
            raw_bytes: 0,
            raw_sha256: Sha256Digest::of(b""),
            entries: 0,
            reader,
            fidelity: match reader {
                Reader::Engine => Fidelity::Engine,
                Reader::Direct | Reader::Command => Fidelity::Full,
            },
            warnings: Vec::new(),
            gaps: 0,
            index: None,
            volume: None,
            torn_by: Vec::new(),
            seconds: 0.0,
            error: None,
        }
    }

    /// Of a tree that is to be read.
    pub(super) fn of_tree(tree: &TreePlan) -> Self {
        let reader = match tree.reader {
            TreeReader::Direct => Reader::Direct,
            TreeReader::Engine => Reader::Engine,
        };
        Self::begin(&tree.member, MemberKind::Tree, tree_source(tree), reader)
    }

    /// Of a volume that is to be read to `path`.
    pub(super) fn of_volume(path: &str, volume: &VolumePlan, reader: &ReaderPlan) -> Self {
        let reader = match reader {
            ReaderPlan::Direct { .. } => Reader::Direct,
            ReaderPlan::Engine { .. } => Reader::Engine,
        };
        Self {
            volume: described(volume),
            ..Self::begin(path, MemberKind::Tar, volume_source(volume), reader)
        }
    }

    /// Of an export that is to be read to `path`.
    pub(super) fn of_export(path: &str, export: &ExportPlan) -> Self {
        let source = Source::Export {
            service: export.service.clone(),
            name: export.name.clone(),
        };
        Self::begin(path, MemberKind::Bytes, source, Reader::Command)
    }

    /// Its number of entries, of what has entries.
    pub(super) fn entries(&self) -> Option<u64> {
        match self.kind {
            MemberKind::Tree | MemberKind::Tar => Some(self.entries),
            MemberKind::Bytes => None,
        }
    }

    /// Whether everything that the reader could see is in the dump, as it was at one moment.
    pub(super) fn is_whole(&self) -> bool {
        self.error.is_none() && self.gaps == 0 && self.torn_by.is_empty()
    }

    /// Notes that a container that can write to it did not stand still.
    pub(super) fn doubt(&mut self, stirred: &NotStill) {
        if self.error.is_none() && stirred.members.contains(&self.path) {
            let (container, how, why) = (&stirred.container, stirred.how, &stirred.why);
            let doubt = format!("`{container}` did not stay {how} while it was read: {why}");
            self.warnings.push(doubt.clone());
            self.torn_by.push(doubt);
        }
    }

    /// Takes what was read.
    pub(super) fn take(&mut self, content: Content) {
        self.raw_bytes = content.raw_bytes;
        self.raw_sha256 = content.raw_sha256;
        self.entries = content.entries;
        self.index = content.index;
        self.gaps = content
            .oddities
            .iter()
            .filter(|oddity| oddity.loses_bytes)
            .count() as u64
            + content.untold_gaps;
        self.warnings = content
            .oddities
            .iter()
            .take(TOLD)
            .map(|oddity| oddity.what.clone())
            .collect();
        let untold = content
            .oddity_count
            .saturating_sub(self.warnings.len() as u64);
        if untold > 0 {
            self.warnings.push(format!("and {untold} more"));
        }
    }
}

impl From<&MemberReport> for MemberSummary {
    fn from(report: &MemberReport) -> Self {
        Self {
            member: report.path.clone(),
            bytes: report.raw_bytes,
            entries: report.entries,
            seconds: report.seconds,
            warnings: report.warnings.clone(),
            entries_with_gaps: report.gaps,
            torn_by: report.torn_by.clone(),
            error: report.error.clone(),
        }
    }
}

fn tree_source(tree: &TreePlan) -> Source {
    match tree.scope {
        Scope::Mounted => {
            let path = tree
                .member
                .strip_prefix("volumes/mounted")
                .unwrap_or(&tree.member);
            let path = path.trim_start_matches('/');
            Source::Mounted {
                path: if path.is_empty() {
                    ".".to_owned()
                } else {
                    path.to_owned()
                },
            }
        }
        Scope::Config if tree.member == "config-outside" => Source::ConfigOutside,
        Scope::Config | Scope::Volumes | Scope::Exports => Source::Config,
    }
}

fn volume_source(volume: &VolumePlan) -> Source {
    match &volume.kind {
        VolumeKind::Project { key } => Source::ProjectVolume { name: key.clone() },
        VolumeKind::Service {
            service,
            replica,
            path,
        } => Source::ServiceVolume {
            service: service.clone(),
            replica: *replica,
            path: path.clone(),
        },
    }
}

/// The volume as a restore needs it.
fn described(volume: &VolumePlan) -> Option<Volume> {
    let driver = volume.driver.as_ref()?;
    Some(Volume {
        name: volume.name.clone()?,
        driver: driver.driver.clone(),
        options: driver.options.clone(),
        labels: driver.labels.clone(),
    })
}
