//! Reading ahead: a thread of its own opens and reads files while their entries are encoded.
//!
//! A walk waits for the kernel at every file, and whoever encodes waits for nobody: with small files each takes
//! about half of the time.

use bytes::Bytes;

use super::gather::{Gather, Gathered, Gone, gather};
use super::read::{ReadError, ReadReport, read};
use super::scan::Scan;
use crate::archive::entry::{Entry, EntrySink, Segment, SinkClosed};

enum Call {
    Begin(Entry),
    Data(Bytes),
    End,
}

/// Does what [`read`] does, on a thread of its own, and hands everything to `sink` on this one.
///
/// # Errors
/// Those of [`read`], and [`ReadError::Thread`] when the system gives no thread.
///
/// # Panics
/// When the reading panics, which is a bug.
pub fn read_ahead(scan: Scan, sink: &mut dyn EntrySink) -> Result<ReadReport, ReadError> {
    let (gather, gathered) = gather();
    std::thread::scope(|scope| {
        let reading = std::thread::Builder::new()
            .name("reader".to_owned())
            .spawn_scoped(scope, move || {
                let mut ahead = Ahead(gather);
                let report = read(scan, &mut ahead)?;
                ahead.0.send().map_err(SinkClosed::from)?;
                Ok(report)
            })
            .map_err(ReadError::Thread)?;
        let taken = take(&gathered, sink);
        // Whoever still reads learns by this that nobody takes it.
        drop(gathered);
        match reading.join() {
            Ok(report) => taken.map_err(ReadError::Closed).and(report),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn take(gathered: &Gathered<Call>, sink: &mut dyn EntrySink) -> Result<(), SinkClosed> {
    for call in gathered.iter() {
        match call {
            Call::Begin(entry) => sink.begin(&entry)?,
            Call::Data(chunk) => sink.data(chunk)?,
            Call::End => sink.end()?,
        }
    }
    Ok(())
}

/// Gathers calls for the thread that encodes.
struct Ahead(Gather<Call>);

impl EntrySink for Ahead {
    fn begin(&mut self, entry: &Entry) -> Result<(), SinkClosed> {
        Ok(self.0.put(Call::Begin(entry.clone()), weight(entry))?)
    }

    fn data(&mut self, chunk: Bytes) -> Result<(), SinkClosed> {
        let bytes = chunk.len();
        Ok(self.0.put(Call::Data(chunk), bytes)?)
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        Ok(self.0.put(Call::End, 0)?)
    }
}

impl From<Gone> for SinkClosed {
    fn from(Gone: Gone) -> Self {
        Self
    }
}

/// What an entry keeps beside itself, in bytes.
fn weight(entry: &Entry) -> usize {
    let xattrs = entry.xattrs.iter();
    let xattrs = xattrs.map(|xattr| xattr.name.len() + xattr.value.len());
    let segments = entry.sparse.as_ref().map_or(0, Vec::len);
    entry.path.len() + xattrs.sum::<usize>() + segments * size_of::<Segment>()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use super::super::gather::GATHERED_COUNT;
    use super::super::{TakeAll, WalkOptions, scan};
    use super::*;

    /// Writes down what it gets, and takes only so many calls.
    #[derive(Default)]
    struct Taken {
        calls: Vec<String>,
        at_most: Option<usize>,
    }

    impl Taken {
        fn take(&mut self, call: String) -> Result<(), SinkClosed> {
            if self.at_most == Some(self.calls.len()) {
                return Err(SinkClosed);
            }
            self.calls.push(call);
            Ok(())
        }
    }

    impl EntrySink for Taken {
        fn begin(&mut self, entry: &Entry) -> Result<(), SinkClosed> {
            self.take(entry.path.escape_ascii().to_string())
        }

        fn data(&mut self, chunk: Bytes) -> Result<(), SinkClosed> {
            self.take(format!("{} bytes from {:?}", chunk.len(), chunk.first()))
        }

        fn end(&mut self) -> Result<(), SinkClosed> {
            self.take("end".to_owned())
        }
    }

    fn scanned(root: &Path, list_dir: &Path) -> Scan {
        scan(WalkOptions {
            root,
            filter: &mut TakeAll,
            follow_symlinks: false,
            never: &[],
            one_file_system: true,
            list_dir,
            cancelled: &|| false,
            prefix: b"",
        })
        .unwrap()
    }

    /// A folder with more files than are gathered, and one that is longer than all that wait.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..GATHERED_COUNT {
            let content = vec![number as u8; number];
            std::fs::write(folder.path().join(format!("{number:04}")), content).unwrap();
        }
        std::fs::write(folder.path().join("long"), vec![7; 9 << 20]).unwrap();
        folder
    }

    #[test]
    fn the_same_comes_in_the_same_order() {
        let (folder, lists) = (folder(), tempfile::tempdir().unwrap());
        let mut wanted = Taken::default();
        let report = read(scanned(folder.path(), lists.path()), &mut wanted).unwrap();
        let mut found = Taken::default();
        let ahead = read_ahead(scanned(folder.path(), lists.path()), &mut found).unwrap();
        assert!(found.calls == wanted.calls);
        assert_eq!(ahead, report);
    }

    #[test]
    fn a_sink_that_takes_no_more_ends_the_reading() {
        let (folder, lists) = (folder(), tempfile::tempdir().unwrap());
        for at_most in [0, 1, 700, 3 * GATHERED_COUNT] {
            let mut sink = Taken {
                at_most: Some(at_most),
                ..Taken::default()
            };
            let ended = read_ahead(scanned(folder.path(), lists.path()), &mut sink);
            assert!(matches!(ended, Err(ReadError::Closed(_))), "{at_most}");
            assert_eq!(sink.calls.len(), at_most);
        }
    }
}
