//! Targets that fail: the others have their dump, and nobody is held for nothing.

use super::*;

#[tokio::test]
async fn a_failing_target_is_reported_and_the_other_one_has_its_dump() {
    let mut stage = blog();
    let (mut bad, good) = (Writer::new(), Writer::new());
    bad.fails_at = Some("begin volumes/project/db.tar");
    let (bad_tape, good_tape) = (bad.tape.clone(), good.tape.clone());
    let report = stage.dump_to(vec![("bad", bad), ("good", good)]).await;
    assert_eq!(report.exit(None), Exit::Failed);
    assert!(
        report.targets[0]
            .error
            .as_ref()
            .is_some_and(|error| error.contains("cannot write"))
    );
    assert_eq!(report.targets[0].dump, None);
    assert_eq!(report.targets[1].dump.as_deref(), Some("-"));
    assert_eq!(report.error, None);
    assert!(bad_tape.has("abort") && good_tape.has("finish"));
    assert!(stage.all_run());
}

#[tokio::test]
async fn nobody_is_held_once_no_target_is_left() {
    let mut stage = blog();
    // Enough config that its reader meets the closed queue.
    for number in 0..100 {
        stage.file(&format!("app/{number}"), b"content");
    }
    stage.plan.trees[0].roots[0].whole = true;
    stage.plan.trees[0].roots[0].path = "".into();
    let mut bad = Writer::new();
    bad.fails_at = Some("entry config");
    let report = stage.dump_to(vec![("bad", bad)]).await;
    assert_eq!(report.exit(None), Exit::Failed);
    assert!(!stage.engine.calls().contains(&Call::Pause(held("db").id)));
    assert_eq!(report.error, None, "the target says why");
}

/// However little config there is, and however late the target finds out.
#[tokio::test]
async fn nobody_is_held_for_targets_that_have_failed_by_then() {
    for fails_at in [
        "entry config",
        "entry config/compose.yaml",
        "end config/compose.yaml",
    ] {
        let mut stage = blog();
        let mut bad = Writer::new();
        bad.fails_at = Some(fails_at);
        let report = stage.dump_to(vec![("bad", bad)]).await;
        assert_eq!(report.exit(None), Exit::Failed);
        assert_eq!(stage.engine.calls(), [], "{fails_at}");
        assert_eq!(report.error, None, "the target says why");
    }
}

#[tokio::test]
async fn nobody_is_held_where_no_target_can_be_opened() {
    let mut stage = blog();
    let file = stage.base().join("compose.yaml");
    let mut target = crate::plan::samples::Sample::new().plan().targets.remove(0);
    target.kind = crate::plan::model::TargetKind::Archive {
        path: file.join("x.tar"),
    };
    stage.plan.targets = vec![target];
    let world = stage.world();
    let report = dump(stage.plan.clone(), world).await;
    assert_eq!(report.exit(None), Exit::Failed, "{report:?}");
    assert_eq!(stage.engine.calls(), []);
    assert!(report.members.is_empty());
}

#[tokio::test]
async fn a_target_whose_thread_is_lost_says_so() {
    let mut stage = blog();
    let (mut bad, good) = (Writer::new(), Writer::new());
    bad.panics_at = Some("released");
    let report = stage.dump_to(vec![("bad", bad), ("good", good)]).await;
    assert_eq!(report.exit(None), Exit::Failed);
    let error = report.targets[0].error.as_deref();
    assert!(
        error.is_some_and(|error| error.contains("this is a bug")),
        "{error:?}"
    );
    assert!(report.targets[1].dump.is_some());
}

#[tokio::test]
async fn without_an_open_target_nothing_is_touched() {
    let mut stage = blog();
    let report = stage.dump_to(Vec::new()).await;
    assert_eq!(report.exit(None), Exit::Failed);
    assert!(stage.engine.calls().is_empty());
    assert_eq!(report.error.as_deref(), Some("no target can be written to"));
}
