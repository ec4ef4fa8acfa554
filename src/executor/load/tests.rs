//! Content on its way into commands of an engine in memory.

use bytes::Bytes;
use futures_util::stream;

use super::*;
use crate::config::job_file::commands::{Variables, Words};
use crate::engine::fake::{Call, Ending, FakeCommand, FakeEngine};
use crate::executor::samples::running;

fn engine(command: FakeCommand) -> Arc<FakeEngine> {
    let engine = FakeEngine::new();
    engine.put_container(running("db"));
    engine.put_command("blog-db-1", "psql", command);
    Arc::new(engine)
}

async fn loaded(
    engine: &Arc<FakeEngine>,
    content: Vec<std::io::Result<Bytes>>,
) -> Result<u64, LoadError> {
    let command = ContainerCommand {
        words: Words(vec!["psql".into()]),
        env: Variables::default(),
        user: None,
        workdir: None,
        timeout: std::time::Duration::from_secs(60),
    };
    let spec = Load {
        engine: Arc::clone(engine) as Arc<dyn Engine>,
        project: "blog",
        service: "db",
        command: &command,
        cancel: CancellationToken::new(),
    };
    load(spec, Box::pin(stream::iter(content))).await
}

fn rows() -> Vec<std::io::Result<Bytes>> {
    vec![
        Ok(Bytes::from_static(b"one")),
        Ok(Bytes::from(vec![b'x'; 20_000])),
    ]
}

#[tokio::test]
async fn all_of_it_goes_into_the_command() {
    let engine = engine(FakeCommand::default());
    let bytes = loaded(&engine, rows()).await.expect("it ends well");
    assert_eq!(bytes, 20_003);
    let inputs = engine.inputs();
    assert_eq!(inputs[0].len(), 20_003);
    assert!(inputs[0].starts_with(b"onexxx"));
}

#[tokio::test]
async fn a_command_that_fails_says_why() {
    let engine = engine(FakeCommand {
        stderr: b"ERROR: no such role\n".to_vec(),
        status: 3,
        ..FakeCommand::default()
    });
    let error = loaded(&engine, rows()).await.expect_err("it fails");
    assert_eq!(
        error.to_string(),
        "the command in `blog-db-1` ended with status 3; it said: ERROR: no such role"
    );
}

/// The end of the input would be taken for the end of the content.
#[tokio::test]
async fn content_that_breaks_off_is_not_ended_but_the_command_is() {
    let engine = engine(FakeCommand {
        ending: Ending::Hang,
        ..FakeCommand::default()
    });
    let mut content = rows();
    content.push(Err(std::io::Error::other("a bad sector")));
    let error = loaded(&engine, content).await.expect_err("it fails");
    assert!(matches!(error, LoadError::Content { .. }), "{error}");
    let told = |call: &Call| matches!(call, Call::Exec { command, .. } if command[0] == "sh");
    assert!(engine.calls().iter().any(told));
}
