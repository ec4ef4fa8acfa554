//! The engine client against a socket that answers as it is told to: what no real engine does on
//! demand. Needs no engine.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use compose_dump::engine::docker::{DockerEngine, Limits};
use compose_dump::engine::endpoint::{Surroundings, Wish, locate};
use compose_dump::engine::{Engine, EngineError, HelperMount, HelperSpec, Why};
use futures_util::StreamExt;

use tokio::net::UnixListener;

use wire::{Answer, Wire};

mod endings;
mod wire;

const PATIENCE: Duration = Duration::from_millis(200);

async fn connect(socket: &Path) -> Result<DockerEngine, EngineError> {
    let wish = Wish {
        host: Some(format!("unix://{}", socket.display())),
        context: None,
    };
    let endpoints = locate(&wish, &Surroundings::default()).unwrap();
    let limits = Limits {
        connect: PATIENCE,
        control: PATIENCE,
        idle: PATIENCE,
    };
    DockerEngine::connect(&endpoints, limits).await
}

/// Why the one endpoint that was tried gave no engine.
fn why(connected: Result<DockerEngine, EngineError>) -> Why {
    match connected {
        Err(EngineError::Unreachable { tried }) => {
            assert_eq!(tried.len(), 1);
            tried[0].why.clone()
        }
        other => panic!("it should not be reached: {other:?}"),
    }
}

#[tokio::test]
async fn a_socket_with_nobody_behind_it_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    assert_eq!(why(connect(&path("missing.sock")).await), Why::NoSocket);

    std::fs::write(path("file.sock"), "").unwrap();
    assert_eq!(why(connect(&path("file.sock")).await), Why::NotASocket);

    drop(UnixListener::bind(path("dead.sock")).unwrap());
    assert_eq!(why(connect(&path("dead.sock")).await), Why::Refused);
}

