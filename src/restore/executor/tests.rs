//! Restores whose engine or state folder fails after the swap, and who runs at the end.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

use super::spine::{Restoring, World, restore};
use crate::codecs::Codec;
use crate::engine::fake::{FakeEngine, Fault, Method};
use crate::engine::{ContainerState, Engine};
use crate::executor::samples::whole::{Shape, dump_everything};
use crate::exit::Exit;
use crate::restore::compose_program::Called;
use crate::restore::event::{Event, Reporter};
use crate::restore::facts::Standing;
use crate::restore::plan::model::Plan;
use crate::restore::plan::samples::{Sample, user};
use crate::restore::report::{Changed, RestoreReport};
use crate::restore::unfinished::Record;
use crate::state::StateFolder;
use crate::stored::Dump;

/// Sends a signal when the first container has started, where it is told to.
struct Signal(Mutex<Option<CancellationToken>>);

impl Reporter for Signal {
    fn report(&self, event: Event) {
        if matches!(event, Event::Started { .. })
            && let Some(cancel) = self.0.lock().unwrap().take()
        {
            cancel.cancel();
        }
    }
}

/// A restore that stops `db` and `web`, whose content has nothing to change, and starts them and `extra`.
struct Case {
    folder: tempfile::TempDir,
    engine: Arc<FakeEngine>,
    sample: Sample,
    plan: Plan,
    cancel: CancellationToken,
    is_signalled: bool,
}

impl Case {
    fn new() -> Self {
        let mut sample = Sample::new();
        sample.request.replace = true;
        let users = ["db", "web", "extra"].map(|service| user(service, "blog_data"));
        for service in ["db", "web"] {
            sample.volume("data", service);
        }
        sample.service("extra");
        sample.depends("web", "db");
        sample.depends("extra", "web");
        let engine = FakeEngine::new();
        let [db, web, mut extra] = users;
        extra.mounts.clear();
        extra.state = ContainerState::Exited;
        for container in [&db, &web, &extra] {
            engine.put_container(container.clone());
        }
        sample.engine().containers.push(extra);
        sample.existing("blog_data", Standing::Full, vec![db, web]);
        let mut plan = sample.plan();
        assert_eq!(plan.start.services, ["db", "web", "extra"]);
        assert_eq!(plan.stop.len(), 2);
        (plan.config, plan.start.recreate) = (None, false);
        plan.volumes.clear();
        Self {
            folder: tempfile::tempdir().unwrap(),
            engine: Arc::new(engine),
            sample,
            plan,
            cancel: CancellationToken::new(),
            is_signalled: false,
        }
    }

    fn state(&self) -> StateFolder {
        StateFolder::at(self.folder.path().join("state"))
    }

    fn dump(&self) -> Dump {
        let dumps = self.folder.path().join("dumps");
        std::fs::create_dir(&dumps).unwrap();
        let dump = dump_everything(&dumps, Shape::Directory, Codec::None);
        Dump::open(&dump, self.folder.path()).unwrap()
    }

    fn world(&self) -> World {
        let cancel = self.is_signalled.then(|| self.cancel.clone());
        World {
            engine: Some(Arc::clone(&self.engine) as Arc<dyn Engine>),
            program: None,
            called: Called {
                folder: self.plan.folder.clone(),
                name: None,
                files: Vec::new(),
                env_files: Vec::new(),
                profiles: Vec::new(),
            },
            state: self.state(),
            reporter: Arc::new(Signal(Mutex::new(cancel))),
            cancel: self.cancel.clone(),
            scratch: self.folder.path().to_owned(),
            devices: false,
        }
    }

    fn restore(&self) -> RestoreReport {
        let (plan, facts) = (self.plan.clone(), self.sample.facts.clone());
        let (dump, world) = (self.dump(), self.world());
        block_on(restore(plan, facts, dump, world))
    }

    fn is_up(&self, service: &str) -> bool {
        let state = self.engine.state_of(&format!("blog-{service}-1"));
        state == Some(ContainerState::Running)
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(work)
}

#[test]
fn all_that_was_to_run_runs() {
    let case = Case::new();
    let report = case.restore();
    assert_eq!(report.exit(None), Exit::Done, "{report:?}");
    assert!(["db", "web", "extra"].iter().all(|one| case.is_up(one)));
}

#[test]
fn an_engine_that_does_not_answer_after_the_swap_is_asked_to_start_who_was_stopped() {
    let case = Case::new();
    let list = Method::ProjectContainers;
    case.engine.fail(list, None, &Fault::Lost, 1);
    let report = case.restore();
    assert_eq!(report.changed, Changed::All);
    assert!(report.error.is_some());
    assert_eq!(report.exit(None), Exit::Partial, "{report:?}");
    assert!(case.is_up("db") && case.is_up("web"));
}

#[test]
fn who_was_stopped_and_stays_down_is_named_with_the_command() {
    let case = Case::new();
    let list = Method::ProjectContainers;
    case.engine.fail(list, None, &Fault::Lost, 1);
    case.engine.fail(Method::Start, None, &Fault::Lost, 9);
    let report = case.restore();
    assert_eq!(report.changed, Changed::All);
    assert_eq!(report.exit(None), Exit::NotBrought, "{report:?}");
    assert_eq!(report.not_brought_back, ["blog-web-1", "blog-db-1"]);
    assert_eq!(
        report.commands,
        ["docker start blog-web-1", "docker start blog-db-1"]
    );
}

#[test]
fn a_record_that_cannot_be_removed_keeps_nobody_down() {
    let case = Case::new();
    let dump = case.dump();
    let (plan, facts) = (case.plan.clone(), case.sample.facts.clone());
    let mut restoring = Restoring::new(plan, facts, case.world());
    let record = Record::begin(&case.state(), restoring.unfinished()).unwrap();
    // It can neither be written nor be removed.
    let folder = case.state().folder("restores").unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let error = block_on(restoring.finish(dump, record)).unwrap_err();
    restoring.note(&error);
    assert!(["db", "web", "extra"].iter().all(|one| case.is_up(one)));
    assert_eq!(restoring.report.exit(None), Exit::Partial);
}

#[test]
fn a_signal_while_services_start_leaves_nobody_down_who_was_stopped() {
    let mut case = Case::new();
    case.is_signalled = true;
    let report = case.restore();
    let exit = report.exit(Some(Exit::Interrupted));
    assert_eq!(exit, Exit::Interrupted, "{report:?}");
    assert!(case.is_up("db") && case.is_up("web") && !case.is_up("extra"));
    assert_eq!(report.services.len(), 3);
}

#[test]
fn a_signal_hides_nobody_who_stays_down() {
    let mut case = Case::new();
    case.is_signalled = true;
    let (start, web) = (Method::Start, Some("blog-web-1"));
    case.engine.fail(start, web, &Fault::Lost, 9);
    let report = case.restore();
    let exit = report.exit(Some(Exit::Interrupted));
    assert_eq!(exit, Exit::NotBrought, "{report:?}");
    assert_eq!(report.not_brought_back, ["blog-web-1"]);
    assert_eq!(report.commands, ["docker start blog-web-1"]);
}
