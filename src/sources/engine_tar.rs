//! The engine's tar of a helper's mount as entries for a sink.
//!
//! The stream is parsed, not passed through: the engine ends it cleanly when a read error has cut it
//! off, so only a tar that is whole by its own marks counts. Names lose the mount point's own name.

use bytes::Bytes;

use crate::archive::entry::{Entry, EntryKind, EntrySink, SinkClosed};
use crate::archive::escape;
use crate::archive::tar::{TarError, TarParser, TarVisitor};

use super::walk::{Filter, TakeAll, Verdict};
pub use losses::{DeepFolder, Severed, SeveredLink};

mod losses;

/// What the engine sends is not what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum EngineTarError {
    /// It is no whole tar.
    #[error("the engine's stream is no whole tar")]
    Tar(#[source] TarError),
    /// An entry that is not of the mount.
    #[error("the engine sent `{}`, which is outside of what was asked for", escape::display(.path))]
    Foreign {
        /// The entry's path in the stream.
        path: Vec<u8>,
    },
    /// The sink takes no more.
    #[error("nobody takes the content any more")]
    Closed(#[source] SinkClosed),
}

/// Hands the entries of one stream to a sink; feed it until the stream ends, then
/// [`finish`](EngineTar::finish).
pub struct EngineTar<'a> {
    parser: TarParser<Relay<'a>>,
}

/// What the entries of a stream become.
pub struct Relayed<'a> {
    /// What takes them.
    pub sink: &'a mut dyn EntrySink,
    /// What leads each name in the stream: the name of the mount point, without slashes.
    pub mount: &'a [u8],
    /// What leads each name instead, without slashes at its ends; may be empty.
    pub under: &'a [u8],
    /// Decides what is taken, by the names that result; `None` takes everything.
    pub filter: Option<&'a mut dyn Filter>,
}

impl<'a> EngineTar<'a> {
    /// Starts a stream.
    #[must_use]
    pub fn new(relayed: Relayed<'a>) -> Self {
        let relay = Relay {
            to: relayed,
            chunk: Bytes::new(),
            skipped: false,
            end: RelayEnd::default(),
            foreign: None,
            closed: None,
        };
        Self {
            parser: TarParser::new(relay),
        }
    }

    /// Takes the next bytes of the stream.
    ///
    /// # Errors
    /// As the variants of [`EngineTarError`] say; nothing may follow then.
    pub fn feed(&mut self, chunk: &Bytes) -> Result<(), EngineTarError> {
        self.parser.visitor_mut().chunk = chunk.clone();
        let fed = self.parser.feed(chunk);
        fed.map_err(|error| self.parser.visitor_mut().cause(error))
    }

    /// Says what the sink was given, if the tar is whole.
    ///
    /// # Errors
    /// [`EngineTarError::Tar`] where the stream ended early.
    pub fn finish(self) -> Result<RelayEnd, EngineTarError> {
        let (_, relay) = self.parser.finish().map_err(EngineTarError::Tar)?;
        Ok(relay.end)
    }
}

/// What a whole stream came to.
#[derive(Debug, Default)]
pub struct RelayEnd {
    /// Entries that the sink was given.
    pub taken: u64,
    /// Names that it was not given, although the filter takes them.
    pub severed: Severed,
    /// The first folder whose path is so long that the engine may have left out what is in it.
    pub deep: Option<DeepFolder>,
}

struct Relay<'a> {
    to: Relayed<'a>,
    /// What is being fed: parts of it go on without a copy.
    chunk: Bytes,
    skipped: bool,
    end: RelayEnd,
    foreign: Option<Vec<u8>>,
    closed: Option<SinkClosed>,
}

