//! Whoever stirred while content was read is named, and nobody else.

use super::*;
use crate::engine::Change;

/// A way to stir.
type Stir = fn(&Stage);

impl Stage {
    /// Somebody else's hands on `b`.
    async fn unpause_b(&self) {
        let unpaused = self.engine.unpause(&held("b").id).await;
        unpaused.expect("it was paused");
    }

    async fn pause_b(&self) {
        let paused = self.engine.pause(&held("b").id).await;
        paused.expect("it ran");
    }

    fn restart_b(&self, state: ContainerState) {
        let mut container = running("b");
        container.state = state;
        container.started_at = Some("later".into());
        self.engine.put_container(container);
    }

    /// `b` is known to have been started once.
    fn start_b(&self, state: ContainerState) {
        let mut container = running("b");
        container.state = state;
        container.started_at = Some("once".into());
        self.engine.put_container(container);
    }
}

fn reasons(stood: &Stood) -> Vec<(&str, &str)> {
    let rows = stood.not_still.iter();
    rows.map(|row| (&*row.container, &*row.why)).collect()
}

#[tokio::test(start_paused = true)]
async fn who_stood_still_is_not_doubted() {
    let stage = Stage::new();
    stage.put("b", ContainerState::Paused);
    let keeper = stage.hold().await.expect("it holds");
    let stood = keeper.release().await;
    assert_eq!(stood.not_still, []);
    let names: Vec<&str> = stood.held.iter().map(|held| &*held.container).collect();
    assert_eq!(names, ["blog-a-1", "blog-c-1"], "`b` was not held by us");
    assert_eq!(stage.state("b"), Some(ContainerState::Paused));
}

