//! Reads the members of a plan, one after another, into the fan-out.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::bridge;
use super::dump::World;
use super::event::{Event, Reporter, chain};
use super::fanout::Fanout;
use super::index_file::IndexSpool;
use super::report::MemberSummary;
use super::tree_member::{self, TreeJob};
use super::volume_member::{self, VolumeJob};
use crate::archive::manifest::Sha256Digest;
use crate::archive::manifest::model::{Fidelity, MemberKind, Reader, Source, Volume};
use crate::engine::HelperMount;
use crate::engine::helper::Helpers;
use crate::plan::model::{Plan, ReaderPlan, Scope, TreePlan, VolumeKind, VolumePlan};

/// As many oddities of one member are told one by one; the rest is counted.
const TOLD: usize = 100;

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
            seconds: 0.0,
            error: None,
        }
    }

    /// Whether everything that the reader could see is in the dump.
    pub(super) fn is_whole(&self) -> bool {
        self.error.is_none() && self.gaps == 0
    }

    fn take(&mut self, content: Content) {
        self.raw_bytes = content.raw_bytes;
        self.raw_sha256 = content.raw_sha256;
        self.entries = content.entries;
        self.index = Some(content.index);
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
            error: report.error.clone(),
        }
    }
}

/// What was read of a member.
pub(super) struct Content {
    pub(super) raw_bytes: u64,
    pub(super) raw_sha256: Sha256Digest,
    pub(super) entries: u64,
    pub(super) index: IndexSpool,
    /// The first oddities in full.
    pub(super) oddities: Vec<Oddity>,
    /// All of them.
    pub(super) oddity_count: u64,
    /// Those that lose bytes and are not among the first.
    pub(super) untold_gaps: u64,
}

/// Something odd about one entry.
#[derive(Debug, Clone)]
pub(super) struct Oddity {
    pub(super) what: String,
    pub(super) loses_bytes: bool,
}

/// Why a member was not read to its end.
pub(super) enum MemberError {
    /// The run was cancelled, or no target takes it: the member is not to blame.
    Stopped,
    /// The member cannot be read.
    Failed(String),
}

/// Reads members; cheap to clone.
#[derive(Clone)]
pub(super) struct Reading {
    plan: Arc<Plan>,
    fanout: Arc<Fanout>,
    reporter: Arc<dyn Reporter>,
    cancel: CancellationToken,
    helpers: Option<Arc<Helpers>>,
}

impl Reading {
    pub(super) fn new(
        plan: Arc<Plan>,
        fanout: Arc<Fanout>,
        world: &World,
        helpers: Option<Arc<Helpers>>,
    ) -> Self {
        Self {
            plan,
            fanout,
            reporter: Arc::clone(&world.reporter),
            cancel: world.cancel.clone(),
            helpers,
        }
    }

    /// Reads the trees of one scope.
    pub(super) async fn trees(&self, scope: Scope, reports: &mut Vec<MemberReport>) {
        let trees: Vec<&TreePlan> = self
            .plan
            .trees
            .iter()
            .filter(|tree| tree.scope == scope)
            .collect();
        let shared = Arc::new(shared_folders(&trees));
        for tree in trees {
            let job = TreeJob {
                tree: tree.clone(),
                shared: Arc::clone(&shared),
                spool_dir: self.spool_dir(),
            };
            let fanout = Arc::clone(&self.fanout);
            let report = MemberReport::begin(
                &tree.member,
                MemberKind::Tree,
                tree_source(tree),
                Reader::Direct,
            );
            let read = async {
                bridge::blocking("reading a tree", move || tree_member::read(&job, &fanout)).await
            };
            if !self.member(report, None, read, reports).await {
                return;
            }
        }
    }

    /// Reads the volumes.
    pub(super) async fn volumes(&self, reports: &mut Vec<MemberReport>) {
        for volume in &self.plan.volumes {
            let (Some(path), Some(reader)) = (&volume.member, &volume.reader) else {
                continue;
            };
            let mut report = MemberReport::begin(
                path,
                MemberKind::Tar,
                volume_source(volume),
                reader_of(reader),
            );
            report.volume = described(volume);
            let read = self.volume(path, volume, reader);
            if !self.member(report, None, read, reports).await {
                return;
            }
        }
    }

