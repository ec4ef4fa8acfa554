//! One dump's way to its store: what it waits for, tries again, and takes back.
//!
//! Everything that a dump begins is noted here before it is begun, so that one place can remove it
//! again, whatever the writer was doing.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::TryStreamExt;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, MultipartId, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    PutPayload,
};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::store::{Action, AnswerKind, Store, StoreError};

/// Sizes and patience of uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of every part but the last. Some stores want all of them equal.
    pub part_bytes: usize,
    /// Parts of one object that are on their way at once.
    pub parts_at_once: usize,
    /// Bytes of an object, a multiple of `part_bytes`; what is longer goes on in another one.
    pub segment_bytes: u64,
    /// How often a request is made that fails for the moment.
    pub attempts: u32,
    /// The same before anything was read, when the other targets wait for this one.
    pub attempts_at_start: u32,
    /// The pause before the second attempt; it doubles each time.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// How long a dump that is given up may take to remove what it has written.
    pub removal: Duration,
}

impl Limits {
    /// Parts of 16 MiB and objects of 128 GiB: 8192 parts, where every store takes 10,000.
    pub const USUAL: Self = Self {
        part_bytes: 16 << 20,
        parts_at_once: 4,
        segment_bytes: 128 << 30,
        attempts: 6,
        attempts_at_start: 2,
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_secs(20),
        removal: Duration::from_secs(25),
    };

    /// Parts of all uploads of a run that are on their way at once: they are what takes memory.
    pub const PARTS_OF_RUN: usize = 8;
}

/// What all targets of one run share.
#[derive(Debug, Clone)]
pub struct Shared {
    /// Ends all waiting.
    pub interrupt: CancellationToken,
    /// A permit for each part that is on its way.
    pub parts: Arc<Semaphore>,
    /// Sizes and patience.
    pub limits: Limits,
}

impl Shared {
    /// The usual limits.
    #[must_use]
    pub fn new(interrupt: CancellationToken) -> Self {
        Self {
            interrupt,
            parts: Arc::new(Semaphore::new(Limits::PARTS_OF_RUN)),
            limits: Limits::USUAL,
        }
    }
}

/// What became of an object that should not replace another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum New {
    /// It is there, and it is ours.
    Written,
    /// There was one of that name, which is still there.
    Taken,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) store: Store,
    pub(super) limits: Limits,
    /// See [`Shared::parts`].
    pub(super) parts: Arc<Semaphore>,
    /// Parts on their way.
    pub(super) tasks: TaskTracker,
    /// Ends them, and all waiting.
    pub(super) closing: CancellationToken,
    /// Whether the store refuses to replace an object when it is asked to.
    conditional: AtomicBool,
    /// Whether the store has shown that it can be written.
    started: AtomicBool,
    runtime: Handle,
    begun: Mutex<Begun>,
}

/// What is to be removed if there is no dump in the end.
#[derive(Debug, Default)]
struct Begun {
    uploads: BTreeSet<(Path, MultipartId)>,
    objects: BTreeSet<String>,
}

impl Session {
    /// Must be made inside of a runtime, which makes the requests from then on.
    pub(super) fn new(store: Store, shared: &Shared) -> Self {
        Self {
            store,
            limits: shared.limits,
            parts: Arc::clone(&shared.parts),
            tasks: TaskTracker::new(),
            closing: shared.interrupt.child_token(),
            conditional: AtomicBool::new(true),
            started: AtomicBool::new(false),
            runtime: Handle::current(),
            begun: Mutex::default(),
        }
    }

    /// Waits for a request, or for the end of the run. Blocks.
    pub(super) fn wait<T>(
        &self,
        request: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let result = self
            .runtime
            .block_on(self.closing.run_until_cancelled(request));
        result.unwrap_or(Err(StoreError::Interrupted))
    }

    /// Waits for a request that must not be left without its end, but no longer than
    /// [`Limits::removal`]. Blocks.
    ///
    /// # Errors
    /// [`StoreError::Interrupted`] when the time is over.
    pub(super) fn wait_through<T>(
        &self,
        request: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let limit = self.limits.removal;
        let request = async { tokio::time::timeout(limit, request).await };
        let result = self.runtime.block_on(request);
        result.unwrap_or(Err(StoreError::Interrupted))
    }

