//! Services that are stopped, and started again in their order.

use super::*;
use crate::engine::{Change, Health};

/// `c` needs `b`, which needs `a`; all are stopped.
fn stopping() -> Stage {
    let mut stage = Stage::new();
    for (rank, plan) in (0..).zip(&mut stage.containers) {
        plan.how = Hold::Stopped;
        plan.rank = rank;
    }
    stage
}

#[tokio::test(start_paused = true)]
async fn services_stop_before_what_they_need_and_start_after_it() {
    let stage = stopping();
    let keeper = stage.hold().await.expect("it holds");
    assert_eq!(stage.state("a"), Some(ContainerState::Exited));
    let stood = keeper.release().await;
    assert!(stage.all_run());
    assert!(stood.not_still.is_empty(), "{:?}", stood.not_still);
    let names: Vec<&str> = stood.held.iter().map(|held| &*held.container).collect();
    assert_eq!(
        names,
        ["blog-c-1", "blog-b-1", "blog-a-1"],
        "in the order of their stop"
    );
    assert!(stood.held.iter().all(|held| held.how == Hold::Stopped));
    assert_eq!(
        stage.tape.lines(),
        [
            "stopped blog-c-1",
            "stopped blog-b-1",
            "stopped blog-a-1",
            "started blog-a-1",
            "started blog-b-1",
            "started blog-c-1"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn who_is_stopped_is_so_before_anybody_is_paused() {
    let mut stage = stopping();
    stage.containers[0].how = Hold::Paused;
    let keeper = stage.hold().await.expect("it holds");
    keeper.release().await;
    let lines = stage.tape.lines();
    assert_eq!(
        lines[..3],
        ["stopped blog-c-1", "stopped blog-b-1", "paused blog-a-1"]
    );
    assert!(stage.all_run());
}

/// Puts `service` in with a health check that says so, in the state that it has.
fn health(engine: &FakeEngine, service: &str, health: Option<Health>) {
    let mut container = running(service);
    container.state = engine.state_of(&held(service).id).expect("it is there");
    container.has_health_check = true;
    container.health = health;
    engine.put_container(container);
}

#[tokio::test(start_paused = true)]
async fn what_needs_a_service_waits_until_that_is_well() {
    let stage = stopping();
    health(&stage.engine, "a", Some(Health::Healthy));
    let keeper = stage.hold().await.expect("it holds");
    health(&stage.engine, "a", Some(Health::Starting));
    let (engine, tape) = (Arc::clone(&stage.engine), stage.tape.clone());
    let recovery = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let before = tape.has("started blog-b-1");
        health(&engine, "a", Some(Health::Healthy));
        before
    });
    let stood = keeper.release().await;
    assert!(!recovery.await.expect("it looked"), "`b` waited");
    assert!(stage.all_run());
    assert!(stood.held.iter().all(|held| held.unwell.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_well_any_more_is_named_and_the_others_start() {
    let stage = stopping();
    for (after, said) in [
        (Health::Unhealthy, "its health check fails"),
        (
            Health::Starting,
            "its health check has not passed within 5m",
        ),
    ] {
        health(&stage.engine, "a", Some(Health::Healthy));
        let keeper = stage.hold().await.expect("it holds");
        health(&stage.engine, "a", Some(after));
        let stood = keeper.release().await;
        let unwell: Vec<_> = stood
            .held
            .iter()
            .filter_map(|held| held.unwell.as_deref())
            .collect();
        assert_eq!(unwell, [said]);
        assert!(stage.tape.has(&format!("unwell blog-a-1: {said}")));
        assert!(stage.all_run());
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_was_not_well_before_need_not_become_so() {
    let stage = stopping();
    health(&stage.engine, "a", Some(Health::Unhealthy));
    let stood = stage.hold().await.expect("it holds").release().await;
    assert!(stood.held.iter().all(|held| held.unwell.is_none()));
    assert!(stage.all_run());
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_fails_fails_the_run_and_all_run_again() {
    let stage = stopping();
    stage.fail(Method::Stop, "b", &refused("no"), 1);
    let NotHeld { error, held } = stage.hold().await.expect_err("it cannot hold");
    assert!(matches!(error, HoldError::Stop { container, .. } if container == "blog-b-1"));
    let names: Vec<&str> = held.iter().map(|held| &*held.container).collect();
    assert_eq!(names, ["blog-c-1"]);
    assert!(stage.all_run());
}

#[tokio::test(start_paused = true)]
async fn a_stop_without_an_answer_may_come_late() {
    let stage = stopping();
    stage.fail(Method::Stop, "b", &Fault::Timeout, 1);
    let engine = Arc::clone(&stage.engine);
    let late = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let mut container = running("b");
        container.state = ContainerState::Exited;
        engine.put_container(container);
    });
    stage.hold().await.expect_err("it cannot hold");
    late.await.expect("it is done");
    assert!(stage.all_run(), "the engine stopped it late");
}

#[tokio::test(start_paused = true)]
async fn who_was_started_by_somebody_else_is_left_alone_and_what_it_wrote_is_doubted() {
    let stage = stopping();
    let keeper = stage.hold().await.expect("it holds");
    stage.engine.remember(&held("a").id, Change::Started);
    let mut started = running("a");
    started.started_at = Some("2026-11-23T02:00:00Z".into());
    stage.engine.put_container(started);
    let stood = keeper.release().await;
    let started = Call::Start(held("a").id);
    assert!(!stage.engine.calls().contains(&started));
    assert_eq!(stood.not_still.len(), 1);
    assert_eq!(stood.not_still[0].why, "it was started again");
    assert!(stage.all_run());
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_started_is_named_with_the_command() {
    let stage = stopping();
    let keeper = stage.hold().await.expect("it holds");
    stage.fail(Method::Start, "b", &refused("no"), 100);
    let stood = keeper.release().await;
    let stuck: Vec<_> = stood
        .held
        .iter()
        .filter(|held| held.until.is_none())
        .collect();
    assert_eq!(stuck.len(), 1);
    assert!(stage.tape.has("stuck blog-b-1: docker start blog-b-1"));
    assert_eq!(stage.state("c"), Some(ContainerState::Running));
}

#[tokio::test(start_paused = true)]
async fn who_ends_by_itself_before_its_stop_stays_so() {
    for restarts in [false, true] {
        let stage = stopping();
        let mut container = running("b");
        container.restarts = restarts;
        stage.engine.put_container(container);
        stage.engine.end_before_stop(&held("b").id);
        let stood = stage.hold().await.expect("it holds").release().await;
        let starts = stage.engine.calls().contains(&Call::Start(held("b").id));
        // One that the engine would have started again is up at the end.
        assert_eq!(starts, restarts);
        let said = stage.tape.has("not-stopped blog-b-1: it has just ended");
        assert_eq!(said, !restarts);
        assert_eq!(stage.state("c"), Some(ContainerState::Running));
        assert_eq!(stood.held.len(), if restarts { 3 } else { 2 });
    }
}