    async fn volume(
        &self,
        path: &str,
        volume: &VolumePlan,
        reader: &ReaderPlan,
    ) -> Result<Result<Content, MemberError>, bridge::WorkLost> {
        let fanout = Arc::clone(&self.fanout);
        let job = VolumeJob {
            member: path.to_owned(),
            spool_dir: self.spool_dir(),
        };
        match reader {
            ReaderPlan::Direct { mountpoint } => {
                let mountpoint = mountpoint.clone();
                bridge::blocking("reading a volume", move || {
                    volume_member::direct(&job, &mountpoint, &fanout)
                })
                .await
            }
            ReaderPlan::Engine { .. } => {
                let (Some(helpers), Some(name)) = (&self.helpers, &volume.name) else {
                    return Ok(Err(MemberError::Failed(
                        "the engine is not there".to_owned(),
                    )));
                };
                let helper = match helpers.create(HelperMount::Volume(name.clone())).await {
                    Ok(helper) => helper,
                    Err(error) => return Ok(Err(MemberError::Failed(chain(&error)))),
                };
                let chunks = match helper.tree().await {
                    Ok(stream) => bridge::chunks(stream, self.cancel.clone()),
                    Err(error) => return Ok(Err(MemberError::Failed(chain(&error)))),
                };
                let read = bridge::blocking("reading a volume", move || {
                    volume_member::engine(&job, chunks, &fanout)
                })
                .await;
                if let Err(error) = helper.remove().await {
                    tracing::warn!(error = chain(&error), "a helper container is left over");
                }
                read
            }
        }
    }

    /// Takes one member through its life: told, read, timed, judged. `false` when reading any other
    /// one makes no sense.
    async fn member(
        &self,
        mut report: MemberReport,
        bytes: Option<u64>,
        read: impl Future<Output = Result<Result<Content, MemberError>, bridge::WorkLost>>,
        reports: &mut Vec<MemberReport>,
    ) -> bool {
        self.reporter.report(Event::MemberStarted {
            member: report.path.clone(),
            bytes,
        });
        let began = Instant::now();
        let outcome = read.await;
        report.seconds = began.elapsed().as_secs_f64();
        match outcome {
            Ok(Ok(content)) => {
                self.tell(&report.path, &content);
                report.take(content);
                let (member, entries, bytes) =
                    (report.path.clone(), report.entries, report.raw_bytes);
                self.reporter.report(Event::MemberDone {
                    member,
                    entries,
                    bytes,
                });
            }
            Ok(Err(MemberError::Stopped)) => return false,
            Ok(Err(MemberError::Failed(error))) => self.failed(&mut report, error),
            Err(lost) => self.failed(&mut report, lost.to_string()),
        }
        reports.push(report);
        true
    }

    fn failed(&self, report: &mut MemberReport, error: String) {
        self.reporter.report(Event::MemberFailed {
            member: report.path.clone(),
            error: error.clone(),
        });
        report.error = Some(error);
    }

    fn tell(&self, member: &str, content: &Content) {
        for oddity in content.oddities.iter().take(TOLD) {
            self.reporter.report(Event::Trouble {
                member: member.to_owned(),
                what: oddity.what.clone(),
                loses_bytes: oddity.loses_bytes,
            });
        }
    }

    fn spool_dir(&self) -> std::path::PathBuf {
        self.plan.spool_dir.clone()
    }
}

/// Folders on the way to the trees' roots, which more than one of them may pass.
fn shared_folders(trees: &[&TreePlan]) -> BTreeSet<Vec<u8>> {
    let roots = trees.iter().flat_map(|tree| &tree.roots);
    roots
        .flat_map(|root| root.path.ancestors().skip(1))
        .map(|folder| folder.as_os_str().as_bytes().to_vec())
        .collect()
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

fn reader_of(reader: &ReaderPlan) -> Reader {
    match reader {
        ReaderPlan::Direct { .. } => Reader::Direct,
        ReaderPlan::Engine { .. } => Reader::Engine,
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
