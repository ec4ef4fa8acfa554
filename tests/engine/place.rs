//! Where we are, as seen from the engine: on its machine, behind a proxy, in other namespaces, in one
//! of its containers.
//!
//! A test that has to be elsewhere runs this program there again, with itself as the only test.

use std::process::{Command, Output};

use compose_dump::engine::Engine;
use compose_dump::engine::endpoint::{Address, Endpoint, Origin};
use compose_dump::engine::local::{NotLocal, prove_local};
use compose_dump::engine::own::own_container;
use tokio::net::{UnixListener, UnixStream};

use crate::lab::{Lab, endpoints};

/// Set where a test runs elsewhere; its value is for the test.
const ELSEWHERE: &str = "CDUMP_TEST_ELSEWHERE";

fn elsewhere() -> Option<String> {
    std::env::var(ELSEWHERE).ok()
}

/// Runs one test of this program by way of another program.
fn run_there(program: &str, arguments: &[&str], test: &str) {
    let myself = std::env::current_exe().unwrap();
    let output = Command::new(program)
        .args(arguments)
        .arg(myself)
        .args(["--include-ignored", "--exact", test])
        .env(ELSEWHERE, "yes")
        .output()
        .unwrap_or_else(|error| panic!("install {program}: {error}"));
    assert_passed(&output);
}

pub(crate) fn assert_passed(output: &Output) {
    let (text, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let passed = output.status.success() && text.contains("1 passed");
    assert!(passed, "it failed there:\n{text}\n{errors}");
}

#[tokio::test]
#[ignore = "needs an engine: tests/run.sh"]
async fn an_engine_beside_us_is_local_and_we_are_in_no_container() {
    let lab = Lab::new("local").await;
    assert_eq!(prove_local(lab.engine.endpoint()).await, Ok(()));
    assert_eq!(own_container(&*lab.engine).await.unwrap(), None);
}

#[tokio::test]
#[ignore = "needs an engine: tests/run.sh"]
async fn a_proxy_before_the_engine_is_not_local() {
    let lab = Lab::new("proxy").await;
    let Address::Unix(engine) = lab.engine.endpoint().address.clone() else {
        panic!("these tests need an engine behind a socket of this machine");
    };
    let path = lab.folder().join("proxy.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = UnixStream::connect(&engine).await.unwrap();
            tokio::spawn(async move {
                tokio::io::copy_bidirectional(&mut client, &mut server)
                    .await
                    .ok();
            });
        }
    });
    let endpoint = Endpoint {
        address: Address::Unix(path),
        tls: None,
        origin: Origin::Flag,
    };
    let reason = prove_local(&endpoint).await.unwrap_err();
    assert!(matches!(reason, NotLocal::NotAnEngine { .. }), "{reason}");
}

#[tokio::test]
#[ignore = "needs an engine: tests/run.sh"]
async fn other_mounts_are_not_local() {
    if elsewhere().is_none() {
        return run_there("unshare", &["--mount"], "place::other_mounts_are_not_local");
    }
    let reason = prove_local(&endpoints()[0]).await.unwrap_err();
    assert_eq!(reason, NotLocal::OtherMountNamespace);
}

#[tokio::test]
#[ignore = "needs an engine: tests/run.sh"]
async fn other_processes_are_not_local() {
    if elsewhere().is_none() {
        let unshare = ["--pid", "--fork", "--mount-proc"];
        return run_there("unshare", &unshare, "place::other_processes_are_not_local");
    }
    let reason = prove_local(&endpoints()[0]).await.unwrap_err();
    assert_eq!(reason, NotLocal::OtherPidNamespace);
}

#[tokio::test]
#[ignore = "needs an engine: tests/run.sh"]
async fn without_rights_the_engine_is_forbidden_and_says_what_to_do() {
    const TEST: &str = "place::without_rights_the_engine_is_forbidden_and_says_what_to_do";
    if elsewhere().is_none() {
        return run_there(
            "setpriv",
            &["--reuid=65534", "--regid=65534", "--clear-groups"],
            TEST,
        );
    }
    let limits = compose_dump::engine::docker::Limits::default();
    let error = compose_dump::engine::docker::DockerEngine::connect(&endpoints(), limits)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("permission denied"), "{error}");
    assert!(error.advice().unwrap().contains("run as root"), "{error}");
}

/// The container gets this machine's libraries, this program, and the engine's socket.
#[tokio::test]
#[ignore = "needs an engine: tests/run.sh"]
async fn in_a_container_we_know_which_and_that_nothing_is_local() {
    const TEST: &str = "place::in_a_container_we_know_which_and_that_nothing_is_local";
    let lab = Lab::new("own").await;
    if let Some(name) = elsewhere() {
        let expected = lab.engine.container(&name).await.unwrap().unwrap().id;
        assert_eq!(own_container(&*lab.engine).await.unwrap(), Some(expected));
        let reason = prove_local(lab.engine.endpoint()).await.unwrap_err();
        assert_eq!(reason, NotLocal::OtherPidNamespace);
        return;
    }
    let Address::Unix(socket) = &lab.engine.endpoint().address else {
        panic!("these tests need an engine behind a socket of this machine");
    };
    let name = lab.name("inner");
    let program = format!("{}:/test:ro", std::env::current_exe().unwrap().display());
    let socket = format!("{}:/engine.sock", socket.display());
    let variable = format!("{ELSEWHERE}={name}");
    let output = Command::new("docker")
        .args([
            "run",
            "--rm",
            "--network",
            "none",
            "--name",
            &name,
            "--hostname",
            "chosen",
        ])
        .args([
            "-v",
            "/usr:/usr:ro",
            "-v",
            "/lib:/lib:ro",
            "-v",
            "/lib64:/lib64:ro",
        ])
        .args(["-v", &program, "-v", &socket, "-e", &variable])
        .args([
            "-e",
            "DOCKER_HOST=unix:///engine.sock",
            "-e",
            "PATH=/usr/bin:/bin",
        ])
        .args([
            &lab.image("latest"),
            "/test",
            "--include-ignored",
            "--exact",
            TEST,
        ])
        .output()
        .unwrap();
    assert_passed(&output);
}
