//! Services that are stopped before a restore and run after it: the only code of a restore that stops and
//! starts containers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::event::{Event, Reporter};
use super::plan::model::StopPlan;
use super::unfinished::StoppedRow;
use crate::compose::Condition;
use crate::engine::{Container, ContainerState, Engine, EngineError, Health};
use crate::executor::chain;

/// How long a service is waited for that others need healthy, or ended.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often a container is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Stops and starts the containers of one project.
pub(super) struct Running {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) reporter: Arc<dyn Reporter>,
    pub(super) cancel: CancellationToken,
}

/// A container could not be stopped.
#[derive(Debug, thiserror::Error)]
#[error("cannot stop the container `{container}`")]
pub(super) struct StopError {
    /// Its name.
    pub container: String,
    /// What the engine says.
    pub source: EngineError,
}

/// How a service should be before the next one starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StartStep {
    /// The service.
    pub(super) service: String,
    /// Whether another service waits for it to end.
    pub(super) has_to_end: bool,
    /// Whether the restore has stopped it: then it starts whatever signal comes.
    pub(super) was_stopped: bool,
}

/// What became of a service.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ServiceRow {
    /// The service.
    pub service: String,
    /// Its container; `None` where there is none.
    pub container: Option<String>,
    /// Whether it runs, or has run to its end as it should.
    pub is_up: bool,
    /// What its health check says.
    pub is_healthy: Option<bool>,
    /// Why it is not up.
    pub error: Option<String>,
}

impl ServiceRow {
    /// Whether it is as it should be.
    pub(super) fn is_well(&self) -> bool {
        self.is_up && self.error.is_none()
    }
}

impl Running {
    /// The same, for what has to be done whatever signal comes.
    pub(super) fn unheeding(&self) -> Self {
        Self {
            engine: Arc::clone(&self.engine),
            reporter: Arc::clone(&self.reporter),
            cancel: CancellationToken::new(),
        }
    }

    /// Stops containers one after another; each one that is stopped is reported.
    ///
    /// # Errors
    /// The first one that cannot be stopped; those before it are.
    pub(super) async fn stop_all(&self, rows: &[StopPlan]) -> Result<(), StopError> {
        for row in rows {
            let stopped = self.engine.stop(&row.id, row.grace).await;
            match stopped {
                Err(error) if !error.is_not_found() => {
                    return Err(StopError {
                        container: row.name.clone(),
                        source: error,
                    });
                }
                _ => self.reporter.report(Event::Stopped {
                    container: row.name.clone(),
                }),
            }
        }
        Ok(())
    }

    /// Starts again what was stopped, in the reverse order; each gets its try.
    pub(super) async fn start_stopped(&self, rows: &[StoppedRow]) -> Vec<ServiceRow> {
        let mut started = Vec::new();
        for row in rows.iter().rev() {
            if let Err(error) = self.engine.start(&row.id).await {
                let is_gone = error.is_not_found();
                let why = match is_gone {
                    true => "it is gone; `docker compose up -d` makes it anew".to_owned(),
                    false => chain(&error),
                };
                let not_started = self.not_started(&row.service, &row.name, why);
                started.push(ServiceRow {
                    container: not_started.container.filter(|_| !is_gone),
                    ..not_started
                });
                continue;
            }
            self.reporter.report(Event::Started {
                container: row.name.clone(),
                is_healthy: None,
            });
            started.push(ServiceRow {
                service: row.service.clone(),
                container: Some(row.name.clone()),
                is_up: true,
                is_healthy: None,
                error: None,
            });
        }
        started
    }

    /// Starts services one after another, each when those before it are as far as they have to be. After a
    /// signal none is waited for, and only those start that were stopped.
    pub(super) async fn start_in_order(
        &self,
        project: &str,
        steps: &[StartStep],
    ) -> Result<Vec<ServiceRow>, EngineError> {
        let containers = self.engine.project_containers(project).await?;
        let mut rows = Vec::new();
        for step in steps {
            let is_of = |container: &&Container| {
                !container.oneoff && container.service.as_ref() == Some(&step.service)
            };
            let own: Vec<&Container> = containers.iter().filter(is_of).collect();
            if own.is_empty() {
                rows.push(ServiceRow {
                    service: step.service.clone(),
                    container: None,
                    is_up: false,
                    is_healthy: None,
                    error: Some("it has no container".to_owned()),
                });
            }
            let starts = own.iter().map(|container| self.start(step, container));
            rows.extend(join_all(starts).await);
        }
        Ok(rows)
    }

