//! A target that tests look into.

use std::collections::BTreeMap;
use std::sync::mpsc;

use super::Tape;
use crate::archive::entry::{Entry, EntryKind};
use crate::archive::manifest::{Draft, Place, Published};
use crate::targets::{DumpWriter, Slot, StreamHead, TargetError};

/// A target that writes down its calls, and keeps what it is given.
pub(in crate::executor) struct Writer {
    pub(in crate::executor) tape: Tape,
    /// Fails at the call whose line begins so.
    pub(in crate::executor) fails_at: Option<&'static str>,
    /// Panics at the call whose line begins so.
    pub(in crate::executor) panics_at: Option<&'static str>,
    /// Stands still at the first data of a stream until the other end is dropped.
    pub(in crate::executor) stands_still: Option<mpsc::Receiver<()>>,
    turn: Slot,
    /// What is open, by slot: whether it is a stream, and its path.
    open: BTreeMap<Slot, (bool, String)>,
}

impl Writer {
    pub(in crate::executor) fn new() -> Self {
        Self {
            tape: Tape::default(),
            fails_at: None,
            panics_at: None,
            stands_still: None,
            turn: Slot::FIRST,
            open: BTreeMap::new(),
        }
    }

    pub(in crate::executor) fn boxed(self, name: &str) -> (String, Box<dyn DumpWriter>) {
        (name.to_owned(), Box::new(self))
    }

    fn call(&self, line: String) -> Result<(), TargetError> {
        let is = |at: Option<&str>| at.is_some_and(|at| line.starts_with(at));
        let (fails, panics) = (is(self.fails_at), is(self.panics_at));
        self.tape.write(line);
        assert!(!panics, "as the test wants it");
        if fails {
            return Err(TargetError::Write {
                target: "the target".into(),
                path: "/disk".into(),
                source: std::io::ErrorKind::StorageFull.into(),
            });
        }
        Ok(())
    }
}

impl DumpWriter for Writer {
    fn turn_to(&mut self, slot: Slot) -> Result<(), TargetError> {
        self.turn = slot;
        Ok(())
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), TargetError> {
        assert!(self.open.is_empty(), "an entry is still open");
        let path = String::from_utf8_lossy(&entry.path).into_owned();
        if entry.kind == EntryKind::File {
            self.tape.kept().files.insert(path.clone(), Vec::new());
        }
        self.open.insert(Slot::FIRST, (false, path.clone()));
        self.call(format!("entry {path}"))
    }

    fn begin(&mut self, head: &StreamHead) -> Result<(), TargetError> {
        let path = head.path.clone();
        self.tape.kept().streams.insert(path.clone(), Vec::new());
        let before = self.open.insert(self.turn, (true, path.clone()));
        assert_eq!(before, None, "an entry is still open");
        self.call(format!("begin {path}"))
    }

    fn write(&mut self, data: &[u8]) -> Result<(), TargetError> {
        let (is_stream, path) = self.open.get(&self.turn).expect("something is open");
        if *is_stream && let Some(until) = self.stands_still.take() {
            let _ = until.recv();
        }
        let mut kept = self.tape.kept();
        let kept = &mut *kept;
        let all = if *is_stream {
            &mut kept.streams
        } else {
            &mut kept.files
        };
        let content = all.get_mut(path).expect("it was begun");
        content.extend_from_slice(data);
        Ok(())
    }

    fn end(&mut self) -> Result<(), TargetError> {
        let (_, path) = self.open.remove(&self.turn).expect("something is open");
        self.call(format!("end {path}"))
    }

    fn fail(&mut self) -> Result<(), TargetError> {
        let (is_stream, path) = self.open.remove(&self.turn).expect("something is open");
        assert!(is_stream, "only streams can fail");
        self.tape.kept().streams.remove(&path);
        self.call(format!("fail {path}"))
    }

    fn released(&mut self) -> Result<(), TargetError> {
        self.call("released".into())
    }

    fn finish(self: Box<Self>, draft: &Draft) -> Result<Published, TargetError> {
        assert!(self.open.is_empty(), "an entry is still open");
        self.call("finish".into())?;
        self.tape.kept().draft = Some(draft.clone());
        Ok(Published {
            name: None,
            place: Place::Stdout,
            bytes: 1,
            warnings: Vec::new(),
        })
    }

    fn abort(self: Box<Self>) {
        self.tape.write("abort");
    }

    fn leaves_traces(&self) -> bool {
        self.stands_still.is_none()
    }
}
