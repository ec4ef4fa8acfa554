//! The spine of a restore: what happens in which order.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::check::{Check, demand_sound};
use super::error::RestoreError;
use super::gate::{Gate, MountedPlace};
use super::places::InPlace;
use super::stager::StageError;
use super::volumes::Volumes;
use super::writes::{self, Written};
use crate::archive::escape::unescape;
use crate::archive::manifest::model::Source;
use crate::bridge;
use crate::engine::Engine;
use crate::executor::chain;
use crate::restore::compose_program::{Called, ComposeProgram};
use crate::restore::content::{Admission, StageOptions, Token};
use crate::restore::event::{Event, Reporter};
use crate::restore::facts::Facts;
use crate::restore::plan::model::{Plan, Writer};
use crate::restore::report::RestoreReport;
use crate::restore::running::Running;
use crate::restore::unfinished::{Record, Unfinished};
use crate::state::StateFolder;
use crate::stored::{Dump, PassError};

/// What a restore works with.
pub struct World {
    /// The engine, where one answered.
    pub engine: Option<Arc<dyn Engine>>,
    /// Compose, where it is installed.
    pub program: Option<ComposeProgram>,
    /// The project as Compose is told of it.
    pub called: Called,
    /// Where records of restores are kept.
    pub state: StateFolder,
    /// Hears what happens.
    pub reporter: Arc<dyn Reporter>,
    /// Fires when a signal came.
    pub cancel: CancellationToken,
    /// Where temporary files go.
    pub scratch: PathBuf,
    /// Whether device nodes are made.
    pub devices: bool,
}

/// Puts a dump back as planned.
pub async fn restore(plan: Plan, facts: Facts, dump: Dump, world: World) -> RestoreReport {
    let mut restoring = Restoring::new(plan, facts, world);
    if let Err(error) = restoring.run(dump).await {
        restoring.note(&error);
    }
    restoring.volumes.settle().await;
    restoring.report
}

/// A restore that is under way.
pub(super) struct Restoring {
    pub(super) plan: Plan,
    pub(super) facts: Facts,
    pub(super) world: World,
    pub(super) running: Option<Running>,
    pub(super) token: Token,
    pub(super) report: RestoreReport,
    /// What has changed and can be taken back: content, files beside it, volumes that were made.
    pub(super) in_place: InPlace,
    pub(super) written: Vec<Written>,
    pub(super) volumes: Volumes,
    /// Whether containers were removed, which Compose has to make again.
    pub(super) has_removed: bool,
    /// Whether Compose has made containers.
    pub(super) has_composed: bool,
}

impl Restoring {
    pub(super) fn new(plan: Plan, facts: Facts, world: World) -> Self {
        Self {
            running: world.engine.clone().map(|engine| Running {
                engine,
                reporter: Arc::clone(&world.reporter),
                cancel: world.cancel.clone(),
            }),
            volumes: Volumes::new(
                world.engine.clone(),
                world.scratch.clone(),
                StageOptions {
                    devices: world.devices,
                },
            ),
            token: Token::random(),
            report: RestoreReport::of(&plan),
            plan,
            facts,
            world,
            in_place: InPlace::default(),
            written: Vec::new(),
            has_removed: false,
            has_composed: false,
        }
    }

    async fn run(&mut self, dump: Dump) -> Result<(), RestoreError> {
        let dump = self.verify(dump).await?;
        let mut record = Record::begin(&self.world.state, self.unfinished())?;
        match self.change(dump, &mut record).await {
            Ok(dump) => self.finish(dump, record).await,
            Err(error) => {
                if let Err(other) = self.take_back(record).await {
                    tracing::error!("{}", chain(&other));
                }
                Err(error)
            }
        }
    }

    /// Everything up to the point from which the new content counts.
    async fn change(&mut self, dump: Dump, record: &mut Record) -> Result<Dump, RestoreError> {
        if let Some(running) = &self.running {
            record.add_stopped(&self.plan.stop)?;
            running.stop_all(&self.plan.stop).await?;
        }
        let goes = self.destinations(record).await?;
        let dump = self.stage_and_swap(dump, goes, record).await?;
        let goes = self.made_anew(record).await?;
        let dump = self.stage_and_swap(dump, goes, record).await?;
        self.written = writes::all(&self.plan, &self.facts)?;
        self.make_containers().await?;
        let goes = self.later_destinations(record).await?;
        let dump = self.stage_and_swap(dump, goes, record).await?;
        self.heed()?;
        record.swapped()?;
        Ok(dump)
    }

    /// Reads every stored byte, so that a dump that is not what was stored is refused before the first write.
    async fn verify(&mut self, mut dump: Dump) -> Result<Dump, RestoreError> {
        self.world.reporter.report(Event::Verifying);
        let mut check = Check::new(self.world.cancel.clone(), self.gates());
        let (dump, refused, read) = bridge::blocking("reading the dump", move || {
            let read = dump.read_members(&mut check, &mut |_| {});
            (dump, check.take_error(), read)
        })
        .await?;
        if let Some(refused) = refused {
            return Err(refused.into());
        }
        let verdicts = match read {
            Ok(verdicts) => verdicts,
            Err(PassError::Closed(_)) => return Err(RestoreError::Interrupted),
            Err(PassError::Scratch(error)) => return Err(StageError::Scratch(error).into()),
        };
        demand_sound(&verdicts)?;
        self.world.reporter.report(Event::Verified {
            members: verdicts.members.len(),
        });
        Ok(dump)
    }

    /// What looks at members before the engine gets them.
    /// What looks at each member that is put back.
    fn gates(&self) -> BTreeMap<String, Gate> {
        let devices = self.world.devices;
        let mut gates: BTreeMap<String, Gate> = BTreeMap::new();
        for member in self.facts.chosen() {
            let place = match &member.source {
                Source::Mounted { path } => unescape(path.as_bytes()).map(|path| MountedPlace {
                    at: self.plan.folder.join(OsStr::from_bytes(&path)),
                    carried: self
                        .facts
                        .carried
                        .get(&member.path)
                        .cloned()
                        .unwrap_or_default(),
                    path,
                }),
                _ => None,
            };
            let gate = Gate {
                devices,
                place,
                engine: None,
            };
            gates.insert(member.path.clone(), gate);
        }
        let rows = self.plan.volumes.iter();
        for row in rows.filter(|row| row.writer != Writer::Direct) {
            let options = StageOptions { devices };
            let gate = gates.entry(row.member.clone()).or_default();
            gate.devices = devices;
            gate.engine = Some(Admission::new(row.bytes, options));
        }
        gates
    }

    pub(super) fn unfinished(&self) -> Unfinished {
        let engine = self.world.engine.as_ref();
        let engine = engine.map_or("", |engine| &engine.daemon().id);
        Unfinished::new(&self.token, engine, &self.plan.dump.id, &self.plan.project)
    }

    pub(super) fn heed(&self) -> Result<(), RestoreError> {
        if self.world.cancel.is_cancelled() {
            return Err(RestoreError::Interrupted);
        }
        Ok(())
    }

    /// Notes why the restore ended.
    pub(super) fn note(&mut self, error: &RestoreError) {
        self.report.interrupted = self.world.cancel.is_cancelled();
        self.report.is_damaged = matches!(error, RestoreError::Stage(StageError::Damaged { .. }));
        self.report.error = Some(chain(error));
        self.report.help = error.help().map(str::to_owned);
    }
}