    async fn start(&self, step: &StartStep, container: &Container) -> ServiceRow {
        if self.cancel.is_cancelled() && !step.was_stopped {
            let why = "it was not started: the restore was interrupted".to_owned();
            return self.not_started(&step.service, &container.name, why);
        }
        if let Err(error) = self.engine.start(&container.id).await {
            return self.not_started(&step.service, &container.name, chain(&error));
        }
        let seen = self.wait(step, container).await;
        let (is_up, is_healthy, error) = match seen {
            Ok(Seen::Runs | Seen::Ended(0)) => (true, None, None),
            Ok(Seen::Healthy) => (true, Some(true), None),
            Ok(Seen::Ended(code)) => (false, None, Some(format!("it ended with code {code}"))),
            Ok(Seen::Unhealthy) => {
                let why = "its health check fails".to_owned();
                (true, Some(false), Some(why))
            }
            Ok(Seen::TooLong) => {
                let why = format!("it is not ready after {} s", PATIENCE.as_secs());
                (true, Some(false), Some(why))
            }
            Ok(Seen::Cancelled) => {
                let why = "it was started, and not waited for: the restore was interrupted";
                (true, None, Some(why.to_owned()))
            }
            Err(error) => (false, None, Some(chain(&error))),
        };
        let name = container.name.clone();
        self.reporter.report(match &error {
            None => Event::Started {
                container: name.clone(),
                is_healthy,
            },
            Some(error) => Event::NotStarted {
                container: name.clone(),
                error: error.clone(),
            },
        });
        ServiceRow {
            service: step.service.clone(),
            container: Some(name),
            is_up,
            is_healthy,
            error,
        }
    }

    /// Waits until a container is as far as it has to be; for no longer than [`PATIENCE`], and not after a
    /// signal.
    async fn wait(&self, step: &StartStep, container: &Container) -> Result<Seen, EngineError> {
        let until = Instant::now() + PATIENCE;
        loop {
            let Some(now) = self.engine.container(&container.id).await? else {
                return Ok(Seen::Ended(-1));
            };
            if now.state == ContainerState::Exited && (step.has_to_end || now.exit_code != 0) {
                return Ok(Seen::Ended(now.exit_code));
            }
            let is_ready = !now.has_health_check && !step.has_to_end;
            match now.health {
                Some(Health::Healthy) if !step.has_to_end => return Ok(Seen::Healthy),
                Some(Health::Unhealthy) => return Ok(Seen::Unhealthy),
                _ if is_ready || now.state == ContainerState::Exited => return Ok(Seen::Runs),
                _ => {}
            }
            if self.cancel.is_cancelled() {
                return Ok(Seen::Cancelled);
            }
            if Instant::now() >= until {
                return Ok(Seen::TooLong);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn not_started(&self, service: &str, container: &str, error: String) -> ServiceRow {
        self.reporter.report(Event::NotStarted {
            container: container.to_owned(),
            error: error.clone(),
        });
        ServiceRow {
            service: service.to_owned(),
            container: Some(container.to_owned()),
            is_up: false,
            is_healthy: None,
            error: Some(error),
        }
    }
}

/// How far a container is.
enum Seen {
    Runs,
    Healthy,
    Unhealthy,
    Ended(i64),
    TooLong,
    Cancelled,
}

/// The steps of a start: services in their order, with what others wait for and which of them were stopped.
pub(super) fn steps(
    services: &[String],
    model: Option<&crate::compose::Project>,
    stopped: &[StopPlan],
) -> Vec<StartStep> {
    let all = model.iter().flat_map(|model| model.services.values());
    let needed = all.flat_map(|service| &service.depends_on);
    let to_end: BTreeSet<&String> = needed
        .filter(|(_, condition)| **condition == Condition::CompletedSuccessfully)
        .map(|(name, _)| name)
        .collect();
    services
        .iter()
        .map(|service| StartStep {
            service: service.clone(),
            has_to_end: to_end.contains(service),
            was_stopped: stopped.iter().any(|row| row.service == *service),
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::engine::fake::FakeEngine;
    use crate::plan::samples::container;

    /// Hears nothing.
    struct Deaf;

    impl Reporter for Deaf {
        fn report(&self, _: Event) {}
    }

    #[tokio::test]
    async fn after_a_signal_who_was_stopped_starts_and_nobody_is_forgotten() {
        let engine = Arc::new(FakeEngine::new());
        for service in ["db", "web", "extra"] {
            let mut down = container(service, 1, Vec::new());
            down.state = ContainerState::Exited;
            if service == "db" {
                (down.has_health_check, down.health) = (true, Some(Health::Starting));
            }
            engine.put_container(down);
        }
        let cancel = CancellationToken::new();
        cancel.cancel();
        let running = Running {
            engine: Arc::clone(&engine) as Arc<dyn Engine>,
            reporter: Arc::new(Deaf),
            cancel,
        };
        let step = |service: &str, was_stopped| StartStep {
            service: service.into(),
            has_to_end: false,
            was_stopped,
        };
        let steps = [step("db", true), step("web", true), step("extra", false)];
        let rows = running.start_in_order("blog", &steps).await.unwrap();
        let said = rows.iter().map(|row| (row.is_up, row.error.as_deref()));
        assert_eq!(
            said.collect::<Vec<_>>(),
            [
                (
                    true,
                    Some("it was started, and not waited for: the restore was interrupted")
                ),
                (true, None),
                (
                    false,
                    Some("it was not started: the restore was interrupted")
                ),
            ]
        );
        let state = |id| engine.state_of(id).unwrap();
        assert_eq!(state("blog-db-1"), ContainerState::Running);
        assert_eq!(state("blog-web-1"), ContainerState::Running);
        assert_eq!(state("blog-extra-1"), ContainerState::Exited);
    }
}
