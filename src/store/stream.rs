//! One object, or several that are one when they are joined, as a reader that blocks.
//!
//! Ranges are asked for ahead of who reads them, so that the way to the store and the work on what
//! came overlap. Memory is that of [`AHEAD`] and one more ranges, whatever the length.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, sync_channel};

use bytes::{Buf, Bytes};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::{Pinned, Store, StoreError};

/// Bytes that are asked for at once.
const RANGE_BYTES: u64 = 8 << 20;

/// Ranges that are asked for before they are needed.
const AHEAD: usize = 3;

/// Lets code that blocks wait for requests. The threads of the runtime make them, so that it may be used on any
/// other thread, also on the one that the runtime was started from.
#[derive(Debug, Clone)]
pub struct Waiter(Handle);

impl Waiter {
    /// Must be made inside of a runtime that has threads of its own.
    #[must_use]
    pub fn here() -> Self {
        Self(Handle::current())
    }

    /// Waits for a request. Blocks.
    ///
    /// # Errors
    /// The request's, or [`StoreError::Interrupted`] when the runtime ends.
    pub fn wait<T: Send + 'static>(
        &self,
        request: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.start(request).wait()
    }

    fn start<T: Send + 'static>(
        &self,
        request: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Pending<T> {
        let (sender, answer) = sync_channel(1);
        let task = self.0.spawn(async move {
            // Nobody may be waiting any more.
            let _ = sender.send(request.await);
        });
        Pending {
            answer,
            task: task.abort_handle(),
        }
    }
}

/// A request on its way. Dropping it ends it.
#[derive(Debug)]
struct Pending<T> {
    answer: Receiver<Result<T, StoreError>>,
    task: AbortHandle,
}

impl<T> Pending<T> {
    fn wait(&self) -> Result<T, StoreError> {
        self.answer.recv().unwrap_or(Err(StoreError::Interrupted))
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Objects that are one when they are joined in their order, to be read as often as it takes.
#[derive(Debug)]
pub struct Joined {
    store: Store,
    waiter: Waiter,
    objects: Vec<Pinned>,
}

impl Joined {
    /// Joins these objects.
    #[must_use]
    pub fn new(store: &Store, waiter: &Waiter, objects: Vec<Pinned>) -> Self {
        Self {
            store: store.clone(),
            waiter: waiter.clone(),
            objects,
        }
    }

    /// The length of all of them.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.objects.iter().map(|object| object.bytes).sum()
    }

    /// Reads them from a byte on.
    #[must_use]
    pub fn reader(&self, mut at: u64) -> ObjectReader {
        let mut reader = ObjectReader::new(&self.store, &self.waiter, &self.objects);
        while let Some(object) = reader.objects.front().filter(|object| object.bytes <= at) {
            at -= object.bytes;
            reader.objects.pop_front();
        }
        reader.at = at;
        reader
    }
}

/// Reads objects one behind the other.
#[derive(Debug)]
pub struct ObjectReader {
    store: Store,
    waiter: Waiter,
    /// What is still to be asked for, the next one first.
    objects: VecDeque<Pinned>,
    /// Where in the first of them.
    at: u64,
    coming: VecDeque<Pending<Bytes>>,
    here: Bytes,
}

impl ObjectReader {
    /// Reads these objects, joined in this order.
    #[must_use]
    pub fn new(store: &Store, waiter: &Waiter, objects: &[Pinned]) -> Self {
        Self {
            store: store.clone(),
            waiter: waiter.clone(),
            objects: objects
                .iter()
                .filter(|object| object.bytes > 0)
                .cloned()
                .collect(),
            at: 0,
            coming: VecDeque::new(),
            here: Bytes::new(),
        }
    }

    fn ask_ahead(&mut self) {
        while self.coming.len() < AHEAD {
            let Some(object) = self.objects.front() else {
                return;
            };
            let end = object.bytes.min(self.at + RANGE_BYTES);
            let range = self.at..end;
            let (store, pinned) = (self.store.clone(), object.clone());
            let request = async move { store.range(&pinned, range).await };
            self.coming.push_back(self.waiter.start(request));
            self.at = end;
            if end == object.bytes {
                self.objects.pop_front();
                self.at = 0;
            }
        }
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.here.is_empty() {
            self.ask_ahead();
            let Some(next) = self.coming.pop_front() else {
                return Ok(0);
            };
            self.here = next.wait().map_err(io::Error::other)?;
            self.ask_ahead();
        }
        let len = buffer.len().min(self.here.len());
        self.here.copy_to_slice(&mut buffer[..len]);
        Ok(len)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;
    use object_store::path::Path;

    use super::*;

    fn noise(bytes: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        };
        (0..bytes).map(|_| next()).collect()
    }

    #[test]
    fn objects_are_read_as_one_and_a_replaced_one_is_an_error() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let client = Arc::new(InMemory::new());
        let store = Store::new(Arc::clone(&client), Path::from("p"), "s3://b/p");
        let range = usize::try_from(RANGE_BYTES).unwrap();
        let lengths = [range + 1, 0, 3 * range, 5];
        let content: Vec<Vec<u8>> = lengths.iter().map(|bytes| noise(*bytes)).collect();
        let whole = content.concat();
        // As commands do it: the thread of the runtime waits, and blocks.
        runtime.block_on(async {
            let mut objects = Vec::new();
            for (number, content) in content.iter().enumerate() {
                let name = format!("o{number}");
                let path = store.path(&name).unwrap();
                client.put(&path, content.clone().into()).await.unwrap();
                objects.push(store.pin(&name).await.unwrap().unwrap());
            }
            assert_eq!(store.pin("none").await.unwrap(), None);
            let waiter = Waiter::here();
            let mut found = Vec::new();
            let mut reader = ObjectReader::new(&store, &waiter, &objects);
            reader.read_to_end(&mut found).unwrap();
            assert!(found == whole);
            let joined = Joined::new(&store, &waiter, objects.clone());
            assert_eq!(joined.bytes(), whole.len() as u64);
            for at in [1, range, range + 1, 2 * range, whole.len() - 1, whole.len()] {
                let mut found = Vec::new();
                joined.reader(at as u64).read_to_end(&mut found).unwrap();
                assert!(found == whole[at..], "from {at}");
            }

            let path = store.path("o2").unwrap();
            client.put(&path, vec![7; 3 * range].into()).await.unwrap();
            let mut reader = ObjectReader::new(&store, &waiter, &objects);
            let error = reader.read_to_end(&mut found).unwrap_err();
            assert!(
                error
                    .to_string()
                    .ends_with("`s3://b/p/o2`: it was replaced meanwhile"),
                "{error}"
            );

            let small = store.whole("o3", 5).await.unwrap().unwrap();
            assert_eq!(small, content[3]);
            assert!(matches!(
                store.whole("o3", 4).await,
                Err(StoreError::TooLong { bytes: 5, .. })
            ));
            assert_eq!(store.whole("none", 5).await.unwrap(), None);
        });
    }
}