impl Relay<'_> {
    /// The parser only knows that it was stopped; the reason is here.
    fn cause(&mut self, error: TarError) -> EngineTarError {
        match (self.foreign.take(), self.closed.take()) {
            (Some(path), _) => EngineTarError::Foreign { path },
            (None, Some(closed)) => EngineTarError::Closed(closed),
            (None, None) => EngineTarError::Tar(error),
        }
    }

    /// The name as the sink knows it; `None` for one that is not of the mount.
    fn renamed(&self, name: &[u8]) -> Option<Vec<u8>> {
        let below = name.strip_prefix(self.to.mount)?;
        let under = self.to.under;
        match below.strip_prefix(b"/") {
            Some(rest) if under.is_empty() => Some(rest.to_vec()),
            Some(rest) => Some([under, b"/", rest].concat()),
            None if below.is_empty() => Some(under.to_vec()),
            None => None,
        }
    }

    fn refuse(&mut self, path: &[u8]) -> SinkClosed {
        self.foreign = Some(path.to_vec());
        SinkClosed
    }

    fn pass(&mut self, outcome: Result<(), SinkClosed>) -> Result<(), SinkClosed> {
        outcome.inspect_err(|&closed| self.closed = Some(closed))
    }

    fn wants(&mut self, entry: &Entry) -> bool {
        let filter: &mut dyn Filter = match &mut self.to.filter {
            Some(filter) => &mut **filter,
            None => &mut TakeAll,
        };
        let mut takes = |path, is_dir| filter.decide(path, is_dir) != Verdict::Skip;
        match &entry.kind {
            EntryKind::HardLink { target } if takes(&entry.path, false) => {
                let whole = takes(target, false);
                if !whole {
                    self.end.severed.push(&entry.path, target);
                }
                whole
            }
            EntryKind::HardLink { .. } => false,
            kind => takes(&entry.path, *kind == EntryKind::Directory),
        }
    }
}

