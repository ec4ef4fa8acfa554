//! Reads the members of a plan into the fan-out: one after another, but volumes as many side by side as the
//! plan says.

mod volumes;

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::command::{InContainer, first_running};
use super::content::{Content, MemberError};
use super::event::{Event, Reporter, chain};
use super::export_member::{self, ExportJob};
use super::fanout::Fanout;
use super::member_report::{MemberReport, TOLD};
use super::tree_member::{self, TreeJob};
use crate::bridge::{self, Chunks};
use crate::crash;
use crate::engine::helper::Helpers;
use crate::engine::{Engine, HelperMount};
use crate::plan::model::{ExportPlan, Plan, Scope, TreePlan, TreeReader};

/// Why no further member is read.
pub(super) enum Halt {
    /// The run was cancelled, or no target takes anything any more.
    Closed,
    /// A reader is gone in the middle, by a bug: what the targets were given is not known.
    Lost(String),
}

/// How the reading of one member ended.
enum Ended {
    /// It was read, or cannot be: the report says which.
    Told(MemberReport),
    /// See [`Halt`]; a reader that is gone leaves a report.
    Halted(Halt, Option<MemberReport>),
}

impl Ended {
    fn told(self, reports: &mut Vec<MemberReport>) -> Result<(), Halt> {
        let (report, end) = match self {
            Self::Told(report) => (Some(report), Ok(())),
            Self::Halted(halt, report) => (report, Err(halt)),
        };
        reports.extend(report);
        end
    }
}

/// Which members are read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// All of the scope.
    All,
    /// The one of that path.
    Member(&'a str),
}

impl Wanted<'_> {
    fn takes(self, member: &str) -> bool {
        match self {
            Self::All => true,
            Self::Member(wanted) => wanted == member,
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
    engine: Option<Arc<dyn Engine>>,
}

impl Reading {
    pub(super) fn new(
        plan: Arc<Plan>,
        fanout: Arc<Fanout>,
        (reporter, cancel): (Arc<dyn Reporter>, CancellationToken),
        (engine, helpers): (Option<Arc<dyn Engine>>, Option<Arc<Helpers>>),
    ) -> Self {
        Self {
            plan,
            fanout,
            reporter,
            cancel,
            helpers,
            engine,
        }
    }

    /// Reads the trees of one scope. A member that fails is reported, and the others go on.
    pub(super) async fn trees(
        &self,
        scope: Scope,
        wanted: Wanted<'_>,
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
            if !wanted.takes(&tree.member) {
                continue;
            }
            let report = MemberReport::of_tree(tree);
            let read = self.tree(tree, Arc::clone(&shared));
            self.member(report, read).await.told(reports)?;
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
            never: places_of_dumps(&self.plan, &tree.base),
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

    /// Reads the exports, as [`Reading::trees`] does. Ends of itself when the run is cancelled: the
    /// command that runs then is told so.
    pub(super) async fn exports(&self, reports: &mut Vec<MemberReport>) -> Result<(), Halt> {
        for export in &self.plan.exports {
            let Some(path) = &export.member else {
                continue;
            };
            let report = MemberReport::of_export(path, export);
            let read = self.export(path, export);
            self.member(report, read).await.told(reports)?;
        }
        Ok(())
    }

    async fn export(&self, path: &str, export: &ExportPlan) -> Result<Content, MemberError> {
        let Some(engine) = &self.engine else {
            return Err(MemberError::Failed("no engine answers".to_owned()));
        };
        let project = &self.plan.project.identity.name;
        let starting = async {
            let container = first_running(&**engine, project, &export.service).await?;
            InContainer::start(engine, &container, &export.run, false).await
        };
        let Some(started) = self.cancel.run_until_cancelled(starting).await else {
            return Err(MemberError::Stopped);
        };
        let command = started.map_err(|error| MemberError::failed(&error))?;
        let watched = command.watched();
        let pieces = bridge::chunks(command.pieces(), self.cancel.clone());
        let job = ExportJob {
            member: path.to_owned(),
            min_bytes: export.min_bytes,
        };
        let fanout = Arc::clone(&self.fanout);
        let read = move || export_member::read(&job, pieces, &fanout);
        let content = blocking("reading the output of a command", read).await;
        watched.end().await;
        content
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
    ) -> Ended {
        let member = report.path.clone();
        self.reporter.report(Event::MemberStarted { member });
        crash::point();
        let began = Instant::now();
        let outcome = read.await;
        crash::point();
        report.seconds = began.elapsed().as_secs_f64();
        match outcome {
            Ok(content) => {
                self.tell(&report.path, &content);
                report.take(content);
                self.reporter.report(Event::MemberDone {
                    member: report.path.clone(),
                    entries: report.entries(),
                    bytes: report.raw_bytes,
                });
            }
            Err(MemberError::Stopped) => return Ended::Halted(Halt::Closed, None),
            Err(MemberError::Failed(error)) => self.failed(&mut report, error),
            Err(MemberError::Lost(error)) => {
                self.failed(&mut report, error.clone());
                self.fanout.give_up();
                return Ended::Halted(Halt::Lost(error), Some(report));
            }
        }
        Ended::Told(report)
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

/// The folders in which the plan's dumps appear, by device and inode. Looked at now: the run may have
/// made them. One around the project holds more than dumps.
fn places_of_dumps(plan: &Plan, base: &Path) -> Vec<(u64, u64)> {
    let id = |path: &Path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.dev(), metadata.ino()))
    };
    let around: Vec<_> = base.ancestors().filter_map(id).collect();
    let folders = plan
        .targets
        .iter()
        .filter_map(|target| target.kind.folder());
    folders
        .filter_map(id)
        .filter(|folder| !around.contains(folder))
        .collect()
}
