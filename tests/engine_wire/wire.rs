//! An engine made of answers, on a socket.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use compose_dump::engine::EngineError;
use compose_dump::engine::docker::DockerEngine;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::connect;

/// What is sent for a path; the connection is closed after it, or kept open for ever.
#[derive(Clone)]
pub(crate) struct Answer {
    bytes: Vec<u8>,
    then_hang: bool,
}

impl Answer {
    pub(crate) fn new(status: &str, body: &str) -> Self {
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n",
            body.len()
        );
        Self {
            bytes: (head + body).into_bytes(),
            then_hang: false,
        }
    }

    pub(crate) fn json(body: &str) -> Self {
        Self::new("200 OK", body)
    }

    /// The beginning of a stream in chunks, without its end.
    pub(crate) fn chunks(body: &str, then_hang: bool) -> Self {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let bytes = format!("{head}{:x}\r\n{body}\r\n", body.len()).into_bytes();
        Self { bytes, then_hang }
    }

    /// These bytes as they are.
    pub(crate) fn raw(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            then_hang: false,
        }
    }

    pub(crate) fn hang() -> Self {
        Self {
            bytes: Vec::new(),
            then_hang: true,
        }
    }
}

/// An engine made of answers, by path with its query.
pub(crate) struct Wire {
    pub(crate) folder: TempDir,
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
}

impl Wire {
    pub(crate) fn new(answers: &[(&str, Answer)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let answers: BTreeMap<String, Answer> = answers
            .iter()
            .map(|(path, answer)| ((*path).to_owned(), answer.clone()))
            .collect();
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answers.clone(), Arc::clone(&seen)));
            }
        });
        Self { folder, requests }
    }

    /// One that is found and described as 20.10 is, with some answers more.
    pub(crate) fn engine(answers: &[(&str, Answer)]) -> Self {
        let mut all = vec![
            (
                "/version",
                Answer::json(r#"{"ApiVersion":"1.41","MinAPIVersion":"1.12"}"#),
            ),
            ("/v1.41/info", Answer::json(r#"{"ID":"X"}"#)),
        ];
        all.extend_from_slice(answers);
        Self::new(&all)
    }

    pub(crate) async fn connect(&self) -> Result<DockerEngine, EngineError> {
        connect(&self.folder.path().join("docker.sock")).await
    }
}

async fn serve(
    mut stream: UnixStream,
    answers: BTreeMap<String, Answer>,
    seen: Arc<Mutex<Vec<String>>>,
) {
    let mut request = Vec::new();
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.unwrap_or_default() == 0 {
            return;
        }
    }
    let line = String::from_utf8_lossy(&request)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned();
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    seen.lock().unwrap().push(line);
    let unknown = Answer::new("404 Not Found", r#"{"message":"page not found"}"#);
    let answer = answers.get(&path).unwrap_or(&unknown);
    stream.write_all(&answer.bytes).await.unwrap();
    if answer.then_hang {
        std::future::pending::<()>().await;
    }
}
