//! What is in the journal when the run dies, and what is made of it.

use super::*;
use crate::executor::journal;
use crate::executor::recover::{RecoverReport, left_held, recover};

impl Stage {
    /// Holds everybody, and dies: the keeper goes on for ever, since nobody is there to tell it.
    async fn die(&self) {
        let keeper = self.hold().await.expect("it holds");
        std::mem::forget(keeper);
    }

    /// Makes the journals that are there those of a process that has ended.
    fn bury(&self) {
        let own = crate::process::ProcessId::own();
        for path in journal::all(&self.state_folder()).expect("it can be read") {
            let text = std::fs::read_to_string(&path).expect("a journal");
            let text = text.replace(&own.to_string(), &own.clone().ended().to_string());
            // Another file, so that nobody has a lock on it.
            std::fs::remove_file(&path).expect("it was there");
            std::fs::write(&path, text).expect("it can be written");
        }
    }

    async fn recover(&self) -> RecoverReport {
        let engine = Arc::clone(&self.engine) as Arc<dyn Engine>;
        let reporter: Arc<dyn Reporter> = Arc::new(Recorder {
            tape: self.tape.clone(),
            panics_at: None,
            acts_at: None,
        });
        let recovered = recover(&engine, &self.state_folder(), &reporter).await;
        recovered.expect("the journals make sense")
    }

    fn journals(&self) -> usize {
        journal::all(&self.state_folder())
            .expect("it can be read")
            .len()
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_run_held_is_brought_back_once() {
    for how in [Hold::Paused, Hold::Stopped] {
        let mut stage = Stage::new();
        stage.containers[1].how = how;
        stage.die().await;
        assert_eq!(stage.recover().await.live, 1, "it lives");
        assert!(!stage.all_run());
        stage.bury();
        let report = stage.recover().await;
        assert!(stage.all_run(), "{:?}", stage.tape.lines());
        assert_eq!(report.runs[0].held.len(), 3);
        assert_eq!(report.exit(), crate::exit::Exit::Done);
        assert!(stage.tape.has("left-behind h/blog/0"));
        assert_eq!(stage.journals(), 0);
        assert!(stage.recover().await.runs.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_learns_who_a_dead_run_has_left_held() {
    let stage = Stage::new();
    stage.die().await;
    let left = |engine: &str| left_held(&stage.state_folder(), engine).expect("it can be read");
    assert!(left("FAKE").is_empty(), "it lives");
    stage.bury();
    assert_eq!(
        left("FAKE"),
        ["a", "b", "c"].map(|service| held(service).id)
    );
    assert!(left("ANOTHER").is_empty());
    assert_eq!(stage.journals(), 1, "nothing was undone");
}

#[tokio::test(start_paused = true)]
async fn who_is_not_as_the_dead_run_left_it_is_left_alone() {
    let mut stage = Stage::new();
    stage.containers[2].how = Hold::Stopped;
    for service in ["a", "b", "c"] {
        let mut container = running(service);
        container.started_at = Some("2026-11-23T01:00:00Z".into());
        stage.engine.put_container(container);
    }
    stage.die().await;
    stage.bury();
    // Brought back, started and paused by somebody, started and ended by itself.
    stage.put("a", ContainerState::Running);
    for (service, state) in [("b", ContainerState::Paused), ("c", ContainerState::Exited)] {
        let mut container = running(service);
        container.started_at = Some("2026-11-23T02:00:00Z".into());
        container.state = state;
        stage.engine.put_container(container);
    }
    let touched = stage.engine.calls().len();
    let report = stage.recover().await;
    assert!(report.runs[0].held.is_empty(), "{report:?}");
    assert_eq!(stage.engine.calls().len(), touched, "nobody was touched");
    assert_eq!(stage.journals(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_journal_of_another_engine_is_left_alone() {
    let stage = Stage::new();
    let engine = ("ANOTHER", "docker -H ssh://far".to_owned());
    let journal = Journal::begin(&stage.state_folder(), "far", "h/far/0", engine).await;
    drop(journal.expect("it can be written"));
    stage.bury();
    let report = stage.recover().await;
    assert_eq!(report.elsewhere[0].command, "docker -H ssh://far");
    assert_eq!(stage.journals(), 1);
    assert_eq!(stage.engine.calls(), []);
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_brought_back_stays_in_the_journal() {
    let stage = Stage::new();
    stage.die().await;
    stage.bury();
    stage.fail(Method::Unpause, "b", &refused("no"), 6);
    let report = stage.recover().await;
    assert_eq!(report.exit(), crate::exit::Exit::NotBrought);
    assert!(stage.tape.has("stuck blog-b-1: docker unpause blog-b-1"));
    assert_eq!(stage.journals(), 1);
    let report = stage.recover().await;
    assert_eq!(report.exit(), crate::exit::Exit::Done);
    assert!(stage.all_run());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ends_well_leaves_nothing_to_do() {
    let stage = Stage::new();
    stage.hold().await.expect("it holds").release().await;
    stage.bury();
    let calls = stage.engine.calls().len();
    assert!(stage.recover().await.runs.is_empty());
    assert_eq!(stage.engine.calls().len(), calls);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_touched_when_the_journal_cannot_be_written() {
    let stage = Stage::new();
    let full = std::path::Path::new("/dev/full");
    assert!(full.exists(), "a Linux has it");
    let journal = Journal::writing_to(full).expect("it can be opened");
    let reporter = Arc::new(Recorder {
        tape: stage.tape.clone(),
        panics_at: None,
        acts_at: None,
    });
    let refused = Keeper::hold(Holding {
        engine: Arc::clone(&stage.engine) as Arc<dyn Engine>,
        journal,
        containers: stage.containers.clone(),
        reporter,
        cancel: stage.cancel.clone(),
    });
    let NotHeld { error, held } = refused.await.expect_err("it cannot hold");
    assert!(matches!(error, HoldError::Journal(_)), "{error}");
    assert!(held.is_empty());
    assert_eq!(stage.engine.calls(), []);
}
