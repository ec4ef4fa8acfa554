//! One target must not disturb another, and nobody may wait for one that stands still.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use super::lane::QUEUE;
use super::*;
use crate::archive::entry::EntryKind;
use crate::executor::samples::{Recorder, Tape, Writer};

fn fanout(writers: Vec<(String, Box<dyn DumpWriter>)>) -> (Fanout, CancellationToken, Tape) {
    let tape = Tape::default();
    let reporter: Arc<dyn Reporter> = Arc::new(Recorder {
        tape: tape.clone(),
        panics_at: None,
        acts_at: None,
    });
    let cancel = CancellationToken::new();
    let fanout = Fanout::start(writers, &reporter, cancel.clone()).expect("threads");
    (fanout, cancel, tape)
}

fn head(path: &str) -> StreamHead {
    StreamHead {
        path: path.into(),
        raw_bytes: None,
        compress: true,
    }
}

fn folder(path: &str) -> Entry {
    Entry::plain(path, EntryKind::Directory, 0o755)
}

/// Sends one stream member of so many chunks.
fn send(fanout: &Fanout, path: &str, chunks: usize) -> Result<(), SinkClosed> {
    fanout.begin(head(path))?;
    for _ in 0..chunks {
        fanout.data(Bytes::from_static(b"0123456789"))?;
    }
    fanout.end()
}

#[test]
fn every_target_gets_everything_in_order() {
    let writers = [Writer::new(), Writer::new()];
    let tapes = writers.each_ref().map(|writer| writer.tape.clone());
    let writers = writers.into_iter().map(|writer| writer.boxed("x"));
    let (fanout, ..) = fanout(writers.collect());
    send(&fanout, "a", 3 * QUEUE).expect("taken");
    fanout.begin(head("b")).expect("taken");
    fanout.fail().expect("taken");
    fanout.released().expect("taken");
    assert_eq!(fanout.abort().len(), 2);
    for tape in tapes {
        let expected = ["begin a", "end a", "begin b", "fail b", "released", "abort"];
        assert_eq!(tape.lines(), expected);
        assert_eq!(tape.stream("a").len(), 30 * QUEUE);
    }
}

#[test]
fn a_target_that_fails_does_not_disturb_the_others() {
    let mut bad = Writer::new();
    bad.fails_at = Some("begin b");
    let good = Writer::new();
    let (bad_tape, good_tape) = (bad.tape.clone(), good.tape.clone());
    let (fanout, _, tape) = fanout(vec![bad.boxed("bad"), good.boxed("good")]);
    for path in ["a", "b", "c"] {
        send(&fanout, path, 2 * QUEUE).expect("one target is left");
    }
    let ends = fanout.abort();
    assert!(matches!(&ends[0], (name, LaneEnd::Failed(_)) if name == "bad"));
    assert!(matches!(&ends[1], (name, LaneEnd::Aborted) if name == "good"));
    assert_eq!(bad_tape.lines(), ["begin a", "end a", "begin b", "abort"]);
    assert_eq!(good_tape.stream("c").len(), 20 * QUEUE);
    assert!(tape.has("target-failed bad: target `the target`: cannot write `/disk`"));
}

#[test]
fn when_all_have_failed_the_sources_are_told() {
    let mut one = Writer::new();
    one.fails_at = Some("begin a");
    let mut two = Writer::new();
    two.panics_at = Some("begin a");
    let (fanout, ..) = fanout(vec![one.boxed("one"), two.boxed("two")]);
    let sent = (0..100).try_for_each(|_| send(&fanout, "a", QUEUE));
    assert_eq!(sent, Err(SinkClosed));
    let ends = fanout.abort();
    assert!(matches!(ends[0].1, LaneEnd::Failed(_)));
    assert!(matches!(ends[1].1, LaneEnd::Lost), "{:?}", ends[1]);
}

#[test]
fn cancelling_ends_the_sources_while_a_target_stands_still() {
    let (_until, stands_still) = channel();
    let mut stuck = Writer::new();
    stuck.stands_still = Some(stands_still);
    let (fanout, cancel, _) = fanout(vec![stuck.boxed("stuck")]);
    let began = Instant::now();
    let sending = std::thread::spawn(move || {
        let sent = send(&fanout, "a", 100 * QUEUE);
        (sent, fanout)
    });
    while began.elapsed() < Duration::from_millis(50) {
        std::thread::yield_now();
    }
    assert!(!sending.is_finished(), "its queue is full");
    cancel.cancel();
    let (sent, fanout) = sending.join().expect("no panic");
    assert_eq!(sent, Err(SinkClosed));
    assert!(matches!(fanout.abort()[0].1, LaneEnd::Aborted));
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn folders_that_members_share_are_stored_once() {
    let writer = Writer::new();
    let tape = writer.tape.clone();
    let (fanout, ..) = fanout(vec![writer.boxed("x")]);
    for path in ["m", "m/a", "m", "m/b"] {
        fanout.folder_once(folder(path)).expect("taken");
    }
    fanout.abort();
    let entries: Vec<String> = tape.lines();
    assert_eq!(
        entries,
        [
            "entry m",
            "end m",
            "entry m/a",
            "end m/a",
            "entry m/b",
            "end m/b",
            "abort"
        ]
    );
}

#[test]
fn giving_up_has_everything_removed() {
    let writer = Writer::new();
    let tape = writer.tape.clone();
    let (fanout, ..) = fanout(vec![writer.boxed("x")]);
    send(&fanout, "a", 1).expect("taken");
    fanout.give_up();
    assert_eq!(send(&fanout, "b", 1), Err(SinkClosed));
    assert!(matches!(fanout.abort()[0].1, LaneEnd::Aborted));
    assert_eq!(tape.lines(), ["begin a", "end a", "abort"]);
}