#[tokio::test]
async fn one_who_is_no_engine_or_refuses_says_so() {
    let silent = Wire::new(&[("/version", Answer::hang())]);
    assert_eq!(why(silent.connect().await), Why::Silent(PATIENCE));

    let page = Wire::new(&[("/version", Answer::json("<html>welcome</html>"))]);
    assert_eq!(why(page.connect().await), Why::NotAnEngine);

    let other = Wire::new(&[("/version", Answer::json(r#"{"Version":"7"}"#))]);
    assert_eq!(why(other.connect().await), Why::NotAnEngine);

    let proxy = Wire::new(&[("/version", Answer::new("403 Forbidden", "no\n entry"))]);
    let rejected = Why::Rejected {
        status: 403,
        message: "no entry".into(),
    };
    assert_eq!(why(proxy.connect().await), rejected);
}

#[tokio::test]
async fn versions_out_of_reach_are_refused() {
    let old = Wire::new(&[("/version", Answer::json(r#"{"ApiVersion":"1.40"}"#))]);
    let error = old.connect().await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("API 1.40, and 1.41 is the oldest"),
        "{error}"
    );

    let new = r#"{"ApiVersion":"3.1","MinAPIVersion":"2.90"}"#;
    let new = Wire::new(&[("/version", Answer::json(new))]);
    let error = new.connect().await.unwrap_err();
    assert!(error.to_string().contains("API 2.90 and above"), "{error}");
}

#[tokio::test]
async fn the_agreed_version_stands_in_every_request() {
    let wire = Wire::engine(&[(
        "/v1.41/containers/x/pause",
        Answer::new("204 No Content", ""),
    )]);
    let engine = wire.connect().await.unwrap();
    assert_eq!(engine.daemon().api_version, "1.41");
    engine.pause("x").await.unwrap();
    let requests = wire.requests.lock().unwrap();
    assert_eq!(
        requests.last().unwrap(),
        "POST /v1.41/containers/x/pause HTTP/1.1"
    );
}

/// It is described in the oldest version, before anybody knows what it speaks, unless it knows no such one.
#[tokio::test]
async fn an_engine_that_has_forgotten_the_oldest_version_is_asked_in_the_agreed_one() {
    let version = r#"{"ApiVersion":"1.47","MinAPIVersion":"1.44"}"#;
    let forgotten = Answer::new("400 Bad Request", r#"{"message":"too old"}"#);
    let wire = Wire::new(&[
        ("/version", Answer::json(version)),
        ("/v1.41/info", forgotten),
        ("/v1.47/info", Answer::json(r#"{"ID":"Y"}"#)),
    ]);
    let engine = wire.connect().await.unwrap();
    assert_eq!(engine.daemon().id, "Y");
}

#[tokio::test]
async fn podman_is_not_read_through() {
    let version = r#"{"ApiVersion":"1.41","Components":[{"Name":"Podman Engine","Version":"4"}]}"#;
    let wire = Wire::engine(&[("/version", Answer::json(version))]);
    let spec = HelperSpec {
        mount: HelperMount::Volume("v".into()),
        writable: false,
        owner: "me".into(),
    };
    let error = wire
        .connect()
        .await
        .unwrap()
        .create_helper(&spec)
        .await
        .unwrap_err();
    assert!(matches!(error, EngineError::Unfaithful { .. }), "{error}");
}

#[tokio::test]
async fn names_stay_in_their_place_of_the_path() {
    let wire = Wire::engine(&[]);
    let engine = wire.connect().await.unwrap();
    assert_eq!(engine.volume("a?b=c#d").await.unwrap(), None);
    assert_eq!(engine.volume("../info").await.unwrap(), None);
    let requests = wire.requests.lock().unwrap();
    assert_eq!(
        requests.last().unwrap(),
        "GET /v1.41/volumes/a%3Fb%3Dc%23d HTTP/1.1"
    );
}

#[tokio::test]
async fn an_answer_that_is_not_understood_is_not_quoted() {
    let body = r#"{"Id":"x","Config":{"Env":"PASSWORD=hunter2"}}"#;
    let wire = Wire::engine(&[("/v1.41/containers/x/json", Answer::json(body))]);
    let error = wire
        .connect()
        .await
        .unwrap()
        .container("x")
        .await
        .unwrap_err();
    assert!(matches!(error, EngineError::Garbled { .. }), "{error}");
    assert!(!format!("{error:?} {error}").contains("hunter2"));
}

#[tokio::test]
async fn a_volume_whose_driver_adds_a_status_is_understood() {
    let volume = |more: &str| {
        format!(
            r#"{{"Name":"v","Driver":"d","Mountpoint":"","Labels":null,"Options":null,"Scope":"global"{more}}}"#
        )
    };
    let list = format!(r#"{{"Volumes":[{}],"Warnings":null}}"#, volume(""));
    let wire = Wire::engine(&[
        (
            "/v1.41/volumes/v",
            Answer::json(&volume(r#","Status":{"health":"good"}"#)),
        ),
        (
            "/v1.41/volumes?filters=%7B%22name%22%3A%5B%22v%22%5D%7D",
            Answer::json(&list),
        ),
    ]);
    let volume = wire
        .connect()
        .await
        .unwrap()
        .volume("v")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (volume.driver.as_str(), volume.scope.as_str()),
        ("d", "global")
    );
    assert_eq!(volume.mountpoint, None);
}

#[tokio::test]
async fn requests_and_transfers_do_not_hang() {
    let archive = "/v1.41/containers/x/archive?path=%2Fdata";
    let wire = Wire::engine(&[
        ("/v1.41/containers/x/pause", Answer::hang()),
        (archive, Answer::chunks("some", true)),
    ]);
    let engine = wire.connect().await.unwrap();
    let error = engine.pause("x").await.unwrap_err();
    assert!(matches!(error, EngineError::Timeout { .. }), "{error}");

    let items: Vec<_> = engine
        .read_archive("x", "/data")
        .await
        .unwrap()
        .collect()
        .await;
    assert_eq!(items.len(), 2);
    assert_eq!(items[0].as_ref().unwrap(), "some");
    assert!(matches!(items[1], Err(EngineError::Idle { .. })));
}

#[tokio::test]
async fn a_transfer_that_breaks_is_no_clean_end() {
    let archive = "/v1.41/containers/x/archive?path=%2Fdata";
    let wire = Wire::engine(&[(archive, Answer::chunks("some", false))]);
    let engine = wire.connect().await.unwrap();
    let items: Vec<_> = engine
        .read_archive("x", "/data")
        .await
        .unwrap()
        .collect()
        .await;
    assert!(matches!(items.last(), Some(Err(EngineError::Lost { .. }))));

    let error = engine.read_archive("y", "/data").await.err().unwrap();
    assert!(error.is_not_found(), "{error}");
}
