//! A stream of unknown length as an object: equal parts, several on their way, and further objects when
//! one would get too long.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use object_store::multipart::PartId;
use object_store::path::Path;
use object_store::{MultipartId, ObjectStoreExt, PutMultipartOptions, PutPayload};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::session::Session;
use crate::archive::manifest::model::Segment;
use crate::store::{Action, Store, StoreError};

/// Length in bytes of the pieces of a part: while one of them moves, its request is not given up.
const PIECE_BYTES: usize = 256 * 1024;

/// A stream on its way to a store. One that is not [finished](Upload::finish) is removed with its
/// session.
#[derive(Debug)]
pub(in super::super) struct Upload {
    session: Arc<Session>,
    /// Below the prefix.
    name: String,
    filling: Filling,
    segment: Option<OpenSegment>,
    done: Vec<Segment>,
    /// See [`super::limits::Limits::parts_at_once`].
    at_once: Arc<Semaphore>,
}

/// The part that is being filled.
#[derive(Debug, Default)]
struct Filling {
    pieces: Vec<Bytes>,
    piece: BytesMut,
    bytes: usize,
}

/// An object whose parts come.
#[derive(Debug)]
struct OpenSegment {
    name: String,
    path: Path,
    id: MultipartId,
    sending: VecDeque<JoinHandle<Result<PartId, StoreError>>>,
    sent: Vec<PartId>,
    bytes: u64,
}

impl Upload {
    /// Begins nothing yet: what fits into one part is one request in the end.
    pub(super) fn new(session: Arc<Session>, name: &str) -> Self {
        let at_once = Arc::new(Semaphore::new(session.limits.parts_at_once));
        Self {
            session,
            name: name.to_owned(),
            filling: Filling::default(),
            segment: None,
            done: Vec::new(),
            at_once,
        }
    }

    /// Ends the stream, and waits until the store has all of it. Returns the objects that it became,
    /// in their order.
    pub(super) fn finish(mut self) -> Result<Vec<Segment>, StoreError> {
        let session = Arc::clone(&self.session);
        if self.segment.is_none() && self.done.is_empty() {
            let (payload, bytes) = self.filling.take();
            session.note_object(&self.name);
            session.wait(session.store.put(&self.name, &payload))?;
            return Ok(vec![Segment {
                path: self.name,
                bytes,
            }]);
        }
        if self.filling.bytes > 0 {
            self.send_part()?;
        }
        self.end_segment()?;
        Ok(self.done)
    }

    /// Takes back what was sent of a stream that failed. What cannot be removed, the log names.
    pub(super) fn abort(mut self) {
        let session = Arc::clone(&self.session);
        if let Some(open) = self.segment.take() {
            let arrived = session.wait(async {
                for part in open.sending {
                    // A part that arrives behind the end of its upload would stay.
                    drop(part.await);
                }
                Ok(())
            });
            if arrived.is_ok() {
                session.take_back(open.path, open.id);
            }
        }
        for segment in &self.done {
            session.remove(&segment.path);
        }
    }

    /// Whether the stream is in several objects, the first of which is in place.
    pub(in super::super) const fn has_segments(&self) -> bool {
        !self.done.is_empty()
    }

    /// Sends what was gathered as the next part, as soon as there is room for it.
    fn send_part(&mut self) -> Result<(), StoreError> {
        let session = Arc::clone(&self.session);
        let limit = session.limits.segment_bytes;
        if self
            .segment
            .as_ref()
            .is_some_and(|open| open.bytes >= limit)
        {
            self.end_segment()?;
        }
        if self.segment.is_none() {
            self.segment = Some(self.begin_segment()?);
        }
        let room = session.wait(async {
            let own = Arc::clone(&self.at_once).acquire_owned().await;
            let shared = Arc::clone(&session.parts).acquire_owned().await;
            Ok((own, shared))
        })?;
        let (payload, bytes) = self.filling.take();
        let Some(open) = &mut self.segment else {
            return Ok(());
        };
        open.reap(&session)?;
        let index = open.sent.len() + open.sending.len();
        open.bytes += bytes;
        let (name, path, id) = (open.name.clone(), open.path.clone(), open.id.clone());
        let task = async move {
            let uploads = session.store.uploads();
            let put = || uploads.put_part(&path, &id, index, payload.clone());
            let sent = session.store.again(Action::Write, &name, put);
            let sent = session.closing.run_until_cancelled(sent).await;
            drop(room);
            sent.unwrap_or(Err(StoreError::Interrupted))
        };
        open.sending.push_back(self.session.spawn(task));
        Ok(())
    }

