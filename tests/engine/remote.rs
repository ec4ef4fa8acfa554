//! The same engines over tcp, TLS and contexts.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use compose_dump::engine::docker::{DockerEngine, Limits};
use compose_dump::engine::endpoint::{Address, EndpointError, Surroundings, Wish, locate};
use compose_dump::engine::helper::Helpers;
use compose_dump::engine::{Engine, EngineError, HelperMount};
use futures_util::TryStreamExt;
use tokio::net::{TcpListener, UnixStream};

use crate::lab::{Lab, endpoints, run};

pub(crate) async fn connect(
    wish: &Wish,
    around: &Surroundings,
) -> Result<DockerEngine, EngineError> {
    let limits = Limits {
        connect: Duration::from_secs(10),
        ..Limits::default()
    };
    DockerEngine::connect(&locate(wish, around).unwrap(), limits).await
}

pub(crate) fn host(url: &str) -> Wish {
    Wish {
        host: Some(url.to_owned()),
        context: None,
    }
}

fn context(name: &str) -> Wish {
    Wish {
        host: None,
        context: Some(name.to_owned()),
    }
}

/// Address and certificates of the engine that listens with TLS.
fn tls_lab() -> (String, PathBuf) {
    let variable = |name: &str| {
        std::env::var(name)
            .unwrap_or_else(|_| panic!("{name} is not set: eval \"$(tests/lab/engine26.sh up)\""))
    };
    (
        variable("CDUMP_TEST_TLS_HOST"),
        variable("CDUMP_TEST_TLS_CERTS").into(),
    )
}

fn with_certificates(folder: &Path) -> Surroundings {
    Surroundings {
        docker_tls_verify: Some("1".into()),
        docker_cert_path: Some(folder.into()),
        ..Surroundings::default()
    }
}

/// What an unreachable engine is said to be.
pub(crate) fn complaint(connected: Result<DockerEngine, EngineError>) -> String {
    let error = connected.err().unwrap();
    assert!(
        matches!(error, EngineError::Unreachable { .. }),
        "{error:?}"
    );
    error.to_string()
}

#[tokio::test]
#[ignore = "needs an engine: tests/run.sh"]
async fn plain_tcp_works_for_requests_and_transfers() {
    let lab = Lab::new("tcp").await;
    let Address::Unix(engine) = endpoints()[0].address.clone() else {
        panic!("these tests need an engine behind a socket of this machine");
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
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
    let url = format!("tcp://127.0.0.1:{port}");
    let engine = connect(&host(&url), &Surroundings::default())
        .await
        .unwrap();
    assert_eq!(engine.daemon(), lab.engine.daemon());

    let volume = lab.volume("data");
    let helpers = Helpers::new(std::sync::Arc::new(engine));
    let helper = helpers.create(HelperMount::Volume(volume)).await.unwrap();
    let pieces: Vec<_> = helper.archive().await.unwrap().try_collect().await.unwrap();
    assert_eq!(run("tar", &["-t"], &pieces.concat()), "data/\n");
    helper.remove().await.unwrap();
}

#[tokio::test]
#[ignore = "needs an engine: tests/run.sh"]
async fn tls_works_both_ways_and_says_what_is_wrong() {
    let (url, certs) = tls_lab();
    let engine = connect(&host(&url), &with_certificates(&certs))
        .await
        .unwrap();
    assert!(!engine.daemon().id.is_empty());
    let https = url.replace("tcp://", "https://");
    let around = Surroundings {
        docker_cert_path: Some(certs.clone().into()),
        ..Surroundings::default()
    };
    assert_eq!(
        connect(&host(&https), &around).await.unwrap().daemon(),
        engine.daemon()
    );

    let plain = complaint(connect(&host(&url), &Surroundings::default()).await);
    assert!(plain.contains("HTTPS server"), "{plain}");

    // Without a certificate of ours.
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(certs.join("ca.pem"), folder.path().join("ca.pem")).unwrap();
    let unknown = complaint(connect(&host(&url), &with_certificates(folder.path())).await);
    assert!(unknown.to_lowercase().contains("certificate"), "{unknown}");

    // With an authority that the engine's certificate is not of.
    let other = folder.path().join("ca.pem");
    let (key, ca) = (folder.path().join("other-key.pem"), other.to_str().unwrap());
    run(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=other",
            "-keyout",
            key.to_str().unwrap(),
            "-out",
            ca,
        ],
        b"",
    );
    for name in ["cert.pem", "key.pem"] {
        std::fs::copy(certs.join(name), folder.path().join(name)).unwrap();
    }
    let foreign = complaint(connect(&host(&url), &with_certificates(folder.path())).await);
    assert!(foreign.contains("UnknownIssuer"), "{foreign}");
}

/// Contexts as the `docker` program itself makes them.
#[tokio::test]
#[ignore = "needs an engine: tests/run.sh"]
async fn contexts_are_followed_with_their_certificates() {
    let (url, certs) = tls_lab();
    let folder = tempfile::tempdir().unwrap();
    let docker = |arguments: &[&str]| {
        let output = Command::new("docker")
            .args(arguments)
            .env("DOCKER_CONFIG", folder.path())
            .env_remove("DOCKER_HOST")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    let at = |name: &str| certs.join(name).display().to_string();
    let (ca, cert, key) = (at("ca.pem"), at("cert.pem"), at("key.pem"));
    let spec = format!("host={url},ca={ca},cert={cert},key={key}");
    docker(&["context", "create", "tls", "--docker", &spec]);
    let socket = endpoints()[0].to_string();
    docker(&[
        "context",
        "create",
        "socket",
        "--docker",
        &format!("host={socket}"),
    ]);
    docker(&[
        "context",
        "create",
        "lax",
        "--docker",
        &format!("host={url},skip-tls-verify=true"),
    ]);
    docker(&["context", "use", "tls"]);

    let around = Surroundings {
        docker_config: Some(folder.path().into()),
        ..Surroundings::default()
    };
    let current = connect(&Wish::default(), &around).await.unwrap();
    assert_eq!(current.endpoint().origin.to_string(), "context `tls`");
    let direct = connect(&host(&url), &with_certificates(&certs))
        .await
        .unwrap();
    assert_eq!(current.daemon(), direct.daemon());

    let named = connect(&context("socket"), &around).await.unwrap();
    assert_eq!(named.endpoint().to_string(), socket);
    let refused = locate(&context("lax"), &around).unwrap_err();
    assert!(
        matches!(refused, EndpointError::Unverified { .. }),
        "{refused}"
    );
}
