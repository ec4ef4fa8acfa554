//! Who is held, for how long, and that everybody is back whatever happens.

use super::*;

#[tokio::test]
async fn services_are_held_just_while_what_they_use_is_read() {
    let mut stage = blog();
    let (report, target) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Done, "{report:?}");
    let events = stage.tape();
    let order = [
        "started config",
        "done config",
        "paused blog-db-1",
        "paused blog-web-1",
        "started volumes/mounted/media",
        "started volumes/project/db.tar",
        "started volumes/project/remote.tar",
        "done volumes/project/remote.tar",
        "resumed blog-web-1",
        "resumed blog-db-1",
        "published target",
    ];
    let places: Vec<usize> = order.iter().map(|line| events.place_of(line)).collect();
    assert!(places.is_sorted(), "{:#?}", events.lines());
    let calls = [
        "entry config",
        "entry config/compose.yaml",
        "entry volumes/mounted/media/a.jpg",
        "begin volumes/project/db.tar",
        "begin volumes/project/remote.tar",
        "released",
        "begin index/config.zst",
        "begin index/volumes/project/remote.tar.zst",
        "finish",
    ];
    let places: Vec<usize> = calls.iter().map(|line| target.place_of(line)).collect();
    assert!(places.is_sorted(), "{:#?}", target.lines());
    assert!(stage.all_run());
    assert!(stage.engine.open_helpers().is_empty());
}

/// The project, with somebody else's hands on `db` while it is held.
fn stirred(theirs: bool) -> Stage {
    let mut stage = blog();
    if theirs {
        let mut paused = running("db");
        paused.state = ContainerState::Paused;
        stage.engine.put_container(paused);
        let already = stage.plan.hold.pause.remove(0);
        stage.plan.hold.paused.push(already);
    }
    let engine = Arc::clone(&stage.engine);
    let stir = move || engine.put_container(running("db"));
    stage.recorder.acts_at = Some(("done volumes/project/db.tar", Arc::new(stir)));
    stage
}

#[tokio::test]
async fn what_was_read_while_its_writer_ran_is_not_called_whole() {
    for theirs in [false, true] {
        let mut stage = stirred(theirs);
        let (report, target) = stage.dump().await;
        assert_eq!(report.exit(None), Exit::Partial, "{report:?}");
        assert!(
            stage
                .tape()
                .has("not-still blog-db-1: somebody unpaused it")
        );
        assert!(!stage.tape().has("resumed blog-db-1"));
        assert!(stage.all_run());
        let draft = target.draft();
        assert!(!draft.complete);
        assert_eq!(draft.members.len(), 4, "it is there all the same");
        assert_eq!(draft.failed.len(), 1, "no other member is doubted");
        assert_eq!(draft.failed[0].what, "volumes/project/db.tar");
        let doubt = "`blog-db-1` did not stay paused while it was read: somebody unpaused it";
        assert_eq!(draft.failed[0].reason, doubt);
        assert_eq!(draft.members[2].warnings, [doubt]);
        assert_eq!(report.members[2].torn_by, [doubt]);
        let held: Vec<&str> = draft.held.iter().map(|held| &*held.service).collect();
        let ours: &[&str] = if theirs { &["web"] } else { &["db", "web"] };
        assert_eq!(held, ours);
    }
}

#[tokio::test]
async fn who_is_paused_already_and_stays_so_hurts_nothing() {
    let mut stage = stirred(true);
    stage.recorder.acts_at = None;
    let (report, target) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Done, "{report:?}");
    assert!(target.draft().complete);
    let after = stage.engine.state_of(&held("db").id);
    assert_eq!(after, Some(ContainerState::Paused));
}

#[tokio::test]
async fn who_was_paused_when_the_plan_was_made_and_runs_is_held() {
    let mut stage = stirred(true);
    stage.recorder.acts_at = None;
    stage.engine.put_container(running("db"));
    let (report, _) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Done, "{report:?}");
    assert!(stage.tape().has("paused blog-db-1") && stage.tape().has("resumed blog-db-1"));
}

