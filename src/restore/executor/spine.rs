//! The spine of a restore.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::places::{InPlace, SwapError};
use super::stager::{self, Check, Goes, PassOptions, StageError};
use super::volumes::{VolumeError, Volumes};
use super::writes::{self, WriteError, Written};
use crate::archive::escape::unescape;
use crate::bridge::{self, WorkLost};
use crate::engine::{Engine, EngineError};
use crate::executor::chain;
use crate::restore::compose_program::{Called, ComposeError, ComposeProgram, shown_with};
use crate::restore::content::{Place, StageOptions, Token};
use crate::restore::event::{Event, Reporter};
use crate::restore::facts::Facts;
use crate::restore::plan::model::{LeftOut, MountedPlan, Plan, Target, VolumePlan};
use crate::restore::plan::{is_made_anew, volume_of};
use crate::restore::report::{Changed, RestoreReport};
use crate::restore::running::{Running, ServiceRow, StopError, steps};
use crate::restore::unfinished::{Record, Unfinished, UnfinishedError};
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
    /// Whether device nodes are made.
    pub devices: bool,
}

/// A restore cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum RestoreError {
    /// Content cannot be staged.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// Content cannot change places.
    #[error(transparent)]
    Swap(#[from] SwapError),
    /// A volume cannot be made ready.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// A container cannot be stopped.
    #[error(transparent)]
    Stop(#[from] StopError),
    /// A file beside the dump's own cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The record of the restore cannot be kept.
    #[error(transparent)]
    Record(#[from] UnfinishedError),
    /// The engine does not answer as it should.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The project folder cannot be made.
    #[error("cannot make `{}`", crate::text::path(.folder))]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Blocking work ended by a bug.
    #[error(transparent)]
    Lost(#[from] WorkLost),
    /// A signal came.
    #[error("the restore was interrupted")]
    Interrupted,
}

/// Puts a dump back as planned.
pub async fn restore(plan: Plan, facts: Facts, dump: Dump, world: World) -> RestoreReport {
    let report = RestoreReport::of(&plan);
    let mut restoring = Restoring {
        running: world.engine.clone().map(|engine| Running {
            engine,
            reporter: Arc::clone(&world.reporter),
            cancel: world.cancel.clone(),
        }),
        volumes: Volumes::new(world.engine.clone()),
        token: Token::random(),
        plan,
        facts,
        world,
        report,
        in_place: InPlace::default(),
        written: Vec::new(),
    };
    if let Err(error) = restoring.run(dump).await {
        restoring.note(&error);
    }
    restoring.report
}

/// A restore that is under way.
struct Restoring {
    plan: Plan,
    facts: Facts,
    world: World,
    running: Option<Running>,
    token: Token,
    report: RestoreReport,
    /// What has changed and can be taken back: content, files beside it, volumes that were made.
    in_place: InPlace,
    written: Vec<Written>,
    volumes: Volumes,
}

impl Restoring {
    async fn run(&mut self, dump: Dump) -> Result<(), RestoreError> {
        let dump = self.verify(dump).await?;
        let mut record = Record::begin(&self.world.state, self.unfinished())?;
        match self.change(dump, &mut record).await {
            Ok(()) => {
                self.keep(record).await?;
                self.start().await
            }
            Err(error) => {
                self.take_back(record).await?;
                Err(error)
            }
        }
    }

    /// Everything up to the point from which the new content counts.
    async fn change(&mut self, dump: Dump, record: &mut Record) -> Result<(), RestoreError> {
        if let Some(running) = &self.running {
            running.stop_all(&self.plan.stop).await?;
        }
        let goes = self.destinations(record).await?;
        let dump = self.stage_and_swap(dump, goes, record).await?;
        self.written = writes::all(&self.plan, &self.facts)?;
        self.make_containers().await?;
        let goes = self.later_destinations(record).await?;
        if !goes.is_empty() {
            self.stage_and_swap(dump, goes, record).await?;
        }
        self.heed()?;
        Ok(record.swapped()?)
    }

    /// Reads every stored byte, so that a dump that is not what was stored is refused before the first write.
    async fn verify(&mut self, mut dump: Dump) -> Result<Dump, RestoreError> {
        self.world.reporter.report(Event::Verifying);
        let mut check = Check {
            cancel: self.world.cancel.clone(),
        };
        let (dump, read) = bridge::blocking("reading the dump", move || {
            let read = dump.read_members(&mut check, &mut |_| {});
            (dump, read)
        })
        .await?;
        let verdicts = match read {
            Ok(verdicts) => verdicts,
            Err(PassError::Closed(_)) => return Err(RestoreError::Interrupted),
            Err(PassError::Scratch(error)) => return Err(StageError::Scratch(error).into()),
        };
        stager::demand_sound(&verdicts)?;
        self.world.reporter.report(Event::Verified {
            members: verdicts.members.len(),
        });
        Ok(dump)
    }

    fn unfinished(&self) -> Unfinished {
        let engine = self.world.engine.as_ref();
        let engine = engine.map_or("", |engine| &engine.daemon().id);
        Unfinished::new(&self.token, engine, &self.plan.dump.id, &self.plan.project)
    }

    fn heed(&self) -> Result<(), RestoreError> {
        if self.world.cancel.is_cancelled() {
            return Err(RestoreError::Interrupted);
        }
        Ok(())
    }
}

/// What becomes of content.
impl Restoring {
    /// Where each member goes whose place is there or can be made. Noted down before anything is written.
    async fn destinations(&mut self, record: &mut Record) -> Result<Destinations, RestoreError> {
        let mut goes = Destinations::new();
        if let Some(config) = &self.plan.config {
            goes.insert(config.member.clone(), Goes::Among);
        }
        for row in &self.plan.mounted {
            goes.insert(row.member.clone(), mounted(&self.facts, row));
        }
        for row in self.plan.volumes.clone() {
            if let Some(name) = row.volume.real_name().filter(|_| !is_made_anew(&row)) {
                let place = self.volumes.ready(&row, name, record).await?;
                goes.insert(row.member.clone(), place);
            }
        }
        if goes.values().any(Goes::is_in_project) {
            let folder = self.plan.folder.clone();
            std::fs::create_dir_all(&folder)
                .map_err(|source| RestoreError::Folder { folder, source })?;
        }
        Ok(goes)
    }

    /// Stages content and lets it change places.
    async fn stage_and_swap(
        &mut self,
        dump: Dump,
        goes: Destinations,
        record: &mut Record,
    ) -> Result<Dump, RestoreError> {
        record.add_places(&places(&self.plan.folder, &goes))?;
        let options = PassOptions {
            folder: self.plan.folder.clone(),
            token: self.token.clone(),
            stage: StageOptions {
                devices: self.world.devices,
            },
            cancel: self.world.cancel.clone(),
            reporter: Arc::clone(&self.world.reporter),
        };
        let (dump, staged) = bridge::blocking("staging content", move || {
            let mut dump = dump;
            let staged = stager::stage(&mut dump, goes, &options);
            (dump, staged)
        })
        .await?;
        let mut staged = staged?;
        self.heed()?;
        let rows = std::mem::take(&mut staged.rows);
        let mut in_place = std::mem::take(&mut self.in_place);
        let (in_place, swapped) = bridge::blocking("moving content into its place", move || {
            let swapped = in_place.swap(staged);
            (in_place, swapped)
        })
        .await?;
        self.in_place = in_place;
        swapped?;
        for row in rows {
            self.world.reporter.report(Event::Placed {
                member: row.member.clone(),
                place: row.place.clone(),
            });
            self.report.members.push(row.into());
        }
        Ok(dump)
    }

    /// The new content counts from now on.
    async fn keep(&mut self, record: Record) -> Result<(), RestoreError> {
        self.report.changed = Changed::All;
        let in_place = std::mem::take(&mut self.in_place);
        let failed = bridge::blocking("removing old content", move || in_place.keep()).await?;
        for error in &failed {
            let cause: &dyn std::error::Error = error;
            tracing::warn!(cause, "old content could not be removed");
        }
        Ok(record.end()?)
    }

    /// Everything as it was, and whoever was stopped runs again.
    async fn take_back(&mut self, record: Record) -> Result<(), RestoreError> {
        writes::take_back(std::mem::take(&mut self.written));
        let in_place = std::mem::take(&mut self.in_place);
        let failed = bridge::blocking("putting back old content", move || in_place.undo()).await?;
        for error in &failed {
            let cause: &dyn std::error::Error = error;
            tracing::error!(cause, "old content could not be put back");
        }
        let left = self.volumes.remove_made().await;
        self.report.members.clear();
        if !failed.is_empty() || !left.is_empty() {
            self.report.changed = Changed::Partly;
            self.report.commands.push(
                "restore again: services that use what was not put back stay stopped until then"
                    .to_owned(),
            );
            return Ok(());
        }
        record.end()?;
        if let Some(running) = &self.running {
            let down = running.start_stopped(&self.plan.stop).await;
            let names = down.into_iter().filter_map(|row| row.container);
            self.report.not_brought_back.extend(names);
        }
        Ok(())
    }
}

/// Containers that Compose makes, what belongs to them, and services that start.
impl Restoring {
    async fn make_containers(&mut self) -> Result<(), RestoreError> {
        let start = &self.plan.start;
        if start.create.is_empty() && !start.recreate {
            return Ok(());
        }
        let Some(program) = &self.world.program else {
            self.by_hand();
            return Ok(());
        };
        let called = &self.world.called;
        self.world.reporter.report(Event::Composing {
            command: format!("{} up --no-start", program.shown(called)),
        });
        let made = program
            .create(called, &start.create, start.recreate, &self.world.cancel)
            .await;
        match made {
            Ok(()) => Ok(()),
            Err(ComposeError::Interrupted { .. }) => Err(RestoreError::Interrupted),
            // The data is there, and a person can do the rest.
            Err(error) => {
                self.report.error = Some(chain(&error));
                self.by_hand();
                Ok(())
            }
        }
    }

    fn by_hand(&mut self) {
        let up = match &self.world.program {
            Some(program) => program.shown(&self.world.called),
            None => shown_with("docker compose", &self.world.called),
        };
        let command = format!("in `{}`: {up} up -d", crate::text::path(&self.plan.folder));
        self.report.commands.push(command);
    }

    /// Where volumes go that came to be with their containers.
    async fn later_destinations(
        &mut self,
        record: &mut Record,
    ) -> Result<Destinations, RestoreError> {
        let mut goes = Destinations::new();
        let later = |row: &&VolumePlan| row.volume.real_name().is_none();
        let later: Vec<VolumePlan> = self.plan.volumes.iter().filter(later).cloned().collect();
        let Some(engine) = self.world.engine.clone().filter(|_| !later.is_empty()) else {
            return Ok(goes);
        };
        let containers = engine.project_containers(&self.plan.project).await?;
        for row in later {
            let Target::OfContainer {
                service,
                replica,
                path,
                ..
            } = &row.volume
            else {
                continue;
            };
            match volume_of(&containers, service, *replica, path) {
                Some(name) => {
                    let place = self.volumes.ready(&row, &name, record).await?;
                    goes.insert(row.member.clone(), place);
                }
                None => {
                    self.report.left_out.push(LeftOut {
                        what: row.member.clone(),
                        why: format!("no container of `{service}` has a volume at `{path}` yet"),
                    });
                    self.report.commands.push(format!(
                        "when the containers are there: restore `--volume {} --replace`",
                        row.name
                    ));
                }
            }
        }
        Ok(goes)
    }

    async fn start(&mut self) -> Result<(), RestoreError> {
        let Some(running) = self.running.as_ref() else {
            return Ok(());
        };
        if self.plan.start.services.is_empty() {
            return Ok(());
        }
        let steps = steps(&self.plan.start.services, self.facts.model.as_ref());
        let rows = running.start_in_order(&self.plan.project, &steps).await?;
        let stopped = |row: &ServiceRow| {
            let mut stopped = self.plan.stop.iter();
            !row.is_up && stopped.any(|one| Some(&one.name) == row.container.as_ref())
        };
        let down = rows.iter().filter(|row| stopped(row));
        let down: Vec<String> = down.filter_map(|row| row.container.clone()).collect();
        self.report.not_brought_back = down;
        self.report.services = rows;
        Ok(())
    }

    /// Notes why the restore ended.
    fn note(&mut self, error: &RestoreError) {
        self.report.interrupted = self.world.cancel.is_cancelled();
        self.report.is_damaged = matches!(error, RestoreError::Stage(StageError::Damaged { .. }));
        self.report.error = Some(chain(error));
    }
}

/// Where members go, by their paths in the dump.
type Destinations = BTreeMap<String, Goes>;

fn mounted(facts: &Facts, row: &MountedPlan) -> Goes {
    let path = unescape(row.path.as_bytes()).unwrap_or_default();
    match &path[..] {
        // The project folder itself has more in it than what was mounted.
        b"" | b"." => Goes::Among,
        _ => Goes::Mounted {
            path,
            carried: facts.carried.get(&row.member).cloned().unwrap_or_default(),
        },
    }
}

/// The folders in which content is staged.
fn places(folder: &Path, goes: &Destinations) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    if goes.values().any(Goes::is_in_project) {
        places.push(Place::new(folder));
    }
    places.extend(goes.values().filter_map(|goes| match goes {
        Goes::Among => None,
        Goes::Folder(mountpoint) => Some(Place::new(mountpoint)),
        Goes::Mounted { path, .. } => Some(Place {
            root: folder.to_owned(),
            below: path.clone(),
        }),
    }));
    places
}