impl TarVisitor for Relay<'_> {
    fn begin(&mut self, entry: &Entry, _at: u64) -> Result<(), SinkClosed> {
        let mut entry = entry.clone();
        entry.path = self
            .renamed(&entry.path)
            .ok_or_else(|| self.refuse(&entry.path))?;
        if let EntryKind::HardLink { target } = &mut entry.kind {
            *target = self.renamed(target).ok_or_else(|| self.refuse(target))?;
        }
        self.skipped = !self.wants(&entry);
        if self.skipped {
            return Ok(());
        }
        self.end.taken += 1;
        if self.end.deep.is_none() {
            self.end.deep = DeepFolder::of(&entry);
        }
        let outcome = self.to.sink.begin(&entry);
        self.pass(outcome)
    }

    fn data(&mut self, part: &[u8]) -> Result<(), SinkClosed> {
        if self.skipped {
            return Ok(());
        }
        let outcome = self.to.sink.data(self.chunk.slice_ref(part));
        self.pass(outcome)
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        if self.skipped {
            return Ok(());
        }
        let outcome = self.to.sink.end();
        self.pass(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::losses::DEEPEST;
    use super::*;
    use crate::archive::tar;

    #[derive(Default)]
    struct Names(Vec<(Vec<u8>, u64)>);

    impl EntrySink for Names {
        fn begin(&mut self, entry: &Entry) -> Result<(), SinkClosed> {
            self.0.push((entry.path.clone(), 0));
            Ok(())
        }

        fn data(&mut self, chunk: Bytes) -> Result<(), SinkClosed> {
            self.0.last_mut().expect("an entry was begun").1 += chunk.len() as u64;
            Ok(())
        }

        fn end(&mut self) -> Result<(), SinkClosed> {
            Ok(())
        }
    }

    fn entry(path: &str, kind: EntryKind, size: u64) -> Entry {
        Entry {
            size,
            ..Entry::plain(path, kind, 0o644)
        }
    }

    /// The tar that an engine sends for a mount at `/data`.
    fn stream(names: &[(&str, u64)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, size) in names {
            let kind = if name.ends_with('/') {
                EntryKind::Directory
            } else {
                EntryKind::File
            };
            let entry = entry(name.trim_end_matches('/'), kind, *size);
            tar::encode_head(&entry, b"", &mut bytes);
            let len = usize::try_from(*size).expect("small") + tar::padding(*size);
            bytes.resize(bytes.len() + len, 7);
        }
        bytes.extend_from_slice(&tar::END);
        bytes
    }

    fn relay(bytes: Vec<u8>, under: &[u8]) -> (Result<RelayEnd, EngineTarError>, Names) {
        let mut names = Names::default();
        let mut tar = EngineTar::new(Relayed {
            sink: &mut names,
            mount: b"data",
            under,
            filter: None,
        });
        let fed = tar.feed(&Bytes::from(bytes));
        let outcome = fed.and_then(|()| tar.finish());
        (outcome, names)
    }

    #[test]
    fn a_folder_too_deep_for_the_engine_is_told() {
        let deep = |len: usize| format!("data/{}x/", "d/".repeat(len / 2 - 1));
        for (len, told) in [(DEEPEST, false), (DEEPEST + 2, true)] {
            let folder = deep(len);
            let (outcome, _) = relay(stream(&[("data/", 0), (&folder, 0)]), b"");
            let end = outcome.expect("a whole tar");
            assert_eq!(end.deep.is_some(), told, "{len}");
        }
    }

    #[test]
    fn names_lose_the_mount_and_data_passes() {
        let (outcome, names) = relay(
            stream(&[("data/", 0), ("data/a", 700), ("data/sub/", 0)]),
            b"",
        );
        assert_eq!(outcome.expect("a whole tar").taken, 3);
        assert_eq!(
            names.0,
            [
                (b"".to_vec(), 0),
                (b"a".to_vec(), 700),
                (b"sub".to_vec(), 0)
            ]
        );
        let (_, names) = relay(stream(&[("data/", 0), ("data/a", 0)]), b"conf/web");
        assert_eq!(
            names.0,
            [(b"conf/web".to_vec(), 0), (b"conf/web/a".to_vec(), 0)]
        );
    }

    struct Without(&'static [u8]);

    impl Filter for Without {
        fn decide(&mut self, path: &[u8], _is_dir: bool) -> Verdict {
            if path == self.0 {
                Verdict::Skip
            } else {
                Verdict::Take
            }
        }
    }

    #[test]
    fn a_name_whose_content_went_with_another_is_reported() {
        let mut bytes = stream(&[("data/", 0), ("data/a", 5)]);
        bytes.truncate(bytes.len() - tar::END.len());
        let link = |target: &str| EntryKind::HardLink {
            target: target.into(),
        };
        tar::encode_head(&entry("data/b", link("data/a"), 0), b"", &mut bytes);
        bytes.extend_from_slice(&tar::END);
        for (left_out, taken, severed) in [(b"a", 1, 1), (b"b", 2, 0), (b"c", 3, 0)] {
            let mut names = Names::default();
            let mut without = Without(left_out);
            let mut tar = EngineTar::new(Relayed {
                sink: &mut names,
                mount: b"data",
                under: b"",
                filter: Some(&mut without),
            });
            tar.feed(&Bytes::from(bytes.clone())).expect("a tar");
            let end = tar.finish().expect("a whole tar");
            assert_eq!((end.taken, end.severed.count()), (taken, severed));
            assert!(end.severed.first().iter().all(|link| {
                link.to_string() == "`b` is another name of `a`, which is left out with its content"
            }));
        }
    }

    #[test]
    fn a_stream_that_ends_early_is_no_content() {
        let whole = stream(&[("data/", 0), ("data/a", 700)]);
        for cut in [whole.len() - 1024, whole.len() - 512, 1200, 512] {
            let (outcome, _) = relay(whole[..cut].to_vec(), b"");
            assert!(
                matches!(outcome, Err(EngineTarError::Tar(_))),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn entries_from_elsewhere_are_refused() {
        for name in ["etc/passwd", "database", "data2/x"] {
            let (outcome, _) = relay(stream(&[(name, 0)]), b"");
            assert!(
                matches!(outcome, Err(EngineTarError::Foreign { .. })),
                "{name}"
            );
        }
    }
}