#[tokio::test]
async fn a_reader_that_panics_ends_the_run_and_brings_the_services_back() {
    // In the task that drives the readers, and in the thread that reads.
    for at in ["started volumes/mounted/media", "progress"] {
        let mut stage = blog();
        stage.recorder.panics_at = Some(at);
        let (report, target) = stage.dump().await;
        assert_eq!(report.exit(None), Exit::Failed);
        assert!(
            report
                .error
                .is_some_and(|error| error.contains("this is a bug"))
        );
        assert!(target.has("abort") && !target.has("finish"), "{at}");
        assert!(stage.tape().has("resumed blog-web-1"));
        assert!(stage.all_run());
    }
}

#[tokio::test]
async fn a_run_that_is_dropped_brings_the_services_back() {
    let mut stage = blog();
    stage
        .engine
        .put_volume_archive("remote", vec![0; 100], Ending::Hang);
    let ids = [held("db").id, held("web").id];
    let (engine, tape) = (Arc::clone(&stage.engine), stage.tape().clone());
    let running = stage.dump();
    let dropped = tokio::time::timeout(Duration::from_millis(500), running).await;
    assert!(dropped.is_err(), "the engine hangs");
    assert!(tape.has("paused blog-web-1"));
    tokio::time::sleep(Duration::from_millis(50)).await;
    for id in ids {
        assert_eq!(engine.state_of(&id), Some(ContainerState::Running));
    }
    stage.cancel.cancel();
}

#[tokio::test]
async fn cancelling_brings_back_and_publishes_nothing_though_engine_and_target_stand_still() {
    let mut stage = blog();
    stage
        .engine
        .put_volume_archive("remote", vec![0; 100], Ending::Hang);
    let (_until, stands_still) = mpsc::channel();
    let (mut stuck, good) = (Writer::new(), Writer::new());
    stuck.stands_still = Some(stands_still);
    let good_tape = good.tape.clone();
    let cancel = stage.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        cancel.cancel();
    });
    let began = std::time::Instant::now();
    let report = stage.dump_to(vec![("stuck", stuck), ("good", good)]).await;
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    assert!(report.interrupted);
    assert_eq!(report.exit(Some(Exit::Interrupted)), Exit::Interrupted);
    assert_eq!(report.exit(Some(Exit::Terminated)), Exit::Terminated);
    assert!(good_tape.has("abort") && !good_tape.has("finish"));
    assert!(stage.all_run());
}

#[tokio::test(start_paused = true)]
async fn where_nobody_can_be_held_nothing_is_published() {
    let mut stage = blog();
    stage
        .engine
        .fail(Method::Pause, Some(&held("web").id), &Fault::Freeze, 3);
    let (report, target) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Failed);
    let error = report.error.as_deref().unwrap_or_default();
    assert!(
        error.starts_with("cannot pause the container `blog-web-1`: "),
        "{error}"
    );
    assert!(target.has("abort") && !target.has("begin volumes"));
    assert!(stage.all_run());
}

#[tokio::test(start_paused = true)]
async fn services_that_stay_down_outweigh_a_good_dump_and_a_failed_one() {
    let no = Fault::Refuse(500, "no".into());
    for freezes in [true, false] {
        let mut stage = blog();
        stage
            .engine
            .fail(Method::Unpause, Some(&held("db").id), &no, 100);
        if !freezes {
            stage
                .engine
                .fail(Method::Pause, Some(&held("web").id), &Fault::Freeze, 3);
        }
        let (report, target) = stage.dump().await;
        assert_eq!(report.exit(None), Exit::NotBrought, "{report:?}");
        assert_eq!(report.exit(Some(Exit::Interrupted)), Exit::NotBrought);
        assert!(
            stage
                .tape()
                .has("stuck blog-db-1: docker unpause blog-db-1")
        );
        assert_eq!(target.has("finish"), freezes, "the dump itself is good");
    }
}

#[tokio::test]
async fn nothing_is_read_unheld_for_want_of_an_engine() {
    let mut stage = blog();
    let mut world = stage.world();
    world.engine = None;
    let targets = Targets {
        open: vec![Writer::new().boxed("target")],
        ..Targets::default()
    };
    let report = dump_to(Arc::new(stage.plan.clone()), world, targets).await;
    assert!(
        report
            .error
            .is_some_and(|error| error.contains("no engine"))
    );
}