    fn begin_segment(&self) -> Result<OpenSegment, StoreError> {
        let store = &self.session.store;
        let name = match self.done.len() {
            0 => self.name.clone(),
            number => format!("{}.{number:04}", self.name),
        };
        let path = store.path(&name)?;
        let create = || {
            let options = PutMultipartOptions {
                attributes: store.attributes(),
                ..PutMultipartOptions::default()
            };
            store.uploads().create_multipart_opts(&path, options)
        };
        let id = self
            .session
            .wait(store.again(Action::Write, &name, create))?;
        self.session.note_upload(path.clone(), id.clone());
        Ok(OpenSegment {
            name,
            path,
            id,
            sending: VecDeque::new(),
            sent: Vec::new(),
            bytes: 0,
        })
    }

    /// Waits for the parts of the open object, and puts them together.
    fn end_segment(&mut self) -> Result<(), StoreError> {
        let Some(mut open) = self.segment.take() else {
            return Ok(());
        };
        let session = &self.session;
        while let Some(part) = open.sending.pop_front() {
            let part = session.wait(async { joined(part.await) })?;
            open.sent.push(part);
        }
        // Before: where nobody says what became of it, the object may be there.
        session.note_object(&open.name);
        session.wait(open.complete(&session.store))?;
        session.completed(open.path, open.id);
        self.done.push(Segment {
            path: open.name,
            bytes: open.bytes,
        });
        Ok(())
    }
}

impl OpenSegment {
    /// Takes the parts that have arrived; a failed one is told of at once.
    fn reap(&mut self, session: &Session) -> Result<(), StoreError> {
        while self.sending.front().is_some_and(JoinHandle::is_finished) {
            if let Some(part) = self.sending.pop_front() {
                self.sent.push(session.wait(async { joined(part.await) })?);
            }
        }
        Ok(())
    }

    /// An answer that was lost is found out by looking: the upload is gone then, whatever a second request
    /// is answered, and the object there.
    async fn complete(&self, store: &Store) -> Result<(), StoreError> {
        let complete = || async {
            let parts = self.sent.clone();
            let complete = store
                .uploads()
                .complete_multipart(&self.path, &self.id, parts);
            let Err(error) = store.asked(Action::Write, &self.name, complete).await else {
                return Ok(());
            };
            let look = store.objects().head(&self.path);
            match store.asked(Action::Read, &self.name, look).await {
                Ok(found) if found.size == self.bytes => Ok(()),
                _ => Err(error),
            }
        };
        store.patience().again(complete).await
    }
}

/// A part's task neither panics nor is it cancelled but at the end of the process.
fn joined(
    part: Result<Result<PartId, StoreError>, tokio::task::JoinError>,
) -> Result<PartId, StoreError> {
    part.unwrap_or(Err(StoreError::Interrupted))
}

impl Filling {
    /// Takes as much as fits into a part of `limit` bytes.
    fn add(&mut self, data: &[u8], limit: usize) -> usize {
        let room = PIECE_BYTES.min(limit - (self.bytes - self.piece.len())) - self.piece.len();
        let len = data.len().min(room);
        if self.piece.capacity() == 0 {
            self.piece.reserve(len.max(4096));
        }
        self.piece.extend_from_slice(&data[..len]);
        self.bytes += len;
        if len == room {
            self.pieces.push(std::mem::take(&mut self.piece).freeze());
        }
        len
    }

    fn take(&mut self) -> (PutPayload, u64) {
        let Self {
            mut pieces,
            piece,
            bytes,
        } = std::mem::take(self);
        if !piece.is_empty() {
            pieces.push(piece.freeze());
        }
        (pieces.into_iter().collect(), bytes as u64)
    }
}

impl Write for Upload {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let limit = self.session.limits.part_bytes;
        // Only now: what fits into one part exactly needs no upload in parts.
        if self.filling.bytes == limit && !data.is_empty() {
            self.send_part().map_err(io::Error::other)?;
        }
        Ok(self.filling.add(data, limit))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
