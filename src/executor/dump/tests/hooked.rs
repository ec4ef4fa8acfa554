//! Hooks: what runs in which order, and after what.

use super::*;
use crate::config::job_file::commands::{Variables, Words};
use crate::engine::fake::FakeCommand;
use crate::plan::model::{ContainerCommand, HookCommand, HookPlan, HostCommand};

fn hook(index: usize, service: &str) -> HookPlan {
    let command = |program: &str| {
        Some(HookCommand::Service {
            service: service.into(),
            command: ContainerCommand {
                words: Words(vec![program.into(), "hunter2".into()]),
                env: Variables::default(),
                user: None,
                workdir: None,
                timeout: Duration::from_secs(60),
            },
        })
    };
    HookPlan {
        index,
        service: Some(service.into()),
        container: None,
        has_before: true,
        has_after: true,
        before: command("before"),
        after: command("after"),
    }
}

/// A blog with a hook for each of its services; what is not put in fails.
fn hooked(commands: &[(&str, &str)]) -> Stage {
    let mut stage = blog();
    stage.plan.hooks = vec![hook(0, "db"), hook(1, "web")];
    for (service, program) in commands {
        let container = format!("blog-{service}-1");
        let command = FakeCommand::default();
        stage.engine.put_command(&container, program, command);
    }
    stage
}

const ALL: [(&str, &str); 4] = [
    ("db", "before"),
    ("db", "after"),
    ("web", "before"),
    ("web", "after"),
];

/// The hooks of a run, as `before db`.
fn ran(stage: &Stage) -> Vec<String> {
    let calls = stage.engine.calls().into_iter();
    let of_hooks = calls.filter_map(|call| match call {
        Call::Exec { container, command } => {
            let service = container.split('-').nth(1).unwrap_or_default().to_owned();
            Some(format!("{} {service}", command[0]))
        }
        _ => None,
    });
    of_hooks.collect()
}

#[tokio::test]
async fn they_run_around_the_reading_and_the_last_comes_back_first() {
    let mut stage = hooked(&ALL);
    let (report, _) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Done);
    assert_eq!(
        ran(&stage),
        ["before db", "before web", "after web", "after db"]
    );
    let tape = stage.tape();
    assert!(tape.place_of("hook `hooks[1].before`") < tape.place_of("started config"));
    assert!(tape.place_of("resumed") < tape.place_of("hook `hooks[1].after`"));
    let all = format!("{report:?} {:?}", tape.lines());
    assert!(!all.contains("hunter2"), "{all}");
}

#[tokio::test]
async fn a_before_that_fails_ends_the_run_unread_and_what_was_begun_is_ended() {
    // The second `before` fails: both pairs were begun.
    let mut stage = hooked(&[("db", "before"), ("db", "after"), ("web", "after")]);
    let (report, target) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Failed);
    let error = report.error.expect("it says why");
    assert!(
        error.contains("`hooks[1].before` in `web`") && error.contains("127"),
        "{error}"
    );
    assert_eq!(
        ran(&stage),
        ["before db", "before web", "after web", "after db"]
    );
    assert!(!stage.tape().has("started") && target.has("abort"));
    // The first one fails: the second pair was not begun.
    let mut stage = hooked(&[("db", "after"), ("web", "before"), ("web", "after")]);
    stage.dump().await;
    assert_eq!(ran(&stage), ["before db", "after db"]);
}

#[tokio::test]
async fn an_after_runs_whatever_fails_and_one_that_fails_is_loud() {
    let mut stage = hooked(&[("db", "before"), ("db", "after"), ("web", "before")]);
    let (report, target) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::NotBrought);
    assert_eq!(report.hooks_failed.len(), 1);
    assert_eq!(
        ran(&stage),
        ["before db", "before web", "after web", "after db"]
    );
    assert!(target.has("finish"), "the dump is fine");
    assert_eq!(due(&stage), 0, "it is for a person now");
    // A panic while it is read, which is a bug.
    let mut stage = hooked(&ALL);
    stage.recorder.panics_at = Some("progress");
    let (report, _) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::Failed);
    assert_eq!(ran(&stage).last().map(String::as_str), Some("after db"));
}

#[tokio::test]
async fn an_after_that_nobody_could_start_is_due_still() {
    let mut stage = hooked(&ALL);
    let engine = Arc::clone(&stage.engine);
    let act = move || engine.fail(Method::Exec, Some("blog-db-1"), &Fault::Lost, 9);
    stage.recorder.acts_at = Some(("hook `hooks[1].after`", Arc::new(act)));
    let (report, _) = stage.dump().await;
    assert_eq!(report.exit(None), Exit::NotBrought);
    assert_eq!(due(&stage), 1);
}

/// The journals that say that something is due.
fn due(stage: &Stage) -> usize {
    let journals = crate::executor::journal::all(&stage.state_folder());
    journals.expect("it can be read").len()
}

#[tokio::test]
async fn a_signal_ends_a_before_and_its_after_runs() {
    let mut stage = hooked(&ALL);
    let hangs = FakeCommand {
        ending: Ending::Hang,
        ..FakeCommand::default()
    };
    stage.engine.put_command("blog-db-1", "before", hangs);
    let cancel = stage.cancel.clone();
    let act = move || {
        let cancel = cancel.clone();
        tokio::spawn(async move { cancel.cancel() });
    };
    stage.recorder.acts_at = Some(("hook `hooks[0].before`", Arc::new(act)));
    let (report, target) = stage.dump().await;
    assert!(report.interrupted);
    let ran = ran(&stage);
    assert_eq!(
        (&*ran[0], ran.last().map(String::as_str)),
        ("before db", Some("after db"))
    );
    assert!(!ran.contains(&"before web".to_owned()), "{ran:?}");
    assert!(!target.has("finish"));
}

#[tokio::test]
async fn commands_on_this_machine_have_a_place_an_end_and_a_limit() {
    let mut stage = blog();
    let folder = tempfile::tempdir().expect("a folder");
    let on_host = |script: &str, timeout: u64| {
        Some(HookCommand::Host(HostCommand {
            words: Words(["sh", "-c", script].map(str::to_owned).to_vec()),
            env: Variables([("NAME".to_owned(), "x".to_owned())].into()),
            workdir: folder.path().to_owned(),
            timeout: Duration::from_millis(timeout),
        }))
    };
    stage.plan.hooks = vec![HookPlan {
        service: None,
        before: on_host("echo $NAME >begun; cat", 60_000),
        after: on_host("echo no >&2; sleep 600 & wait", 50),
        ..hook(0, "")
    }];
    let (report, _) = stage.dump().await;
    let begun = std::fs::read(folder.path().join("begun")).expect("it ran there");
    assert_eq!(begun, b"x\n");
    let failed = &report.hooks_failed[0];
    assert!(failed.contains("did not end within 50ms"), "{failed}");
    assert_eq!(report.exit(None), Exit::NotBrought);
}
