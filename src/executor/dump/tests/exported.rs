//! Exports: what a command must have done for its output to be a member.

use super::*;
use crate::config::job_file::commands::{Variables, Words};
use crate::engine::fake::FakeCommand;
use crate::plan::model::{ContainerCommand, Decision, ExportPlan};

/// A blog whose service `db` has an export by a program of that name.
fn exporting(command: FakeCommand) -> Stage {
    let mut stage = blog();
    stage.engine.put_command("blog-db-1", "dumper", command);
    stage.plan.exports.push(ExportPlan {
        service: "db".into(),
        name: "all.sql".into(),
        preset: None,
        container: None,
        member: Some("exports/db/all.sql".into()),
        has_load: false,
        run: ContainerCommand {
            words: Words(vec!["dumper".into(), "--password=hunter2".into()]),
            env: Variables([("TOKEN".into(), "hunter3".into())].into()),
            user: None,
            workdir: None,
            timeout: Duration::from_secs(60),
        },
        min_bytes: 10,
        decision: Decision::taken("the test wants it"),
    });
    stage
}

fn rows() -> FakeCommand {
    FakeCommand {
        stdout: b"row\n".repeat(5000),
        stderr: b"a notice\n".to_vec(),
        ..FakeCommand::default()
    }
}

#[tokio::test]
async fn the_output_of_a_command_that_ended_well_is_a_member_read_before_anybody_is_held() {
    let mut stage = exporting(rows());
    let (report, target) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Done);
    assert_eq!(target.stream("exports/db/all.sql"), rows().stdout);
    let draft = target.draft();
    let member = draft
        .members
        .iter()
        .find(|it| it.path == "exports/db/all.sql");
    let member = member.expect("it is in the manifest");
    assert_eq!(member.raw_sha256, Sha256Digest::of(&rows().stdout));
    assert_eq!((member.entries, member.index.is_none()), (None, true));
    let tape = stage.tape();
    assert!(tape.place_of("done config") < tape.place_of("started exports/db/all.sql"));
    assert!(tape.place_of("done exports/db/all.sql") < tape.place_of("paused"));
}

#[tokio::test]
async fn a_command_that_did_not_do_it_leaves_no_member_and_the_reason() {
    let failing = |status, stderr: &str| FakeCommand {
        status,
        stderr: stderr.as_bytes().to_vec(),
        ..rows()
    };
    let cases: [(FakeCommand, &str); 6] = [
        (
            failing(1, "no\npassword authentication failed\n"),
            "ended with status 1; it said: no | password authentication failed",
        ),
        (failing(137, ""), "ended with status 137, as by signal 9"),
        (
            FakeCommand {
                stdout: Vec::new(),
                ..rows()
            },
            "ended well, and gave nothing",
        ),
        (
            FakeCommand {
                stdout: b"row".to_vec(),
                ..rows()
            },
            "less than `min_size`",
        ),
        (
            FakeCommand {
                ending: Ending::Lost,
                ..rows()
            },
            "lost sight of; it said: a notice: the connection to the engine broke",
        ),
        (
            FakeCommand {
                stdout: b"OCI runtime exec failed: no such file".to_vec(),
                status: 127,
                ..FakeCommand::default()
            },
            "could not be started (127); it said: OCI runtime exec failed",
        ),
    ];
    for (command, reason) in cases {
        let mut stage = exporting(command);
        let (report, target) = stage.dump().await;
        assert_eq!(report.exit(None), Exit::Partial, "{reason}");
        let draft = target.draft();
        let failed = draft
            .failed
            .iter()
            .find(|it| it.what == "exports/db/all.sql");
        let failed = &failed.expect("it is told").reason;
        assert!(failed.contains(reason), "{failed}");
        assert!(!draft.members.iter().any(|it| it.path.contains("all.sql")));
        assert!(target.has("fail"), "the target takes it back");
        let all = format!("{report:?} {draft:?} {:?}", stage.tape().lines());
        assert!(!all.contains("hunter"), "{all}");
        assert!(stage.all_run());
    }
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_told_to_end() {
    let mut stage = exporting(FakeCommand {
        ending: Ending::Hang,
        ..rows()
    });
    stage.plan.exports[0].run.timeout = Duration::from_millis(50);
    let (report, _) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Partial);
    let error = report.members[1].error.as_deref().expect("it failed");
    assert!(
        error.contains("did not end within 50ms; it said: a notice"),
        "{error}"
    );
    let told = stage.engine.calls().into_iter().any(|call| {
        matches!(call, Call::Exec { command, .. } if command[0] == "sh" && command.last().is_some_and(|signal| signal == "TERM"))
    });
    assert!(told, "{:?}", stage.engine.calls());
}

#[tokio::test]
async fn without_a_container_that_runs_there_is_no_export() {
    let mut stage = exporting(rows());
    let mut paused = running("db");
    paused.state = ContainerState::Paused;
    stage.engine.put_container(paused);
    stage.plan.hold.pause.clear();
    let (report, _) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Partial);
    let error = report.members[1].error.as_deref().expect("it failed");
    assert!(
        error.contains("no container of the service `db` runs"),
        "{error}"
    );
}

#[tokio::test]
async fn a_cancelled_run_has_the_command_end_and_publishes_nothing() {
    let mut stage = exporting(FakeCommand {
        ending: Ending::Hang,
        ..rows()
    });
    let cancel = stage.cancel.clone();
    let act = move || cancel.cancel();
    stage.recorder.acts_at = Some(("started exports", Arc::new(act)));
    let (report, target) = stage.dump().await;
    assert!(report.interrupted);
    assert!(target.has("abort") && !target.has("finish"));
}
