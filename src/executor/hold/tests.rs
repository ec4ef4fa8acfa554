//! Whatever happens, who was paused runs again, or is named.

use std::time::Duration;

use super::undo::AGAIN_AFTER;
use super::*;
use crate::engine::ContainerState;
use crate::engine::fake::{Call, FakeEngine, Fault, Method};
use crate::executor::samples::{Recorder, Tape, held, running};
use crate::state::StateFolder;

mod left;
mod still;
mod stopped;

struct Stage {
    engine: Arc<FakeEngine>,
    tape: Tape,
    cancel: CancellationToken,
    panics_at: Option<&'static str>,
    containers: Vec<HeldPlan>,
    folder: tempfile::TempDir,
}

impl Stage {
    /// Containers of `a`, `b` and `c`, which run.
    fn new() -> Self {
        let engine = FakeEngine::new();
        for service in ["a", "b", "c"] {
            engine.put_container(running(service));
        }
        Self {
            engine: Arc::new(engine),
            tape: Tape::default(),
            cancel: CancellationToken::new(),
            panics_at: None,
            containers: ["a", "b", "c"].map(held).to_vec(),
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn state_folder(&self) -> StateFolder {
        StateFolder::at(self.folder.path().to_owned())
    }

    /// A journal, which a keeper that is told of as gone cannot have begun itself.
    async fn journal(&self) -> Journal {
        let engine = ("FAKE", "docker".to_owned());
        let run = format!("{:?}", std::time::Instant::now());
        let journal = Journal::begin(&self.state_folder(), &run, "h/blog/0", engine).await;
        journal.expect("it can be written")
    }

    async fn hold(&self) -> Result<Keeper, NotHeld> {
        let reporter = Arc::new(Recorder {
            tape: self.tape.clone(),
            panics_at: self.panics_at,
            acts_at: None,
        });
        Keeper::hold(Holding {
            engine: Arc::clone(&self.engine) as Arc<dyn Engine>,
            journal: self.journal().await,
            containers: self.containers.clone(),
            reporter,
            cancel: self.cancel.clone(),
        })
        .await
    }

    fn state(&self, service: &str) -> Option<ContainerState> {
        self.engine.state_of(&held(service).id)
    }

    fn put(&self, service: &str, state: ContainerState) {
        let mut container = running(service);
        container.state = state;
        self.engine.put_container(container);
    }

    fn all_run(&self) -> bool {
        ["a", "b", "c"]
            .iter()
            .all(|service| self.state(service) == Some(ContainerState::Running))
    }

    /// Waits until the keeper's task, that nobody can wait for any more, has done its work.
    async fn settle(&self) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    /// Lets a call to one container fail so often.
    fn fail(&self, method: Method, service: &str, fault: &Fault, times: usize) {
        let id = held(service).id;
        self.engine.fail(method, Some(&id), fault, times);
    }
}

fn pauses(calls: &[Call], service: &str) -> usize {
    let call = Call::Pause(held(service).id);
    calls.iter().filter(|it| **it == call).count()
}

fn refused(message: &str) -> Fault {
    Fault::Refuse(500, message.into())
}

#[tokio::test(start_paused = true)]
async fn everybody_is_paused_in_order_and_brought_back() {
    let stage = Stage::new();
    let keeper = stage.hold().await.expect("it holds");
    for service in ["a", "b", "c"] {
        assert_eq!(stage.state(service), Some(ContainerState::Paused));
    }
    let report = keeper.release().await.held;
    assert!(stage.all_run());
    let names: Vec<&str> = report.iter().map(|held| &*held.container).collect();
    assert_eq!(names, ["blog-a-1", "blog-b-1", "blog-c-1"]);
    assert!(report.iter().all(|held| held.until >= Some(held.from)));
    assert_eq!(report[0].service, "a");
    let lines = stage.tape.lines();
    assert_eq!(
        lines[..3],
        ["paused blog-a-1", "paused blog-b-1", "paused blog-c-1"]
    );
    assert_eq!(
        lines[3..],
        ["resumed blog-c-1", "resumed blog-b-1", "resumed blog-a-1"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_freezer_that_fails_twice_gets_a_third_try() {
    let stage = Stage::new();
    stage.fail(Method::Pause, "b", &Fault::Freeze, 2);
    let keeper = stage.hold().await.expect("it holds");
    assert_eq!(pauses(&stage.engine.calls(), "b"), 3);
    keeper.release().await;
    assert!(stage.all_run());
}

#[tokio::test(start_paused = true)]
async fn a_freezer_that_fails_three_times_fails_the_run_and_nobody_stays_paused() {
    let stage = Stage::new();
    stage.fail(Method::Pause, "b", &Fault::Freeze, 3);
    let NotHeld { error, held } = stage.hold().await.expect_err("it cannot hold");
    assert!(matches!(error, HoldError::Pause { container, .. } if container == "blog-b-1"));
    assert_eq!(held.len(), 1, "`a` was held: {held:?}");
    assert!(held[0].until.is_some());
    assert!(stage.all_run());
    let calls = stage.engine.calls();
    assert_eq!((pauses(&calls, "b"), pauses(&calls, "c")), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn an_engine_without_a_freezer_is_not_asked_again() {
    let stage = Stage::new();
    let fault = refused("cannot toggle freezer: cgroups not configured for container");
    stage.fail(Method::Pause, "a", &fault, 1);
    stage.hold().await.expect_err("it cannot hold");
    assert_eq!(pauses(&stage.engine.calls(), "a"), 1);
    assert!(stage.all_run());
}

#[tokio::test(start_paused = true)]
async fn who_does_not_run_any_more_is_passed_over_and_left_as_it_is() {
    let stage = Stage::new();
    stage.put("a", ContainerState::Paused);
    stage.put("b", ContainerState::Exited);
    stage.engine.drop_container(&held("c").id);
    let report = stage.hold().await.expect("it holds").release().await.held;
    assert_eq!(report, []);
    assert_eq!(stage.state("a"), Some(ContainerState::Paused));
    assert_eq!(stage.state("b"), Some(ContainerState::Exited));
    assert_eq!(stage.engine.calls(), [], "nobody was touched");
    let lines = stage.tape.lines();
    assert_eq!(
        lines,
        [
            "not-paused blog-a-1: somebody else has paused it",
            "not-paused blog-b-1: it is exited",
            "not-paused blog-c-1: it does not exist any more"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_changes_between_the_look_and_the_pause_is_passed_over_too() {
    let stage = Stage::new();
    let conflict = |message: &str| Fault::Refuse(409, message.into());
    stage.fail(
        Method::Pause,
        "a",
        &conflict("Container x is already paused"),
        1,
    );
    stage.fail(
        Method::Pause,
        "b",
        &conflict("Container x is not running"),
        1,
    );
    stage.fail(
        Method::Pause,
        "c",
        &Fault::Refuse(404, "No such container: x".into()),
        1,
    );
    let report = stage.hold().await.expect("it holds").release().await.held;
    assert_eq!(report, []);
    assert_eq!(stage.engine.calls().len(), 3, "none of them is unpaused");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_pause_that_happened_counts_as_one() {
    let stage = Stage::new();
    // The engine paused it, and its answer was lost: a second look tells.
    let engine = Arc::clone(&stage.engine);
    stage.fail(Method::Pause, "a", &Fault::Timeout, 1);
    let pausing = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let mut container = running("a");
        container.state = ContainerState::Paused;
        engine.put_container(container);
    });
    let keeper = stage.hold().await.expect("it holds");
    pausing.await.expect("it is paused");
    keeper.release().await;
    assert!(stage.all_run(), "{:?}", stage.tape.lines());
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_never_was_answered_is_undone_though_it_comes_late() {
    for late in [false, true] {
        let stage = Stage::new();
        stage.fail(Method::Pause, "b", &Fault::Lost, 3);
        let engine = Arc::clone(&stage.engine);
        let cancel = tokio::spawn(async move {
            // The last try is over by then, and `b` is looked at.
            tokio::time::sleep(Duration::from_millis(1500)).await;
            if late {
                let mut container = running("b");
                container.state = ContainerState::Paused;
                engine.put_container(container);
            }
        });
        let NotHeld { held: report, .. } = stage.hold().await.expect_err("it cannot hold");
        cancel.await.expect("it is done");
        assert!(stage.all_run(), "the engine did it late: {late}");
        let names: Vec<&str> = report.iter().map(|held| &*held.container).collect();
        let wanted: &[&str] = if late {
            &["blog-a-1", "blog-b-1"]
        } else {
            &["blog-a-1"]
        };
        assert_eq!(names, wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_does_not_say_how_a_container_is_fails_the_run() {
    let stage = Stage::new();
    stage.fail(Method::Container, "b", &Fault::Timeout, 1);
    let NotHeld { error, .. } = stage.hold().await.expect_err("it cannot hold");
    assert!(matches!(error, HoldError::Look { .. }));
    assert!(stage.all_run());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cancelled_meanwhile_pauses_nobody_else() {
    let stage = Stage::new();
    stage.cancel.cancel();
    let NotHeld { error, .. } = stage.hold().await.expect_err("it was cancelled");
    assert!(matches!(error, HoldError::Interrupted));
    assert_eq!(stage.engine.calls(), []);

    let stage = Stage::new();
    stage.fail(Method::Pause, "b", &Fault::Freeze, 3);
    let cancel = stage.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        cancel.cancel();
    });
    let NotHeld { error, .. } = stage.hold().await.expect_err("it was cancelled");
    assert!(matches!(error, HoldError::Interrupted));
    assert_eq!(pauses(&stage.engine.calls(), "b"), 2, "no third try");
    assert!(stage.all_run());
}

#[tokio::test(start_paused = true)]
async fn dropping_the_keeper_or_the_wait_for_it_brings_back() {
    let stage = Stage::new();
    drop(stage.hold().await.expect("it holds"));
    stage.settle().await;
    assert!(stage.all_run());

    let stage = Stage::new();
    stage.fail(Method::Pause, "c", &Fault::Freeze, 2);
    let waiting = tokio::time::timeout(Duration::from_millis(100), stage.hold());
    assert!(waiting.await.is_err(), "it was still pausing `c`");
    assert_eq!(stage.state("a"), Some(ContainerState::Paused));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(stage.all_run());
}

#[tokio::test(start_paused = true)]
async fn a_reporter_that_panics_leaves_nobody_held() {
    for at in ["paused blog-b-1", "resumed blog-c-1"] {
        let mut stage = Stage::new();
        stage.panics_at = Some(at);
        let report = stage.hold().await.expect("it holds").release().await.held;
        assert_eq!(report.len(), 3);
        assert!(stage.all_run(), "panic at {at}");
    }
}

#[tokio::test(start_paused = true)]
async fn bringing_back_is_tried_again() {
    let stage = Stage::new();
    let keeper = stage.hold().await.expect("it holds");
    stage.fail(Method::Unpause, "b", &Fault::Lost, 5);
    let report = keeper.release().await.held;
    assert!(report.iter().all(|held| held.until.is_some()));
    assert!(stage.all_run());
    let last = stage.tape.lines().pop();
    assert_eq!(
        last.as_deref(),
        Some("resumed blog-b-1"),
        "it kept nobody waiting"
    );
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_brought_back_is_named_with_the_command_and_the_others_run() {
    let stage = Stage::new();
    let keeper = stage.hold().await.expect("it holds");
    stage.fail(Method::Unpause, "b", &refused("no"), 100);
    let report = keeper.release().await.held;
    assert_eq!(report[1].until, None);
    assert!(stage.tape.has("stuck blog-b-1: docker unpause blog-b-1"));
    assert_eq!(stage.state("a"), Some(ContainerState::Running));
    assert_eq!(stage.state("c"), Some(ContainerState::Running));
    let tries = stage.engine.calls().into_iter();
    let tries = tries
        .filter(|call| *call == Call::Unpause(held("b").id))
        .count();
    assert_eq!(tries, 1 + AGAIN_AFTER.len());
}

#[tokio::test(start_paused = true)]
async fn who_is_brought_back_or_ended_by_somebody_else_is_left_alone() {
    let stage = Stage::new();
    let keeper = stage.hold().await.expect("it holds");
    stage.put("a", ContainerState::Running);
    stage.engine.drop_container(&held("b").id);
    stage.put("c", ContainerState::Exited);
    let report = keeper.release().await.held;
    assert!(report.iter().all(|held| held.until.is_some()));
    assert_eq!(stage.state("c"), Some(ContainerState::Exited));
    assert!(!stage.tape.has("stuck"));
}

#[tokio::test(start_paused = true)]
async fn a_failure_to_pause_tells_who_could_not_be_brought_back() {
    let stage = Stage::new();
    stage.fail(Method::Pause, "b", &Fault::Freeze, 3);
    stage.fail(Method::Unpause, "a", &refused("no"), 100);
    let NotHeld { held, .. } = stage.hold().await.expect_err("it cannot hold");
    assert_eq!((&*held[0].container, held[0].until), ("blog-a-1", None));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_silent_is_told_soon_then_now_and_then_and_when_somebody_asks() {
    let told = |stage: &Stage| {
        let lines = stage.tape.lines().into_iter();
        let told = "unanswered blog-b-1: docker unpause blog-b-1";
        lines.filter(|line| line == told).count()
    };
    let stage = Stage::new();
    let keeper = stage.hold().await.expect("it holds");
    stage.fail(Method::Unpause, "b", &Fault::Lost, 50);
    let released = tokio::spawn(keeper.release());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(told(&stage), 0, "a moment is nothing to speak of");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(told(&stage), 1);
    tokio::time::sleep(Duration::from_secs(57)).await;
    assert_eq!(told(&stage), 1);
    stage.cancel.cancel();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(told(&stage), 2, "who sends a signal is answered");
    tokio::time::sleep(Duration::from_secs(130)).await;
    assert_eq!(told(&stage), 4, "and then once a minute");
    released.await.expect("it comes to its end");
    assert!(stage.all_run());
}
