//! A spool in front of a writer that only writes its calls down.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use super::super::open::SpoolSpec;
use super::*;

/// Writes down the calls that it gets.
struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    fn note(&self, call: String) -> Result<(), TargetError> {
        self.0.lock().unwrap().push(call);
        Ok(())
    }
}

impl DumpWriter for Calls {
    fn turn_to(&mut self, slot: Slot) -> Result<(), TargetError> {
        self.note(format!("turn to {}", slot.0))
    }
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
    let inner = Box::new(Calls(Arc::clone(&calls)));
    let place = SpoolPlace::new("t", &spec);
    let spooled = Spooled::new(inner, place, mode).unwrap();
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

fn stream_by(spooled: &mut Spooled, slot: Slot, path: &str, len: usize) {
    spooled.turn_to(slot).unwrap();
    stream(spooled, path, None, len);
}

#[test]
fn streams_beside_another_one_wait_for_the_release_one_behind_the_other() {
    let (mut spooled, calls) = spooled(SpoolMode::Beside, None);
    stream_by(&mut spooled, Slot(0), "a", 3);
    stream_by(&mut spooled, Slot(2), "c", 5);
    stream_by(&mut spooled, Slot(1), "b", 1);
    for slot in [2, 0, 1] {
        spooled.turn_to(Slot(slot)).unwrap();
        spooled.end().unwrap();
    }
    stream_by(&mut spooled, Slot(2), "d", 2);
    spooled.end().unwrap();
    assert_eq!(calls(), ["begin a None", "write 3", "end"]);
    spooled.released().unwrap();
    let expected = [
        "begin b Some(1)",
        "write 1",
        "end",
        "begin c Some(5)",
        "write 5",
        "end",
        "begin d Some(2)",
        "write 2",
        "end",
        "released",
    ];
    assert_eq!(calls(), expected);
    stream(&mut spooled, "e", None, 4);
    spooled.end().unwrap();
    assert_eq!(calls(), ["begin e None", "write 4", "end"]);
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
    for (mode, slot) in [(SpoolMode::Beside, Slot(1)), (SpoolMode::All, Slot::FIRST)] {
        let (mut spooled, calls) = spooled(mode, None);
        stream_by(&mut spooled, slot, "good", 700_000);
        spooled.end().unwrap();
        stream_by(&mut spooled, slot, "bad", 700_000);
        spooled.fail().unwrap();
        stream_by(&mut spooled, slot, "better", 1);
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
fn the_limit_is_kept_over_all_that_waits() {
    let limit = 1_000_000;
    let (mut spooled, _) = spooled(SpoolMode::All, Some(limit));
    stream_by(&mut spooled, Slot(0), "a", 500_000);
    stream_by(&mut spooled, Slot(1), "b", 400_000);
    let error = spooled.write(&vec![0; 300_000]).unwrap_err();
    assert!(matches!(
        error,
        TargetError::SpoolLimit {
            limit: 1_000_000,
            ..
        }
    ));
    Box::new(spooled).abort();
}

#[test]
fn what_is_cut_off_or_gone_leaves_room() {
    let spec = SpoolSpec {
        dir: std::env::temp_dir(),
        mode: SpoolMode::All,
        limit: Some(10),
    };
    let place = SpoolPlace::new("t", &spec);
    let mut file = place.create().unwrap();
    file.append(b"0123456789").unwrap();
    assert!(place.create().unwrap().append(b"x").is_err());
    file.cut(4).unwrap();
    place.create().unwrap().append(b"456789").unwrap();
    drop(file);
    place.create().unwrap().append(b"0123456789").unwrap();
}
