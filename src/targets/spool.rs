//! Records calls in an unlinked temporary file and makes them later: for targets that are slow while
//! services are held, and for targets that must know a stream's length before its first byte.
//!
//! - A stream of unknown length is recorded whole and made at its end, with its length. While services
//!   are held it waits until they run again, because compressing it is slower than recording it.
//! - With [`SpoolMode::All`] everything waits until services run again, in its order.
//! - A recorded stream that fails is cut off the record: the target never hears of it.

use std::fs::{DirBuilder, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, FileExt};

use super::frames::{BEGIN_LENGTH_OFFSET, Frame};
use super::open::{SpoolMode, SpoolSpec};
use super::site::{OrFailed, Site};
use super::step::Step;
use super::{DumpWriter, StreamHead, TargetError};
use crate::archive::entry::Entry;
use crate::archive::manifest::{Draft, Published};

/// Length in bytes of the pieces in which content is read back.
const PIECE_LEN: usize = 256 * 1024;

/// Length in bytes up to which frames are gathered before they are written.
const PENDING_LEN: usize = 256 * 1024;

/// A writer behind a spool.
pub(super) struct Spooled {
    inner: Box<dyn DumpWriter>,
    site: Site,
    mode: SpoolMode,
    limit: Option<u64>,
    file: File,
    /// Bytes in the file; what is pending comes behind them.
    written: u64,
    pending: Vec<u8>,
    released: bool,
    recording: bool,
    stream: Option<RecordedStream>,
}

/// The stream that is being recorded.
struct RecordedStream {
    /// Where its frame begins in the file.
    start: u64,
    bytes: u64,
    announced: Option<u64>,
}

