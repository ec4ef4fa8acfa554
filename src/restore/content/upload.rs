//! Content for a volume behind the engine's API: entries that were checked, as a tar that the engine unpacks.
//!
//! Nothing of the dump's own tar goes through. Names are `data/...`, to be unpacked at `/` of a helper that mounts the
//! volume at `/data`: so links may lead out of the volume, and its root gets its own owner and mode. The first
//! entry is always the same, because the engine looks into the first bytes for a compression. An end without the
//! two zero blocks would be a whole tar to the engine, so one that is not whole ends with an error.

use bytes::Bytes;

use super::ContentError;
use super::admission::Admission;
use super::stage::StageOptions;
use crate::archive::entry::{Entry, EntryKind, Segment, SinkClosed};
use crate::archive::tar::{END, TarVisitor, encode_head, padding};
use crate::bridge::{self, Outgoing};
use crate::engine::Upload;

/// What leads the names; see [`crate::engine::helper::MOUNT_POINT`].
const PREFIX: &[u8] = b"data/";
/// Bytes that are sent at a time.
const CHUNK: usize = 128 * 1024;
/// Zeros for holes, each chunk of which costs nothing to send.
static ZEROS: [u8; CHUNK] = [0; CHUNK];

/// Sends the entries of one volume, which come by the calls of [`TarVisitor`].
pub struct VolumeUpload {
    out: Outgoing,
    admission: Admission,
    chunk: Vec<u8>,
    /// The file whose data comes.
    file: Option<OpenFile>,
    lost: Lost,
    error: Option<ContentError>,
}

/// The last second whose nanoseconds since 1970 fit 64 bits, in 2262: the engine takes later times for none.
pub(super) const LAST_SECOND: i64 = i64::MAX / 1_000_000_000;

/// A file on its way, holes included.
struct OpenFile {
    size: u64,
    sent: u64,
    segments: std::collections::VecDeque<Segment>,
}

/// What the engine does not keep, counted, with the first of each.
#[derive(Default)]
struct Lost {
    holes: Option<(u64, Vec<u8>)>,
    times: Option<(u64, Vec<u8>)>,
    attributes: Option<(u64, Vec<u8>)>,
}

impl VolumeUpload {
    /// For a member with that many stored bytes, with what the engine is given. Both ends have to be worked
    /// on at the same time: this one blocks while the engine is behind.
    #[must_use]
    pub fn new(raw_bytes: u64, options: StageOptions) -> (Self, Upload) {
        let (out, upload) = bridge::upload();
        let mut this = Self {
            out,
            admission: Admission::new(raw_bytes, options),
            chunk: Vec::with_capacity(CHUNK + 4096),
            file: None,
            lost: Lost::default(),
            error: None,
        };
        encode_head(&first(), PREFIX, &mut this.chunk);
        (this, upload)
    }

    /// Why a call ended in [`SinkClosed`]; `None` if the engine takes nothing more, which knows better why.
    pub fn take_error(&mut self) -> Option<ContentError> {
        self.error.take()
    }

    /// Ends the tar if the member was whole, else breaks it off so that the engine knows. Gives what the
    /// engine cannot keep, one sentence each.
    ///
    /// # Errors
    /// [`SinkClosed`] when the engine takes nothing more.
    pub fn finish(mut self, is_whole: bool) -> Result<Vec<String>, SinkClosed> {
        if !is_whole || self.error.is_some() || self.file.is_some() {
            // Dropping the other end does it.
            return Ok(Vec::new());
        }
        self.chunk.extend_from_slice(&END);
        self.flush()?;
        self.out.end()?;
        Ok(self.lost.sentences())
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), ContentError> {
        self.admission.take(entry)?;
        let mut dense = entry.clone();
        if dense.sparse.take().is_some() {
            Lost::note(&mut self.lost.holes, &entry.path);
        }
        if !(0..=LAST_SECOND).contains(&entry.mtime.secs) {
            Lost::note(&mut self.lost.times, &entry.path);
        }
        // Go's reader of tars takes an empty value for a record that is taken back.
        if entry.xattrs.iter().any(|xattr| xattr.value.is_empty()) {
            Lost::note(&mut self.lost.attributes, &entry.path);
        }
        encode_head(&dense, PREFIX, &mut self.chunk);
        let whole = || {
            vec![Segment {
                offset: 0,
                len: entry.size,
            }]
        };
        self.file = (entry.kind == EntryKind::File).then(|| OpenFile {
            size: entry.size,
            sent: 0,
            segments: entry.sparse.clone().unwrap_or_else(whole).into(),
        });
        Ok(())
    }

    /// Sends zeros up to `offset` of the file.
    fn hole(&mut self, offset: u64) -> Result<(), SinkClosed> {
        while let Some(file) = &mut self.file
            && file.sent < offset
        {
            let len = (offset - file.sent).min(CHUNK as u64);
            file.sent += len;
            self.push(&ZEROS[..len as usize])?;
        }
        Ok(())
    }

    fn push(&mut self, data: &[u8]) -> Result<(), SinkClosed> {
        self.chunk.extend_from_slice(data);
        if self.chunk.len() >= CHUNK {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkClosed> {
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK + 4096));
        self.out.send(Bytes::from(chunk))
    }
}

impl TarVisitor for VolumeUpload {
    fn begin(&mut self, entry: &Entry, _: u64) -> Result<(), SinkClosed> {
        self.entry(entry).map_err(|error| {
            self.error.get_or_insert(error);
            SinkClosed
        })?;
        self.push(&[])
    }

    fn data(&mut self, mut part: &[u8]) -> Result<(), SinkClosed> {
        while !part.is_empty() {
            let next = self.file.as_mut().and_then(|file| {
                let segment = file.segments.front_mut()?;
                let len =
                    usize::try_from(segment.len).map_or(part.len(), |len| len.min(part.len()));
                let offset = segment.offset;
                segment.offset += len as u64;
                segment.len -= len as u64;
                if segment.len == 0 {
                    file.segments.pop_front();
                }
                Some((offset, len))
            });
            let Some((offset, len)) = next else {
                self.error.get_or_insert(ContentError::OutOfOrder);
                return Err(SinkClosed);
            };
            self.hole(offset)?;
            let (here, rest) = part.split_at(len);
            self.push(here)?;
            if let Some(file) = &mut self.file {
                file.sent += len as u64;
            }
            part = rest;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        let Some(size) = self.file.as_ref().map(|file| file.size) else {
            return Ok(());
        };
        self.hole(size)?;
        self.file = None;
        self.push(&ZEROS[..padding(size)])
    }
}

/// The entry that every upload begins with: the mount point, as the helper has it. The volume's own root
/// follows.
fn first() -> Entry {
    Entry::plain(b"", EntryKind::Directory, 0o755)
}

impl Lost {
    fn note(lost: &mut Option<(u64, Vec<u8>)>, path: &[u8]) {
        lost.get_or_insert_with(|| (0, path.to_vec())).0 += 1;
    }

    fn sentences(&self) -> Vec<String> {
        let all = [
            (&self.holes, "the engine fills holes with zeros"),
            (
                &self.times,
                "the engine sets times before 1970 or after 2262 to 1970",
            ),
            (
                &self.attributes,
                "the engine passes over attributes without a value",
            ),
        ];
        let told = all.into_iter().filter_map(|(lost, what)| {
            let (count, first) = lost.as_ref()?;
            let entries = if *count == 1 { "entry" } else { "entries" };
            let first = crate::archive::escape::escape(first);
            Some(format!("{what} in {count} {entries}, `{first}` the first"))
        });
        told.collect()
    }
}