    /// Sends a part, or anything else that goes on meanwhile.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.tasks.spawn_on(task, &self.runtime)
    }

    /// Makes a request until it succeeds, fails for good, or has failed too often. Every attempt is
    /// signed anew, with the credentials of its time.
    pub(super) async fn again<T, R>(
        &self,
        action: Action,
        name: &str,
        mut request: impl FnMut() -> R,
    ) -> Result<T, StoreError>
    where
        R: Future<Output = object_store::Result<T>>,
    {
        let mut pauses = self.pauses();
        loop {
            let error = match request().await {
                Ok(done) => return Ok(done),
                Err(error) => self.store.failed(action, name, &error),
            };
            let passing = error
                .answer()
                .is_some_and(crate::store::Answer::is_transient);
            match pauses.next().filter(|_| passing) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            }
        }
    }

    /// The pauses between attempts.
    pub(super) fn pauses(&self) -> impl Iterator<Item = Duration> + use<> {
        let Limits {
            first_pause,
            longest_pause,
            ..
        } = self.limits;
        let attempts = match self.started.load(Ordering::Relaxed) {
            true => self.limits.attempts,
            false => self.limits.attempts_at_start,
        };
        (1..attempts).map(move |attempt| {
            let doubled = first_pause.saturating_mul(1 << (attempt - 1).min(16));
            doubled.min(longest_pause)
        })
    }

    /// Attributes of every object.
    pub(super) fn attributes(&self) -> Attributes {
        let class = self.store.storage_class().map(str::to_owned);
        class
            .into_iter()
            .map(|class| (Attribute::StorageClass, class))
            .collect()
    }

    /// Bytes of an object, if it is there.
    pub(super) async fn length(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let path = self.store.path(name)?;
        let head = self.again(Action::Read, name, || self.store.objects().head(&path));
        match head.await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether there is any object below `name` and a slash.
    pub(super) async fn has_below(&self, name: &str) -> Result<bool, StoreError> {
        let path = self.store.path(name)?;
        let first = || async { self.store.objects().list(Some(&path)).try_next().await };
        let first = self.again(Action::List, name, first).await?;
        Ok(first.is_some())
    }

    /// Writes a whole object, whatever was there; the caller knows that nothing was.
    pub(super) async fn put(&self, name: &str, payload: &PutPayload) -> Result<(), StoreError> {
        let path = self.store.path(name)?;
        let put = || {
            let options = PutOptions {
                attributes: self.attributes(),
                ..PutOptions::default()
            };
            self.store
                .objects()
                .put_opts(&path, payload.clone(), options)
        };
        self.again(Action::Write, name, put).await.map(drop)
    }

    /// Writes a small object unless there is one of that name. An answer that was lost is found out by
    /// reading back, because the next one would say that the name is taken, by ourselves.
    pub(super) async fn put_new(&self, name: &str, content: &[u8]) -> Result<New, StoreError> {
        let path = self.store.path(name)?;
        let payload = PutPayload::from(content.to_vec());
        let mut pauses = self.pauses();
        loop {
            if !self.conditional.load(Ordering::Relaxed) {
                return self.put_if_absent(name, &payload).await;
            }
            let options = PutOptions {
                mode: PutMode::Create,
                attributes: self.attributes(),
                ..PutOptions::default()
            };
            let put = self
                .store
                .objects()
                .put_opts(&path, payload.clone(), options);
            let error = match put.await {
                Ok(_) => return Ok(New::Written),
                Err(error) => self.store.failed(Action::Write, name, &error),
            };
            let answer = error.answer();
            if answer.is_some_and(|answer| answer.kind == AnswerKind::Unsupported) {
                self.replaces_objects();
                continue;
            }
            let is_taken = answer.is_some_and(|answer| answer.kind == AnswerKind::Exists);
            let passing = answer.is_some_and(crate::store::Answer::is_transient);
            if is_taken || passing {
                match self.content(name).await? {
                    Some(found) if found == content => return Ok(New::Written),
                    Some(_) => return Ok(New::Taken),
                    None => {}
                }
            }
            // A name that is taken and has nothing: somebody is at it this moment.
            match pauses.next().filter(|_| is_taken || passing) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            }
        }
    }

    /// The best that a store without conditions lets us do: names are unlike all others there.
    async fn put_if_absent(&self, name: &str, payload: &PutPayload) -> Result<New, StoreError> {
        if self.length(name).await?.is_some() {
            return Ok(New::Taken);
        }
        self.put(name, payload).await.map(|()| New::Written)
    }

    /// The store can be written: from now on it gets more patience.
    pub(super) fn has_started(&self) {
        self.started.store(true, Ordering::Relaxed);
    }

    /// The store replaces objects, whatever it is asked.
    pub(super) fn replaces_objects(&self) {
        self.conditional.store(false, Ordering::Relaxed);
    }

    /// Whether it does not, as far as is known.
    pub(super) fn refuses_to_replace(&self) -> bool {
        self.conditional.load(Ordering::Relaxed)
    }

    /// A small object, if it is there.
    async fn content(&self, name: &str) -> Result<Option<bytes::Bytes>, StoreError> {
        let path = self.store.path(name)?;
        let get = || async { self.store.objects().get(&path).await?.bytes().await };
        match self.again(Action::Read, name, get).await {
            Ok(content) => Ok(Some(content)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes an object; one that is not there is no failure.
    pub(super) async fn delete(&self, name: &str) -> Result<(), StoreError> {
        let path = self.store.path(name)?;
        let delete = self.again(Action::Delete, name, || self.store.objects().delete(&path));
        match delete.await {
            Err(error) if !is_missing(&error) => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) fn uploads(&self) -> Arc<dyn MultipartStore> {
        Arc::clone(self.store.uploads())
    }

    /// An object that is to go if there is no dump.
    pub(super) fn note_object(&self, name: &str) {
        self.begun().objects.insert(name.to_owned());
    }

    /// An object that turned out to be somebody else's.
    pub(super) fn forget_object(&self, name: &str) {
        self.begun().objects.remove(name);
    }

    /// An upload that is to be aborted if it is not completed.
    pub(super) fn note_upload(&self, path: Path, id: MultipartId) {
        self.begun().uploads.insert((path, id));
    }

    /// An upload that has become the object `name`.
    pub(super) fn completed(&self, path: Path, id: MultipartId, name: &str) {
        let mut begun = self.begun();
        begun.uploads.remove(&(path, id));
        begun.objects.insert(name.to_owned());
    }

    /// Aborts an upload whose parts have all arrived.
    pub(super) fn take_back(&self, path: Path, id: MultipartId) {
        let name = self.store.below(&path);
        let abort = || self.store.uploads().abort_multipart(&path, &id);
        let aborted = self.wait(self.again(Action::Delete, &name, abort));
        if aborted.is_ok() {
            self.begun().uploads.remove(&(path, id));
        }
        told(aborted);
    }

    /// Removes an object that nothing needs.
    pub(super) fn remove(&self, name: &str) {
        told(self.wait(self.delete(name)));
    }

    fn begun(&self) -> MutexGuard<'_, Begun> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends what is on its way and removes what was written. Takes no longer than
    /// [`Limits::removal`]; what is left then, the log names.
    pub(super) fn discard(&self) {
        self.closing.cancel();
        self.tasks.close();
        let begun = std::mem::take(&mut *self.begun());
        let names: Vec<&String> = begun.objects.iter().collect();
        let removal = async {
            // A part that arrives behind the end of its upload would stay.
            self.tasks.wait().await;
            for (path, id) in &begun.uploads {
                let name = self.store.below(path);
                let abort = || self.store.uploads().abort_multipart(path, id);
                told(self.again(Action::Delete, &name, abort).await);
            }
            for name in &names {
                told(self.delete(name).await);
            }
        };
        let removal = async { tokio::time::timeout(self.limits.removal, removal).await };
        if self.runtime.block_on(removal).is_err() {
            tracing::warn!(
                store = self.store.place(""),
                ?names,
                uploads = begun.uploads.len(),
                "an unfinished dump could not be removed in time"
            );
        }
    }
}

/// What could not be removed harms nobody: it is no dump.
fn told(removed: Result<(), StoreError>) {
    match removed {
        Err(error) if !is_missing(&error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a part of an unfinished dump could not be removed"
        ),
        _ => {}
    }
}

/// Whether the store has nothing of that name.
pub(super) fn is_missing(error: &StoreError) -> bool {
    error
        .answer()
        .is_some_and(|answer| answer.kind == AnswerKind::Missing)
}
