//! A spool in front of a writer that only writes its calls down.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use super::*;

/// Writes down the calls that it gets.
struct Record(Arc<Mutex<Vec<String>>>);

impl Record {
    fn note(&self, call: String) -> Result<(), TargetError> {
        self.0.lock().unwrap().push(call);
        Ok(())
    }
}

impl DumpWriter for Record {
    fn entry(&mut self, entry: &Entry) -> Result<(), TargetError> {
        self.note(format!("entry {}", String::from_utf8_lossy(&entry.path)))
    }
    fn begin(&mut self, head: &StreamHead) -> Result<(), TargetError> {
        self.note(format!("begin {} {:?}", head.path, head.raw_bytes))
    }
    fn write(&mut self, data: &[u8]) -> Result<(), TargetError> {
        self.note(format!("write {}", data.len()))
    }
    fn end(&mut self) -> Result<(), TargetError> {
        self.note("end".to_owned())
    }
    fn fail(&mut self) -> Result<(), TargetError> {
        self.note("fail".to_owned())
    }
    fn released(&mut self) -> Result<(), TargetError> {
        self.note("released".to_owned())
    }
    fn finish(self: Box<Self>, _: &Draft) -> Result<Published, TargetError> {
        unreachable!("these tests end before")
    }
    fn abort(self: Box<Self>) {
        self.0.lock().unwrap().push("abort".to_owned());
    }
}

fn spooled(mode: SpoolMode, limit: Option<u64>) -> (Spooled, impl Fn() -> Vec<String>) {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let spec = SpoolSpec {
        dir: std::env::temp_dir(),
        mode,
        limit,
    };
    let inner = Box::new(Record(Arc::clone(&calls)));
    let spooled = Spooled::new(inner, "t", &spec).unwrap();
    (spooled, move || std::mem::take(&mut calls.lock().unwrap()))
}

fn stream(spooled: &mut Spooled, path: &str, raw_bytes: Option<u64>, len: usize) {
    let head = StreamHead {
        path: path.to_owned(),
        raw_bytes,
        compress: true,
    };
    spooled.begin(&head).unwrap();
    spooled.write(&vec![7; len]).unwrap();
}

#[test]
fn a_stream_of_unknown_length_gets_one_and_waits_for_the_release() {
    let (mut spooled, calls) = spooled(SpoolMode::UnknownSize, None);
    stream(&mut spooled, "a", None, 3);
    spooled.end().unwrap();
    stream(&mut spooled, "b", Some(2), 2);
    spooled.end().unwrap();
    assert_eq!(calls(), ["begin b Some(2)", "write 2", "end"]);
    spooled.released().unwrap();
    assert_eq!(calls(), ["begin a Some(3)", "write 3", "end", "released"]);
    stream(&mut spooled, "c", None, 4);
    assert!(calls().is_empty());
    spooled.end().unwrap();
    assert_eq!(calls(), ["begin c Some(4)", "write 4", "end"]);
    Box::new(spooled).abort();
    assert_eq!(calls(), ["abort"]);
}

#[test]
fn all_calls_wait_for_the_release_in_their_order() {
    let (mut spooled, calls) = spooled(SpoolMode::All, None);
    stream(&mut spooled, "sized", Some(600_000), 600_000);
    spooled.end().unwrap();
    stream(&mut spooled, "open", None, 5);
    spooled.end().unwrap();
    assert!(calls().is_empty());
    spooled.released().unwrap();
    let calls = calls();
    assert_eq!(calls[0], "begin sized Some(600000)");
    let written = calls.iter().filter_map(|call| call.strip_prefix("write "));
    assert_eq!(
        written.map(|len| len.parse::<u64>().unwrap()).sum::<u64>(),
        600_005
    );
    assert_eq!(
        calls[calls.len() - 4..],
        ["begin open Some(5)", "write 5", "end", "released"]
    );
    Box::new(spooled).abort();
}

#[test]
fn a_recorded_stream_that_fails_was_never_there() {
    for mode in [SpoolMode::UnknownSize, SpoolMode::All] {
        let (mut spooled, calls) = spooled(mode, None);
        stream(&mut spooled, "good", None, 700_000);
        spooled.end().unwrap();
        stream(&mut spooled, "bad", None, 700_000);
        spooled.fail().unwrap();
        stream(&mut spooled, "better", None, 1);
        spooled.end().unwrap();
        spooled.released().unwrap();
        let begun: Vec<String> = calls()
            .into_iter()
            .filter(|c| c.starts_with("begin"))
            .collect();
        assert_eq!(begun, ["begin good Some(700000)", "begin better Some(1)"]);
        Box::new(spooled).abort();
    }
}

#[test]
fn the_limit_is_kept_and_counts_what_waits() {
    let (mut spooled, _) = spooled(SpoolMode::UnknownSize, Some(1000));
    stream(&mut spooled, "a", None, 800);
    spooled.end().unwrap();
    spooled.released().unwrap();
    stream(&mut spooled, "b", None, 800);
    let error = spooled.write(&[0; 300]).unwrap_err();
    assert!(matches!(error, TargetError::SpoolLimit { limit: 1000, .. }));
    assert!(spooled.len() <= 1000);
    Box::new(spooled).abort();
}
