//! Reads the members of a plan, one after another, into the fan-out.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::bridge::{self, Chunks};
use super::content::{Content, MemberError};
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
use crate::plan::model::{Plan, ReaderPlan, Scope, TreePlan, TreeReader, VolumeKind, VolumePlan};

/// As many oddities of one member are told one by one; the rest is counted.
const TOLD: usize = 100;

/// Why no further member is read.
pub(super) enum Halt {
    /// The run was cancelled, or no target takes anything any more.
    Closed,
    /// A reader is gone in the middle, by a bug: what the targets were given is not known.
    Lost(String),
}

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

    /// Reads the trees of one scope. A member that fails is reported, and the others go on.
    pub(super) async fn trees(
        &self,
        scope: Scope,
        reports: &mut Vec<MemberReport>,
    ) -> Result<(), Halt> {
        let trees: Vec<&TreePlan> = self
            .plan
            .trees
            .iter()
            .filter(|tree| tree.scope == scope)
            .collect();
        let shared = Arc::new(shared_folders(&trees));
        for tree in trees {
            let reader = match tree.reader {
                TreeReader::Direct => Reader::Direct,
                TreeReader::Engine => Reader::Engine,
            };
            let source = tree_source(tree);
            let report = MemberReport::begin(&tree.member, MemberKind::Tree, source, reader);
            let read = self.tree(tree, Arc::clone(&shared));
            self.member(report, read, reports).await?;
        }
        Ok(())
    }

    async fn tree(
        &self,
        tree: &TreePlan,
        shared: Arc<BTreeSet<Vec<u8>>>,
    ) -> Result<Content, MemberError> {
        let job = TreeJob {
            tree: tree.clone(),
            shared,
            spool_dir: self.plan.spool_dir.clone(),
        };
        let fanout = Arc::clone(&self.fanout);
        let TreeReader::Engine = tree.reader else {
            return blocking("reading a tree", move || tree_member::direct(&job, &fanout)).await;
        };
        let Some(root) = tree.roots.first().cloned() else {
            return Err(MemberError::Failed("there is nothing to read".to_owned()));
        };
        let mount = HelperMount::Path(tree.base.join(&root.path));
        let read = move |chunks| tree_member::engine(&job, &root, chunks, &fanout);
        self.through_helper(mount, read).await
    }

    /// Reads the volumes, as [`Reading::trees`] does.
    pub(super) async fn volumes(&self, reports: &mut Vec<MemberReport>) -> Result<(), Halt> {
        for volume in &self.plan.volumes {
            let (Some(path), Some(reader)) = (&volume.member, &volume.reader) else {
                continue;
            };
            let source = volume_source(volume);
            let mut report = MemberReport::begin(path, MemberKind::Tar, source, reader_of(reader));
            report.volume = described(volume);
            let read = self.volume(path, volume, reader);
            self.member(report, read, reports).await?;
        }
        Ok(())
    }

    async fn volume(
        &self,
        path: &str,
        volume: &VolumePlan,
        reader: &ReaderPlan,
    ) -> Result<Content, MemberError> {
        let fanout = Arc::clone(&self.fanout);
        let job = VolumeJob {
            member: path.to_owned(),
            exclude: volume.exclude.clone(),
            spool_dir: self.plan.spool_dir.clone(),
        };
        match reader {
            ReaderPlan::Direct { mountpoint } => {
                let mountpoint = mountpoint.clone();
                blocking("reading a volume", move || {
                    volume_member::direct(&job, &mountpoint, &fanout)
                })
                .await
            }
            ReaderPlan::Engine { .. } => {
                let mount = HelperMount::Volume(volume.name.clone().unwrap_or_default());
                let read = move |chunks| volume_member::engine(&job, chunks, &fanout);
                self.through_helper(mount, read).await
            }
        }
    }

    /// Has `read` take the engine's stream of what a helper mounts.
    async fn through_helper(
        &self,
        mount: HelperMount,
        read: impl FnOnce(Chunks) -> Result<Content, MemberError> + Send + 'static,
    ) -> Result<Content, MemberError> {
        let Some(helpers) = &self.helpers else {
            return Err(MemberError::Failed("no engine answers".to_owned()));
        };
        let helper = helpers
            .create(mount)
            .await
            .map_err(|error| MemberError::failed(&error))?;
        let stream = helper
            .archive()
            .await
            .map_err(|error| MemberError::failed(&error))?;
        let chunks = bridge::chunks(stream, self.cancel.clone());
        let content = blocking("reading through the engine", move || read(chunks)).await;
        if let Err(error) = helper.remove().await {
            tracing::warn!(error = chain(&error), "a helper container is left over");
        }
        content
    }

    /// Takes one member through its life: told, read, timed, judged.
    async fn member(
        &self,
        mut report: MemberReport,
        read: impl Future<Output = Result<Content, MemberError>>,
        reports: &mut Vec<MemberReport>,
    ) -> Result<(), Halt> {
        let member = report.path.clone();
        self.reporter.report(Event::MemberStarted { member });
        let began = Instant::now();
        let outcome = read.await;
        report.seconds = began.elapsed().as_secs_f64();
        match outcome {
            Ok(content) => {
                self.tell(&report.path, &content);
                report.take(content);
                self.reporter.report(Event::MemberDone {
                    member: report.path.clone(),
                    entries: report.entries,
                    bytes: report.raw_bytes,
                });
            }
            Err(MemberError::Stopped) => return Err(Halt::Closed),
            Err(MemberError::Failed(error)) => self.failed(&mut report, error),
            Err(MemberError::Lost(error)) => {
                self.failed(&mut report, error.clone());
                reports.push(report);
                self.fanout.give_up();
                return Err(Halt::Lost(error));
            }
        }
        reports.push(report);
        Ok(())
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
}

/// Runs blocking work, which a panic loses.
async fn blocking(
    work: &'static str,
    run: impl FnOnce() -> Result<Content, MemberError> + Send + 'static,
) -> Result<Content, MemberError> {
    match bridge::blocking(work, run).await {
        Ok(outcome) => outcome,
        Err(lost) => Err(MemberError::Lost(lost.to_string())),
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