#[tokio::test(start_paused = true)]
async fn one_that_we_held_and_that_stirred_is_named_and_not_called_resumed() {
    let cases: [(Stir, &str, Option<ContainerState>); 4] = [
        (
            |stage| stage.start_b(ContainerState::Running),
            "somebody unpaused it",
            Some(ContainerState::Running),
        ),
        (
            |stage| stage.start_b(ContainerState::Exited),
            "it ended",
            Some(ContainerState::Exited),
        ),
        (
            |stage| stage.engine.drop_container(&held("b").id),
            "it was removed",
            None,
        ),
        (
            |stage| stage.restart_b(ContainerState::Running),
            "it was started again",
            Some(ContainerState::Running),
        ),
    ];
    for (stir, why, after) in cases {
        let stage = Stage::new();
        stage.start_b(ContainerState::Running);
        let keeper = stage.hold().await.expect("it holds");
        stir(&stage);
        let stood = keeper.release().await;
        assert_eq!(reasons(&stood), [("blog-b-1", why)]);
        assert_eq!(stood.not_still[0].members, held("b").uses);
        assert!(stood.held[1].until.is_some(), "nobody has to bring it back");
        assert_eq!(stage.state("b"), after, "it is left as it is");
        assert!(stage.tape.has(&format!("not-still blog-b-1: {why}")));
        assert!(!stage.tape.has("resumed blog-b-1"), "{why}");
        assert!(stage.tape.has("resumed blog-a-1") && stage.tape.has("resumed blog-c-1"));
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_ran_for_a_moment_and_is_paused_again_is_found_by_the_events() {
    for theirs in [false, true] {
        let stage = Stage::new();
        if theirs {
            stage.pause_b().await;
        }
        let keeper = stage.hold().await.expect("it holds");
        stage.unpause_b().await;
        stage.pause_b().await;
        let stood = keeper.release().await;
        assert_eq!(reasons(&stood), [("blog-b-1", "somebody unpaused it")]);
        let after = if theirs {
            ContainerState::Paused
        } else {
            ContainerState::Running
        };
        assert_eq!(stage.state("b"), Some(after));
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_was_restarted_and_paused_again_is_found_without_events() {
    let stage = Stage::new();
    stage.start_b(ContainerState::Paused);
    let keeper = stage.hold().await.expect("it holds");
    stage.restart_b(ContainerState::Paused);
    stage
        .engine
        .fail(Method::StateChanges, None, &Fault::Timeout, 1);
    let stood = keeper.release().await;
    assert_eq!(reasons(&stood), [("blog-b-1", "it was started again")]);
}

#[tokio::test(start_paused = true)]
async fn what_happened_before_the_reading_or_after_it_is_nobodys_fault() {
    let stage = Stage::new();
    stage.engine.remember(&held("a").id, Change::Started);
    stage.put("b", ContainerState::Running);
    stage.pause_b().await;
    stage.unpause_b().await;
    let keeper = stage.hold().await.expect("it holds");
    let stood = keeper.release().await;
    assert_eq!(stood.not_still, []);
    assert!(stage.all_run());
}

#[tokio::test(start_paused = true)]
async fn one_that_somebody_else_has_paused_and_that_goes_on_is_named() {
    let cases: [(Stir, &str); 3] = [
        (
            |stage| stage.put("b", ContainerState::Running),
            "somebody unpaused it",
        ),
        (|stage| stage.put("b", ContainerState::Exited), "it ended"),
        (
            |stage| {
                let id = held("b").id;
                stage
                    .engine
                    .fail(Method::Container, Some(&id), &Fault::Lost, 1);
            },
            "the engine does not say whether it stayed so",
        ),
    ];
    for (stir, why) in cases {
        let stage = Stage::new();
        stage.put("b", ContainerState::Paused);
        let keeper = stage.hold().await.expect("it holds");
        stir(&stage);
        let stood = keeper.release().await;
        assert_eq!(reasons(&stood), [("blog-b-1", why)]);
        assert_eq!(stood.held.len(), 2);
        let touched = stage.engine.calls();
        assert!(!touched.contains(&Call::Unpause(held("b").id)), "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_somebody_else_paused_at_the_last_moment_is_watched() {
    let stage = Stage::new();
    let fault = Fault::Refuse(409, "Container x is already paused".into());
    stage.fail(Method::Pause, "b", &fault, 1);
    let keeper = stage.hold().await.expect("it holds");
    // It was: the engine's refusal is older than its answer to the look.
    let stood = keeper.release().await;
    assert_eq!(reasons(&stood), [("blog-b-1", "somebody unpaused it")]);
    assert_eq!(stood.held.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_does_not_tell_the_time_or_the_events_is_taken_at_its_states() {
    for method in [Method::Clock, Method::StateChanges] {
        for fault in [Fault::Refuse(403, "a proxy forbids it".into()), Fault::Hang] {
            let stage = Stage::new();
            stage.engine.fail(method, None, &fault, 2);
            let keeper = stage.hold().await.expect("it holds");
            let stood = keeper.release().await;
            assert_eq!(stood.not_still, [], "{method:?}");
            assert!(stage.all_run());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_unpause_whose_answer_was_lost_counts_as_one() {
    let stage = Stage::new();
    let keeper = stage.hold().await.expect("it holds");
    stage.fail(Method::Unpause, "b", &Fault::Lost, 1);
    let engine = Arc::clone(&stage.engine);
    tokio::spawn(async move {
        // The engine does it after its answer was lost, before it is asked again.
        tokio::time::sleep(Duration::from_millis(50)).await;
        engine.put_container(running("b"));
    });
    let stood = keeper.release().await;
    assert_eq!(stood.not_still, []);
    assert!(stage.tape.has("resumed blog-b-1"));
}

#[tokio::test(start_paused = true)]
async fn of_a_run_that_is_cancelled_nothing_is_asked() {
    let stage = Stage::new();
    let keeper = stage.hold().await.expect("it holds");
    stage.put("b", ContainerState::Running);
    stage.cancel.cancel();
    let stood = keeper.release().await;
    assert_eq!(stood.not_still, []);
    assert!(stage.all_run());
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_change_ends_the_time_of_a_hold() {
    let stage = Stage::new();
    let keeper = stage.hold().await.expect("it holds");
    stage.unpause_b().await;
    let stood = keeper.release().await;
    // The engine's clock of these tests shows 1970: before the hold, and so clamped to its start.
    assert_eq!(stood.held[1].until, Some(stood.held[1].from));
}
