//! How requests and streams may end that change services or carry content: refused, cut, stood still, with
//! too much or too little.

use std::time::Duration;

use bytes::Bytes;
use compose_dump::archive::entry::{Entry, EntrySink, SinkClosed};
use compose_dump::engine::{Engine, EngineError};
use compose_dump::sources::engine_tar::{EngineTar, EngineTarError, Relayed};
use futures_util::StreamExt;

use super::wire::{Answer, Wire};

const ARCHIVE: &str = "/v1.41/containers/x/archive?path=%2Fdata";

fn message(text: &str) -> String {
    format!(r#"{{"message":"{text}"}}"#)
}

#[tokio::test]
async fn what_an_engine_says_of_a_container_s_state_is_told_apart() {
    let pause = "/v1.41/containers/x/pause";
    for (status, text, is_it) in [
        (
            "409 Conflict",
            "Container x is already paused",
            EngineError::is_already_paused as fn(&_) -> bool,
        ),
        (
            "409 Conflict",
            "Container x is not running",
            EngineError::is_not_running,
        ),
        (
            "404 Not Found",
            "No such container: x",
            EngineError::is_not_found,
        ),
        (
            "500 Internal Server Error",
            "OCI runtime pause failed: unable to freeze",
            EngineError::is_freeze_failure,
        ),
        (
            "500 Internal Server Error",
            "cgroups not configured for container",
            EngineError::is_freezer_missing,
        ),
    ] {
        let wire = Wire::engine(&[(pause, Answer::new(status, &message(text)))]);
        let error = wire.connect().await.unwrap().pause("x").await.unwrap_err();
        assert!(is_it(&error), "{text}: {error}");
    }
}

/// 304 says that it was so before: no error, and nothing that was done.
#[tokio::test]
async fn stopping_what_has_ended_and_starting_what_runs_is_no_error() {
    let not_modified = Answer::new("304 Not Modified", "");
    let wire = Wire::engine(&[
        ("/v1.41/containers/x/stop?t=1", not_modified.clone()),
        ("/v1.41/containers/x/start", not_modified),
    ]);
    let engine = wire.connect().await.unwrap();
    engine.stop("x", Duration::from_secs(1)).await.unwrap();
    engine.start("x").await.unwrap();
}

#[tokio::test]
async fn a_stop_may_take_its_grace_and_no_longer() {
    let wire = Wire::engine(&[("/v1.41/containers/x/stop?t=1", Answer::hang())]);
    let engine = wire.connect().await.unwrap();
    let error = engine.stop("x", Duration::from_secs(1)).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    let said = error.to_string();
    assert!(said.contains("stop container `x`"), "{said}");
}

struct Nowhere;

impl EntrySink for Nowhere {
    fn begin(&mut self, _: &Entry) -> Result<(), SinkClosed> {
        Ok(())
    }

    fn data(&mut self, _: Bytes) -> Result<(), SinkClosed> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        Ok(())
    }
}

/// The tar of a folder with one file, as an engine sends it.
fn tar() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut folder = tar::Header::new_ustar();
    folder.set_entry_type(tar::EntryType::Directory);
    folder.set_size(0);
    builder.append_data(&mut folder, "data/", &[][..]).unwrap();
    let mut file = tar::Header::new_ustar();
    file.set_size(700);
    builder
        .append_data(&mut file, "data/file", &[b'x'; 700][..])
        .unwrap();
    builder.into_inner().unwrap()
}

/// Reads what the wire sends for a mount, to the end of the stream and of the tar.
async fn read(body: &[u8]) -> Result<u64, String> {
    let mut head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    head.extend_from_slice(format!("{:x}\r\n", body.len()).as_bytes());
    head.extend_from_slice(body);
    head.extend_from_slice(b"\r\n0\r\n\r\n");
    let wire = Wire::engine(&[(ARCHIVE, Answer::raw(head))]);
    let engine = wire.connect().await.unwrap();
    let mut stream = engine.read_archive("x", "/data").await.unwrap();
    let mut sink = Nowhere;
    let mut tar = EngineTar::new(Relayed {
        sink: &mut sink,
        mount: b"data",
        under: b"",
        filter: None,
    });
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| error.to_string())?;
        tar.feed(&chunk).map_err(|error| said(&error))?;
    }
    tar.finish()
        .map(|end| end.taken)
        .map_err(|error| said(&error))
}

fn said(error: &EngineTarError) -> String {
    error.to_string()
}

/// HTTP ends cleanly in each of these cases: only the tar says that something is wrong.
#[tokio::test]
async fn a_clean_end_of_the_stream_is_none_of_the_tar() {
    let whole = tar();
    assert_eq!(read(&whole).await, Ok(2));
    let padded = [&whole[..], &[0; 9000]].concat();
    assert_eq!(read(&padded).await, Ok(2), "zeros may follow");
    let without_trailer = &whole[..whole.len() - 1024];
    let cut_in_a_file = &whole[..1300];
    let error_behind = [&whole[..], message("read error").as_bytes()].concat();
    for (body, what) in [
        (without_trailer, "no trailer"),
        (cut_in_a_file, "cut"),
        (&error_behind, "an error behind the trailer"),
        (&[][..], "nothing at all"),
    ] {
        let error = read(body).await.expect_err(what);
        assert!(error.contains("no whole tar"), "{what}: {error}");
    }
}