impl Spooled {
    /// Makes the temporary file, and its folder (0700) if it is missing.
    pub(super) fn new(
        inner: Box<dyn DumpWriter>,
        target: &str,
        spec: &SpoolSpec,
    ) -> Result<Self, TargetError> {
        let site = Site::new(target, &spec.dir);
        let file = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&spec.dir)
            .and_then(|()| tempfile::tempfile_in(&spec.dir))
            .or_failed(&site, Step::Create, b"");
        let file = match file {
            Ok(file) => file,
            Err(error) => {
                inner.abort();
                return Err(error);
            }
        };
        Ok(Self {
            inner,
            site,
            mode: spec.mode,
            limit: spec.limit,
            file,
            written: 0,
            pending: Vec::with_capacity(2 * PENDING_LEN),
            released: false,
            recording: spec.mode == SpoolMode::All,
            stream: None,
        })
    }

    fn holds_all(&self) -> bool {
        self.mode == SpoolMode::All && !self.released
    }

    fn len(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    fn record(&mut self, frame: &Frame) -> Result<(), TargetError> {
        frame.encode(&mut self.pending);
        self.allow(0)?;
        if self.pending.len() >= PENDING_LEN {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn record_data(&mut self, data: &[u8]) -> Result<(), TargetError> {
        self.allow(data.len() as u64)?;
        self.record(&Frame::Data(data.len() as u64))?;
        if let Some(stream) = &mut self.stream {
            stream.bytes += data.len() as u64;
        }
        if data.len() < PENDING_LEN {
            self.pending.extend_from_slice(data);
            return Ok(());
        }
        self.flush()?;
        let put = self.file.write_all_at(data, self.written);
        put.or_failed(&self.site, Step::Spool, b"")?;
        self.written += data.len() as u64;
        Ok(())
    }

    /// Refuses `more` bytes where they would exceed the limit.
    fn allow(&self, more: u64) -> Result<(), TargetError> {
        match self.limit {
            Some(limit) if self.len() + more > limit => Err(TargetError::SpoolLimit {
                target: self.site.target.clone(),
                path: self.site.folder.clone(),
                limit,
            }),
            _ => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<(), TargetError> {
        let put = self.file.write_all_at(&self.pending, self.written);
        put.or_failed(&self.site, Step::Spool, b"")?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    /// Ends the recorded stream: its length is written into its first frame.
    fn end_stream(&mut self, stream: &RecordedStream) -> Result<(), TargetError> {
        self.record(&Frame::End)?;
        if stream.announced.is_none() {
            self.flush()?;
            let place = stream.start + BEGIN_LENGTH_OFFSET;
            let put = self.file.write_all_at(&stream.bytes.to_le_bytes(), place);
            put.or_failed(&self.site, Step::Spool, b"")?;
        }
        Ok(())
    }

    /// Makes all recorded calls and empties the record.
    fn replay(&mut self) -> Result<(), TargetError> {
        self.flush()?;
        let rewound = self.file.seek(SeekFrom::Start(0));
        rewound.or_failed(&self.site, Step::Spool, b"")?;
        let mut reader = BufReader::with_capacity(PIECE_LEN, &self.file);
        let mut piece = vec![0; PIECE_LEN];
        while let Some(frame) =
            Frame::decode(&mut reader).or_failed(&self.site, Step::Spool, b"")?
        {
            match frame {
                Frame::Entry(entry) => self.inner.entry(&entry)?,
                Frame::Begin(head) => self.inner.begin(&head)?,
                Frame::End => self.inner.end()?,
                Frame::Data(len) => {
                    let mut data = (&mut reader).take(len);
                    pass_on(&mut data, &mut piece, &self.site, &mut *self.inner)?;
                }
            }
        }
        self.cut(0)
    }

    /// Cuts the record off at `len`.
    fn cut(&mut self, len: u64) -> Result<(), TargetError> {
        self.flush()?;
        self.file
            .set_len(len)
            .or_failed(&self.site, Step::Spool, b"")?;
        self.written = len;
        Ok(())
    }
}

fn pass_on(
    data: &mut io::Take<impl Read>,
    piece: &mut [u8],
    site: &Site,
    inner: &mut dyn DumpWriter,
) -> Result<(), TargetError> {
    while data.limit() > 0 {
        let len = data.read(piece).or_failed(site, Step::Spool, b"")?;
        if len == 0 {
            let cut = io::Error::from(io::ErrorKind::UnexpectedEof);
            return Err(cut).or_failed(site, Step::Spool, b"");
        }
        inner.write(&piece[..len])?;
    }
    Ok(())
}

impl DumpWriter for Spooled {
    fn entry(&mut self, entry: &Entry) -> Result<(), TargetError> {
        if self.recording {
            return self.record(&Frame::Entry(entry.clone()));
        }
        self.inner.entry(entry)
    }

    fn begin(&mut self, head: &StreamHead) -> Result<(), TargetError> {
        self.recording |= head.raw_bytes.is_none();
        if !self.recording {
            return self.inner.begin(head);
        }
        self.stream = Some(RecordedStream {
            start: self.len(),
            bytes: 0,
            announced: head.raw_bytes,
        });
        self.record(&Frame::Begin(head.clone()))
    }

    fn write(&mut self, data: &[u8]) -> Result<(), TargetError> {
        if self.recording {
            return self.record_data(data);
        }
        self.inner.write(data)
    }

    fn end(&mut self) -> Result<(), TargetError> {
        if !self.recording {
            return self.inner.end();
        }
        match self.stream.take() {
            Some(stream) => self.end_stream(&stream)?,
            None => self.record(&Frame::End)?,
        }
        self.recording = self.holds_all();
        if self.released { self.replay() } else { Ok(()) }
    }

    fn fail(&mut self) -> Result<(), TargetError> {
        if !self.recording {
            return self.inner.fail();
        }
        let Some(stream) = self.stream.take() else {
            return Err(self.site.out_of_order("fail"));
        };
        self.recording = self.holds_all();
        self.cut(stream.start)
    }

    fn released(&mut self) -> Result<(), TargetError> {
        if self.stream.is_some() {
            return Err(self.site.out_of_order("released"));
        }
        self.released = true;
        self.recording = false;
        self.replay()?;
        self.inner.released()
    }

    fn finish(mut self: Box<Self>, draft: &Draft) -> Result<Published, TargetError> {
        if !self.released
            && let Err(error) = self.released()
        {
            self.inner.abort();
            return Err(error);
        }
        self.inner.finish(draft)
    }

    fn leaves_traces(&self) -> bool {
        self.inner.leaves_traces()
    }

    fn abort(self: Box<Self>) {
        self.inner.abort();
    }
}

#[cfg(test)]
mod tests;
