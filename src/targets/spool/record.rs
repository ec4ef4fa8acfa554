//! Calls of a dump writer, written down to be made later.

use std::io::{self, BufReader, Read};

use super::super::frames::{BEGIN_LENGTH_OFFSET, Frame};
use super::super::site::{OrFailed, Site};
use super::super::step::Step;
use super::super::{DumpWriter, StreamHead, TargetError};
use super::file::SpoolFile;

/// Length in bytes of the pieces in which content is read back.
const PIECE_LEN: usize = 256 * 1024;

/// Length in bytes up to which frames are gathered before they are written.
const PENDING_LEN: usize = 256 * 1024;

/// A record of calls.
pub(super) struct Record {
    file: SpoolFile,
    /// What comes behind the file's end.
    pending: Vec<u8>,
    stream: Option<RecordedStream>,
}

/// The stream that is being recorded.
struct RecordedStream {
    /// Where its frame begins in the record.
    start: u64,
    bytes: u64,
    announced: Option<u64>,
}

impl Record {
    pub(super) fn new(file: SpoolFile) -> Self {
        Self {
            file,
            pending: Vec::with_capacity(2 * PENDING_LEN),
            stream: None,
        }
    }

    /// Whether a stream has begun and not ended.
    pub(super) const fn has_open_stream(&self) -> bool {
        self.stream.is_some()
    }

    fn len(&self) -> u64 {
        self.file.len() + self.pending.len() as u64
    }

    /// Writes down a call other than those that have functions of their own.
    pub(super) fn call(&mut self, frame: &Frame) -> Result<(), TargetError> {
        frame.encode(&mut self.pending);
        if self.pending.len() >= PENDING_LEN {
            self.flush()
        } else {
            Ok(())
        }
    }

    pub(super) fn begin(&mut self, head: &StreamHead) -> Result<(), TargetError> {
        self.stream = Some(RecordedStream {
            start: self.len(),
            bytes: 0,
            announced: head.raw_bytes,
        });
        self.call(&Frame::Begin(head.clone()))
    }

    pub(super) fn write(&mut self, data: &[u8]) -> Result<(), TargetError> {
        self.call(&Frame::Data(data.len() as u64))?;
        if let Some(stream) = &mut self.stream {
            stream.bytes += data.len() as u64;
        }
        if data.len() < PENDING_LEN {
            self.pending.extend_from_slice(data);
            return Ok(());
        }
        self.flush()?;
        self.file.append(data)
    }

    /// Ends a stream, whose length is written into its first frame if nobody knew it, or an entry.
    pub(super) fn end(&mut self) -> Result<(), TargetError> {
        self.call(&Frame::End)?;
        match self.stream.take() {
            Some(stream) if stream.announced.is_none() => {
                self.flush()?;
                let place = stream.start + BEGIN_LENGTH_OFFSET;
                self.file.put_at(&stream.bytes.to_le_bytes(), place)
            }
            _ => Ok(()),
        }
    }

    /// Cuts the stream that is being recorded off the record. `false` where there is none.
    pub(super) fn forget_stream(&mut self) -> Result<bool, TargetError> {
        let Some(stream) = self.stream.take() else {
            return Ok(false);
        };
        match stream.start.checked_sub(self.file.len()) {
            // All of it, and what came before it, is still pending: no more than fits into memory.
            Some(pending) => self.pending.truncate(pending as usize),
            None => {
                self.pending.clear();
                self.file.cut(stream.start)?;
            }
        }
        Ok(true)
    }

    /// Makes all recorded calls.
    pub(super) fn replay(mut self, inner: &mut dyn DumpWriter) -> Result<(), TargetError> {
        self.flush()?;
        let site = self.file.site().clone();
        let mut reader = BufReader::with_capacity(PIECE_LEN, self.file.rewound()?);
        let mut piece = vec![0; PIECE_LEN];
        while let Some(frame) = Frame::decode(&mut reader).or_failed(&site, Step::Spool, b"")? {
            match frame {
                Frame::Entry(entry) => inner.entry(&entry)?,
                Frame::Begin(head) => inner.begin(&head)?,
                Frame::End => inner.end()?,
                Frame::Data(len) => {
                    pass_on(&mut (&mut reader).take(len), &mut piece, &site, inner)?;
                }
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), TargetError> {
        self.file.append(&self.pending)?;
        self.pending.clear();
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
