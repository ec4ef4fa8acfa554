//! Containers that Compose makes, the volumes that come with them, services that start and load exports.

use tokio_util::sync::CancellationToken;

use super::changing::Destinations;
use super::error::RestoreError;
use super::loads::load_all;
use super::spine::Restoring;
use crate::engine::EngineError;
use crate::executor::chain;
use crate::restore::compose_program::{ComposeError, shown_with};
use crate::restore::event::Event;
use crate::restore::plan::model::{LeftOut, StopPlan, Target, VolumePlan};
use crate::restore::plan::volume_of;
use crate::restore::report::MemberRow;
use crate::restore::running::{Running, ServiceRow, steps};
use crate::restore::unfinished::{Record, StoppedRow};
use crate::stored::Dump;

impl Restoring {
    pub(super) async fn make_containers(&mut self) -> Result<(), RestoreError> {
        let start = &self.plan.start;
        if start.create.is_empty() && !start.recreate {
            return Ok(());
        }
        let Some(program) = &self.world.program else {
            self.by_hand(self.up());
            return Ok(());
        };
        let called = &self.world.called;
        self.world.reporter.report(Event::Composing {
            command: format!("{} up --no-start", program.shown(called)),
        });
        self.has_composed = true;
        let services = if start.recreate {
            &start.services
        } else {
            &start.create
        };
        let made = program
            .create(called, services, start.recreate, &self.world.cancel)
            .await;
        match made {
            Ok(()) => Ok(()),
            Err(ComposeError::Interrupted { .. }) => Err(RestoreError::Interrupted),
            // The data is there, and a person can do the rest.
            Err(error) => {
                self.report.error = Some(chain(&error));
                self.by_hand(self.up());
                Ok(())
            }
        }
    }

    /// The command that has the whole project run.
    fn up(&self) -> String {
        let up = match &self.world.program {
            Some(program) => program.shown(&self.world.called),
            None => shown_with("docker compose", &self.world.called),
        };
        format!("in `{}`: {up} up -d", crate::text::path(&self.plan.folder))
    }

    /// Leaves a command to whoever reads the report, once.
    fn by_hand(&mut self, command: String) {
        if !self.report.commands.contains(&command) {
            self.report.commands.push(command);
        }
    }

    /// Where volumes go that came to be with their containers.
    pub(super) async fn later_destinations(
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

    pub(super) async fn start(&mut self) -> Result<(), RestoreError> {
        let Some(running) = self.running.as_ref() else {
            return Ok(());
        };
        if self.plan.start.services.is_empty() {
            return Ok(());
        }
        let services = &self.plan.start.services;
        let (rows, failed) = self.start_services(running, services).await;
        self.note_down(&rows);
        let are_well = rows.iter().all(ServiceRow::is_well);
        self.report.services = rows;
        failed?;
        // A signal that came when all of them were up has interrupted nothing.
        if are_well { Ok(()) } else { self.heed() }
    }

    /// Starts services in their order. Where the engine does not even say which containers there are, those
    /// that were stopped get their try all the same.
    async fn start_services(
        &self,
        running: &Running,
        services: &[String],
    ) -> (Vec<ServiceRow>, Result<(), EngineError>) {
        let steps = steps(services, self.facts.model.as_ref(), &self.plan.stop);
        match running.start_in_order(&self.plan.project, &steps).await {
            Ok(rows) => (rows, Ok(())),
            Err(error) => (running.start_stopped(&self.stopped()).await, Err(error)),
        }
    }

    fn stopped(&self) -> Vec<StoppedRow> {
        self.plan.stop.iter().map(Into::into).collect()
    }

    /// Notes who was stopped and is not up, with the command that starts it.
    fn note_down(&mut self, rows: &[ServiceRow]) {
        for one in self.plan.stop.clone() {
            if is_back(&one, rows) {
                continue;
            }
            let is_gone = |row: &ServiceRow| row.service == one.service && row.container.is_none();
            let command = if rows.iter().any(is_gone) {
                self.up()
            } else {
                format!("docker start {}", one.name)
            };
            self.by_hand(command);
            self.report.not_brought_back.push(one.name);
        }
    }

    /// Loads exports into services that run. One that fails is told, and is no reason to take anything back.
    pub(super) async fn load_exports(&mut self, dump: Dump) -> Result<(), RestoreError> {
        let (Some(engine), false) = (&self.world.engine, self.plan.exports.is_empty()) else {
            return Ok(());
        };
        let (rows, project) = (&self.plan.exports, &self.plan.project);
        for loaded in load_all(dump, rows, project, engine, &self.world.cancel).await? {
            let member = loaded.plan.member.clone();
            match loaded.error {
                None => {
                    let place = format!("service {}", loaded.plan.service);
                    self.world.reporter.report(Event::Placed {
                        member: member.clone(),
                        place: place.clone(),
                    });
                    self.report.members.push(MemberRow {
                        member,
                        place,
                        entries: 0,
                        bytes: loaded.plan.bytes,
                        warnings: Vec::new(),
                    });
                }
                Some(error) => self.leave_export(member, error),
            }
        }
        Ok(())
    }

    /// Notes that no export is loaded, because services do not run.
    pub(super) fn leave_exports(&mut self, why: &str) {
        for row in self.plan.exports.clone() {
            self.leave_export(row.member, why.to_owned());
        }
    }

    fn leave_export(&mut self, member: String, why: String) {
        self.by_hand(format!(
            "when the cause is mended, load it again with `--exports`: {member}"
        ));
        self.report.left_out.push(LeftOut { what: member, why });
    }

    /// Has those run again that were stopped.
    pub(super) async fn bring_back(&mut self) -> Result<(), RestoreError> {
        let Some(running) = &self.running else {
            return Ok(());
        };
        // A signal has ended the restore, and must not end what takes it back.
        let running = running.unheeding();
        let (rows, failed) = if self.has_removed {
            if let Some(program) = &self.world.program {
                let create = &self.plan.start.create;
                let never = CancellationToken::new();
                let made = program
                    .create(&self.world.called, create, false, &never)
                    .await;
                if let Err(error) = made {
                    tracing::error!("{}", chain(&error));
                }
            }
            let services: Vec<String> = self
                .plan
                .stop
                .iter()
                .rev()
                .map(|row| row.service.clone())
                .collect();
            self.start_services(&running, &services).await
        } else {
            (running.start_stopped(&self.stopped()).await, Ok(()))
        };
        self.note_down(&rows);
        Ok(failed?)
    }

    /// Removes the containers that Compose has made for this restore: they would keep volumes from being
    /// removed.
    pub(super) async fn remove_new_containers(&self) -> Result<(), EngineError> {
        let (Some(engine), true) = (&self.world.engine, self.has_composed) else {
            return Ok(());
        };
        let before = self
            .facts
            .engine
            .as_ref()
            .map_or(&[][..], |engine| &engine.containers);
        for container in engine.project_containers(&self.plan.project).await? {
            if !before.iter().any(|one| one.id == container.id) {
                engine.remove_container(&container.id).await?;
            }
        }
        Ok(())
    }
}

/// Whether a container that was stopped is up; of one that Compose has replaced, its service.
fn is_back(one: &StopPlan, rows: &[ServiceRow]) -> bool {
    let own = rows
        .iter()
        .find(|row| row.container.as_ref() == Some(&one.name));
    match own {
        Some(row) => row.is_up,
        None => rows
            .iter()
            .any(|row| row.service == one.service && row.is_up),
    }
}
