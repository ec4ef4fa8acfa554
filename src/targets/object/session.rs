//! One dump's way to its store: what it waits for, and what it takes back.
//!
//! Everything that a dump begins is noted here before it is begun, so that one place can remove it
//! again, whatever the writer was doing.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{MultipartId, ObjectStore};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::limits::{Limits, Shared};
use crate::store::{Action, Patience, Store, StoreError};

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
    /// The patience with a store that has shown that it can be written.
    usual: Patience,
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
    /// Must be made inside of a runtime, which makes the requests from then on. The other targets wait for
    /// the first ones.
    pub(super) fn new(store: Store, shared: &Shared) -> Self {
        let usual = store.patience();
        Self {
            store: store.with_patience(usual.hurried()),
            usual,
            limits: shared.limits,
            parts: Arc::clone(&shared.parts),
            tasks: TaskTracker::new(),
            closing: shared.interrupt.child_token(),
            conditional: AtomicBool::new(true),
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

    /// Waits for a request that must not be left without its end: when the run is to end meanwhile, for
    /// [`Limits::removal`] still. Blocks.
    ///
    /// # Errors
    /// [`StoreError::Interrupted`] when that time is over.
    pub(super) fn wait_through<T>(
        &self,
        request: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let limit = self.limits.removal;
        let result = self.runtime.block_on(async {
            tokio::pin!(request);
            tokio::select! {
                done = &mut request => Some(done),
                () = self.closing.cancelled() => tokio::time::timeout(limit, request).await.ok(),
            }
        });
        result.unwrap_or(Err(StoreError::Interrupted))
    }

    /// Sends a part, or anything else that goes on meanwhile.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.tasks.spawn_on(task, &self.runtime)
    }

    /// Whether there is any object below `name` and a slash.
    pub(super) async fn has_below(&self, name: &str) -> Result<bool, StoreError> {
        let path = self.store.path(name)?;
        let first = || async { self.store.objects().list(Some(&path)).try_next().await };
        let first = self.store.again(Action::List, name, first).await?;
        Ok(first.is_some())
    }

    /// The store can be written: from now on it gets more patience.
    pub(super) fn has_started(&mut self) {
        self.store = self.store.clone().with_patience(self.usual);
    }

    /// The store replaces objects, whatever it is asked.
    pub(super) fn replaces_objects(&self) {
        self.conditional.store(false, Ordering::Relaxed);
    }

    /// Whether it does not, as far as is known.
    pub(super) fn refuses_to_replace(&self) -> bool {
        self.conditional.load(Ordering::Relaxed)
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

    /// An upload that has become an object, and cannot be aborted any more.
    pub(super) fn completed(&self, path: Path, id: MultipartId) {
        self.begun().uploads.remove(&(path, id));
    }

    /// Aborts an upload whose parts have all arrived.
    pub(super) fn take_back(&self, path: Path, id: MultipartId) {
        let name = self.store.below(&path);
        let abort = || self.store.uploads().abort_multipart(&path, &id);
        let aborted = self.wait(self.store.again(Action::Delete, &name, abort));
        if aborted.is_ok() {
            self.begun().uploads.remove(&(path, id));
        }
        told(aborted);
    }

    /// Removes an object that nothing needs.
    pub(super) fn remove(&self, name: &str) {
        told(self.wait(self.store.delete(name)));
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
                told(self.store.again(Action::Delete, &name, abort).await);
            }
            for name in &names {
                told(self.store.delete(name).await);
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
        Err(error) if !error.is_missing() => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a part of an unfinished dump could not be removed"
        ),
        _ => {}
    }
}
