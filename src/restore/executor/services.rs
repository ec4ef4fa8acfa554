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
use crate::restore::plan::model::{LeftOut, Target, VolumePlan};
use crate::restore::plan::volume_of;
use crate::restore::report::MemberRow;
use crate::restore::running::{ServiceRow, steps};
use crate::restore::unfinished::Record;
use crate::stored::Dump;

impl Restoring {
    pub(super) async fn make_containers(&mut self) -> Result<(), RestoreError> {
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
        self.has_composed = true;
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

    pub(super) fn by_hand(&mut self) {
        let up = match &self.world.program {
            Some(program) => program.shown(&self.world.called),
            None => shown_with("docker compose", &self.world.called),
        };
        let command = format!("in `{}`: {up} up -d", crate::text::path(&self.plan.folder));
        self.report.commands.push(command);
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
                Some(error) => {
                    self.report.commands.push(format!(
                        "when the cause is mended, load it again with `--exports`: {member}"
                    ));
                    self.report.left_out.push(LeftOut {
                        what: member,
                        why: error,
                    });
                }
            }
        }
        Ok(())
    }

    /// Has those run again that were stopped.
    pub(super) async fn bring_back(&mut self) -> Result<(), RestoreError> {
        let Some(running) = &self.running else {
            return Ok(());
        };
        // A signal has ended the restore, and must not end what takes it back.
        let running = running.unheeding();
        let down = if self.has_removed {
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
            let steps = steps(&services, self.facts.model.as_ref());
            running.start_in_order(&self.plan.project, &steps).await?
        } else {
            running.start_stopped(&self.plan.stop).await
        };
        let down = down.into_iter().filter(|row| !row.is_up);
        let names = down.map(|row| row.container.unwrap_or(row.service));
        self.report.not_brought_back.extend(names);
        Ok(())
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
